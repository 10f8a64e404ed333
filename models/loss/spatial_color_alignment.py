"""Alignment in space and colour, so that images of two cameras can be compared (BurstSR; Bhat et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.filtering import apply_kernel, get_gaussian_kernel
from models.layers.warp import warp
from utils.ops.crop import crop_boundary

AlignmentNet = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# Pixels of the smoothed images whose neighbours lie partly outside.
_SMOOTHED_BORDER = 5
# A colour is matched where the fit is off by less than this, on a scale of 255.
_LARGEST_ERROR = 20.0
# R, the G of red rows, and B of a packed RGGB frame.
_RGB_OF_PACKED = [0, 1, 3]


class SpatialColorAlignment(nn.Module):
    """Moves a prediction onto the grid and into the colours of a ground truth that another camera took.

    Args:
        alignment_net: ``flow = net(source, target)`` for images [B, 3, H, W]: lives on the target's grid, points into
            the source. Runs without gradients; a module stays in evaluation mode.
        sr_factor: prediction pixels for a pixel of the sensor's mosaic (a packed raw frame has half of those).
    """

    def __init__(self, alignment_net: AlignmentNet, sr_factor: int = 4) -> None:
        super().__init__()
        self.alignment_net, self.sr_factor = alignment_net, sr_factor
        self.gauss_kernel, self.ksz = get_gaussian_kernel(sd=1.5)
        self.eval()

    def train(self, mode: bool = True) -> SpatialColorAlignment:
        """Stays in evaluation mode, whatever ``mode`` says: nothing here is trained."""
        return super().train(False)

    def forward(
        self, pred: torch.Tensor, gt: torch.Tensor, burst_input: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Aligns ``pred`` to ``gt``, both [B, 3, H, W] linear; computed in full precision, also under autocast.

        Args:
            burst_input: [B, N, 4, H / 2s, W / 2s] packed RGGB, s = ``sr_factor``; only frame 0 is used.

        Returns:
            The aligned prediction [B, 3, H, W] (gradients reach ``pred`` through the warp and the colour product) and
            where it can be trusted, [B, 1, H, W] bool.

        Raises:
            ValueError: the sizes do not fit.
        """
        step = 1.0 / (2 * self.sr_factor)
        expected = (int(gt.shape[-2] * step), int(gt.shape[-1] * step))
        if pred.shape != gt.shape or burst_input.ndim != 5 or tuple(burst_input.shape[-2:]) != expected:
            raise ValueError(
                f"expected prediction and ground truth of one shape and a packed burst {2 * self.sr_factor} times "
                f"smaller (sr_factor {self.sr_factor}), got {tuple(pred.shape)}, {tuple(gt.shape)}, "
                f"{tuple(burst_input.shape)}"
            )
        with torch.autocast(pred.device.type, enabled=False):
            return self._align(pred.to(gt.dtype), gt, burst_input[:, 0, _RGB_OF_PACKED].to(gt.dtype), step)

    def _align(
        self, pred: torch.Tensor, gt: torch.Tensor, frame: torch.Tensor, step: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            # Brightness counts for the flow network; one maximum for the whole batch, as published.
            flow = self.alignment_net(pred / (pred.max() + 1e-6), gt / (gt.max() + 1e-6))
            small_flow = step * _resized(flow, step)
            small_gt, small_frame = _resized(gt, step), warp(frame, small_flow)
        return match_colors(small_gt, small_frame, warp(pred, flow), self.ksz, self.gauss_kernel)


def match_colors(
    im_ref: torch.Tensor, im_q: torch.Tensor, im_test: torch.Tensor, ksz: int, gauss_kernel: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gives ``im_test`` the colours of ``im_ref`` by the linear transform that best takes ``im_q`` there.

    Args:
        im_ref, im_q: [B, 3, h, w] aligned linear images of the two cameras, smoothed with ``gauss_kernel`` first.
        im_test: [B, 3, H, W] in the colours of ``im_q``, usually larger.
        ksz, gauss_kernel: the smoothing kernel [1, 1, ksz, ksz].

    Returns:
        The converted image [B, 3, H, W], and [B, 1, H, W] bool, true where the transform fits the small images to less
        than 20 / 255.
    """
    transform, error = fit_color_transform(im_ref, im_q, ksz, gauss_kernel)
    fits = (255 * error < _LARGEST_ERROR).to(im_test.dtype)
    fits = F.pad(fits, [(im_q.shape[-1] - fits.shape[-1]) // 2] * 4)
    valid = F.interpolate(fits, size=im_test.shape[-2:], mode="bilinear", align_corners=False) > 0.9
    return torch.einsum("bchw,bcd->bdhw", im_test, transform.to(im_test.dtype)), valid


@torch.no_grad()
def fit_color_transform(
    im_ref: torch.Tensor, im_q: torch.Tensor, ksz: int, gauss_kernel: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Least squares for ``rgb_ref = rgb_q @ X`` (rows are colours, no offset) over the smoothed images.

    Returns:
        X [B, 3, 3] in double precision, and the length of the residual for every pixel, [B, 1, h - 10, w - 10].
        Of several best X (a grey or black image) the smallest is taken.

    Raises:
        ValueError: the images differ in shape or are too small.
    """
    if im_ref.shape != im_q.shape or im_q.shape[1] != 3:
        raise ValueError(
            f"expected two images [B, 3, h, w] of one shape, got {tuple(im_ref.shape)} and {tuple(im_q.shape)}"
        )
    ref, query = (
        crop_boundary(apply_kernel(im, ksz, gauss_kernel), _SMOOTHED_BORDER).permute(0, 2, 3, 1).double()
        for im in (im_ref, im_q)
    )
    rows, targets = query.flatten(1, 2), ref.flatten(1, 2)
    # Normal equations: in double precision they are exact enough for three colours, and they need no full rank. A NaN
    # still comes through in the product.
    normal = (rows.mT @ rows).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    transform = torch.linalg.pinv(normal, hermitian=True) @ (rows.mT @ targets)
    residual = (rows @ transform - targets).norm(dim=-1)
    return transform, residual.unflatten(1, query.shape[1:3])[:, None]


def _resized(image: torch.Tensor, scale: float) -> torch.Tensor:
    return F.interpolate(image, scale_factor=scale, mode="bilinear", align_corners=False)
