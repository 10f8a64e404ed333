"""Photographs in folders by class, as ImageNet has them."""

from __future__ import annotations

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_image_dataset import BaseImageDataset, ImageLoader, folder_entries, image_files
from utils.image_io import PathLike, read_image

_KEY = "imagenet_dir"


class ImageNetDataset(BaseImageDataset):
    """``<root>/<split>/<class>/*`` (J. Deng et al., CVPR 2009) or ``<root>/<split>/*``, sorted by class and name.

    Args:
        root: the data set's folder; None takes ``imagenet_dir`` of the environment.
        split: name of the folder below ``root``.
        max_images: only the first so many images; None takes all.
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.

    Raises:
        ValueError: ``max_images`` below 1.
        MissingDataSet: the folder is not set, not there, not readable or holds no image.
    """

    def __init__(
        self,
        root: PathLike | None = None,
        split: str = "train",
        max_images: int | None = None,
        image_loader: ImageLoader = read_image,
    ) -> None:
        if max_images is not None and max_images < 1:
            raise ValueError(f"max_images={max_images}: at least 1, or None for all")
        super().__init__("ImageNet", data_folder(_KEY, root), image_loader)
        self.split = split
        self.image_folder = self.root / split
        self.image_list = self._find(max_images)
        if not self.image_list:
            raise MissingDataSet(f"The folder {self.image_folder} holds no image files.\n{how_to_get(_KEY)}")

    def _find(self, limit: int | None) -> list[str]:
        classes = [name for name in folder_entries(self.image_folder, _KEY) if (self.image_folder / name).is_dir()]
        if not classes:
            return image_files(self.image_folder, _KEY)[:limit]
        found: list[str] = []
        for name in classes:
            found += [f"{name}/{file}" for file in image_files(self.image_folder / name, _KEY)]
            if limit is not None and len(found) >= limit:
                break
        return found[:limit]
