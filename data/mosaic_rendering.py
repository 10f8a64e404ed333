"""Mosaic frames of a synthetic RAW burst, with only those pixels computed that are read.

``data.synthetic_burst_generation.render_frames`` warps the whole photograph for every frame in three colours. The
downsampling then reads 4 of 16 pixels (factor 4), and the mosaic one colour of three: one value in twelve. Here just
these are warped, by the arithmetic of ``cv2.warpAffine``, so that the frames are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from data.burst_motion import Motion
from utils.ops.mosaic import RGGB_CELLS

Positions = NDArray[np.int64]

_OPENCV_5 = int(cv2.__version__.split(".")[0]) >= 5
_LARGEST_IMAGE = 2**15 - 2  # rows that cv2.remap takes


def can_render_mosaic(shape: tuple[int, int], downsample_factor: int, border_crop: int = 0) -> bool:
    """Whether :func:`render_mosaic` renders a photograph of ``shape``: whole mosaic cells must fill it."""
    return all(size - 2 * border_crop > 0 and (size - 2 * border_crop) % (2 * downsample_factor) == 0 for size in shape)


def render_mosaic(
    image: torch.Tensor, motions: Sequence[Motion], downsample_factor: int, border_crop: int = 0
) -> torch.Tensor:
    """``mosaic(render_frames(image, motions, downsample_factor, border_crop))``, bilinear.

    Equal to the bit with OpenCV 4, and with OpenCV 5 on CPUs with fused multiply-add; on others a value in some
    thousands may differ by one level of 255.

    Args:
        image: linear RGB [3, H, W] in 0..1; truncated to 8 bits.
        motions: of the frames.
        downsample_factor: f.
        border_crop: pixels of the moved photograph that are left out at each side.

    Returns:
        Packed RGGB [T, 4, (H - 2 border) / 2f, (W - 2 border) / 2f] in 0..1.

    Raises:
        ValueError: the photograph does not consist of whole mosaic cells.
    """
    height, width = image.shape[-2:]
    if not can_render_mosaic((height, width), downsample_factor, border_crop):
        raise ValueError(
            f"{height} x {width} pixels less border_crop={border_crop} on each side are no multiple of"
            f" {2 * downsample_factor}, the pixels of a mosaic cell"
        )
    planes = (image * 255.0).to(torch.uint8).cpu().contiguous().numpy()
    inverse = np.stack([inverse_of_opencv(motion.matrix((height, width))) for motion in motions])
    rows, columns = (read_positions(size, downsample_factor, border_crop) for size in (height, width))
    channels = [_channel(planes[color], inverse, rows[row], columns[column]) for color, row, column in RGGB_CELLS]
    return torch.from_numpy(np.stack(channels, axis=1)).float().div_(255.0)


def read_positions(size: int, downsample_factor: int, border_crop: int) -> Positions:
    """Pixels of the moved photograph along one axis that the frame shows.

    Returns:
        [2, n, 2], for even and odd mosaic pixels: the two pixels whose mean each of them is. For an odd factor it is
        one pixel: [2, n, 1].
    """
    middle = [(downsample_factor - 1) // 2, downsample_factor // 2][-2 + downsample_factor % 2 :]
    starts = np.arange(border_crop, size - border_crop, downsample_factor)
    return (starts[:, None] + np.array(middle)).reshape(-1, 2, len(middle)).transpose(1, 0, 2)


def inverse_of_opencv(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse [2, 3] of an affine map, with the roundings of ``cv2.warpAffine``."""
    (a, b, x), (c, d, y) = matrix
    determinant = 1.0 / (a * d - b * c)
    a, b, c, d = d * determinant, -b * determinant, -c * determinant, a * determinant
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def _channel(plane: NDArray[np.uint8], inverse: NDArray[np.float64], rows: Positions, columns: Positions) -> Any:
    """One packed channel of all frames, uint8 [T, h, w]."""
    (height, taps), width = rows.shape, columns.shape[0]
    at_once = max(1, _LARGEST_IMAGE // rows.size)
    parts = []
    for start in range(0, len(inverse), at_once):
        maps = _maps(inverse[start : start + at_once], rows.ravel(), columns.ravel())
        read = cv2.remap(plane, *maps, cv2.INTER_LINEAR)
        # The mean of 2 x 2 pixels, halves rounded up.
        small = read if taps == 1 else cv2.resize(read, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
        parts.append(small.reshape(-1, height, width))
    return np.concatenate(parts)


def _maps(inverse: NDArray[np.float64], rows: Positions, columns: Positions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where in the photograph the read pixels of all frames lie, as ``cv2.remap`` takes it: frames below each other."""
    if _OPENCV_5:
        # float32, the last step a fused multiply-add: exact in float64, then rounded once.
        single = inverse.astype(np.float32)
        offsets = single[:, :, 1:2] * rows.astype(np.float32) + single[:, :, 2:]
        along = single[:, :, :1].astype(np.float64) * columns
        x, y = (
            (offsets[:, axis, :, None] + along[:, axis, None, :]).astype(np.float32).reshape(-1, len(columns))
            for axis in (0, 1)
        )
        return x, y
    # OpenCV 4: whole pixels and 32nds of a pixel, from sums of rounded 1024ths.
    offsets = np.rint((inverse[:, :, 1:2] * rows + inverse[:, :, 2:]) * 1024).astype(np.int64) + 16
    along = np.rint(inverse[:, :, :1] * columns * 1024).astype(np.int64)
    x, y = (((offsets[:, axis, :, None] + along[:, axis, None, :]) >> 5).reshape(-1, len(columns)) for axis in (0, 1))
    pixels = np.stack([x >> 5, y >> 5], axis=-1).astype(np.int16)
    return pixels, ((y & 31) * 32 + (x & 31)).astype(np.uint16)
