"""Training-free burst denoisers with the contract of the networks: `pred, aux = net(burst, noise_estimate=None)`.

They have no parameters, run on the CPU whatever the device of the burst, and return a prediction on that device.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.classical.alignment import Alignment, align, coverage, move, report_left_out
from models.classical.noise import Array, NoiseModel

Output = tuple[torch.Tensor, dict[str, Any]]


class ReferenceFrame(nn.Module):
    """Frame 0 as it is: what one gets without any processing."""

    def forward(self, burst: torch.Tensor, noise_estimate: torch.Tensor | None = None) -> Output:
        """Frame 0, [B, C, H, W], of a burst [B, T, C, H, W]."""
        check_burst(burst, noise_estimate)
        return burst[:, 0].clone(), {}


class BurstMean(nn.Module):
    """Mean of the frames as they lie: clean and blurred by the motion."""

    def forward(self, burst: torch.Tensor, noise_estimate: torch.Tensor | None = None) -> Output:
        """Mean over T, [B, C, H, W], of a burst [B, T, C, H, W]."""
        check_burst(burst, noise_estimate)
        return burst.mean(dim=1), {}


class AlignedMean(nn.Module):
    """Mean of the frames, each moved onto frame 0 (`models.classical.alignment`).

    Where a moved frame shows nothing it does not count; a frame that shows something else is left out.

    Args:
        max_shift: largest displacement that is searched, in pixels.
    """

    # Blurs a little, which in noise is worth 0.1 to 0.9 dB (gains 1 to 8, training photographs) over cubic.
    interpolation = cv2.INTER_LINEAR

    def __init__(self, max_shift: int = 8) -> None:
        super().__init__()
        self.max_shift = max_shift

    def forward(self, burst: torch.Tensor, noise_estimate: torch.Tensor | None = None) -> Output:
        """Merges bursts.

        Args:
            burst: [B, T, C, H, W] float, linear.
            noise_estimate: its noise deviation, same shape; seen in frame 0 if None.

        Returns:
            The merged image [B, C, H, W]; `shifts` [B, T, 2] (x, y) and `aligned` [B, T], False for frames left out.

        Raises:
            ValueError: another shape or type.
        """
        check_burst(burst, noise_estimate)
        images, alignments = [], []
        for index, frames in enumerate(arrays(burst)):
            noise = _noise_model(frames, None if noise_estimate is None else arrays(noise_estimate)[index])
            alignment = align(noise.luminance(frames), self.max_shift)
            report_left_out(self, alignment.aligned)
            merged, count = _merge(frames, alignment, self.interpolation)
            images.append(self._finish(merged, count, noise))
            alignments.append(alignment)
        prediction = torch.from_numpy(np.stack(images)).to(burst)
        shifts = torch.from_numpy(np.stack([a.shifts for a in alignments])).to(burst)
        aligned = torch.from_numpy(np.stack([a.aligned for a in alignments])).to(burst.device)
        return prediction, {"shifts": shifts, "aligned": aligned}

    def _finish(self, merged: Array, count: Array, noise: NoiseModel) -> Array:
        """What is done with the merged image [C, H, W], of which every pixel is a mean of `count` [H, W] frames."""
        return merged


class AlignedMeanNLM(AlignedMean):
    """Aligned mean, then non-local means (A. Buades, B. Coll and J.-M. Morel, CVPR 2005).

    The mean is variance-stabilised for the noise that is left after merging, so one strength fits dark and bright parts
    and every noise level, filtered with all channels together, and brought back without bias. The defaults are the best
    parameters (within 0.02 dB) of a grid (strength 0.3 to 1.2, patches 3 to 7, distance 5 to 15) for the mean PSNR
    at gains 1 to 8 on the training photographs.

    Args:
        max_shift: as in `AlignedMean`.
        strength: filter strength in units of the noise deviation.
        patch_size: side of the compared patches in pixels.
        patch_distance: how far away similar patches are looked for, in pixels.
    """

    # The filter removes the noise, so here sharpness counts.
    interpolation = cv2.INTER_CUBIC

    def __init__(
        self, max_shift: int = 8, strength: float = 0.5, patch_size: int = 5, patch_distance: int = 11
    ) -> None:
        super().__init__(max_shift)
        self.strength, self.patch_size, self.patch_distance = strength, patch_size, patch_distance

    def _finish(self, merged: Array, count: Array, noise: NoiseModel) -> Array:
        from skimage.restoration import denoise_nl_means

        left = noise.averaged(float(count.mean()))
        denoised = denoise_nl_means(
            left.stabilise(merged),
            patch_size=self.patch_size,
            patch_distance=self.patch_distance,
            h=self.strength,
            sigma=1.0,
            fast_mode=True,
            channel_axis=0,
            preserve_range=True,
        )
        return left.restore(denoised.reshape(merged.shape).astype(np.float32))  # it drops the axis of a single channel


def _merge(frames: Array, alignment: Alignment, interpolation: int) -> tuple[Array, Array]:
    """Mean [C, H, W] of the aligned frames, and how many frames [H, W] each pixel is a mean of."""
    total = np.zeros(frames.shape[1:], dtype=np.float32)
    count = np.zeros(frames.shape[2:], dtype=np.float32)
    for frame, shift, use in zip(frames, alignment.shifts, alignment.aligned, strict=True):
        if use:
            mask = coverage(frames.shape[2:], shift)
            moved = move(np.ascontiguousarray(frame.transpose(1, 2, 0)), shift, interpolation).reshape(*count.shape, -1)
            total += moved.transpose(2, 0, 1) * mask
            count += mask
    return total / count, count  # frame 0 covers every pixel


def _noise_model(frames: Array, sigma: Array | None) -> NoiseModel:
    return NoiseModel.guess(frames[0]) if sigma is None else NoiseModel.fit(frames, sigma)


def arrays(tensor: torch.Tensor) -> NDArray[np.float32]:
    """The values of a tensor on the CPU."""
    return tensor.detach().float().cpu().numpy()


def check_burst(burst: torch.Tensor, noise_estimate: torch.Tensor | None) -> None:
    """Raises a ValueError that names what came where a burst [B, T, C, H, W] of floats was expected."""
    if burst.ndim != 5 or not burst.is_floating_point():
        raise ValueError(f"burst of shape {tuple(burst.shape)} and {burst.dtype}, expected [B, T, C, H, W] of floats")
    if noise_estimate is not None and noise_estimate.shape != burst.shape:
        raise ValueError(
            f"noise_estimate of shape {tuple(noise_estimate.shape)} for a burst of shape {tuple(burst.shape)}"
        )
