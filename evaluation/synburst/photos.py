"""RAW test bursts made from the held-out bundled photographs: always the same ones, without a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from admin.tensordict import TensorDict
from data.processing import SyntheticBurstProcessing
from dataset import SamplePhotos
from utils.draws import Draws

BURSTS_PER_PHOTO = 4
BURST_SIZE = 8
CROP = 256  # pixels of the ground truth: with its border the largest crop that the smallest photograph has
DOWNSAMPLE = 4
# That of SyntheticBurst with 20 instead of 24 pixels of translation, so that nothing has to be enlarged first.
MOTION = {"max_translation": 20.0, "max_rotation": 1.0, "border_crop": 20}
DRAWS_KEY = 2021_08_28  # fixed for ever: another key would be another test set


class PhotoRawBursts(Sequence[tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]]):
    """Noisy RAW bursts of the held-out photographs with the camera, noise and motion model of SyntheticBurst.

    Crops, motion, cameras and noise levels are drawn from fixed keys. As OpenCV 4 and 5 round warped pixels
    differently, single values differ by a 255th between machines that have the one or the other.

    Args:
        split: of `SamplePhotos`.
    """

    def __init__(self, split: str = "heldout") -> None:
        self._photos = SamplePhotos(split)
        self._processing = SyntheticBurstProcessing(
            CROP, BURST_SIZE, DOWNSAMPLE, burst_transformation_params=MOTION, return_shifts=True
        )

    def __len__(self) -> int:
        return len(self._photos) * BURSTS_PER_PHOTO

    def __getitem__(self, index: Any) -> Any:
        """`(burst [8, 4, 32, 32] packed RGGB, ground truth [3, 256, 256], info)`, linear sensor values in 0..1.

        `info`: `burst_name`, `scene`, `shifts` [8, 2, 32, 32] (x, y) in packed pixels, and the camera's `cam2rgb`,
        gains, curves and noise levels.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        photo, number = divmod(index, BURSTS_PER_PHOTO)
        frame, known = self._photos.get_image(photo)
        sample = self._processing(TensorDict(frame=frame, draws=Draws(DRAWS_KEY, photo, number)))
        info = {
            **sample["meta_info"],
            "burst_name": f"{known['scene']}_{number:02d}",
            "scene": known["scene"],
            "shifts": sample["shifts"],
        }
        return sample["burst"], sample["frame_gt"], info
