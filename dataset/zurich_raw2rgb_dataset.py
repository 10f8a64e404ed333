"""Zurich RAW to RGB: the Canon photographs from which synthetic RAW bursts are made."""

from __future__ import annotations

from admin.data_locations import data_folder, how_to_get
from dataset.base_image_dataset import BaseImageDataset, ImageLoader, folder_entries, report_missing
from utils.image_io import PathLike, read_image
from utils.suggestions import unknown_name_message

_KEY = "zurichraw2rgb_dir"
_NUM_IMAGES = {"train": 46839, "test": 1204}


class ZurichRAW2RGB(BaseImageDataset):
    """The Canon images of the Zurich RAW to RGB data set (A. Ignatov et al., CVPRW 2020): 448x448 sRGB JPEG.

    The list is fixed, image ``i`` is ``<root>/<split>/canon/<i>.jpg``; what is missing on the disk is said once, in
    the log, and an image that is missing fails only when it is read.

    Args:
        root: the data set's folder; None takes ``zurichraw2rgb_dir`` of the environment.
        split: ``train`` (46839 images) or ``test`` (1204).
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.
        initialize: False leaves the list empty and the disk alone.

    Raises:
        ValueError: another split.
        MissingDataSet: the folder is not set, not there, not readable or holds none of the images.
    """

    def __init__(
        self,
        root: PathLike | None = None,
        split: str = "train",
        image_loader: ImageLoader = read_image,
        initialize: bool = True,
    ) -> None:
        if split not in _NUM_IMAGES:
            raise ValueError(unknown_name_message("split of ZurichRAW2RGB", split, _NUM_IMAGES))
        super().__init__("ZurichRAW2RGB", data_folder(_KEY, root), image_loader)
        self.split = split
        self.image_folder = self.root / split / "canon"
        if initialize:
            self.image_list = [f"{i}.jpg" for i in range(_NUM_IMAGES[split])]
            place, last = self.image_folder, self.image_list[-1]
            none_there = f"The folder {place} holds none of 0.jpg … {last}.\n{how_to_get(_KEY)}"
            report_missing(self.missing_files(), len(self.image_list), place, "images", none_there)

    def missing_files(self) -> list[str]:
        """Names of the images of the list that are not on the disk.

        Raises:
            MissingDataSet: the folder is not there or not readable.
        """
        there = set(folder_entries(self.image_folder, _KEY))
        return [name for name in self.image_list if name not in there]
