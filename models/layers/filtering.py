"""Gaussian kernels and smoothing."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def gauss_1d(sz: int, sigma: float, center: torch.Tensor, density: bool = False) -> torch.Tensor:
    """``exp(-(k - c)² / 2σ²)`` at k = -(sz-1)/2 … (sz-1)/2 for every centre c; [n_centres, sz]."""
    k = torch.arange(sz, dtype=torch.float32) - (sz - 1) / 2
    gauss = torch.exp(-0.5 * ((k[None, :] - center.reshape(-1, 1)) / sigma) ** 2)
    return gauss / (sigma * (2 * torch.pi) ** 0.5) if density else gauss


def gauss_2d(sz: int, sigma: float, center: torch.Tensor, density: bool = False) -> torch.Tensor:
    """Separable Gaussian [n_centres, sz, sz] around ``center`` [n_centres, 2] (x, y), in pixels from the middle.

    Its peak is 1, or its integral with ``density``; neither sums to exactly 1 over the window.
    """
    columns = gauss_1d(sz, sigma, center[:, 0], density)
    rows = gauss_1d(sz, sigma, center[:, 1], density)
    return rows[:, :, None] * columns[:, None, :]


def centred_gaussian(sz: int, sigma: float) -> torch.Tensor:
    """Gaussian kernel [1, sz, sz] around the middle, sum 1."""
    kernel = gauss_2d(sz, sigma, torch.zeros(1, 2))
    return kernel / kernel.sum()


def get_gaussian_kernel(sd: float, ksz: int | None = None) -> tuple[torch.Tensor, int]:
    """Normalised Gaussian kernel [1, 1, ksz, ksz] of standard deviation ``sd``, and its size ksz.

    ``ksz`` is ``int(4 sd + 1)`` unless given.

    Raises:
        ValueError: the size is even.
    """
    ksz = int(4 * sd + 1) if ksz is None else ksz
    if ksz % 2 == 0:
        raise ValueError(f"a Gaussian kernel needs an odd size, got {ksz} (standard deviation {sd})")
    return centred_gaussian(ksz, sd)[None], ksz


def apply_kernel(im: torch.Tensor, ksz: int, kernel: torch.Tensor) -> torch.Tensor:
    """Filters every channel of ``im`` [B, C, H, W] with ``kernel`` [1, 1, ksz, ksz]; reflected borders, same size."""
    pad = ksz // 2
    channels = im.reshape(-1, 1, *im.shape[-2:])
    padded = F.pad(channels, (pad, pad, pad, pad), mode="reflect")
    return F.conv2d(padded, kernel.to(im)).reshape(im.shape)
