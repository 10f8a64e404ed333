"""Removal of what noise is left after merging: shrinkage of overlapping blocks in a cosine transform.

Blocks of a colour image are transformed over rows, columns and colours; small coefficients are noise. G. Yu and G.
Sapiro, DCT image denoising: a simple and effective image denoising algorithm, IPOL 2011, with the second step of K.
Dabov et al., Image denoising by sparse 3-D transform-domain collaborative filtering, IEEE TIP 2007: what the
first step finds is the signal of a Wiener filter, eqs. (9) and (10) there without the third dimension.

Blocks do not see noise of waves longer than they are; so the same is done at coarser scales, as in N. Pierazzo, J.-M.
Morel and G. Facciolo, Multi-scale DCT denoising, IPOL 2017.

Noise after merging is correlated, so every coefficient has its own noise level: that of noise alone which went through
the same merge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

BLOCK = 8
STEP = 2
# Images of half and a quarter of the sides are done as well: noise of long waves does not show within a block.
SCALES = 3
# Parts of an image have to start at multiples of this to be like the whole.
GRID = STEP << (SCALES - 1)
# Pixels around a pixel that its result depends on: the Wiener filter looks at the first step's result, at every scale.
REACH = 2 * BLOCK * ((1 << SCALES) - 1)
# Coefficients below so many deviations of the noise are taken for noise.
_THRESHOLD = 2.7


@dataclass(frozen=True)
class NoiseSpectrum:
    """Noise variance [C, BLOCK, BLOCK] of the coefficients at every scale, for a variance of 1 in the noise map."""

    variances: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, noises: Sequence[torch.Tensor], levels: Sequence[torch.Tensor]) -> NoiseSpectrum:
        """Measured on images [C, H, W] of noise alone, with their noise maps [H, W]."""
        found = []
        images, maps = [_padded(noise) for noise in noises], [_padded(level[None]) for level in levels]
        for _ in range(SCALES):
            powers = [
                _transform(_blocks(image)).square() / _block_means(level)
                for image, level in zip(images, maps, strict=True)
            ]
            found.append(torch.cat(powers).mean(dim=0))
            images, maps = [_halved(image) for image in images], [_halved(level) for level in maps]
        return cls(tuple(found))

    @property
    def of_pixels(self) -> float:
        """Noise variance of the pixels, where the noise map is 1."""
        return float(self.variances[0].mean())


def shrink(image: torch.Tensor, level: torch.Tensor, spectrum: NoiseSpectrum) -> torch.Tensor:
    """The image [C, H, W] with less noise.

    Args:
        image: noisy; within `REACH` of its border the result is not what it would be in a larger image.
        level: [H, W], noise variance in units of `spectrum`.
        spectrum: of the noise.
    """
    height, width = image.shape[1:]
    return _shrunk(_padded(image), _padded(level[None]), spectrum.variances)[:, :height, :width]


def _shrunk(image: torch.Tensor, level: torch.Tensor, variances: Sequence[torch.Tensor]) -> torch.Tensor:
    """Short waves from the shrinkage at this scale, long ones from that at the coarser scales."""
    shrunk = _shrunk_at_one_scale(image, _block_means(level) * variances[0])
    if len(variances) == 1:
        return shrunk
    coarse = _shrunk(_halved(image), _halved(level), variances[1:])
    correction = (coarse - _halved(shrunk))[None]
    return shrunk + F.interpolate(correction, scale_factor=2, mode="bilinear", align_corners=False)[0]


def _shrunk_at_one_scale(image: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    size = image.shape[1:]
    coefficients = _transform(_blocks(image))
    kept = (coefficients.square() > _THRESHOLD**2 * variance).to(image)
    kept[:, :, 0, 0] = 1
    pilot = _assembled(coefficients * kept, 1 / kept.sum(dim=(1, 2, 3)), size)
    power = _transform(_blocks(pilot)).square()
    gain = power / (power + variance)
    gain[:, :, 0, 0] = 1
    return _assembled(coefficients * gain, 1 / gain.square().sum(dim=(1, 2, 3)), size)


def _halved(image: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(image[None], 2)[0]


def _padded(image: torch.Tensor) -> torch.Tensor:
    """[C, H, W] with its last row and column repeated until blocks cover it at every scale."""
    least = BLOCK << (SCALES - 1)
    rows, columns = (max(least, -(-side // GRID) * GRID) - side for side in image.shape[1:])
    return F.pad(image[None], (0, columns, 0, rows), mode="replicate")[0] if rows or columns else image


def _cosines(count: int, like: torch.Tensor) -> torch.Tensor:
    """The orthonormal cosine transform, [count, count]."""
    k = torch.arange(count, dtype=torch.float64)
    matrix = torch.cos(math.pi / count * (k[None] + 0.5) * k[:, None]) * math.sqrt(2 / count)
    matrix[0] /= math.sqrt(2)
    return matrix.to(like)


def _blocks(image: torch.Tensor) -> torch.Tensor:
    """Overlapping blocks [N, C, BLOCK, BLOCK] of [C, H, W]."""
    cut = image.unfold(1, BLOCK, STEP).unfold(2, BLOCK, STEP)
    return cut.permute(1, 2, 0, 3, 4).reshape(-1, image.shape[0], BLOCK, BLOCK)


def _block_means(level: torch.Tensor) -> torch.Tensor:
    """[N, 1, 1, 1] of a noise map [1, H, W]."""
    means = F.avg_pool2d(level[None], BLOCK, STEP)
    return means.reshape(-1, 1, 1, 1)


def _basis(channels: int, like: torch.Tensor) -> torch.Tensor:
    """The orthonormal transform of flattened blocks, [C BLOCK², C BLOCK²]: one product is the fastest way."""
    rows = _cosines(BLOCK, like)
    return torch.kron(_cosines(channels, like), torch.kron(rows, rows))


def _transform(blocks: torch.Tensor) -> torch.Tensor:
    return (blocks.flatten(1) @ _basis(blocks.shape[1], blocks).T).view_as(blocks)


def _assembled(coefficients: torch.Tensor, weight: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Weighted mean [C, H, W] of the blocks behind the coefficients."""
    blocks = (coefficients.flatten(1) @ _basis(coefficients.shape[1], coefficients)).view_as(coefficients)
    weight = weight.view(-1, 1, 1, 1)
    columns = torch.cat((blocks * weight, weight.expand(-1, 1, BLOCK, BLOCK)), dim=1).flatten(1).T[None]
    folded = F.fold(columns, tuple(size), BLOCK, stride=STEP)[0]
    return folded[:-1] / folded[-1]
