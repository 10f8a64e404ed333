"""The method that needs no training and no weights: `models.classical.robust_merge`, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.classical.robust_merge import RobustMerge
from models.classical.shrinkage import REACH
from restoration.burst import Progress, RawBurst, Restored
from restoration.geometry import noise_models, without_misfits
from restoration.tiles import join_tiles
from utils.parts import Cutting

# Bytes that a pixel of a tile of the result takes, most of them for the transformed blocks.
_BYTES_PER_PIXEL = 2000
_SMALLEST, _LARGEST = 256, 1024


@dataclass(frozen=True)
class ClassicalMethod:
    """Robust merging of RAW bursts, and of RGB ones.

    Attributes:
        scale: 1, or 2 for twice the sides.
    """

    scale: int = 1

    def __call__(self, burst: RawBurst, progress: Progress, memory_bytes: int, work_folder: Path) -> Restored:
        """Restores the reference frame; see `restoration.burst`."""
        ordered = burst.reference_first()
        merge = RobustMerge(ordered.frames, noise_models(ordered.noise), self.scale)
        used = without_misfits(ordered, merge.aligned).names
        image = join_tiles(
            lambda part: merge.part(part.enlarged(self.scale)),
            Cutting(tile_side(memory_bytes, self.scale)),
            burst.size,
            self.scale,
            progress,
            work_folder,
        )
        return Restored(image, burst.capture, tuple(name for name in burst.names if name in used))


def tile_side(memory_bytes: int, scale: int) -> int:
    """Pixels of a frame; even, as the cells of a mosaic need.

    Half of the memory is for the frames as the search for motion sees them. A tile looks at `REACH` pixels around it.
    """
    side = int(np.sqrt(memory_bytes / 2 / _BYTES_PER_PIXEL)) - 2 * REACH
    return min(max(side, _SMALLEST), _LARGEST) // scale // 2 * 2
