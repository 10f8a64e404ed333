"""The mean of several samples: an estimate of the mean image, which the square error rewards."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.sr3.diffusion import GaussianDiffusion


class MeanOfSamples(nn.Module):
    """Restores by the mean of ``count`` samples of a diffusion model.

    One sample is as sharp as a photograph and has twice the square error of the best estimate; the mean of many comes
    near that estimate and is as blurred as it.

    Args:
        net: the model.
        count: samples, drawn as one batch.
    """

    def __init__(self, net: GaussianDiffusion, count: int) -> None:
        super().__init__()
        if count < 1:
            raise ValueError(f"count = {count}: a mean needs at least 1 sample")
        self.net, self.count = net, count

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """As ``GaussianDiffusion.restore``."""
        images, aux = self.net.restore(burst.repeat_interleave(self.count, dim=0))
        return images.unflatten(0, (burst.shape[0], self.count)).mean(dim=1), aux
