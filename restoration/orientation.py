"""Turning pictures upright as the orientation of TIFF and EXIF says."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Picture = TypeVar("Picture", bound=NDArray[Any])

# Orientation → (mirrored left to right first, quarter turns counter-clockwise).
_STEPS = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}


def upright(picture: Picture, orientation: int) -> Picture:
    """A picture [H, W, ...] turned as ``orientation`` (1 to 8) says; a view where possible.

    Raises:
        ValueError: another orientation.
    """
    if orientation not in _STEPS:
        raise ValueError(f"orientation {orientation}; EXIF knows 1 to 8")
    mirrored, turns = _STEPS[orientation]
    return np.rot90(picture[:, ::-1] if mirrored else picture, turns)  # type: ignore[return-value]
