"""Where a phone's RAW frame lies in the image of another camera: once for the whole image, then for every crop.

The recipe follows the description of BurstSR (G. Bhat et al., Deep Burst Super-Resolution, CVPR 2021, section 4.2): a
homography from SIFT matches with RANSAC, a local alignment of every crop, and crops kept only where both images agree
by normalised cross-correlation. The original code was never released; choices that the paper leaves open are marked.

Coordinates are (column, row) of pixel centres. Packed pixels of the phone count 2x2 sensor pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Matrix = NDArray[np.float64]

GT_PER_PACKED = 8  # ×4 of the sensor grid, and two sensor pixels per packed pixel

# Our choices.
_FEATURE_SIDE = 1600  # images are reduced to this side before features are searched
_MATCH_RATIO = 0.8  # a match must be that much nearer than the second best (Lowe, IJCV 2004)
_RANSAC_PIXELS = 3.0
_LEAST_INLIERS = 20
_MARGIN = 8  # packed pixels around a crop in which the local alignment may look
_MAX_SHIFT = 4.0  # packed pixels; a crop that moves further has locked on to something else
_ECC_STEPS, _ECC_EPSILON = 60, 1e-6
_BLUR = 1.0  # standard deviation in packed pixels: noise and aliasing of the phone must not lead the alignment


class AlignmentFailed(ValueError):
    """Two images, or two crops, cannot be brought into register; says why."""


def find_homography(phone: Image, camera: Image) -> Matrix:
    """The 3x3 matrix from pixels of ``phone`` to pixels of ``camera``.

    Args:
        phone, camera: linear grey images [h, w] of the same scene, any brightness; the scales may differ.

    Raises:
        AlignmentFailed: fewer than 20 feature matches agree.
    """
    # Without the precise enlargement OpenCV's features lie a quarter of a pixel off.
    sift = cv2.SIFT.create(nfeatures=8000, enable_precise_upscale=True)
    points, descriptors, to_full = [], [], []
    for image in (phone, camera):
        reduced, scale = _for_features(image)
        keypoints, described = sift.detectAndCompute(reduced, None)
        points.append(np.array([keypoint.pt for keypoint in keypoints], np.float64).reshape(-1, 2))
        descriptors.append(described)
        to_full.append(_scaling(scale))
    if any(described is None or len(described) < 2 for described in descriptors):
        raise AlignmentFailed("an image has no features to match")
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(descriptors[0], descriptors[1], k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _MATCH_RATIO * pair[1].distance]
    if len(good) < _LEAST_INLIERS:
        raise AlignmentFailed(f"only {len(good)} features match, {_LEAST_INLIERS} are needed")
    source = points[0][[match.queryIdx for match in good]]
    target = points[1][[match.trainIdx for match in good]]
    homography, mask = cv2.findHomography(source, target, cv2.RANSAC, _RANSAC_PIXELS)
    inliers = 0 if homography is None else int(mask.sum())
    if inliers < _LEAST_INLIERS:
        raise AlignmentFailed(f"only {inliers} of {len(good)} matches agree, {_LEAST_INLIERS} are needed")
    return np.asarray(to_full[1] @ homography @ np.linalg.inv(to_full[0]), np.float64)


def refine_crop(phone: Image, camera: Image, to_camera: Matrix, row: int, column: int, side: int) -> Matrix:
    """The matrix from ground-truth pixels of one crop to pixels of ``camera``, aligned for this crop.

    Args:
        phone: grey image [h, w] of packed pixels.
        camera: grey image [H, W].
        to_camera: from :func:`find_homography`.
        row, column: upper left packed pixel of the crop.
        side: of the crop in packed pixels.

    Raises:
        AlignmentFailed: the crop lies outside the camera's image, does not converge, or moves too far.
    """
    window = to_camera @ _shift(column - _MARGIN, row - _MARGIN)
    _check_inside(to_camera @ _shift(column, row), side, camera.shape)
    top, bottom, left, right = _away_from_border(phone, row, column, side)
    crop = _blurred_part(phone, top, left, (bottom - top, right - left))
    # One margin more is rendered, so that the blur sees true surroundings and not mirrored borders, which draw inwards.
    wide = _rendered(camera, window @ _shift(-_MARGIN, -_MARGIN), side + 4 * _MARGIN)
    around = _blurred_part(wide, _MARGIN, _MARGIN, (side + 2 * _MARGIN,) * 2)
    start = np.array([[1, 0, _MARGIN + left - column], [0, 1, _MARGIN + top - row]], np.float32)
    everywhere = np.full(around.shape, 255, np.uint8)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ECC_STEPS, _ECC_EPSILON)
    try:
        _, found = cv2.findTransformECC(
            _normalised(crop), _normalised(around), start.copy(), cv2.MOTION_AFFINE, criteria, everywhere, 1
        )
    except cv2.error as error:  # how OpenCV says that it does not converge
        raise AlignmentFailed("the local alignment does not converge") from error
    corners = np.array([[0, side - 1, 0, side - 1], [0, 0, side - 1, side - 1], [1, 1, 1, 1]], np.float64)
    moved = float(np.abs((found - start) @ corners).max())
    if not moved <= _MAX_SHIFT:
        raise AlignmentFailed(f"the local alignment moves it by {moved:.1f} packed pixels")
    refined = window @ np.vstack((found.astype(np.float64), [0, 0, 1])) @ _shift(column - left, row - top)
    _check_inside(refined, side, camera.shape)
    return np.asarray(refined @ ground_truth_to_packed(), np.float64)


def render_ground_truth(camera: NDArray[np.uint16], gt_to_camera: Matrix, side: int, white: int) -> NDArray[np.uint16]:
    """The crop [8·side, 8·side, 3] of the camera's RGB image [H, W, 3], sampled bicubically, 0..white."""
    size = GT_PER_PACKED * side
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    crop = cv2.warpPerspective(camera, gt_to_camera, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.minimum(crop, white).astype(np.uint16)


def correlation(a: Image, b: Image) -> float:
    """Normalised cross-correlation of two images, -1..1; 0 where one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    energy = float(np.sqrt((a.astype(np.float64) ** 2).sum() * (b.astype(np.float64) ** 2).sum()))
    return float((a.astype(np.float64) * b).sum()) / energy if energy > 0 else 0.0


def reduce_to_packed(ground_truth: Image) -> Image:
    """Means of 8x8 ground-truth pixels, [8h, 8w] → [h, w]."""
    height, width = (length // GT_PER_PACKED for length in ground_truth.shape)
    blocks = ground_truth.reshape(height, GT_PER_PACKED, width, GT_PER_PACKED)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def ground_truth_to_packed() -> Matrix:
    """Ground-truth pixels share the area of their packed pixel: our choice, the published convention is not known."""
    return _scaling(1.0 / GT_PER_PACKED)


def half_to_full() -> Matrix:
    """From pixels of an image of 2x2 means to pixels of the whole image."""
    return _scaling(2.0)


def _scaling(factor: float) -> Matrix:
    """Enlarges coordinates by ``factor`` about the corner of the image, which is half a pixel off the first centre."""
    offset = (factor - 1) / 2
    return np.array([[factor, 0, offset], [0, factor, offset], [0, 0, 1]], np.float64)


def _shift(columns: float, rows: float) -> Matrix:
    return np.array([[1, 0, columns], [0, 1, rows], [0, 0, 1]], np.float64)


def _for_features(image: Image) -> tuple[NDArray[np.uint8], float]:
    """8 bits after a gamma curve between robust black and white, and how much larger the image itself is."""
    scale = max(1.0, max(image.shape) / _FEATURE_SIDE)
    if scale > 1.0:
        size = (round(image.shape[1] / scale), round(image.shape[0] / scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    low, high = np.percentile(image, (0.5, 99.5))
    stretched = np.clip((image - low) / max(high - low, 1e-6), 0, 1) ** (1 / 2.2)
    return (255 * stretched).astype(np.uint8), scale


def _rendered(camera: Image, to_camera: Matrix, side: int) -> Image:
    """``side`` packed pixels of the camera's image as means over the ground-truth grid, which is fine enough for it."""
    size = GT_PER_PACKED * side
    matrix = to_camera @ ground_truth_to_packed()
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpPerspective(camera, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return reduce_to_packed(np.asarray(fine, np.float32))


def _away_from_border(image: Image, row: int, column: int, side: int) -> tuple[int, int, int, int]:
    """First and end row and column of what a crop has beside the border of its image, where the blur knows nothing."""
    reach = round(3 * _BLUR)
    height, width = image.shape
    rows = max(row, reach), min(row + side, height - reach)
    columns = max(column, reach), min(column + side, width - reach)
    return *rows, *columns


def _blurred_part(image: Image, row: int, column: int, size: tuple[int, int]) -> Image:
    """A part of the blurred image; the blur also sees what lies around the part."""
    top, left = max(row - _MARGIN, 0), max(column - _MARGIN, 0)
    around = image[top : row + size[0] + _MARGIN, left : column + size[1] + _MARGIN]
    blurred = cv2.GaussianBlur(around, (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred[row - top :, column - left :][: size[0], : size[1]], np.float32)


def _normalised(image: Image) -> Image:
    return np.asarray((image - image.mean()) / max(float(image.std()), 1e-6), dtype=np.float32)


def _check_inside(to_camera: Matrix, side: int, shape: tuple[int, ...]) -> None:
    ends = (-0.5, side - 0.5)
    corners = np.array([[x, y, 1.0] for x in ends for y in ends]).T
    mapped = to_camera @ corners
    columns, rows = mapped[0] / mapped[2], mapped[1] / mapped[2]
    if min(columns.min(), rows.min()) < 0 or columns.max() > shape[1] - 1 or rows.max() > shape[0] - 1:
        raise AlignmentFailed("it lies outside the camera's image")
