"""What actors show of the first bursts of every validation, which are the same ones in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from utils.strips import coloured_flow, image_strip

_BRIGHT = 0.995  # quantile of the target that is shown white
_GAMMA = 2.2


class ValidationPictures:
    """Keeps a strip of images of the first batches, until they are taken.

    Args:
        most: batches of which one burst is shown.
    """

    def __init__(self, most: int = 3) -> None:
        self.most = most
        self._kept: dict[str, torch.Tensor] = {}

    def add(self, panels: Callable[[], Sequence[torch.Tensor]]) -> None:
        """Keeps one more strip; ``panels``, called only while there is room, gives [3, H, W] each, 0..255."""
        if len(self._kept) < self.most:
            with torch.no_grad():
                self._kept[f"image_{len(self._kept)}"] = image_strip(panels())

    def take(self) -> dict[str, torch.Tensor]:
        """Tag → uint8 [3, H, W] of the strips since the last call."""
        taken, self._kept = self._kept, {}
        return taken


def linear_panels(
    burst: torch.Tensor, pred: torch.Tensor, target: torch.Tensor, aux: Mapping[str, Any] | None = None
) -> list[torch.Tensor]:
    """Input | prediction | target, and flow and weight of the network where it has them, of the first of a batch.

    Linear values are scaled such that the target's bright parts are white, and shown with a gamma of 2.2.

    Args:
        burst: [B, N, C, H, W], C is 1, 3, or 4 for packed RGGB; frame 0 is shown.
        pred, target: [B, 1 or 3, H', W'].
        aux: ``offsets`` [B, N-1, 2, h, w], of which those of the last frame are shown in colours (hue: direction,
            strength: length), and ``fusion_weights`` [B, N, C', h, w], of which the mean over channels of frame 0 is
            shown: grey is an equal share, white twice as much or more.
    """
    panels = _displayed([burst[0, 0], pred[0], target[0]], like=target[0])
    aux = aux or {}
    offsets, weights = aux.get("offsets"), aux.get("fusion_weights")
    if offsets is not None and offsets.shape[1] > 0:
        panels.append(coloured_flow(offsets[0, -1]))
    if weights is not None:
        share = weights[0, 0].detach().float().mean(dim=0, keepdim=True) * weights.shape[1] / 2
        panels.append(255 * share.expand(3, -1, -1))
    return panels


def _displayed(images: Sequence[torch.Tensor], like: torch.Tensor) -> list[torch.Tensor]:
    """Linear images [C, H, W] for the eye, 0..255: the bright parts of ``like`` are white."""
    # Not torch.quantile, which refuses more than 16 million values.
    values = like.detach().float().flatten()
    white = values.kthvalue(max(1, round(_BRIGHT * values.numel()))).values.clamp(min=1e-6)
    return [255 * (_colour(image.detach().float()) / white).clamp(0, 1) ** (1 / _GAMMA) for image in images]


def _colour(image: torch.Tensor) -> torch.Tensor:
    """[3, H, W] of grey, colour or packed RGGB."""
    if image.shape[0] == 4:
        return torch.stack([image[0], (image[1] + image[2]) / 2, image[3]])
    return image.expand(3, -1, -1)
