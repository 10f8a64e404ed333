"""Test bursts made from the held-out bundled photographs: always the same ones, without a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from admin.tensordict import TensorDict
from data.processing import DenoisingProcessing
from dataset import SamplePhotos
from utils.draws import Draws

BURSTS_PER_PHOTO = 8
BURST_SIZE = 8
CROP = 96  # pixels of the output
DOWNSAMPLE = 2  # so motion is a multiple of half a pixel
SMALL_MOTION, LARGE_MOTION = 1, 4  # pixels of the output
DRAWS_KEY = 2021_08_28  # fixed for ever: another key would be another test set


class PhotoBursts(Sequence[tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]]):
    """Noisy bursts of the held-out photographs with the noise, motion and exposure model of the published test sets.

    The same crops, motion and noise fields at every noise level, so that levels can be compared burst by burst.

    Args:
        noise_level: 2, 3, 4 or 5 of `DenoisingProcessing`, i.e. sensor gain 1, 2, 4 or 8.
        split: of `SamplePhotos`.
    """

    def __init__(self, noise_level: int, split: str = "heldout") -> None:
        self._photos = SamplePhotos(split)
        self._processing = DenoisingProcessing(
            CROP, BURST_SIZE, DOWNSAMPLE, SMALL_MOTION, LARGE_MOTION, noise_level=noise_level
        )

    def __len__(self) -> int:
        return len(self._photos) * BURSTS_PER_PHOTO

    def __getitem__(self, index: Any) -> Any:
        """`(burst [8, 3, 96, 96] linear, ground truth [3, 96, 96] linear, info)`.

        `info`: `burst_name`, `scene`, `white_level` [1], `sigma_estimate` like the burst,
        `shifts` [8, 2] (x, y) in pixels.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        photo, number = divmod(index, BURSTS_PER_PHOTO)
        frame, known = self._photos.get_image(photo)
        sample = self._processing(TensorDict(frame=frame, draws=Draws(DRAWS_KEY, photo, number)))
        info = {
            "burst_name": f"{known['scene']}_{number:02d}",
            "scene": known["scene"],
            "white_level": sample["meta_info"]["white_level"],
            "sigma_estimate": sample["sigma_estimate"],
            "shifts": sample["shifts"][:, :, 0, 0],
        }
        return sample["burst"], sample["frame_gt"], info
