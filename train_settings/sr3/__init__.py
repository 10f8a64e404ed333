"""Experiments of SR3 for several frames."""
