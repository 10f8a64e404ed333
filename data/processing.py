"""The processing classes: raw material to training samples."""

from data.base_processing import BaseProcessing
from data.burstsr_processing import BurstSRProcessing
from data.denoising_processing import DenoisingProcessing
from data.rawsr_processing import RawSRCropProcessing, RawSRSynthesisProcessing
from data.synthetic_burst_processing import SyntheticBurstProcessing

__all__ = [
    "BaseProcessing",
    "BurstSRProcessing",
    "DenoisingProcessing",
    "RawSRCropProcessing",
    "RawSRSynthesisProcessing",
    "SyntheticBurstProcessing",
]
