"""Settings of DeepRep: "Deep Reparametrization of Multi-Frame Super-Resolution and Denoising", ICCV 2021."""
