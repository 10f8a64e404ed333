"""Peak signal-to-noise ratio."""

from __future__ import annotations

import logging
import math

import torch
from torch import nn

from models.loss.pixel_wise import PixelWiseError

logger = logging.getLogger(__name__)


class PSNR(nn.Module):
    """Peak signal-to-noise ratio in dB: the mean over the images of 20 log10(max) - 10 log10(mean square error).

    Args:
        boundary_ignore: pixels cut at each side; None or 0 for none.
        max_value: the signal's maximum; None takes the maximum of each ground truth, before its border is cut.
    """

    def __init__(self, boundary_ignore: int | None = None, max_value: float | None = 1.0) -> None:
        super().__init__()
        self.l2 = PixelWiseError(metric="l2", boundary_ignore=boundary_ignore)
        self.max_value = max_value

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Mean of :meth:`per_image` over the images where it is finite; 0 where none is left.

        Images left out are logged where values can be read without waiting for an accelerator: on a CPU.
        """
        values = self.per_image(pred, gt, valid)
        finite = values.isfinite()
        if values.device.type == "cpu" and not finite.all():
            logger.info(
                "PSNR is infinite or NaN for %d of %d images (an exact match, or nothing valid): left out of the mean",
                int((~finite).sum()),
                len(values),
            )
        return torch.where(finite, values, 0.0).sum() / finite.sum().clamp(min=1)

    def per_image(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """The ratio of every image, [B] in dB; infinite for an exact match and where nothing is valid."""
        mean_square_error = self.l2.per_image(pred, gt, valid)
        if self.max_value is not None:
            return 20 * math.log10(self.max_value) - 10 * mean_square_error.log10()
        peaks = gt.reshape(len(mean_square_error), -1).amax(dim=1).to(mean_square_error.dtype)
        return 20 * peaks.log10() - 10 * mean_square_error.log10()


class NegativePSNR(PSNR):
    """The PSNR as a loss: dark images, whose errors are small, count as much as bright ones."""

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Minus the PSNR in dB."""
        return -super().forward(pred, gt, valid)
