"""Images side by side, for the curves of a run."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_GAP = 5


def image_strip(images: Sequence[torch.Tensor]) -> torch.Tensor:
    """Images [3, H, W] of one size, grey levels 0..255 (clamped), side by side: uint8 [3, H, sum of (W + 5)].

    Each is followed by 5 black columns.
    """
    padded = [torch.nn.functional.pad(image.detach().float(), (0, _GAP)) for image in images]
    return torch.cat(padded, dim=2).clamp(0, 255).to(torch.uint8)


def deblurring_strip(target: torch.Tensor, prediction: torch.Tensor, burst: torch.Tensor) -> torch.Tensor:
    """Target, prediction (both [3, H, W]) and the frames of the burst [N, 3, H, W], as :func:`image_strip`."""
    return image_strip([target, prediction, *burst])
