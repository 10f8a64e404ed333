"""Settings of RawSR: "Towards Real Scene Super-Resolution with Raw Images", CVPR 2019, and its TPAMI 2021 version."""
