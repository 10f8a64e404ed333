"""Burst synthesis as an unofficial implementation of 2020 did it, quirks included, so that results compare.

Everything is 8 bit, also in linear space; "blur" is a few ghost images; the frames are aligned to the ground truth.
:mod:`data.deblur_paper` does better.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from data.deblur_alignment import aligned
from data.deblur_bursts import DeblurBursts, draw_noise_levels, sample
from utils.draws import Draws, standard_normal

Image = NDArray[np.uint8]
Cells = list[tuple[int, int]]

_GAMMA = (1.5, 2.5)
_GAUSSIAN_LENGTH = (4, 9)
_SMALLEST_DEVIATION = 3
_MEDIAN = 5
_LONGEST_WALK = 10_000


@dataclass(eq=False)
class OriginalDeblurBursts(DeblurBursts):
    """The original chain: noise, to linear, blur, alignment to the sharp image, to display, a little more noise.

    Photographs are resized to a square, whatever their shape. Where alignment fails the frame stays as it is (the
    original stopped there).

    The arguments of :class:`DeblurBursts`, and others:

    Args:
        kernel_lvl: the random walk of the camera ends at a distance of kernel_lvl / √2 pixels; without motion blur
            the largest vertical deviation is 10 kernel_lvl.
        motion_blur: a random walk's dots; else a vertical Gaussian and a median.
        noise_levels: ``chained`` starts the levels of a frame from those of the frame before, so they drift;
            ``independent`` starts every frame from ``noise_lvl``.
        render_on: ``worker``.
        transform: None.

    Raises:
        ValueError: impossible sizes or levels, other noise levels, another place to render on, a transform.
    """

    noise_levels: Literal["chained", "independent"] = field(default="chained", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.transform is not None:
            raise ValueError(f"{type(self).__name__} works on photographs of 8 bits: leave transform out")
        if self.noise_levels not in ("chained", "independent"):
            raise ValueError(f"noise_levels={self.noise_levels!r}: expected 'chained' or 'independent'")
        if self.motion_blur and self.kernel_lvl >= self.size:
            raise ValueError(f"kernel_lvl={self.kernel_lvl}: a walk on a grid of size={self.size} needs less than that")
        if not self.motion_blur and 10 * self.kernel_lvl <= _SMALLEST_DEVIATION:
            raise ValueError(f"kernel_lvl={self.kernel_lvl}: Gaussian blur needs more than {_SMALLEST_DEVIATION / 10}")

    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """``frames``: for each its ``level1`` and ``level2`` (deviations per channel), ``noise1_seed``,
        ``noise2_seed``, ``gamma``, and ``cells`` of the motion kernel or ``sigma`` and ``length`` of the Gaussian."""
        levels, frames = (self.noise_lvl,) * 3, []
        for _ in range(self.burst_size):
            level1, level2 = draw_noise_levels(levels, draws)
            if self.noise_levels == "chained":
                levels = level2
            gamma = draws.uniform(*_GAMMA)
            frames.append(
                {
                    "level1": level1,
                    "noise1_seed": draws.seed(),
                    "gamma": gamma,
                    **self._draw_blur(draws),
                    "level2": level2,
                    "noise2_seed": draws.seed(),
                }
            )
        return {"frames": frames}

    def _draw_blur(self, draws: Draws) -> dict[str, Any]:
        if self.motion_blur:
            return {"cells": draw_walk(self.kernel_lvl, draws, self.size)}
        return {"sigma": _draw_deviation(self.kernel_lvl, draws), "length": draws.integer(*_GAUSSIAN_LENGTH)}

    def render(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """As the base class says, from a photograph uint8 [H, W, 3] RGB."""
        target = np.asarray(cv2.resize(frame, (self.size, self.size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        rendered = [self._render_frame(target, one) for one in params["frames"]]
        burst = sample(target, [image for image, _ in rendered])
        return {**burst, "unaligned": sum(not worked for _, worked in rendered)} if self.align else burst

    def _render_frame(self, target: Image, params: dict[str, Any]) -> tuple[Image, bool]:
        noisy = add_noise(target, _noise(target.shape, params["level1"], params["noise1_seed"]))
        linear = to_linear_table(params["gamma"])[noisy]
        if self.motion_blur:
            blurred = blur_by_walk(linear, params["cells"], self.size)
        else:
            blurred = median(blur_vertically(linear, params["sigma"], params["length"]))
        worked = True
        if self.align:
            blurred, worked = aligned(blurred, target)
        display = to_display_table(params["gamma"])[blurred]
        return add_noise(display, _noise(target.shape, params["level2"], params["noise2_seed"])), worked


def add_noise(image: Image, noise: NDArray[Any]) -> Image:
    """``image`` [H, W, 3] plus ``noise`` in grey levels, truncated to 8 bits; zero noise changes nothing.

    The mean that is taken off is in units of the full range and so has hardly any effect: kept as it was.
    """
    relative = noise.astype(np.float64) / 255
    return np.clip((image / 255 + relative) * 255 - float(relative.mean()), 0, 255).astype(np.uint8)


def to_linear_table(gamma: float) -> Image:
    """256 entries from display to linear: ⌊255 (i / 255)^γ⌋."""
    return (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)


def to_display_table(gamma: float) -> Image:
    """256 entries from linear to display, with the reciprocal exponent."""
    return to_linear_table(1 / gamma)


def draw_walk(kernel_lvl: float, draws: Draws, size: int = 160) -> Cells:
    """The cells (row, column) that a random walk with Gaussian acceleration visits on a grid, sorted.

    It starts, unmarked, at cell (size - 1) // 2 and ends when √2 times its distance from there reaches ``kernel_lvl``
    (√2 was an accident of the original). Outside the grid nothing counts; a walk that does not come back starts anew.
    """
    while True:
        cells = _walk(kernel_lvl, draws, size)
        if cells is not None:
            return cells


def _walk(kernel_lvl: float, draws: Draws, size: int) -> Cells | None:
    centre = int((size - 1) / 2)
    position, velocity = np.array([centre, centre], dtype=np.float64), np.zeros(2)
    cells: set[tuple[int, int]] = set()
    for _ in range(_LONGEST_WALK):
        acceleration = np.array([draws.normal(0, 1), draws.normal(0, 1)])
        velocity += acceleration
        position += velocity + acceleration / 2
        if (position >= 0).all() and (position < size).all():
            row, column = np.floor(position).astype(int).tolist()
            cells.add((row, column))
            if np.sqrt(2) * np.linalg.norm(position - centre) >= kernel_lvl:
                return sorted(cells)
    return None


def blur_by_walk(image: Image, cells: Cells, size: int = 160) -> Image:
    """Mean of copies of ``image`` shifted by the cells, seen from cell size // 2; reflected borders, rounded.

    That is one cell beside the walk's start, so a walk that stays there shifts by a pixel.
    """
    anchor = size // 2
    shifts = np.array(cells) - anchor
    reach = np.abs(shifts).max(initial=0)
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect").astype(np.int64)
    height, width = image.shape[:2]
    total = np.zeros(image.shape, dtype=np.int64)
    for down, right in shifts + reach:
        total += padded[down : down + height, right : right + width]
    return np.rint(total / len(cells)).astype(np.uint8)


def blur_vertically(image: Image, sigma: float, length: int) -> Image:
    """A Gaussian of ``length`` samples, also an even number of them, along the columns only; reflected borders."""
    kernel = cv2.getGaussianKernel(length, sigma)
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101), dtype=np.uint8)


def median(image: Image) -> Image:
    """Median of 5 x 5 pixels, channel by channel."""
    return np.asarray(cv2.medianBlur(image, _MEDIAN), dtype=np.uint8)


def _draw_deviation(kernel_lvl: float, draws: Draws) -> int:
    """A whole number from 3 to below 10 kernel_lvl."""
    return draws.integer(_SMALLEST_DEVIATION, int(np.ceil(10 * kernel_lvl)) - 1)


def _noise(shape: tuple[int, ...], levels: Any, seed: int) -> NDArray[np.float32]:
    return standard_normal(shape, seed).numpy() * np.asarray(levels, dtype=np.float32)
