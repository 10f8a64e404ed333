"""RawSR: super-resolution from one RAW mosaic and its rendered colour image (Xu et al., CVPR 2019, TPAMI 2021)."""
