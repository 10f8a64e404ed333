"""BurstSR: RAW bursts of a phone (validation set: 882 bursts of 14 frames), enlarged 4 times, against a camera's image.

The prediction is first aligned to the ground truth in space and colour, by the flow of PWC-Net and a 3x3 colour matrix.
Compared in linear sensor RGB without the outer 40 pixels; PSNR and SSIM count the pixels where the alignment can be
trusted, LPIPS all. Frames in their natural order.
"""
