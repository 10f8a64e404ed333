"""Deep reparametrization of multi-frame super-resolution and denoising (Bhat et al., ICCV 2021)."""
