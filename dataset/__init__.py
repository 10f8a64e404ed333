"""Files on disk → arrays. One file per data set; no augmentation."""

from dataset.burstsr_dataset import BurstSRDataset
from dataset.clip_folder import ClipFolder
from dataset.color_denoise_test_set import ColorDenoiseTestSet
from dataset.grayscale_denoise_test_set import GrayscaleDenoiseTestSet
from dataset.image_folder import ImageFolder
from dataset.imagenet_dataset import ImageNetDataset
from dataset.openimages_dataset import OpenImagesDataset
from dataset.packed_images import PackedImages
from dataset.rawsr_camera_files import CameraFiles
from dataset.rawsr_pairs import RawSRPairs
from dataset.reds_dataset import REDS
from dataset.sample_clips import SampleClips
from dataset.sample_photos import SamplePhotos
from dataset.sc_burst_dataset import SCBurst
from dataset.synthetic_burst_val_set import SyntheticBurstVal
from dataset.videezy_dataset import Videezy4K
from dataset.zurich_raw2rgb_dataset import ZurichRAW2RGB

__all__ = [
    "REDS",
    "BurstSRDataset",
    "CameraFiles",
    "ClipFolder",
    "ColorDenoiseTestSet",
    "GrayscaleDenoiseTestSet",
    "ImageFolder",
    "ImageNetDataset",
    "OpenImagesDataset",
    "PackedImages",
    "RawSRPairs",
    "SCBurst",
    "SampleClips",
    "SamplePhotos",
    "SyntheticBurstVal",
    "Videezy4K",
    "ZurichRAW2RGB",
]
