"""What all processing classes have in common."""

from __future__ import annotations

from typing import Any

from admin.tensordict import TensorDict
from data.boxes import Box
from data.transforms import ToTensor, TransformBase
from utils.draws import Draws

TO_TENSOR = ToTensor()


class BaseProcessing:
    """Turns raw material (a photograph, raw frames) into a training sample.

    A processing draws its random parameters (``draw``) and then renders them by a pure function (``render``);
    calling it does both on a ``TensorDict``, changes it and returns it. The draws come from ``data['draws']``,
    which is taken out; without it, from a fresh source.
    """

    def __init__(self, transform: TransformBase | None = TO_TENSOR) -> None:
        self.transform = transform

    def __call__(self, data: TensorDict) -> TensorDict:
        raise NotImplementedError(f"{type(self).__name__} does not say how it processes a sample")

    def _roll(self, draws: Draws) -> Any:
        return None if self.transform is None else self.transform.roll(draws)

    def _transformed_crop(self, frame: Any, box: Box, roll: Any) -> Any:
        """``box`` of the transformed frame; converts only the pixels of the box."""
        return box.cut(frame) if self.transform is None else self.transform.apply_to_crop(frame, box, roll)


def take_draws(data: TensorDict) -> Draws:
    """The draws of the sample, removed from it; fresh ones if it has none."""
    draws = data.pop("draws", None)
    return Draws() if draws is None else draws
