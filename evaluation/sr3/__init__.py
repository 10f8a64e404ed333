"""Super-resolution of video frames by a diffusion model, from several low-resolution frames.

Networks get the frames enlarged by bicubic interpolation and restore the middle one. Prediction and ground truth are
compared as 8-bit RGB without leaving out a border.
"""
