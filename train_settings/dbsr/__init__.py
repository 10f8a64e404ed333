"""Settings of DBSR (Bhat et al., CVPR 2021)."""
