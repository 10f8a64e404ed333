"""Multi-scale structural similarity (Wang, Simoncelli, Bovik, Asilomar 2003): as published in code, and as defined."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.loss.compared_images import compared_images
from models.loss.ssim import WINDOW_SIZE, ssim_maps

# Exponents of the five scales, finest first.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def msssim(
    img1: torch.Tensor,
    img2: torch.Tensor,
    window_size: int = WINDOW_SIZE,
    size_average: bool = True,
    val_range: float | None = None,
    normalize: bool = False,
) -> torch.Tensor:
    """Multi-scale SSIM as DBSR and DeepRep compute it; :class:`MultiScaleSSIM` is the one of the paper.

    The similarity of the coarsest scale has four times its exponent, the window shrinks with the image, and without
    ``val_range`` every scale guesses the range of values anew. No published setting uses it.

    Args:
        img1, img2: [B, C, H, W].
        size_average: one value for the batch; otherwise one for each image, [B].
        val_range: range L of the values.
        normalize: map similarities and contrasts v to (v + 1) / 2. Without it a negative mean contrast gives NaN.
    """
    axes = (0, 1, 2, 3) if size_average else (1, 2, 3)
    contrasts, similarity = [], img1.new_zeros(())
    for scale in range(len(WEIGHTS)):
        if scale:
            img1, img2 = F.avg_pool2d(img1, 2), F.avg_pool2d(img2, 2)
        size = min(window_size, *img1.shape[-2:])
        maps = ssim_maps(img1, img2, size, val_range)
        similarity, contrast = (values.mean(dim=axes) for values in maps)
        if normalize:
            similarity, contrast = (similarity + 1) / 2, (contrast + 1) / 2
        contrasts.append(contrast)
    coarsest = similarity ** WEIGHTS[-1]
    result = torch.ones_like(coarsest)
    for contrast, weight in zip(contrasts, WEIGHTS[:-1], strict=False):
        result = result * contrast**weight * coarsest
    return result


class MSSSIM(nn.Module):
    """:func:`msssim` with its options fixed.

    ``channel`` belongs to the original signature; any number of channels works whatever it says.
    """

    def __init__(self, window_size: int = WINDOW_SIZE, size_average: bool = True, channel: int = 3) -> None:
        super().__init__()
        self.window_size, self.size_average, self.channel = window_size, size_average, channel

    def forward(self, img1: torch.Tensor, img2: torch.Tensor) -> torch.Tensor:
        """``img1``, ``img2`` [B, C, H, W]."""
        return msssim(img1, img2, self.window_size, self.size_average)


class MultiScaleSSIM(nn.Module):
    """Multi-scale SSIM by its definition (Wang et al. 2003, eq. 7), 1 for equal images.

    Per channel: the product over five scales of the mean contrast-structure term to the power of the scale's weight,
    where the coarsest scale has the whole similarity; then the mean over the channels. Scales are halved by 2 x 2
    means, negative terms count as 0.

    Args:
        boundary_ignore: pixels cut at each side; None or 0 for none.
        data_range: largest minus smallest possible value.
    """

    def __init__(self, boundary_ignore: int | None = None, data_range: float = 1.0) -> None:
        super().__init__()
        self.boundary_ignore, self.data_range = boundary_ignore, data_range

    def forward(self, pred: torch.Tensor, gt: torch.Tensor) -> torch.Tensor:
        """Mean of :meth:`per_image`."""
        return self.per_image(pred, gt).mean()

    def per_image(self, pred: torch.Tensor, gt: torch.Tensor) -> torch.Tensor:
        """``pred``, ``gt`` [B, C, H, W], at least 176 pixels a side after the border is cut; the values [B].

        Raises:
            ValueError: the window does not fit into the coarsest scale.
        """
        pred, gt, _ = compared_images(pred, gt, None, self.boundary_ignore)
        smallest = WINDOW_SIZE * 2 ** (len(WEIGHTS) - 1)
        if min(pred.shape[-2:]) < smallest:
            raise ValueError(
                f"multi-scale SSIM needs images of at least {smallest} x {smallest} pixels (after cutting the border), "
                f"got {pred.shape[-2]} x {pred.shape[-1]}"
            )
        result = pred.new_ones(pred.shape[:2])
        for scale, weight in enumerate(WEIGHTS):
            similarity, contrast = ssim_maps(pred, gt, WINDOW_SIZE, self.data_range)
            term = similarity if scale == len(WEIGHTS) - 1 else contrast
            result = result * term.mean(dim=(2, 3)).clamp(min=0) ** weight
            pred, gt = F.avg_pool2d(pred, 2), F.avg_pool2d(gt, 2)
        return result.mean(dim=1)
