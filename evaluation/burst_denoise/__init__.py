"""Burst denoising, by sensor gain: the published grey and colour test sets, and bursts made from bundled photographs.

Networks get 8 linear frames and their noise deviation. Prediction and ground truth are compared after division by the
white level and an sRGB-like curve, without the outer 8 pixels.
"""
