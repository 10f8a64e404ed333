"""Structural similarity of one scale (Wang et al., IEEE Transactions on Image Processing 13(4), 2004)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.filtering import gauss_1d
from models.loss.compared_images import compared_images, masked_mean
from utils.ops.crop import crop_boundary

WINDOW_SIZE = 11
WINDOW_SD = 1.5


def value_range(image: torch.Tensor) -> torch.Tensor:
    """The range L that ``image`` seems to have (0-d): 0 or -1 to 1 or 255, from its smallest and largest values.

    All images of a batch share one range.
    """
    largest = torch.where(image.max() > 128, 255.0, 1.0)
    smallest = torch.where(image.min() < -0.5, -1.0, 0.0)
    return (largest - smallest).to(image.dtype)


def ssim_maps(
    img1: torch.Tensor,
    img2: torch.Tensor,
    window_size: int = WINDOW_SIZE,
    val_range: float | torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Similarity and its contrast-structure part for every position of a Gaussian window inside the images.

    Args:
        img1, img2: [B, C, H, W], at least as large as the window.
        window_size: side n of the window (standard deviation 1.5). The middle is at index n // 2.
        val_range: L in C1 = (0.01 L)², C2 = (0.03 L)²; None asks :func:`value_range` about ``img1``.

    Returns:
        ``(2µ1µ2 + C1)(2σ12 + C2) / ((µ1² + µ2² + C1)(σ1² + σ2² + C2))`` and ``(2σ12 + C2) / (σ1² + σ2² + C2)``,
        [B, C, H - n + 1, W - n + 1].

    Raises:
        ValueError: the images are smaller than the window.
    """
    if min(img1.shape[-2:]) < window_size:
        raise ValueError(
            f"images of {img1.shape[-2]} x {img1.shape[-1]} pixels (after cutting the border) are smaller than the "
            f"SSIM window of {window_size} x {window_size}"
        )
    length = value_range(img1) if val_range is None else val_range
    c1, c2 = (0.01 * length) ** 2, (0.03 * length) ** 2
    moments = torch.stack((img1, img2, img1 * img1, img2 * img2, img1 * img2))
    mu1, mu2, square1, square2, product = _window_means(moments, window_size)
    sigma1, sigma2, sigma12 = square1 - mu1 * mu1, square2 - mu2 * mu2, product - mu1 * mu2
    contrast_structure = (2 * sigma12 + c2) / (sigma1 + sigma2 + c2)
    return contrast_structure * (2 * mu1 * mu2 + c1) / (mu1 * mu1 + mu2 * mu2 + c1), contrast_structure


def _window_means(images: torch.Tensor, size: int) -> torch.Tensor:
    """Gaussian means of every window of ``images`` [..., H, W]."""
    weights = gauss_1d(size, WINDOW_SD, torch.tensor([size // 2 - (size - 1) / 2]))[0]
    window = (weights / weights.sum()).to(images)
    with _full_precision(images.device):
        planes = images.flatten(0, -3)[:, None]
        if images.dtype == torch.float64:  # convolutions of this type are slow: a twelfth of the time
            means = _weighted_sums(_weighted_sums(planes, window, axis=-2), window, axis=-1)
        else:  # published float32 figures of images in 0..255 hang on the rounding of the whole window
            means = F.conv2d(planes, torch.outer(window, window)[None, None])
    by_image: torch.Tensor = means[:, 0].unflatten(0, images.shape[:-2])
    return by_image


def _weighted_sums(images: torch.Tensor, weights: torch.Tensor, axis: int) -> torch.Tensor:
    """Sums of ``images`` along one axis under every position of the weights."""
    count = images.shape[axis] - len(weights) + 1
    first, *others = weights.tolist()
    total: torch.Tensor = first * images.narrow(axis, 0, count)
    for i, weight in enumerate(others, start=1):
        total.add_(images.narrow(axis, i, count), alpha=weight)
    return total


@contextlib.contextmanager
def _full_precision(device: torch.device) -> Iterator[None]:
    """Convolutions in the precision of their input.

    Autocast and TF32 keep 8 to 10 bits, which the variances (differences of nearly equal numbers) do not survive.
    """
    cudnn = torch.backends.cudnn
    flags = {"enabled": cudnn.enabled, "benchmark": cudnn.benchmark, "deterministic": cudnn.deterministic}
    exact = cudnn.flags(**flags, allow_tf32=False) if device.type == "cuda" else contextlib.nullcontext()
    with torch.autocast(device.type, enabled=False), exact:
        yield


class SSIM(nn.Module):
    """Structural similarity of one scale: 11 x 11 Gaussian window of standard deviation 1.5, no padding, per channel.

    The project pages of DBSR and DeepRep head this number "MS-SSIM".

    Args:
        boundary_ignore: pixels cut at each side; None or 0 for none.
        use_for_loss: return 1 - SSIM.
        val_range: range of values; None guesses it from the prediction alone (:func:`value_range`), after the border is
            cut.
    """

    def __init__(
        self, boundary_ignore: int | None = None, use_for_loss: bool = True, val_range: float | None = None
    ) -> None:
        super().__init__()
        self.boundary_ignore, self.use_for_loss, self.val_range = boundary_ignore, use_for_loss, val_range

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """``pred``, ``gt`` [B, C, H, W]; ``valid`` (weights that broadcast to them) is asked at the window's middle."""
        return self._mean(pred, gt, valid, per_image=False)

    def per_image(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """The value of every image, [B]."""
        return self._mean(pred, gt, valid, per_image=True)

    def _mean(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None, per_image: bool) -> torch.Tensor:
        pred, gt, valid = compared_images(pred, gt, valid, self.boundary_ignore)
        similarity, _ = ssim_maps(pred, gt, val_range=self.val_range)
        valid = crop_boundary(valid, WINDOW_SIZE // 2) if valid is not None else None
        mean = masked_mean(similarity, valid, per_image)
        return 1 - mean if self.use_for_loss else mean
