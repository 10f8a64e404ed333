"""The package ``spatial-correlation-sampler``: compiled cost volumes, used where it agrees with ours."""

from __future__ import annotations

import functools
import importlib.util
import logging
from collections.abc import Callable

import torch

logger = logging.getLogger(__name__)

Correlation = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_PACKAGE = "spatial_correlation_sampler"


def compiled_correlation(
    kernel_size: int, max_displacement: int, stride: int, device: torch.device, plain: Correlation
) -> Correlation | None:
    """The compiled cost volume of this geometry, or None where it is not installed or differs from ``plain``.

    It is compared with ``plain`` once per geometry and device, on a small random pair. Both take two maps
    [B, C, H, W] and return [B, (2d+1)², H', W'].
    """
    if not _installed():
        return None
    key = (kernel_size, max_displacement, stride, str(device))
    if key not in _verdicts:
        _verdicts[key] = _agrees(_compiled(kernel_size, max_displacement, stride), plain, device)
        if not _verdicts[key]:
            logger.warning("%s differs from our cost volume %s; using ours", _PACKAGE, key)
    return _compiled(kernel_size, max_displacement, stride) if _verdicts[key] else None


_verdicts: dict[tuple[int, int, int, str], bool] = {}


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec(_PACKAGE) is not None


def _compiled(kernel_size: int, max_displacement: int, stride: int) -> Correlation:
    from spatial_correlation_sampler import spatial_correlation_sample

    def correlation(feat1: torch.Tensor, feat2: torch.Tensor) -> torch.Tensor:
        volume = spatial_correlation_sample(
            feat1.contiguous(),
            feat2.contiguous(),
            kernel_size=kernel_size,
            patch_size=2 * max_displacement + 1,
            stride=stride,
            padding=kernel_size // 2,
            dilation=1,
        )
        costs: torch.Tensor = volume.flatten(1, 2)
        return costs

    return correlation


def _agrees(compiled: Correlation, plain: Correlation, device: torch.device) -> bool:
    generator = torch.Generator().manual_seed(0)
    feat1, feat2 = torch.rand(2, 1, 4, 9, 11, generator=generator).to(device)
    with torch.no_grad():
        theirs, ours = compiled(feat1, feat2), plain(feat1, feat2)
    return theirs.shape == ours.shape and torch.allclose(theirs, ours, rtol=1e-4, atol=1e-5)
