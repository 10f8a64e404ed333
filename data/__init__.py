"""Arrays to training samples: camera pipeline, burst synthesis, processing, samplers, transforms, loader."""

from data import processing, sampler
from data.loader import DataLoader

__all__ = ["DataLoader", "processing", "sampler"]
