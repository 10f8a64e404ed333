"""Files on disk → arrays. One file per data set; no augmentation."""

from dataset.burstsr_dataset import BurstSRDataset
from dataset.color_denoise_test_set import ColorDenoiseTestSet
from dataset.grayscale_denoise_test_set import GrayscaleDenoiseTestSet
from dataset.image_folder import ImageFolder
from dataset.openimages_dataset import OpenImagesDataset
from dataset.sample_clips import SampleClips
from dataset.sample_photos import SamplePhotos
from dataset.synthetic_burst_val_set import SyntheticBurstVal
from dataset.zurich_raw2rgb_dataset import ZurichRAW2RGB

__all__ = [
    "BurstSRDataset",
    "ColorDenoiseTestSet",
    "GrayscaleDenoiseTestSet",
    "ImageFolder",
    "OpenImagesDataset",
    "SampleClips",
    "SamplePhotos",
    "SyntheticBurstVal",
    "ZurichRAW2RGB",
]
