"""The robust merge with the contracts of the networks: `pred, aux = net(burst, ...)`.

No parameters; on the CPU whatever the device of the burst, and the prediction comes on that device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from models.classical.joint_demosaicking import middle_frame_first
from models.classical.merge import Output, arrays, check_burst
from models.classical.noise import Array, NoiseModel
from models.classical.robust_merge import RobustMerge
from utils.ops.mosaic import unpack


class RobustDenoiser(nn.Module):
    """Burst denoising; frame 0 is the reference."""

    def forward(self, burst: torch.Tensor, noise_estimate: torch.Tensor | None = None) -> Output:
        """Merges bursts.

        Args:
            burst: [B, T, C, H, W] float, linear.
            noise_estimate: its noise deviation, same shape; seen in frame 0 if None.

        Returns:
            The merged image [B, C, H, W], and `aligned` [B, T], False for frames left out.

        Raises:
            ValueError: another shape or type.
        """
        return _merged(burst, noise_estimate, 1)


class RobustSuperResolution(nn.Module):
    """RAW burst super-resolution; frame 0 is the reference.

    Args:
        sr_factor: scale, seen from the mosaic.
    """

    def __init__(self, sr_factor: int = 4) -> None:
        super().__init__()
        self.sr_factor = sr_factor

    def forward(self, burst: torch.Tensor, noise_map: torch.Tensor | None = None) -> Output:
        """Merges bursts.

        Args:
            burst: [B, T, 4, H, W] float, linear packed RGGB.
            noise_map: deviation of its noise, same shape; seen in frame 0 if None.

        Returns:
            Linear RGB [B, 3, 2sH, 2sW] on the grid of the reference frame, and `aligned` [B, T].

        Raises:
            ValueError: another shape or type.
        """
        if burst.ndim != 5 or burst.shape[2] != 4:
            raise ValueError(f"burst of shape {tuple(burst.shape)}, expected [B, T, 4, H, W] packed RGGB")
        return _merged(burst, noise_map, self.sr_factor, mosaics=True)


class RobustJointDemosaicking(RobustSuperResolution):
    """Joint denoising and demosaicking; the middle frame is the reference."""

    def __init__(self) -> None:
        super().__init__(sr_factor=1)

    def forward(self, burst: torch.Tensor, noise_map: torch.Tensor | None = None) -> Output:
        """As `RobustSuperResolution` of the burst with its middle frame first; `aligned` in that order."""
        return super().forward(middle_frame_first(burst), None if noise_map is None else middle_frame_first(noise_map))


def _merged(burst: torch.Tensor, deviation: torch.Tensor | None, scale: int, mosaics: bool = False) -> Output:
    check_burst(burst, deviation)
    deviations = [None] * len(burst) if deviation is None else arrays(deviation)
    merges = [
        RobustMerge([_frame(frame, mosaics) for frame in frames], _noise(frames, sigma, mosaics), scale)
        for frames, sigma in zip(arrays(burst), deviations, strict=True)
    ]
    images = np.stack([merge.whole().transpose(2, 0, 1) for merge in merges])
    aligned = np.stack([merge.aligned for merge in merges])
    return torch.from_numpy(images).to(burst), {"aligned": torch.from_numpy(aligned).to(burst.device)}


def _frame(channels: Array, is_mosaic: bool) -> Array:
    """Mosaic [2H, 2W] or image [H, W, C] of [C, H, W]."""
    return unpack(channels) if is_mosaic else np.ascontiguousarray(channels.transpose(1, 2, 0))


def _noise(frames: Array, deviation: Array | None, is_mosaic: bool) -> list[NoiseModel]:
    model = NoiseModel.guess(frames[0]) if deviation is None else NoiseModel.fit(frames, deviation)
    return [model] * (3 if is_mosaic else frames.shape[1])
