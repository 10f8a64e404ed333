"""Checks our code against recordings of the original systems: ``python -m tests.golden FOLDER``."""

import os

# The recordings were made with AVX2 kernels, and one of them (fusion weights normalised by sums near zero) enlarges the
# rounding of convolutions a hundredfold. oneDNN reads this when the process convolves for the first time.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
