"""What every metric does first with the two images that it compares."""

from __future__ import annotations

import torch

from utils.ops.crop import crop_boundary


def compared_images(
    pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None, boundary_ignore: int | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The compared parts of the images: [B, C, H, W] each, in one dtype of at least single precision.

    Args:
        pred, gt: [B, C, H, W], or one image [C, H, W].
        valid: what counts, bool or float weights that broadcast to the images, or None for everything.
        boundary_ignore: pixels to cut at each side.

    Raises:
        ValueError: the images differ in shape (a grey prediction would silently broadcast to a colour reference),
            or the boundary leaves nothing.
    """
    if pred.shape != gt.shape:
        raise ValueError(f"prediction {tuple(pred.shape)} and ground truth {tuple(gt.shape)} differ in shape")
    if pred.ndim not in (3, 4):
        raise ValueError(f"expected images [B, C, H, W] or [C, H, W], got {tuple(pred.shape)}")
    dtype = torch.promote_types(torch.promote_types(pred.dtype, gt.dtype), torch.float32)
    pred, gt = crop_boundary(pred.to(dtype), boundary_ignore), crop_boundary(gt.to(dtype), boundary_ignore)
    if valid is not None:
        valid = crop_boundary(valid, boundary_ignore)
    if pred.ndim == 3:
        pred, gt = pred[None], gt[None]
        valid = valid[None] if valid is not None and valid.ndim == 3 else valid
    return pred, gt, valid


def masked_mean(values: torch.Tensor, valid: torch.Tensor | None, per_image: bool = False) -> torch.Tensor:
    """Mean of ``values`` [B, C, H, W] weighted by ``valid``: Σ(v·w) / (Σw + 1e-12), 0 if nothing is valid.

    Args:
        valid: bool or float weights that broadcast to ``values``; None counts everything alike.
        per_image: one mean for each image, [B], instead of one for all.
    """
    axes = (1, 2, 3) if per_image else (0, 1, 2, 3)
    if valid is None:
        return values.mean(dim=axes)
    values, weights = torch.broadcast_tensors(values, valid.to(values.dtype))
    mean: torch.Tensor = (values * weights).sum(dim=axes) / (weights.sum(dim=axes) + 1e-12)
    return mean
