"""Two-stage alignment: joint denoising and demosaicking of RAW bursts (CVPR 2022)."""
