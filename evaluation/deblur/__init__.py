"""Burst deblurring by number of frames, 1 to 8, on bursts made from photographs.

Prediction (truncated) and ground truth are compared as 8-bit images in display space, all pixels. The protocol `legacy`
reports what the original evaluation of 2020 did, whose ranges of values were accidents.
"""
