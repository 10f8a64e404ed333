"""A hand-held burst merged without training: aligned, weighed by trust, and freed of the noise that is left.

The method of the toolkit, after S. Hasinoff et al., Burst photography for high dynamic range and low-light imaging on
mobile cameras, SIGGRAPH Asia 2016 (one reference frame, robust merging that knows the noise, then shrinkage of
coefficients by the noise that merging has left), and B. Wronski et al., Handheld multi-frame super-resolution,
SIGGRAPH 2019 (samples of all frames on the grid of the output instead of demosaicking one).

First the motion (`flow`) and the trust in every frame (`trust`) are found once, at the resolution of a luminance. Then
any part of the result can be made on its own (`normalised_merge`, `shrinkage`), and is the same to the bit, whatever
part it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.classical import shrinkage
from models.classical.flow import bilinear, find_flow
from models.classical.noise import Array, NoiseModel
from models.classical.normalised_merge import Merge, certainty_of_mosaic, on_finer_grid
from models.classical.shrinkage import NoiseSpectrum
from models.classical.stabilised import StabilisedFrames, per_channel
from models.classical.trust import Trust
from utils.draws import standard_normal
from utils.ops.demosaic import colour_balance, demosaic
from utils.ops.mosaic import pack, unpack
from utils.parts import Part

# Pixels around a tile that demosaicking looks at, even.
_AROUND = 4
# Where the noise that merging leaves is measured: side of the windows in pixels of the output, and how many each way.
_WINDOW, _WINDOWS = 96, 2
_NOISE_SEED = 2016
_BLUR_OF_SIGNAL = (5, 5)

Cut = Callable[[int, slice, slice], Array]


class RobustMerge:
    """Motion, trust and remaining noise of a burst; makes the result part by part.

    Args:
        frames: linear, black 0: mosaics [H, W] with even sides that start on red, or images [H, W, C]; frame 0 is the
            reference.
        noise: of every channel (R, G, B for mosaics).
        scale: S. Pixel (r, c) of the reference lies on pixel (S r, S c) of the result.
        denoise: whether the noise that merging leaves is removed.

    Attributes:
        size: height and width of the result.
        aligned: [T]; False for frames that show something else and are left out.
    """

    def __init__(
        self, frames: Sequence[Array], noise: Sequence[NoiseModel], scale: int = 1, denoise: bool = True
    ) -> None:
        self._frames = frames
        height, width = frames[0].shape[:2]
        self._noise = list(noise)
        self._scale = scale
        self.size = (scale * height, scale * width)
        self._stabilised = StabilisedFrames(frames, self._noise)
        self._is_mosaic = self._stabilised.is_mosaic
        self._balance = colour_balance(pack(frames[0])) if self._is_mosaic else np.ones(4, np.float32)
        self._flow = find_flow(self._stabilised.luminance())
        self.aligned = self._flow.aligned
        self._trust = self._trusts()
        self._spectrum = self._remaining_noise() if denoise else None

    def part(self, part: Part) -> Array:
        """The result [h, w, C] at the pixels of `part`, linear."""
        if self._spectrum is None:
            return self._merged(part, self._cut)[0]
        around = self._with_context(part)
        merged, level = self._merged(around, self._cut)
        stabilised = per_channel(NoiseModel.stabilise, self._noise, merged)
        shrunk = shrinkage.shrink(_tensor(stabilised), torch.from_numpy(level), self._spectrum)
        left = level * self._spectrum.of_pixels
        inside = np.s_[
            part.top - around.top : part.bottom - around.top, part.left - around.left : part.right - around.left
        ]
        found = shrunk.permute(1, 2, 0).numpy()[inside]
        return np.stack(
            [model.restore(found[..., c], left[inside]) for c, model in enumerate(self._noise)], axis=-1
        ).astype(np.float32)

    def whole(self) -> Array:
        """The whole result [S H, S W, C]."""
        return self.part(Part(0, self.size[0], 0, self.size[1]))

    def _with_context(self, part: Part) -> Part:
        """`part` with what `shrink` looks at around it, starting where its blocks start."""
        reach, step = shrinkage.REACH, shrinkage.GRID
        return Part(
            max(part.top - reach, 0) // step * step,
            min(-(-(part.bottom + reach) // step) * step, self.size[0]),
            max(part.left - reach, 0) // step * step,
            min(-(-(part.right + reach) // step) * step, self.size[1]),
        )

    def _trusts(self) -> list[Array]:
        """For every frame [h, w] at the resolution of the luminance, 0 for frames that are left out."""
        reference = self._stabilised.colours(0)
        compare = Trust(reference, int(self.aligned.sum()))
        trusts = [np.ones(reference.shape[:2], np.float32)]
        for index in range(1, len(self._frames)):
            colours = self._stabilised.colours(index) if self.aligned[index] else None
            trusts.append(np.zeros_like(trusts[0]) if colours is None else compare.of(colours, self._flow.grids[index]))
        return trusts

    def _merged(self, part: Part, cut: Cut) -> tuple[Array, Array]:
        """The merged frames [h, w, C], and the noise variance [h, w] in units of one frame's.

        Args:
            part: of the result.
            cut: gives the part of a frame in some rows and columns.
        """
        x, y = np.meshgrid(
            np.arange(part.left, part.right, dtype=np.float32) / self._scale,
            np.arange(part.top, part.bottom, dtype=np.float32) / self._scale,
        )
        step, middle = self._stabilised.step, self._stabilised.middle
        at = ((x - middle) / step, (y - middle) / step)
        merge = Merge(part.size, len(self._noise))
        for index in map(int, np.flatnonzero(self.aligned)):
            flow = step * self._flow.at(index, *at)
            trust = bilinear(self._trust[index], *at)
            there = (x + flow[..., 0], y + flow[..., 1])
            columns, rows = (
                _even_range(place, side) for place, side in zip(there, self._frames[0].shape[1::-1], strict=True)
            )
            if rows.start < rows.stop and columns.start < columns.stop:
                values, certainty = on_finer_grid(*self._samples(cut(index, rows, columns)), self._scale)
                x_there, y_there = ((there[0] - columns.start) * self._scale, (there[1] - rows.start) * self._scale)
                merge.add(values, certainty, x_there, y_there, trust)
        return merge.result()

    def _samples(self, values: Array) -> tuple[Array, Array | None]:
        """Values [h, w, C] of a part of a frame, and how certain they are."""
        if not self._is_mosaic:
            return values, None
        return demosaic(pack(values), self._balance), certainty_of_mosaic(*values.shape)

    def _cut(self, index: int, rows: slice, columns: slice) -> Array:
        return self._frames[index][rows, columns]

    def _cut_noise(self, index: int, rows: slice, columns: slice) -> Array:
        """Noise by the noise model, as that of the frame."""
        frame = self._cut(index, rows, columns)
        normal = standard_normal(torch.Size(frame.shape), _NOISE_SEED + index, torch.device("cpu")).numpy()
        if self._is_mosaic:
            models = [self._noise[c] for c in (0, 1, 1, 2)]
            planes = zip(models, pack(frame), strict=True)
            deviation = unpack(np.stack([model.deviation(cv2.blur(plane, _BLUR_OF_SIGNAL)) for model, plane in planes]))
        else:
            blurred = np.asarray(cv2.blur(frame, _BLUR_OF_SIGNAL), np.float32).reshape(frame.shape)
            deviation = per_channel(NoiseModel.deviation, self._noise, blurred)
        return np.asarray(deviation * normal, np.float32)

    def _remaining_noise(self) -> NoiseSpectrum:
        """Noise alone goes through the same merge, at some places."""
        images, levels = [], []
        for part in self._windows():
            merged, _ = self._merged(part, self._cut)
            noise, level = self._merged(part, self._cut_noise)
            images.append(_tensor(noise / per_channel(NoiseModel.deviation, self._noise, merged)))
            levels.append(torch.from_numpy(level))
        return NoiseSpectrum.of(images, levels)

    def _windows(self) -> Iterator[Part]:
        height, width = (min(_WINDOW, side) for side in self.size)
        for row in range(_WINDOWS):
            for column in range(_WINDOWS):
                top = (self.size[0] - height) * (2 * row + 1) // (2 * _WINDOWS) // 2 * 2
                left = (self.size[1] - width) * (2 * column + 1) // (2 * _WINDOWS) // 2 * 2
                yield Part(top, top + height, left, left + width)


def _even_range(place: NDArray[np.floating[Any]], side: int) -> slice:
    """Pixels around the smallest to the largest place, within 0..side, starting and ending evenly."""
    start = math.floor(float(place.min())) - _AROUND
    stop = math.ceil(float(place.max())) + _AROUND + 1
    return slice(max(start, 0) // 2 * 2, min(-(-stop // 2) * 2, side))


def _tensor(image: Array) -> torch.Tensor:
    """[C, H, W] of [H, W, C]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))
