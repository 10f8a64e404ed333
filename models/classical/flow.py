"""Motion of hand-held bursts: a rigid motion of the whole frame, then a smooth flow, both by coarse-to-fine search.

1. At the coarsest level of a pyramid, where 60 pixels are a few: a translation by search over all displacements, then
   rotation and translation by the enhanced correlation coefficient (`models.classical.rigid_alignment`).
2. Down the pyramid the same coefficient refines the rigid motion.
3. What is left, parallax and the rolling of the shutter, by least squares in overlapping windows: B. Lucas and T.
   Kanade, An iterative image registration technique, IJCAI 1981, in the incremental form with warping.
   The windows are Gaussian (A. Bruhn, J. Weickert and C. Schnörr, Lucas/Kanade meets Horn/Schunck, IJCV 2005, eq. 5).
   Each frame is compared with the mean of the others, which is less noisy than the reference. A prior that says "no
   further motion" holds where windows show nothing but noise.

Everything works on luminance with noise of deviation 1, so that thresholds are in units of the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.classical.alignment import align
from models.classical.noise import Array
from models.classical.rigid_alignment import refine_rigidly

Matrix = NDArray[np.float64]
Places = NDArray[np.floating[Any]]

# Longest side of the pyramid's coarsest level, and the one down to which the rigid motion is refined.
_COARSEST, _FINEST_RIGID = 160, 1024
# The search goes as far as this part of the shorter side.
_SEARCHED = 0.4
# At the coarsest level, shifts up to so many pixels are believed more easily than longer ones, which chance finds more
# often in noise: those have to be better by so many deviations of it.
_NEAR, _DOUBT = 8, 5.0
# Deviation of the Gaussian that smooths before frames are compared.
_BLUR = 1.5
# A refinement that moves a corner further than this has found something else: pixels at the coarsest level (3 degrees
# are 6 pixels there), and below.
_LARGEST_TURN, _LARGEST_REFINEMENT = 8.0, 3.0
# Gaussian windows of the flow, in pixels of the luminance, and how often the flow is updated.
_WINDOW, _UPDATES = 12.0, 3
# Strength of the prior: energy of gradients per pixel, in units of the noise's, below which it holds.
_PRIOR = 1.0
# Distance of the points at which the flow is stored, in pixels of the luminance.
GRID = 8
# A frame has to show this part of the reference at least.
_LEAST_OVERLAP = 0.2


@dataclass(frozen=True)
class Flow:
    """Where the frames of a burst lie.

    Attributes:
        grids: [T, h, w, 2] (x, y) in pixels of the luminance at every `GRID`-th pixel of it:
            `frame_i(p + flow_i(p)) = frame_0(p)`; 0 for the reference frame 0.
        aligned: [T]; False for frames that show something else and must not be merged.
    """

    grids: Array
    aligned: NDArray[np.bool_]

    def at(self, frame: int, x: Places, y: Places) -> Array:
        """Flow [..., 2] at pixels (x, y) of the luminance, between the grid's points by bilinear interpolation."""
        return bilinear(self.grids[frame], x / GRID, y / GRID)


def find_flow(luminance: Array) -> Flow:
    """Finds the motion of every frame.

    Args:
        luminance: [T, H, W], noise of deviation 1; frame 0 is the reference.
    """
    height, width = luminance.shape[1:]
    matrices, aligned = _rigid_motions(luminance)
    grids = np.stack([_of_matrix(matrix, (height, width)) for matrix in matrices])
    if aligned.sum() > 1 and min(height, width) > 2 * GRID:
        grids = _with_local_motion(luminance, grids, aligned)
    return Flow(grids, aligned)


def warp(image: Array, grid: Array) -> Array:
    """A frame [H, W] or [H, W, C] of the luminance's size brought onto the reference by its flow (bilinear)."""
    x, y = _places(grid, image.shape[:2])
    return bilinear(image, x, y)


