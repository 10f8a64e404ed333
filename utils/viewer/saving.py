"""Writes what the viewer shows to files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from utils.atomic_write import write_text
from utils.image_io import write_image

_MAGNIFICATION = 8


class _Region(Protocol):
    @property
    def r1(self) -> int: ...
    @property
    def r2(self) -> int: ...
    @property
    def c1(self) -> int: ...
    @property
    def c2(self) -> int: ...


def save_images(
    folder: Path, titles: Sequence[str], images: Sequence[NDArray[np.uint8]], region: _Region | None
) -> Path:
    """Writes ``<folder>/<first title>/<title>.png`` and, of a region, ``<title>_crop.png`` and ``crop_info.json``.

    Args:
        titles: of the images; characters that no file name may have become ``_``.
        images: uint8 [H, W, 3] BGR.
        region: enlarged 8 times in the crops.

    Returns:
        The folder that they lie in.
    """
    target = folder / file_name(titles[0])
    for title, image in zip(titles, images, strict=True):
        write_image(target / f"{file_name(title)}.png", np.ascontiguousarray(image[:, :, ::-1]))
        if region is not None:
            crop = image[region.r1 : region.r2, region.c1 : region.c2, ::-1]
            enlarged = crop.repeat(_MAGNIFICATION, axis=0).repeat(_MAGNIFICATION, axis=1)
            write_image(target / f"{file_name(title)}_crop.png", enlarged)
    if region is not None:
        write_text(
            target / "crop_info.json", json.dumps({key: getattr(region, key) for key in ("r1", "r2", "c1", "c2")})
        )
    return target


def file_name(title: str) -> str:
    """A title as the name of a file."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", title).strip(". ") or "_"
