"""DBSR's decoder."""

from models.layers.decoders import ResPixShuffleConv

__all__ = ["ResPixShuffleConv"]
