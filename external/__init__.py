"""Thin adapters to optional third-party kernels. Everything works, and gives the same numbers, without them."""
