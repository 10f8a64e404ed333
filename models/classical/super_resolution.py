"""Training-free RAW burst super-resolution with the contract of the networks: `pred, aux = net(burst)`.

They have no parameters, run on the CPU whatever the device of the burst, and return a prediction on that device.

Grid of SyntheticBurst and BurstSR: pixel (r, c) of the reference frame's mosaic shows pixel (s·r, s·c) of the ground
truth, s being the scale. So red of packed pixel (i, j) lies at (2s·i, 2s·j), the greens at (2s·i, 2s·j + s) and
(2s·i + s, 2s·j), and blue at (2s·i + s, 2s·j + s).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.classical.alignment import report_left_out
from models.classical.demosaic import demosaic
from models.classical.noise import Array, NoiseModel
from models.classical.rigid_alignment import align_rigidly

# Mosaic positions (row, column) of the packed channels.
_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))


class _RawSuperResolution(nn.Module):
    """Restores the bursts of a batch one by one.

    Args:
        sr_factor: scale, seen from the mosaic; a packed frame has half of its sides.
    """

    def __init__(self, sr_factor: int = 4) -> None:
        super().__init__()
        self.sr_factor = sr_factor

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """Restores bursts.

        Args:
            burst: [B, T, 4, H, W] float, linear packed RGGB; frame 0 is the reference.

        Returns:
            Linear RGB [B, 3, 2sH, 2sW] on the grid of the reference frame, and an empty dict.

        Raises:
            ValueError: another shape or type.
        """
        if burst.ndim != 5 or burst.shape[2] != 4 or not burst.is_floating_point():
            raise ValueError(
                f"burst of shape {tuple(burst.shape)} and {burst.dtype}, expected [B, T, 4, H, W] packed RGGB of floats"
            )
        restored = [self._restore(frames).transpose(2, 0, 1) for frames in burst.detach().float().cpu().numpy()]
        return torch.from_numpy(np.stack(restored)).to(burst), {}

    def _restore(self, frames: Array) -> Array:
        """RGB [2sH, 2sW, 3] of frames [T, 4, H, W]."""
        raise NotImplementedError


class BilinearUpsampling(_RawSuperResolution):
    """Every colour of the reference frame on its own, interpolated bilinearly between its samples."""

    def _restore(self, frames: Array) -> Array:
        step = 2 * self.sr_factor
        size = (frames.shape[3] * step, frames.shape[2] * step)
        red, green1, green2, blue = (
            _sample(plane, _grid(step, column / 2, row / 2), size, cv2.INTER_LINEAR)
            for plane, (row, column) in zip(frames[0], _PLACES, strict=True)
        )
        return np.stack([red, (green1 + green2) / 2, blue], axis=-1)


class DemosaicUpsampling(_RawSuperResolution):
    """The reference frame, demosaicked (`models.classical.demosaic`) and enlarged by Lanczos interpolation."""

    def _restore(self, frames: Array) -> Array:
        size = (frames.shape[3] * 2 * self.sr_factor, frames.shape[2] * 2 * self.sr_factor)
        return _sample(demosaic(frames[0]), _grid(self.sr_factor), size, cv2.INTER_LANCZOS4)


class AlignedMeanUpsampling(_RawSuperResolution):
    """Mean of all frames, each demosaicked and brought onto the enlarged grid of frame 0 in one Lanczos interpolation.

    Where a moved frame shows nothing it does not count; a frame that shows something else is left out. Frames are
    aligned at the resolution of the packed mosaic (`models.classical.rigid_alignment`).

    Args:
        sr_factor: scale, seen from the mosaic.
        max_shift: largest displacement that is searched, in pixels of the packed frames.
    """

    def __init__(self, sr_factor: int = 4, max_shift: int = 8) -> None:
        super().__init__(sr_factor)
        self.max_shift = max_shift

    def _restore(self, frames: Array) -> Array:
        noise = NoiseModel.guess(frames[0])
        alignment = align_rigidly(noise.luminance(frames), self.max_shift)
        report_left_out(self, alignment.aligned)
        height, width = frames.shape[2] * 2, frames.shape[3] * 2
        size = (width * self.sr_factor, height * self.sr_factor)
        grid = _grid(self.sr_factor)
        total = _sample(demosaic(frames[0]), grid, size, cv2.INTER_LANCZOS4)
        count = np.ones((size[1], size[0], 1), dtype=np.float32)
        for frame, matrix, use in zip(frames[1:], alignment.matrices[1:], alignment.aligned[1:], strict=True):
            if use:
                place = _of_mosaic(matrix) @ np.vstack([grid, [0, 0, 1]])
                shows = _sample(
                    np.ones((height, width), np.float32), place, size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT
                )
                mask = (shows > 0.999)[:, :, None].astype(np.float32)
                total += mask * _sample(demosaic(frame), place, size, cv2.INTER_LANCZOS4)
                count += mask
        return np.asarray(total / count, dtype=np.float32)


def _grid(step: float, x: float = 0.0, y: float = 0.0) -> NDArray[np.float64]:
    """Where pixels of the enlarged image lie in an image with one pixel per `step`, of which pixel 0 is at (x, y)."""
    return np.array([[1 / step, 0, -x], [0, 1 / step, -y]])


def _of_mosaic(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The motion between mosaics [2, 3] that is `matrix` between packed frames.

    The luminance of a packed pixel is a mean of its four samples, so it lies half a mosaic pixel off the first one.
    """
    turn, shift = matrix[:, :2], matrix[:, 2]
    middle = np.array([0.5, 0.5])
    return np.column_stack([turn, 2 * shift + middle - turn @ middle])


def _sample(
    image: Array,
    place: NDArray[np.float64],
    size: tuple[int, int],
    interpolation: int,
    border: int = cv2.BORDER_REPLICATE,
) -> Array:
    """`image` [h, w] or [h, w, C] at `place` [2, 3] · (x, y, 1), for all pixels of an image of `size` (w, h)."""
    flags = interpolation | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, place, size, flags=flags, borderMode=border), dtype=np.float32)
