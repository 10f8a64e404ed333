"""Test bursts made from photographs: always the same ones, whatever their length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from admin.tensordict import TensorDict
from data.deblur_bursts import DeblurBursts
from utils.draws import Draws

LONGEST = 8
DRAWS_KEY = 2018_09_08  # fixed for ever: another key would be another test set

Burst = tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]


class TestBursts(Sequence[Burst]):
    """Bursts of 8 frames of some photographs, several for each. A burst is made when it is first asked for, and kept.

    Args:
        photographs: an image data set.
        processing: makes bursts of 8 frames or more.
        bursts_per_photo: how many bursts show each photograph.
    """

    __test__ = False  # for pytest: not a test

    def __init__(self, photographs: Any, processing: DeblurBursts, bursts_per_photo: int = 1) -> None:
        self._photographs, self._processing, self._per_photo = photographs, processing, bursts_per_photo
        self._made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __len__(self) -> int:
        return len(self._photographs) * self._per_photo

    def __getitem__(self, index: Any) -> Any:
        """``(burst [8, 3, H, W] in grey levels 0..255, ground truth [3, H, W] in 0..1, info)``, display space, 8 bit.

        ``info``: ``burst_name``, ``scene``, ``burst_length``.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        photo, number = divmod(index, self._per_photo)
        scene = self._photographs.get_scene(photo) or self._photographs.image_list[photo]
        if index not in self._made:
            frame, _ = self._photographs.get_image(photo)
            sample = self._processing(TensorDict(frame=frame, draws=Draws(DRAWS_KEY, photo, number)))
            # Whole numbers: 8 bits keep them all.
            self._made[index] = (sample["burst"][:LONGEST].byte(), sample["frame_gt"].byte())
        burst, target = (images.float() for images in self._made[index])
        info = {"burst_name": f"{scene}_{photo:03d}_{number:02d}", "scene": scene, "burst_length": len(burst)}
        return burst, target / 255, info


class Shortened(Sequence[Burst]):
    """Only the first frames of every burst.

    Args:
        bursts: the long ones.
        length: number of frames of burst number i.
    """

    def __init__(self, bursts: Sequence[Burst], length: Callable[[int], int]) -> None:
        self._bursts, self._length = bursts, length

    def __len__(self) -> int:
        return len(self._bursts)

    def __getitem__(self, index: Any) -> Any:
        """As :class:`TestBursts` gives it, with that many frames."""
        burst, target, info = self._bursts[index]
        length = self._length(index)
        return burst[:length], target, {**info, "burst_length": length}
