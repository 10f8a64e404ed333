"""Optical flow networks, and the wrappers by which a burst is aligned with them."""
