"""OpenImages: the training photographs of DeepRep denoising."""

from __future__ import annotations

from admin.data_locations import data_folder
from dataset.base_image_dataset import BaseImageDataset, ImageLoader, image_files
from utils.image_io import PathLike, read_image


class OpenImagesDataset(BaseImageDataset):
    """Images of one split of OpenImages (A. Kuznetsova et al., IJCV 2020), ``<root>/<split>/*`` sorted by name.

    Args:
        root: the data set's folder; None takes ``openimages_dir`` of the environment.
        split: name of the folder below ``root``.
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.
        initialize: False leaves the list empty.

    Raises:
        MissingDataSet: the folder is not set, not there, not readable or holds no image.
    """

    def __init__(
        self,
        root: PathLike | None = None,
        split: str = "train",
        image_loader: ImageLoader = read_image,
        initialize: bool = True,
    ) -> None:
        super().__init__("OpenImages", data_folder("openimages_dir", root), image_loader)
        self.split = split
        self.image_folder = self.root / split
        if initialize:
            self.image_list = image_files(self.image_folder, "openimages_dir")
