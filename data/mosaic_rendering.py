"""Mosaic frames of a synthetic RAW burst, with only those pixels computed that are read.

``data.synthetic_burst_generation.render_frames`` warps the whole photograph for every frame in three colours. The
downsampling then reads 4 of 16 pixels (factor 4), and the mosaic one colour of three: one value in twelve. Here just
these are warped, by the arithmetic of ``cv2.warpAffine``, so that the frames are the same to the bit; or, of whole
batches on a GPU, by sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
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


def render_mosaics(
    images: torch.Tensor, inverse: torch.Tensor, downsample_factor: int, border_crop: int = 0
) -> torch.Tensor:
    """:func:`render_mosaic` of a batch, on any device, equal to it within one level of 255.

    Args:
        images: linear RGB [B, 3, H, W] in 0..1, of whole mosaic cells.
        inverse: [B, T, 2, 3] float64 of :func:`inverse_of_opencv`, on the same device.
        downsample_factor, border_crop: as above.

    Returns:
        [B, T, 4, h, w] in 0..1.
    """
    batch, _, height, width = images.shape
    frames = inverse.shape[1]
    colors = [color for color, _, _ in RGGB_CELLS]
    # With sides that are powers of two the normalised positions are exact for halves of pixels, where rounding is a
    # matter of exactness. What is added is black, as everything outside the photograph.
    padded = [1 << (size - 1).bit_length() for size in (height, width)]
    levels = F.pad((images * 255.0).floor_(), (0, padded[1] - width, 0, padded[0] - height))[:, colors]
    rows, columns = (
        torch.stack(
            [
                torch.from_numpy(read_positions(size, downsample_factor, border_crop))[cell[axis]].T
                for cell in RGGB_CELLS
            ]
        )
        for axis, size in ((1, height), (2, width))
    )  # [4, taps, h] and [4, taps, w]
    grid = torch.stack(
        [_normalised(inverse[:, :, axis], rows, columns, padded[1 - axis]) for axis in (0, 1)], dim=-1
    )  # [B, 4, T, taps, taps, h, w, 2]
    taps, h, w = rows.shape[1], rows.shape[2], columns.shape[2]
    read = F.grid_sample(
        levels.reshape(4 * batch, 1, *padded),
        grid.view(4 * batch, frames * taps * taps * h, w, 2),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    total = read.round_().view(batch, 4, frames, taps * taps, h, w).sum(dim=3)
    return total.div_(taps * taps).add_(0.5).floor_().div_(255.0).transpose(1, 2).contiguous()


def _normalised(matrix: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, size: int) -> torch.Tensor:
    """One coordinate of the positions, as ``grid_sample`` takes it: [B, 4, T, taps, taps, h, w]."""
    single = matrix.float()
    rows, columns = rows.to(matrix.device, non_blocking=True), columns.to(matrix.device, non_blocking=True)

    def factors(index: int) -> torch.Tensor:
        return single[:, None, :, index, None, None]

    offsets = (factors(1) * rows[:, None].float() + factors(2)).double()
    along = factors(0).double() * columns[:, None]
    position = offsets.mul_(2).add_(1)[:, :, :, :, None, :, None] + along.mul_(2)[:, :, :, None, :, None, :]
    return position.div_(size).sub_(1).float()


def read_positions(size: int, downsample_factor: int, border_crop: int) -> Positions:
    """Pixels of the moved photograph along one axis that the frame shows.

    Returns:
        [2, n, 2], for even and odd mosaic pixels the two pixels whose mean each of them is. For an odd factor it is
        one pixel, [2, n, 1].
    """
    middle = [(downsample_factor - 1) // 2, downsample_factor // 2][-2 + downsample_factor % 2 :]
    starts = np.arange(border_crop, size - border_crop, downsample_factor)
    positions: Positions = (starts[:, None] + np.array(middle)).reshape(-1, 2, len(middle)).transpose(1, 0, 2)
    return positions


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
    return _maps_of_floats(inverse, rows, columns) if _OPENCV_5 else _maps_of_integers(inverse, rows, columns)


def _maps_of_floats(
    inverse: NDArray[np.float64], rows: Positions, columns: Positions
) -> tuple[NDArray[Any], NDArray[Any]]:
    """OpenCV 5: float32, the last step a fused multiply-add, that is exact (in float64) and then rounded once."""
    single = inverse.astype(np.float32)
    offsets = single[:, :, 1:2] * rows.astype(np.float32) + single[:, :, 2:]
    along = single[:, :, :1].astype(np.float64) * columns
    x, y = (_outer_sum(offsets[:, axis], along[:, axis]).astype(np.float32) for axis in (0, 1))
    return x, y


def _maps_of_integers(
    inverse: NDArray[np.float64], rows: Positions, columns: Positions
) -> tuple[NDArray[Any], NDArray[Any]]:
    """OpenCV 4: whole pixels and 32nds of a pixel, from sums of rounded 1024ths."""
    offsets = np.rint((inverse[:, :, 1:2] * rows + inverse[:, :, 2:]) * 1024).astype(np.int64) + 16
    along = np.rint(inverse[:, :, :1] * columns * 1024).astype(np.int64)
    x, y = (_outer_sum(offsets[:, axis], along[:, axis]) >> 5 for axis in (0, 1))
    pixels = np.stack([x >> 5, y >> 5], axis=-1).astype(np.int16)
    return pixels, ((y & 31) * 32 + (x & 31)).astype(np.uint16)


def _outer_sum(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """[T, h] and [T, w] to their sums [T h, w]."""
    sums: NDArray[Any] = (rows[:, :, None] + columns[:, None, :]).reshape(-1, columns.shape[1])
    return sums
