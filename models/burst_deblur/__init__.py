"""Permutation-invariant burst deblurring (Aittala and Durand, ECCV 2018)."""
