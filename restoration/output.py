"""The files that a restoration leaves behind: each whole or not at all."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restoration.burst import RawBurst, RestorationError, Restored
from restoration.develop import automatic_ev, develop, linear_16_bit, plain_reference, side_by_side
from restoration.exif import OWN_NAME, exif_bytes
from restoration.orientation import upright
from restoration.tiff_output import DNG_BLACK, dng_bytes, tiff_bytes
from utils.atomic_write import write_bytes
from utils.image_io import encode_png

logger = logging.getLogger(__name__)

_AFTER_HEADER = 33  # of a PNG file: signature and the first chunk
AUTOMATIC = "auto"


@dataclass(frozen=True)
class Wanted:
    """What is to be written.

    Attributes:
        finished: the sRGB picture, a PNG file.
        bits: of it, 8 or 16.
        brightness: exposure values that pictures are brightened by, or `auto`.
        linear: `png` or `tiff` for linear camera RGB beside it, `FILE_linear.png` or `.tif`; None for none.
        dng: whether to write `FILE_linear.dng`.
        comparison: whether to write `FILE_comparison.png`.
        software: noted in the files. A folder's files that note `OWN_NAME` are no frames (`restoration.sources`).
    """

    finished: Path
    bits: int = 8
    brightness: float | str = 0.0
    linear: str | None = None
    dng: bool = False
    comparison: bool = False
    software: str = OWN_NAME

    @property
    def files(self) -> list[Path]:
        """Every file that is written, the finished picture first."""
        base = self.finished.with_suffix("")
        beside = {
            "_linear.png": self.linear == "png",
            "_linear.tif": self.linear == "tiff",
            "_linear.dng": self.dng,
            "_comparison.png": self.comparison,
        }
        return [self.finished, *(base.with_name(base.name + end) for end, wanted in beside.items() if wanted)]


def check_writable(wanted: Wanted, frames: list[Path]) -> None:
    """Says before the work what would go wrong after it.

    Raises:
        RestorationError: the picture is no PNG, is one of the frames, or its folder cannot be made or written.
    """
    if wanted.finished.suffix.lower() != ".png":
        raise RestorationError(f"--out {wanted.finished}: the finished picture is a PNG file; give a name with .png")
    taken = {path.resolve() for path in frames}
    for path in wanted.files:
        if path.resolve() in taken:
            raise RestorationError(f"--out {wanted.finished}: {path} is one of the frames and would be lost")
        if path.is_dir():
            raise RestorationError(f"{path} is a folder; give --out another name")
    folder = wanted.finished.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RestorationError(f"the folder {folder} cannot be made: {error.strerror or error}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RestorationError(f"the folder {folder} cannot be written; give --out a place that can")


def write_results(restored: Restored, burst: RawBurst, wanted: Wanted) -> list[Path]:
    """Writes what is wanted and returns the files.

    Raises:
        RestorationError: a file cannot be written (a full disk, ...); what was there before is still there.
    """
    ev = automatic_ev(restored) if wanted.brightness == AUTOMATIC else float(wanted.brightness)
    capture, exif = restored.capture, exif_bytes(restored.capture, wanted.software)

    def linear() -> NDArray[np.uint16]:
        return np.ascontiguousarray(upright(linear_16_bit(restored), capture.orientation))

    makers: dict[str, Callable[[], bytes]] = {
        "": lambda: _png(develop(restored, wanted.bits, ev), wanted.finished, exif),
        "_linear.png": lambda: _png(linear(), wanted.finished, exif),
        "_linear.tif": lambda: tiff_bytes(linear(), capture, wanted.software),
        "_linear.dng": lambda: dng_bytes(linear_16_bit(restored, DNG_BLACK), capture, wanted.software),
        "_comparison.png": lambda: _png(side_by_side(plain_reference(burst), restored, ev), wanted.finished, exif),
    }
    base = wanted.finished.with_suffix("").name
    for path in wanted.files:
        content = makers["" if path == wanted.finished else path.name.removeprefix(base)]()
        try:
            write_bytes(path, content)
        except OSError as error:
            raise RestorationError(f"{path} cannot be written: {error.strerror or error}") from error
        logger.info("Written: %s", path)
    return wanted.files


def _png(picture: NDArray[np.uint8] | NDArray[np.uint16], name: Path, exif: bytes) -> bytes:
    """A PNG file with EXIF data (PNG specification, third edition, chunk eXIf)."""
    data = encode_png(picture, name)
    kind = b"eXIf"
    chunk = len(exif).to_bytes(4, "big") + kind + exif + zlib.crc32(kind + exif).to_bytes(4, "big")
    return data[:_AFTER_HEADER] + chunk + data[_AFTER_HEADER:]
