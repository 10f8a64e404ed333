"""Warping, as the networks use it (the operators live in :mod:`utils.ops.warp`)."""

from utils.ops.warp import sample, sample_adjoint, sampling_grid, warp, warp_adjoint

__all__ = ["sample", "sample_adjoint", "sampling_grid", "warp", "warp_adjoint"]
