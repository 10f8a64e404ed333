"""Files on disk → arrays. One file per data set; no augmentation."""

from dataset.image_folder import ImageFolder
from dataset.sample_photos import SamplePhotos

__all__ = ["ImageFolder", "SamplePhotos"]
