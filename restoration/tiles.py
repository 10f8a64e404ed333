"""Images of any size within a given memory: tile by tile, joined without seams, and going on where it was broken off.

Every finished tile lies in the work folder as a file that is whole or not there. So nothing is lost by Ctrl-C, a crash
or a power cut, and the next run makes only what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from restoration.burst import FloatImage, Progress, RawBurst, RestorationError
from restoration.peak_memory import peak_memory
from utils.atomic_write import atomic_write
from utils.parts import Cutting, Part

logger = logging.getLogger(__name__)

Restore = Callable[[RawBurst], FloatImage]

# Pixels of a frame around the core of a tile. Three quarters do not count: no result of the deblurring network depends
# on pixels further away than that.
MARGIN = 112
# Cores are multiples of this and margins of a quarter of it, so that the grids of strided convolutions do not change
# from tile to tile.
_GRID = 64
# Sides of the cores, in pixels of a frame.
_SMALLEST, _LARGEST = 256, 2048
# Side of the tile with which the need for memory is measured, and how much more than measured is reckoned with.
_PROBE, _RESERVE = 192, 1.5
# Bytes per pixel where the system does not say how much memory is in use.
_WHERE_UNKNOWN = 64 << 10


def restore_in_tiles(
    restore: Restore,
    burst: RawBurst,
    scale: int,
    progress: Progress,
    memory_bytes: int,
    work_folder: Path,
    margin: int = MARGIN,
) -> FloatImage:
    """What `restore` makes of a burst, joined from what it makes of its parts.

    Args:
        restore: gives linear RGB [S h, S w, 3] of a burst of frames [h, w].
        burst: frames that lie on the grid of the reference but for small shifts.
        scale: S.
        progress: goes through the tiles.
        memory_bytes: that `restore` may use.
        work_folder: for finished tiles.
        margin: pixels around the core of a tile.

    Returns:
        [S H, S W, 3].

    Raises:
        RestorationError: the work folder cannot be written.
    """
    core = _core(restore, burst, scale, memory_bytes, margin)
    cutting = Cutting(core, min(margin, core // 2))

    def make(part: Part) -> FloatImage:
        return restore(burst.part(part.top, part.left, *part.size))

    return join_tiles(make, cutting, burst.size, scale, progress, work_folder)


def join_tiles(
    make: Callable[[Part], FloatImage],
    cutting: Cutting,
    size: tuple[int, int],
    scale: int,
    progress: Progress,
    work_folder: Path,
) -> FloatImage:
    """[S H, S W, 3] from tiles, of which those that the work folder already has are not made again.

    Args:
        make: gives [S h, S w, 3] for a part of the frames.
        cutting: into tiles.
        size: height and width of the frames.
        scale: S.
        progress: goes through the tiles.
        work_folder: for finished tiles.

    Raises:
        RestorationError: the work folder cannot be written.
    """
    parts = list(cutting.parts(size))
    image = np.zeros((scale * size[0], scale * size[1], 3), np.float32)
    for part in progress(parts, "Restoring"):
        file = work_folder / f"tile_{scale}_{part.top}_{part.bottom}_{part.left}_{part.right}.npy"
        shape = (scale * part.size[0], scale * part.size[1], 3)
        tile = _kept(file, shape)
        if tile is None:
            tile = make(part)
            if tile.shape != shape:
                raise ValueError(f"a tile of {part.size} at scale {scale} came as {tile.shape}")
            if len(parts) > 1:
                _keep(file, tile)
        place = part.enlarged(scale)
        image[place.top : place.bottom, place.left : place.right] += (
            tile * cutting.weights(part, size, scale)[:, :, None]
        )
    return image


def _core(restore: Restore, burst: RawBurst, scale: int, memory_bytes: int, margin: int) -> int:
    """Side of the tiles' cores that the memory allows for."""
    height, width = burst.size
    if max(height, width) <= _SMALLEST + 2 * margin:
        return max(height, width, 2 * margin)
    per_pixel = _bytes_per_pixel(restore, burst)
    result = 4 * 3 * scale**2 * height * width
    pixels = max(memory_bytes - result, 0) / per_pixel
    if height * width <= pixels:
        return max(height, width)
    core = int(pixels**0.5 - 2 * margin) // _GRID * _GRID
    if core < _SMALLEST:
        logger.warning(
            "tiles of %d pixels need about %.1f GB, more than the memory that is allowed",
            _SMALLEST + 2 * margin,
            ((_SMALLEST + 2 * margin) ** 2 * per_pixel + result) / 2**30,
        )
    return min(max(core, _SMALLEST), _LARGEST)


def _bytes_per_pixel(restore: Restore, burst: RawBurst) -> float:
    """Memory that restoring takes per pixel of a frame, measured."""
    height, width = (min(_PROBE, side) for side in burst.size)
    with peak_memory() as peak:
        restore(burst.part(0, 0, height, width))
    if peak.bytes is None:
        return _WHERE_UNKNOWN
    return max(_RESERVE * peak.bytes / (height * width), 1.0)


def _kept(file: Path, shape: tuple[int, ...]) -> FloatImage | None:
    try:
        tile = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        logger.warning("%s cannot be read and is made again: %s", file.name, error)
        return None
    return tile if tile.shape == shape and tile.dtype == np.float32 else None


def _keep(file: Path, tile: FloatImage) -> None:
    try:
        with atomic_write(file) as opened:
            np.save(opened, np.asarray(tile, np.float32), allow_pickle=False)
    except OSError as error:
        raise RestorationError(
            f"{file} cannot be written: {error.strerror or error}; what is done stays, and the same command goes on"
        ) from error
