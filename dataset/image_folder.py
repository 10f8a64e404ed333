"""Any folder of images as a data set."""

from __future__ import annotations

from admin.data_locations import data_folder
from dataset.base_image_dataset import BaseImageDataset, ImageLoader, image_files
from utils.image_io import PathLike, read_image


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
            self.image_list = image_files(self.image_folder, "imagefolder_dir")
