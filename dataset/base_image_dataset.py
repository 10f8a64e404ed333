"""What every data set of single images offers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.image_io import PathLike, read_image

ImageLoader = Callable[[Path], NDArray[np.uint8]]


class BaseImageDataset:
    """Images on disk, one file each.

    A subclass fills ``image_list`` with the files of its images; everything else follows from it.

    Args:
        name: name of the data set, as ``get_name()`` hands it out.
        root: folder of the data set.
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.
    """

    def __init__(self, name: str, root: PathLike, image_loader: ImageLoader = read_image) -> None:
        self.name = name
        self.root = Path(root)
        self.image_loader = image_loader
        self.image_list: list[Path] = []

    def __len__(self) -> int:
        return self.get_num_images()

    def get_num_images(self) -> int:
        return len(self.image_list)

    def get_name(self) -> str:
        return self.name

    def get_image_info(self, im_id: int) -> dict[str, Any]:
        """What is known about an image besides its pixels; empty for most data sets."""
        return {}

    def get_scene(self, im_id: int) -> str | None:
        """The scene an image shows, where it is known: images of one scene are not independent."""
        return None

    def get_image(self, im_id: int, info: dict[str, Any] | None = None) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Image ``im_id`` as uint8 ``[H, W, 3]`` RGB and its info (``info`` if given, else ``get_image_info``).

        Raises:
            IndexError: there is no such image.
            utils.image_io.UnreadableImage: the file is missing, cut off or no image.
        """
        image = self.image_loader(self.image_list[im_id])
        return image, self.get_image_info(im_id) if info is None else info
