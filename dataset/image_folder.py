"""Any folder of images as a data set."""

from __future__ import annotations

from pathlib import Path

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_image_dataset import BaseImageDataset, ImageLoader
from utils.image_io import PathLike, read_image

_IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".jpe", ".jp2", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pnm"}


class ImageFolder(BaseImageDataset):
    """All image files that lie directly in a folder, sorted by name.

    The original took the order of the operating system, which differs between machines; files that are no images
    by their ending are left out.

    Args:
        root: the folder; None takes ``imagefolder_dir`` of the environment.
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.
        initialize: False leaves the list empty.

    Raises:
        MissingDataSet: the folder is not set, not there, not readable or holds no image.
    """

    def __init__(
        self, root: PathLike | None = None, image_loader: ImageLoader = read_image, initialize: bool = True
    ) -> None:
        super().__init__("ImageFolder", data_folder("imagefolder_dir", root), image_loader)
        if initialize:
            self.image_list = image_files(self.root, "imagefolder_dir")


def image_files(folder: Path, key: str) -> list[Path]:
    """The image files in ``folder`` sorted by name; ``key`` is the data set that errors explain.

    Raises:
        MissingDataSet: the folder is not there, not readable or holds no image.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise MissingDataSet(f"The folder {folder} cannot be read: {error.strerror}.\n{how_to_get(key)}") from error
    files = [path for path in entries if path.suffix.lower() in _IMAGE_ENDINGS and not path.name.startswith(".")]
    if not files:
        found = f"{len(entries)} other entries" if entries else "nothing"
        raise MissingDataSet(f"The folder {folder} holds no image files ({found}).\n{how_to_get(key)}")
    return files
