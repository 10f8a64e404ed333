"""Training-free restoration: what every trained network has to beat."""

from models.classical.merge import AlignedMean, AlignedMeanNLM, BurstMean, ReferenceFrame

__all__ = ["AlignedMean", "AlignedMeanNLM", "BurstMean", "ReferenceFrame"]
