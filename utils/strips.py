"""Images side by side, for the curves of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

_GAP = 5


def image_strip(images: Sequence[torch.Tensor]) -> torch.Tensor:
    """Images [3, h, w], grey levels 0..255 (clamped), side by side: uint8 [3, H, sum of (w + 5)].

    Smaller ones are enlarged to the height H of the highest, pixels as squares. Each is followed by 5 black columns.
    """
    height = max(image.shape[1] for image in images)
    padded = [torch.nn.functional.pad(_of_height(image.detach().float(), height), (0, _GAP)) for image in images]
    return torch.cat(padded, dim=2).clamp(0, 255).to(torch.uint8)


def deblurring_strip(target: torch.Tensor, prediction: torch.Tensor, burst: torch.Tensor) -> torch.Tensor:
    """Target, prediction (both [3, H, W]) and the frames of the burst [N, 3, H, W], as :func:`image_strip`."""
    return image_strip([target, prediction, *burst])


def coloured_flow(flow: torch.Tensor, longest: float | None = None) -> torch.Tensor:
    """Flow [2, H, W] (x, y) in colours, [3, H, W] in 0..255: hue is the direction, strength the length; white is none.

    Args:
        flow: in pixels.
        longest: the length of full strength; that of this flow if None.
    """
    flow = flow.detach().float()
    length = flow.norm(dim=0)
    strength = (length / max(longest if longest is not None else float(length.max()), 1e-6)).clamp(max=1)
    angle = torch.atan2(flow[1], flow[0])
    # Three colours a third of a turn apart; what is opposite to a direction fades with its length.
    waves = torch.stack([torch.cos(angle - turn * 2 * math.pi / 3) for turn in range(3)])
    colours: torch.Tensor = 255 * (1 - strength * (1 - waves) / 2)
    return colours


def _of_height(image: torch.Tensor, height: int) -> torch.Tensor:
    if image.shape[1] == height:
        return image
    width = max(1, round(image.shape[2] * height / image.shape[1]))
    return torch.nn.functional.interpolate(image[None], size=(height, width), mode="nearest")[0]
