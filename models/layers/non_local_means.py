"""Non-local means (A. Buades, B. Coll and J.-M. Morel, A non-local algorithm for image denoising, CVPR 2005)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

_PATCH = 5  # side of the compared patches in pixels
_DISTANCE = 7  # how far away similar patches are looked for, in pixels
_STRENGTH = 0.5  # in units of the noise deviation
_LEAST_DEVIATION = 1e-6


@torch.no_grad()
def non_local_means(image: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """Every pixel becomes the mean of pixels with similar surroundings, all channels together. Nothing to learn.

    Args:
        image: [B, C, H, W], with noise equally strong everywhere.
        deviation: of its noise, [B, 1, 1, 1]; 0 leaves the image as it is, but for pixels that are equal.

    Returns:
        The denoised image in float32.
    """
    deviation = deviation.float().clamp(min=_LEAST_DEVIATION)
    image = image.float() / deviation
    total, weights = image.clone(), torch.ones_like(image[:, :1])
    height, width = image.shape[-2:]
    for row, column in _half_of_the_displacements():
        if row >= height or abs(column) >= width:
            continue
        here = (..., slice(0, height - row), slice(max(0, -column), width - max(0, column)))
        there = (..., slice(row, height), slice(max(0, column), width - max(0, -column)))
        difference = (image[here] - image[there]).square_().mean(dim=1, keepdim=True)
        distance = F.avg_pool2d(difference, _PATCH, stride=1, padding=_PATCH // 2, count_include_pad=False)
        # Two patches of the same thing differ by their noise alone.
        weight = (distance.sub_(2.0).clamp_(min=0).mul_(-1 / _STRENGTH**2)).exp_()
        for target, source in ((here, there), (there, here)):
            total[target].addcmul_(weight, image[source])
            weights[target].add_(weight)
    return total / weights * deviation


def _half_of_the_displacements() -> Iterator[tuple[int, int]]:
    """One of each pair of opposite ones: (rows down, columns to the right)."""
    for row in range(_DISTANCE + 1):
        for column in range(-_DISTANCE if row else 1, _DISTANCE + 1):
            yield row, column
