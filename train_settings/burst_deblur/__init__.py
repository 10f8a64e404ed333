"""Settings of permutation-invariant burst deblurring."""
