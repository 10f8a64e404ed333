"""A folder of RAW files as they come from cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_image_dataset import folder_entries
from utils.image_io import PathLike
from utils.raw_files import (
    ORIGINAL,
    RAW_ENDINGS,
    RawPhoto,
    SensorImage,
    read_raw_as_original,
    read_raw_photo,
    read_sensor_image,
)

_KEY = "rawsr_real_dir"


class CameraFiles:
    """All RAW files directly in a folder, sorted by name.

    Args:
        root: the folder; None takes ``rawsr_real_dir`` of the environment.

    Raises:
        MissingDataSet: the folder is not set, not there, or holds no RAW file.
    """

    def __init__(self, root: PathLike | None = None) -> None:
        self.folder = data_folder(_KEY, root)
        self.image_list = [
            name for name in folder_entries(self.folder, _KEY) if Path(name).suffix.lower() in RAW_ENDINGS
        ]
        if not self.image_list:
            raise MissingDataSet(f"{self.folder} holds no RAW files.\n{how_to_get(_KEY)}")

    def __len__(self) -> int:
        return self.get_num_images()

    def get_num_images(self) -> int:
        return len(self.image_list)

    def get_name(self) -> str:
        return "CameraFiles"

    def get_image_info(self, im_id: int) -> dict[str, Any]:
        """``name``: the file's, up to its last dot."""
        return {"name": Path(self.image_list[im_id]).stem}

    def get_scene(self, im_id: int) -> None:
        """Nobody knows which files show the same."""

    def get_image(self, im_id: int, info: dict[str, Any] | None = None) -> tuple[SensorImage, dict[str, Any]]:
        """The sensor's values with its colours, from which training pairs are made; see ``utils.raw_files``."""
        image = read_sensor_image(self.folder / self.image_list[im_id])
        return image, self.get_image_info(im_id) if info is None else info

    def get_photo(self, im_id: int, rendering: str) -> RawPhoto:
        """Mosaic and rendered reference, as a network takes them.

        Args:
            rendering: ``camera``, ``daylight`` or ``original``; see ``utils.raw_files``.
        """
        path = self.folder / self.image_list[im_id]
        return read_raw_as_original(path) if rendering == ORIGINAL else read_raw_photo(path, rendering)
