"""What a burst is between reading, restoring and writing: frames, noise and what the camera says of colours and light.

Every method is called alike, whether it is a network or not:

    restored = method(burst, progress, memory_bytes, work_folder)

`progress(items, description)` yields the items and shows how far the work has come (`utils.progress.track`);
`memory_bytes` is what the method may use beside the frames; `work_folder` exists, is empty or holds what an interrupted
run of the same command on the same files left, and is removed after success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
Triple = tuple[float, float, float]
Item = TypeVar("Item")


class Progress(Protocol):
    """Goes through items and shows how far it has come."""

    def __call__(self, iterable: Iterable[Item], description: str) -> Iterator[Item]: ...


class RestorationError(ValueError):
    """The burst cannot be read, restored or written as asked; the message names the file and the way out."""


@dataclass(frozen=True)
class Noise:
    """Noise variance ``shot * max(x, 0) + read`` of a linear value x, for R, G and B.

    Attributes:
        shot: variance per unit of signal.
        read: variance of black.
    """

    shot: Triple
    read: Triple

    def scaled(self, gains: Sequence[float]) -> Noise:
        """The noise of values multiplied by ``gains`` (R, G, B).

        With y = g x: var y = g² (shot x + read) = (g shot) y + g² read.
        """
        shot = tuple(gain * value for gain, value in zip(gains, self.shot, strict=True))
        read = tuple(gain * gain * value for gain, value in zip(gains, self.read, strict=True))
        return Noise((shot[0], shot[1], shot[2]), (read[0], read[1], read[2]))

    def variance(self, signal: FloatImage, channel: int) -> FloatImage:
        """Variance at every pixel of a noise-free ``signal`` of one colour (0 R, 1 G, 2 B)."""
        shot, read = np.float32(self.shot[channel]), np.float32(self.read[channel])
        return np.asarray(shot * np.maximum(signal, 0) + read, np.float32)


@dataclass(frozen=True)
class Exposure:
    """How much light a frame got; None where the file does not say."""

    seconds: float | None = None
    f_number: float | None = None
    iso: float | None = None


NOT_NOTED = Exposure()


@dataclass(frozen=True)
class Capture:
    """What the camera notes of the reference frame and what holds for the result as well.

    Attributes:
        camera: maker and model, empty where unknown.
        white_balance: gains for R, G, B as shot; green is 1. Not yet applied to any frame.
        camera_to_srgb: 3x3, from white-balanced camera RGB to linear sRGB; rows sum to one.
        orientation: of TIFF and EXIF, 1 to 8: how the stored pixels have to be turned to stand upright.
        exposure: of the reference frame.
        source: file of the reference frame, from which EXIF is carried over; None for bursts made in memory.
    """

    camera: str = ""
    white_balance: Triple = (1.0, 1.0, 1.0)
    camera_to_srgb: tuple[Triple, Triple, Triple] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    orientation: int = 1
    exposure: Exposure = NOT_NOTED
    source: Path | None = None


@dataclass(frozen=True)
class RawBurst:
    """Frames of one scene as they lie on the sensor: nothing turned, balanced or clipped.

    Attributes:
        frames: float32, linear, black 0 and white 1 (noise goes below 0), all of one size with even sides: Bayer
            mosaics [H, W] that start on red (R G / G B), or RGB [H, W, 3] of rendered pictures, whose sRGB curve is
            undone.
        names: of the files, one for each frame.
        reference: index of the frame that the result shows.
        noise: of every frame.
        capture: colours, orientation, exposure.
    """

    frames: tuple[FloatImage, ...]
    names: tuple[str, ...]
    reference: int
    noise: Noise
    capture: Capture

    def __post_init__(self) -> None:
        if not self.frames or len(self.frames) != len(self.names) or not 0 <= self.reference < len(self.frames):
            raise ValueError(
                f"{len(self.frames)} frames with {len(self.names)} names and frame {self.reference} as the reference"
            )
        shape = self.frames[0].shape
        if any(frame.shape != shape or frame.dtype != np.float32 for frame in self.frames):
            found = sorted({(frame.shape, str(frame.dtype)) for frame in self.frames})
            raise ValueError(f"frames of a burst are float32 of one size, not {found}")
        if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or shape[0] % 2 or shape[1] % 2:
            raise ValueError(f"a frame is a mosaic [H, W] or RGB [H, W, 3] with even sides, not {shape}")

    @property
    def is_mosaic(self) -> bool:
        """Whether the frames are Bayer mosaics; else they are RGB."""
        return self.frames[0].ndim == 2

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame in pixels (of the mosaic)."""
        return self.frames[0].shape[0], self.frames[0].shape[1]

    def of_frames(self, indices: Sequence[int]) -> RawBurst:
        """The burst of some of its frames, in that order; the reference has to be one of them."""
        return replace(
            self,
            frames=tuple(self.frames[index] for index in indices),
            names=tuple(self.names[index] for index in indices),
            reference=list(indices).index(self.reference),
        )

    def part(self, top: int, left: int, height: int, width: int) -> RawBurst:
        """The burst of one part of every frame; place and sides even, or the mosaic would start on another colour.

        Raises:
            ValueError: they are not.
        """
        if any(value % 2 for value in (top, left, height, width)):
            raise ValueError(f"a part of {height} x {width} at ({top}, {left}): place and sides of a part are even")
        return self.with_frames(tuple(frame[top : top + height, left : left + width] for frame in self.frames))

    def with_frames(self, frames: tuple[FloatImage, ...]) -> RawBurst:
        """The burst with these frames in place of its own, one for each."""
        return replace(self, frames=frames)

    def reference_first(self) -> RawBurst:
        """The same burst with the reference as frame 0 and the others in their order."""
        others = [index for index in range(len(self.frames)) if index != self.reference]
        return self.of_frames([self.reference, *others])


@dataclass(frozen=True)
class Restored:
    """A restored image.

    Attributes:
        image: float32 [H, W, 3], linear camera RGB on the grid of the reference frame (or S times as fine), black 0,
            white 1, no white balance, not turned.
        capture: of the reference frame.
        used: names of the frames that went into it.
    """

    image: FloatImage
    capture: Capture
    used: tuple[str, ...]


Method = Callable[[RawBurst, Progress, int, Path], Restored]
