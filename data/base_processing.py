"""What all processing classes have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from admin.tensordict import TensorDict
from data.boxes import Box, image_size
from data.collate import Ragged
from data.transforms import ToTensor, TransformBase
from utils.draws import Draws
from utils.suggestions import unknown_name_message

TO_TENSOR = ToTensor()
PLACES = ("worker", "device")


class BaseProcessing:
    """Turns raw material (a photograph, raw frames) into a training sample.

    A processing draws its random parameters (``draw``) and then renders them by a pure function (``render``);
    calling it does both on a ``TensorDict``, changes it and returns it. The draws come from ``data['draws']``,
    which is taken out; without it, from a fresh source.

    Args:
        transform: applied to the raw material first.
        render_on: ``worker`` renders when called. ``device`` leaves that to the loader, which renders whole batches
            on the device of the training: calling the processing draws and cuts, and gives ``material`` (a dict) in
            place of what is rendered from it. Not every processing can do that.

    Raises:
        ValueError: another place, or one where this processing cannot render.
    """

    def __init__(self, transform: TransformBase | None = TO_TENSOR, render_on: str = "worker") -> None:
        if render_on not in PLACES:
            raise ValueError(unknown_name_message("place to render on", render_on, PLACES))
        if render_on == "device" and type(self).render_material is BaseProcessing.render_material:
            raise ValueError(f"{type(self).__name__} cannot render batches on a device; use render_on='worker'")
        self.transform = transform
        self.render_on = render_on

    def __call__(self, data: TensorDict) -> TensorDict:
        raise NotImplementedError(f"{type(self).__name__} does not say how it processes a sample")

    def render_batch(self, batch: Any, device: torch.device) -> Any:
        """The collated batch as if it had been rendered sample by sample; as it is where that has been done.

        Args:
            batch: of samples of this processing.
            device: where it is rendered, and where the rendered tensors lie.
        """
        if self.render_on == "device":
            material = batch.pop("material")
            with torch.no_grad():
                batch.update(self.render_material(material, batch, device))
        return batch

    def render_material(self, material: Any, batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
        """The rendered entries of a batch, [B, ...], from its ``material`` and its other entries."""
        raise NotImplementedError(f"{type(self).__name__} cannot render batches")

    def _roll(self, draws: Draws) -> Any:
        return None if self.transform is None else self.transform.roll(draws)

    def _transformed_crop(self, frame: Any, box: Box, roll: Any) -> Any:
        """``box`` of the transformed frame; converts only the pixels of the box."""
        return box.cut(frame) if self.transform is None else self.transform.apply_to_crop(frame, box, roll)

    def _crop_material(self, frame: Any, box: Box, roll: Any) -> dict[str, Any]:
        """``image`` and ``transform``: the crop before the transform where that can be left to the device."""
        if isinstance(frame, np.ndarray) and self.transform is not None and self.transform.takes_batches:
            source = self.transform.source_box(box, image_size(frame), roll)
            if source is not None:
                cut = torch.from_numpy(np.ascontiguousarray(source.cut(frame)))
                return {"image": Ragged(cut), "transform": (roll,)}
        return {"image": Ragged(self._transformed_crop(frame, box, roll).contiguous()), "transform": None}

    def _crops_of(
        self, material: Any, device: torch.device, fit: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """The transformed crops [B, C, H, W] of a batch; ``fit`` brings [b, C, h, w] to the common size."""
        images, rolls = material["image"], material["transform"]
        parts = [images] if isinstance(images, torch.Tensor) else [image[None] for image in images]
        done, crops = 0, []
        for part in parts:
            moved, roll = part.to(device, non_blocking=True), rolls[done : done + len(part)]
            if roll[0] is not None:
                assert self.transform is not None
                moved = self.transform.apply_batch(moved, [one for (one,) in roll])
            crops.append(fit(moved))
            done += len(part)
        return crops[0] if len(crops) == 1 else torch.cat(crops)


class PhotographProcessing(BaseProcessing):
    """A processing of one photograph; what is drawn for it and how it is rendered is up to the subclasses."""

    def __call__(self, data: TensorDict) -> TensorDict:
        """Replaces ``frame`` (uint8 HWC RGB) by the keys that :meth:`render` returns."""
        draws = take_draws(data)
        frame = data.pop("frame")
        params = self.draw(image_size(frame), draws)
        data.update(self.render(frame, params) if self.render_on == "worker" else self.material(frame, params))
        return data

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """Everything random about one sample of a photograph of ``shape`` (height, width)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it draws")

    def render(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The sample of the drawn parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it renders")

    def material(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """``material`` (see :class:`BaseProcessing`), and what is known without rendering."""
        raise NotImplementedError(f"{type(self).__name__} renders in the workers")


def take_draws(data: TensorDict) -> Draws:
    """The draws of the sample, removed from it; fresh ones if it has none."""
    draws = data.pop("draws", None)
    return Draws() if draws is None else draws
