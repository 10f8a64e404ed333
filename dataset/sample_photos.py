"""The colour photographs that come with scikit-image: training and tests without any download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.base_image_dataset import BaseImageDataset, ImageLoader
from utils.image_io import read_image
from utils.suggestions import unknown_name_message

# Scene -> its files. The stereo pair is one scene: split over training and test, one half would give the other away.
_SCENES: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {
        "astronaut": ("astronaut.png",),
        "motorcycle": ("motorcycle_left.png", "motorcycle_right.png"),
        "hubble_deep_field": ("hubble_deep_field.jpg",),
        "retina": ("retina.jpg",),
        "ihc": ("ihc.png",),
    },
    "heldout": {
        "chelsea": ("chelsea.png",),
        "coffee": ("coffee.png",),
        "rocket": ("rocket.jpg",),
    },
}


class SamplePhotos(BaseImageDataset):
    """Nine colour photographs from scikit-image's own package folder, split by scene.

    Training: astronaut (512x512), motorcycle left and right (500x741), Hubble eXtreme Deep Field (872x1000),
    retina (1411x1411), ihc, a stained tissue under the microscope (512x512). Held out: chelsea, a cat (300x451), coffee
    (400x600), rocket (427x640). All are 8-bit RGB, rows x columns given.

    scikit-image states: astronaut (NASA) and ihc "no known copyright restrictions", Hubble (NASA) and rocket (SpaceX)
    public domain, retina, chelsea and coffee CC0. For motorcycle, from the Middlebury 2014 stereo benchmark (D.
    Scharstein et al., High-resolution stereo datasets with subpixel-accurate ground truth, GCPR 2014), it names the
    source and no licence.

    Args:
        split: ``train``, ``heldout`` or ``all``.
        image_loader: path → uint8 ``[H, W, 3]`` RGB array.

    Raises:
        ValueError: another split.
        FileNotFoundError: scikit-image is not installed or comes without its photographs.
    """

    def __init__(self, split: str = "train", image_loader: ImageLoader = read_image) -> None:
        splits = [*_SCENES, "all"]
        if split not in splits:
            raise ValueError(unknown_name_message("split of SamplePhotos", split, splits))
        super().__init__("SamplePhotos", _package_data_folder(), image_loader)
        self.split = split
        scenes = {
            scene: files for name, part in _SCENES.items() if split in (name, "all") for scene, files in part.items()
        }
        self._decoded: dict[int, NDArray[np.uint8]] = {}
        self._scenes = [scene for scene, files in scenes.items() for _ in files]
        self.image_list = [file for files in scenes.values() for file in files]
        missing = [file for file in self.image_list if not (self.image_folder / file).is_file()]
        if missing:
            raise FileNotFoundError(
                f"scikit-image in {self.root} lacks {', '.join(missing)}; install scikit-image again"
            )

    def get_image(self, im_id: int, info: dict[str, Any] | None = None) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """As in the base class. A photograph is decoded once (14 MB for all): that takes longer than making a burst."""
        if im_id not in self._decoded:
            self._decoded[im_id] = super().get_image(im_id, info={})[0]
        return self._decoded[im_id].copy(), self.get_image_info(im_id) if info is None else info

    def get_image_info(self, im_id: int) -> dict[str, str]:
        """``{'scene': name of the scene}``."""
        return {"scene": self._scenes[im_id]}

    def get_scene(self, im_id: int) -> str:
        return self._scenes[im_id]


def _package_data_folder() -> Path:
    """``skimage/data``, found without importing scikit-image: its own functions may download."""
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "SamplePhotos reads the photographs of scikit-image, which is not installed; run install.sh"
        )
    return Path(package.origin).parent / "data"
