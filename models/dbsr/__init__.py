"""Deep burst super-resolution (Bhat et al., CVPR 2021)."""
