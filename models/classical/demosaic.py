"""Demosaicking, shared with the synthesis of training data (`utils.ops.demosaic`)."""

from utils.ops.demosaic import demosaic

__all__ = ["demosaic"]
