"""SR3: super-resolution of video frames by a conditional diffusion model (Saharia et al., arXiv 2104.07636)."""
