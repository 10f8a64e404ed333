"""Alignment of blurred frames by a homography."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Homography = NDArray[np.float32]

_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 1e-10)
_NO_PREFILTER = 1


def estimate_homography(target: Image, frame: Image) -> Homography | None:
    """The homography [3, 3] from pixels (x, y, 1) of ``target`` to pixels of ``frame``, both uint8 [H, W, 3] RGB.

    At most 10 iterations of ECC maximisation (Evangelidis and Psarakis, IEEE TPAMI 30(10), 2008) on grey images, from
    the identity on. None where it cannot go on: a flat image, or a correlation about to fall.
    """
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (target, frame)]
    start = np.eye(3, dtype=np.float32)
    try:
        # By position: the name of the last argument differs between versions of OpenCV.
        _, found = cv2.findTransformECC(  # type: ignore[call-overload]
            grey[0], grey[1], start, cv2.MOTION_HOMOGRAPHY, _STOP, None, _NO_PREFILTER
        )
    except cv2.error:
        return None
    return np.asarray(found, dtype=np.float32) if np.isfinite(found).all() else None


def warp_by_homography(frame: Image, homography: Homography) -> Image:
    """``frame`` [H, W, 3] sampled at H·x for every pixel x: bilinear, zeros outside."""
    height, width = frame.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(frame, homography, (width, height), flags=flags), dtype=np.uint8)


def aligned(frame: Image, target: Image) -> tuple[Image, bool]:
    """``frame`` moved onto ``target``, and whether that worked; where it did not, the frame as it is."""
    homography = estimate_homography(target, frame)
    return (frame, False) if homography is None else (warp_by_homography(frame, homography), True)
