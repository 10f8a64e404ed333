"""Training-free restoration: what every trained network has to beat."""

from models.classical.joint_demosaicking import DemosaickedAlignedMean, DemosaickedReference
from models.classical.merge import AlignedMean, AlignedMeanNLM, BurstMean, ReferenceFrame
from models.classical.rendered_upsampling import RenderedUpsampling
from models.classical.robust_rows import RobustDenoiser, RobustJointDemosaicking, RobustSuperResolution
from models.classical.super_resolution import AlignedMeanUpsampling, BilinearUpsampling, DemosaicUpsampling

__all__ = [
    "AlignedMean",
    "AlignedMeanNLM",
    "AlignedMeanUpsampling",
    "BilinearUpsampling",
    "BurstMean",
    "DemosaicUpsampling",
    "DemosaickedAlignedMean",
    "DemosaickedReference",
    "ReferenceFrame",
    "RenderedUpsampling",
    "RobustDenoiser",
    "RobustJointDemosaicking",
    "RobustSuperResolution",
]
