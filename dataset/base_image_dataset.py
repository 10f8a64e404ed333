"""What every data set of single images offers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from admin.data_locations import MissingDataSet, how_to_get
from utils.image_io import PathLike, read_image

logger = logging.getLogger(__name__)

ImageLoader = Callable[[Path], NDArray[np.uint8]]

_IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".jpe", ".jp2", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pnm"}


class BaseImageDataset:
    """Images on disk, one file each.

    A subclass fills ``image_list`` with file names; everything else follows from it.

    Args:
        name: name of the data set, as ``get_name()`` hands it out.
        root: folder of the data set.
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.

    Attributes:
        image_folder: the folder in which the files of ``image_list`` lie; ``root`` unless a subclass says otherwise.
        image_list: names of the files, in the order of the images.
    """

    def __init__(self, name: str, root: PathLike, image_loader: ImageLoader = read_image) -> None:
        self.name = name
        self.root = Path(root)
        self.image_loader = image_loader
        self.image_folder = self.root
        # Names, not paths: large data sets have millions of images, and every worker holds the list.
        self.image_list: list[str] = []

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
        """Image ``im_id`` as uint8 ``[H, W, 3]`` RGB, 0..255, and its info (``info`` if given, else
        ``get_image_info``).

        Raises:
            IndexError: there is no such image.
            utils.image_io.UnreadableImage: the file is missing, cut off or no image.
        """
        image = self.image_loader(self.image_folder / self.image_list[im_id])
        return image, self.get_image_info(im_id) if info is None else info


def image_files(folder: Path, key: str) -> list[str]:
    """Names of the image files (by their ending) directly in ``folder``, sorted.

    Args:
        key: the data set that errors explain, a key of ``admin.data_locations.LOCATIONS``.

    Raises:
        MissingDataSet: the folder is not there, not readable or holds no image.
    """
    names = folder_entries(folder, key)
    files = [name for name in names if Path(name).suffix.lower() in _IMAGE_ENDINGS]
    if not files:
        found = f"{len(names)} other entries" if names else "nothing"
        raise MissingDataSet(f"The folder {folder} holds no image files ({found}).\n{how_to_get(key)}")
    return files


def folder_entries(folder: Path, key: str) -> list[str]:
    """Sorted names of everything in ``folder`` that is not hidden.

    Raises:
        MissingDataSet: the folder is not there or not readable.
    """
    try:
        return [path.name for path in visible_entries(folder)]
    except OSError as error:
        raise MissingDataSet(f"The folder {folder} cannot be read: {error.strerror}.\n{how_to_get(key)}") from error


def visible_entries(folder: Path) -> list[Path]:
    """Everything in ``folder``, sorted by name, without hidden names: macOS and Jupyter leave ``._…`` in any folder.

    Raises:
        OSError: the folder is not there or not readable.
    """
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)


def report_missing(missing: Sequence[str], count: int, place: Path, what: str, none_there: str) -> None:
    """Says once, in the log, which of the ``count`` files of a fixed list are not on the disk.

    Args:
        missing: their names.
        place, what: where they are missing, and what they are (``images``), for the message.
        none_there: the error if all are missing.

    Raises:
        MissingDataSet: all are missing.
    """
    if len(missing) == count:
        raise MissingDataSet(none_there)
    if missing:
        logger.warning(
            "%s lacks %d of %d %s, the first is %s; reading one of them will fail",
            place,
            len(missing),
            count,
            what,
            missing[0],
        )