def overlap(grid: Array, shape: tuple[int, int]) -> Array:
    """[H, W]: 1 where the moved frame shows something of the reference, 0 where not."""
    x, y = _places(grid, shape)
    inside = (x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1)
    return inside.astype(np.float32)


def _places(grid: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
    height, width = shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    flow = _dense(grid, shape)
    return x + flow[..., 0], y + flow[..., 1]


def _dense(grid: Array, shape: tuple[int, int]) -> Array:
    """The flow [H, W, 2] at all pixels of the luminance."""
    height, width = shape
    place = np.array([[1 / GRID, 0, 0], [0, 1 / GRID, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    dense = cv2.warpAffine(grid, place, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(dense, np.float32)


def _of_matrix(matrix: Matrix, shape: tuple[int, int]) -> Array:
    rows, columns = (-(-side // GRID) + 1 for side in shape)
    x, y = np.meshgrid(np.arange(columns) * GRID, np.arange(rows) * GRID)
    points = np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float64)
    return (points @ matrix.T - points[..., :2]).astype(np.float32)


def _rigid_motions(luminance: Array) -> tuple[Matrix, NDArray[np.bool_]]:
    levels = [luminance]
    while max(levels[-1].shape[1:]) > _COARSEST and min(levels[-1].shape[1:]) >= 32:
        levels.append(_halved(levels[-1]))
    coarse = levels.pop()
    shifts = _translations(coarse)
    matrices = np.stack([_of_shift(shift) for shift in shifts])
    matrices = _refined(coarse, matrices, _LARGEST_TURN)
    aligned = _shows_the_same(coarse, matrices)
    while levels:
        level = levels.pop()
        matrices[:, :, 2] = 2 * matrices[:, :, 2] + 0.5 - matrices[:, :, :2] @ np.array([0.5, 0.5])
        if max(level.shape[1:]) <= max(_FINEST_RIGID, 2 * _COARSEST):
            matrices = _refined(level, matrices, _LARGEST_REFINEMENT)
    return matrices, aligned


def _translations(luminance: Array) -> NDArray[np.float64]:
    """Shifts as of `align`: far ones only where they explain a frame better than near ones by more than chance does."""
    far = int(_SEARCHED * min(luminance.shape[1:]))
    if far <= _NEAR:
        return align(luminance, far).shifts
    near_shifts, far_shifts = align(luminance, _NEAR).shifts, align(luminance, far).shifts
    chance = _DOUBT * 2 * _noise_left() * math.sqrt(2 / (luminance[0].size * 4 * _noise_left()))
    reference = _smooth(luminance[0])
    shifts = near_shifts.copy()
    for index in range(1, len(luminance)):
        near, distant = (
            _difference(*_shared(reference, luminance[index], _of_shift(shifts_there[index])))
            for shifts_there in (near_shifts, far_shifts)
        )
        if distant < near - chance:
            shifts[index] = far_shifts[index]
    return shifts


def _of_shift(shift: NDArray[np.float64]) -> Matrix:
    return np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]])


def _shared(smooth_reference: Array, frame: Array, matrix: Matrix) -> tuple[Array, Array]:
    """Values of the smoothed reference and the smoothed frame where both show something; empty where that is little."""
    grid = _of_matrix(matrix, frame.shape)
    mask = overlap(grid, frame.shape) > 0
    if mask.mean() < _LEAST_OVERLAP:
        mask[:] = False
    return smooth_reference[mask], warp(_smooth(frame), grid)[mask]


def _difference(here: Array, there: Array) -> float:
    """Mean squared difference; infinite where nothing is shared."""
    return float(np.square(here - there).mean()) if here.size else math.inf


def _smooth(image: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), _BLUR), np.float32)


def _noise_left() -> float:
    """Variance of noise of variance 1 after `_smooth`."""
    return 1 / (4 * math.pi * _BLUR**2)


def _refined(luminance: Array, matrices: Matrix, largest: float) -> Matrix:
    moved = zip(luminance[1:], matrices[1:], strict=True)
    return np.stack([matrices[0], *(refine_rigidly(luminance[0], frame, matrix, largest) for frame, matrix in moved)])


def _halved(luminance: Array) -> Array:
    """Half of the sides; the mean of four pixels has half their noise, so it is doubled."""
    height, width = (side // 2 for side in luminance.shape[1:])
    return 2 * np.stack(
        [cv2.resize(f[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA) for f in luminance]
    )


def _shows_the_same(luminance: Array, matrices: Matrix) -> NDArray[np.bool_]:
    """Which frames, brought onto the reference, differ from it by noise and little else.

    A frame is refused if what is left beyond the noise is more than half of what two unrelated scenes would leave, and
    more than a tenth of the noise itself: in deep noise nothing can be told, and a wrong frame does little harm.
    """
    same = np.ones(len(luminance), dtype=bool)
    noise = 2 * _noise_left()
    reference = _smooth(luminance[0])
    for i in range(1, len(luminance)):
        here, there = _shared(reference, luminance[i], matrices[i])
        rest = _difference(here, there) - noise
        unrelated = float(here.var() + there.var() + (here.mean() - there.mean()) ** 2) - noise if here.size else 0.0
        same[i] = rest <= max(0.5 * unrelated, 0.05 * noise)
    return same


def _with_local_motion(luminance: Array, grids: Array, aligned: NDArray[np.bool_]) -> Array:
    shape = (luminance.shape[1], luminance.shape[2])
    chosen = np.flatnonzero(aligned)
    for _ in range(_UPDATES):
        total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for i in chosen:
            mask = overlap(grids[i], shape)
            total += mask * warp(luminance[i], grids[i])
            count += mask
        guide = np.asarray(total / np.maximum(count, 1), np.float32)
        updates = np.zeros_like(grids)
        for i in chosen:
            mask = overlap(grids[i], shape)
            moved = warp(luminance[i], grids[i])
            others = np.asarray(np.maximum(count - mask, 0), np.float32)
            valid = mask * (others > 0)
            rest = valid * (moved - (total - mask * moved) / np.maximum(others, 1))
            certainty = valid / (1 + 1 / np.maximum(others, 1))  # one over the variance of the difference
            updates[i] = _least_squares(guide, rest.astype(np.float32), certainty.astype(np.float32))
        grids = grids + np.where(aligned[:, None, None, None], updates - updates[:1], 0)
    return grids.astype(np.float32)


def _least_squares(guide: Array, rest: Array, weight: Array) -> Array:
    """The further flow [h, w, 2] at the grid's points that explains `rest` = frame - guide by the guide's gradients."""
    smooth = cv2.GaussianBlur(guide, (0, 0), 0.8)
    gx = cv2.filter2D(smooth, cv2.CV_32F, np.array([[-0.5, 0, 0.5]], np.float32))
    gy = cv2.filter2D(smooth, cv2.CV_32F, np.array([[-0.5], [0], [0.5]], np.float32))
    xx, xy, yy, xr, yr = (
        _at_grid(np.asarray(cv2.GaussianBlur(weight * product, (0, 0), _WINDOW), np.float32))
        for product in (gx * gx, gx * gy, gy * gy, gx * rest, gy * rest)
    )
    xx, yy = xx + _PRIOR, yy + _PRIOR
    determinant = xx * yy - xy * xy
    return np.asarray(np.stack([xy * yr - yy * xr, xy * xr - xx * yr], axis=-1) / determinant[..., None], np.float32)


def _at_grid(image: Array) -> Array:
    rows, columns = (-(-side // GRID) + 1 for side in image.shape)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32) * GRID, np.arange(rows, dtype=np.float32) * GRID)
    return bilinear(image, x, y)


def bilinear(image: Array, x: Places, y: Places) -> Array:
    """An image [h, w] or [h, w, C] at (x, y), its outermost pixels continued."""
    places = np.asarray(x, np.float32), np.asarray(y, np.float32)
    return np.asarray(cv2.remap(image, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
