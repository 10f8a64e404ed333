"""Benchmarks: what is compared, how networks are run on it, how the scores are reported."""
