"""EXIF data pickled under the names of exifread 2.3, as in the published files, without that package."""

from __future__ import annotations

import pickle
import sys
import types
from fractions import Fraction
from typing import Any
from unittest import mock


class Tag:
    """Stands for ``exifread.classes.IfdTag``."""

    def __init__(self, values: Any, field_type: int = 5) -> None:
        self.printable, self.values = str(values), values
        self.tag, self.field_type, self.field_offset, self.field_length = 0, field_type, 0, 1


class Ratio(Fraction):
    """Stands for ``exifread.utils.Ratio``, which is pickled as a call with text."""


Tag.__module__, Tag.__qualname__ = "exifread.classes", "IfdTag"
Ratio.__module__, Ratio.__qualname__ = "exifread.utils", "Ratio"


def exif_data(prefix: str, seconds: Fraction, f_number: Fraction, iso: int, **more: Any) -> dict[str, Any]:
    """The tags that BurstSR needs; ``prefix`` is ``Image`` for the phone and ``EXIF`` for the camera."""
    return {
        f"{prefix} ExposureTime": Tag([Ratio(seconds)]),
        f"{prefix} FNumber": Tag([Ratio(f_number)]),
        f"{prefix} ISOSpeedRatings": Tag([iso]),
        "Image Make": Tag("fabricated", field_type=2),
        **{name.replace("_", " "): Tag(values) for name, values in more.items()},
    }


def dumps(value: Any) -> bytes:
    """Pickles ``value``, in which tags may occur."""
    names = ("exifread", "exifread.classes", "exifread.utils")
    package, classes, utils = (types.ModuleType(name) for name in names)
    classes.IfdTag, utils.Ratio = Tag, Ratio  # type: ignore[attr-defined]
    modules = dict(zip(names, (package, classes, utils), strict=True))
    with mock.patch.dict(sys.modules, modules):
        return pickle.dumps(value)
