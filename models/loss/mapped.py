"""Losses in another space than the one that a network predicts in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

MappingFn = Callable[[torch.Tensor, Mapping[str, Any]], Any]  # gives a tensor of the same shape


class MappedLoss(nn.Module):
    """``base_loss`` of prediction and ground truth after ``mapping_fn``, e.g. from linear values to display values.

    Args:
        base_loss: called ``(pred, gt, valid)``.
        mapping_fn: maps one image [C, H, W], given its own meta-data; None leaves the images as they are.
    """

    def __init__(self, base_loss: Callable[..., torch.Tensor], mapping_fn: MappingFn | None = None) -> None:
        super().__init__()
        self.base_loss, self.mapping_fn = base_loss, mapping_fn

    def forward(
        self,
        pred: torch.Tensor,
        gt: torch.Tensor,
        meta_info: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
        valid: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The loss of ``pred`` and ``gt`` [B, C, H, W].

        Args:
            meta_info: one mapping for each image, or one mapping whose values have the batch as first axis (as a loader
                collates it).
            valid: handed on to the base loss.

        Raises:
            ValueError: there is a mapping, but no meta-data for every image.
        """
        if self.mapping_fn is not None:
            infos = _for_each_image(meta_info, len(pred))
            pred, gt = (
                torch.stack([self.mapping_fn(image, info) for image, info in zip(images, infos, strict=True)])
                for images in (pred, gt)
            )
        return self.base_loss(pred, gt, valid)


def _for_each_image(
    meta_info: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None, count: int
) -> list[Mapping[str, Any]]:
    if meta_info is None:
        raise ValueError("a MappedLoss with a mapping_fn needs the meta_info of every image; pass it, or map nothing")
    if isinstance(meta_info, Mapping):
        return [{key: values[i] for key, values in meta_info.items()} for i in range(count)]
    if len(meta_info) != count:
        raise ValueError(f"{count} images need as many entries in meta_info, got {len(meta_info)}")
    return list(meta_info)
