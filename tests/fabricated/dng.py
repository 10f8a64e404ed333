"""DNG files of a made-up camera whose sensor sees linear sRGB, each colour dimmed by its share of a white light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

NEUTRAL = (0.5, 1.0, 0.6)  # what the sensor sees of white, R G B
BLACK, WHITE = 512, 16383
_XYZ_TO_RGB = [3.2404542, -1.5371385, -0.4985314, -0.969266, 1.8760108, 0.041556, 0.0556434, -0.2040259, 1.0572252]
_COLOURS = {"R": 0, "G": 1, "B": 2}


@dataclass(frozen=True)
class Notes:
    """What a file states beside its pixels.

    Attributes:
        seconds, f_number, iso: exposure.
        taken: date and time, `YYYY:MM:DD HH:MM:SS`, and the fraction of a second.
        noise_profile: of DNG, 2 or 6 values.
        model: of the camera.
    """

    seconds: float = 0.01
    f_number: float = 1.8
    iso: int = 400
    taken: tuple[str, str] = ("2024:05:06 07:08:09", "123")
    noise_profile: tuple[float, ...] = ()
    model: str = "Made-up camera"

    def tags(self) -> list[tuple[int, str, int, Any, bool]]:
        """As tifffile takes them, all in the main directory."""
        return [
            (33434, "2I", 1, (round(self.seconds * 1_000_000), 1_000_000), True),
            (33437, "2I", 1, (round(self.f_number * 10), 10), True),
            (34855, "H", 1, self.iso, True),
            (36867, "s", 0, self.taken[0], True),
            (37521, "s", 0, self.taken[1], True),
            *([(51041, "d", len(self.noise_profile), self.noise_profile, True)] if self.noise_profile else []),
        ]


def write_dng(
    path: Path,
    scene: NDArray[np.floating],
    pattern: str = "RGGB",
    orientation: int = 1,
    margins: tuple[int, int] = (0, 0),
    black: tuple[int, int, int, int] | None = None,
    notes: Notes | None = None,
    noise: tuple[float, float, int] | None = None,
) -> Path:
    """Writes what the camera records of a scene.

    Args:
        path: the file.
        scene: linear sRGB [H, W, 3] as it lies on the sensor, 0..1.
        pattern: colours of the 2 x 2 cell of the visible image in reading order; or of the 6 x 6 cell of X-Trans.
        orientation: TIFF orientation that the file notes (1 to 8).
        margins: masked rows at the top and columns at the left, which belong to no image.
        black: black level of each pixel of the cell in reading order; the same for all if None.
        notes: exposure, time and noise profile that the file states.
        noise: variance per unit of signal and of black, on the scale black 0 white 1, and a seed.
    """
    height, width = scene.shape[:2]
    sensor, level = np.empty((height, width)), np.empty((height, width))
    side = math.isqrt(len(pattern))
    for index, colour in enumerate(pattern):
        row, column = divmod(index, side)
        channel = _COLOURS[colour]
        sensor[row::side, column::side] = scene[row::side, column::side, channel] * NEUTRAL[channel]
        level[row::side, column::side] = BLACK if black is None else black[index]
    if noise is not None:
        shot, read, seed = noise
        sensor += np.sqrt(shot * sensor + read) * np.random.default_rng(seed).standard_normal(sensor.shape)
    top, left = margins
    stored = np.full((top + height + 2, left + width + 2), BLACK, np.uint16)
    measured = np.clip(np.round(level + sensor * (WHITE - level)), 0, WHITE)
    stored[top : top + height, left : left + width] = measured
    area = (top, left, top + height, left + width)
    matrix = [part for value in _XYZ_TO_RGB for part in (round(value * 1_000_000), 1_000_000)]
    neutral = [part for value in NEUTRAL for part in (round(value * 1_000_000), 1_000_000)]
    tags = [
        (271, "s", 0, "Made up", True),
        (272, "s", 0, notes.model if notes is not None else "Made-up camera", True),
        (33421, "H", 2, (side, side), True),
        (33422, "B", len(pattern), bytes(_COLOURS[colour] for colour in pattern), True),
        (50706, "B", 4, b"\x01\x04\x00\x00", True),
        (50707, "B", 4, b"\x01\x01\x00\x00", True),
        (50708, "s", 0, "Made-up camera", True),
        (50717, "I", 1, WHITE, True),
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, neutral, True),
        (50778, "H", 1, 21, True),
        (50829, "I", 4, area, True),
        (274, "H", 1, orientation, True),
        *(
            [(50714, "I", 1, BLACK, True)]
            if black is None
            else [(50713, "H", 2, (2, 2), True), (50714, "I", 4, black, True)]
        ),
        *(notes.tags() if notes is not None else []),
    ]
    tifffile.imwrite(path, stored, photometric=32803, extratags=tags, metadata=None)
    return path
