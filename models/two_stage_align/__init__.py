"""Two-stage alignment of RAW bursts for joint denoising and demosaicking (Guo et al., CVPR 2022)."""
