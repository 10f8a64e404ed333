"""Stage one: for a patch of the centre frame, the patches of the other frames that show the same.

All positions are the (row, column) of a patch's top left corner. Scores come from features at a quarter of the packed
resolution ("feature pixels"); patches are cut from the packed frames at four times those positions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

from models.two_stage_align.features import MATCHING_SCALE
from models.two_stage_align.similarity import Score, feature_scores

_COARSE_STEP = 2
_FINE_RADIUS = 2
_MOST_VALUES = 2**24  # of compared windows at a time: 64 MiB


class Corner(NamedTuple):
    """Top left corner of a patch, in packed pixels."""

    row: int
    column: int


class SoftPatches(NamedTuple):
    """What :func:`match_softly` returns. V = N - 1 visits: frames from the centre to the first, then to the last.

    Attributes:
        patches: [B, N, C, P, P]; the centre frame's as it is, the others weighted means of the candidates.
        scores: [B, V, n] of the n candidates, in [-1, 0].
        weights: [B, V, n], sum 1.
        clean_scores: [B, V, n] of the clean frames, None without them.
    """

    patches: torch.Tensor
    scores: torch.Tensor
    weights: torch.Tensor
    clean_scores: torch.Tensor | None


class Matches(NamedTuple):
    """Best candidates of one search of K patches: positions [K, 2] in feature pixels, their scores [K], and how many
    candidates there were [K].
    """

    positions: torch.Tensor
    scores: torch.Tensor
    candidates: torch.Tensor


class Visit(NamedTuple):
    """The two searches in one frame."""

    frame: int
    coarse: Matches
    fine: Matches


def search_radius(search_window: int) -> int:
    """Radius in feature pixels of a search window given in full-resolution pixels."""
    return search_window // (2 * MATCHING_SCALE)


def visiting_order(frames: int) -> list[int]:
    """The other frames, from the centre to the first and then from the centre to the last."""
    centre = frames // 2
    return [*range(centre - 1, -1, -1), *range(centre + 1, frames)]


def quarter_size(images: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W] at a quarter of the size: pixel i is the mean of the 2x2 pixels at 4i+1 and 4i+2."""
    return F.interpolate(images, scale_factor=1 / MATCHING_SCALE, mode="bilinear", align_corners=False)


def match_softly(
    images: torch.Tensor,
    features: torch.Tensor,
    corner: Corner,
    size: int,
    radius: int,
    temperature: float,
    clean: torch.Tensor | None = None,
    inclusive: bool = False,
    step: int = _COARSE_STEP,
) -> SoftPatches:
    """Differentiable matching for training: one search around the centre patch's own place, for every other frame.

    Args:
        images: [B, N, C, H, W], what patches are cut from; any channels.
        features: [B, N, F, H/4, W/4]; gradients reach them through the weights.
        corner: of the centre patch. Candidates lie on multiples of four, so the rest of it is left to stage two.
        size: P, side of the patch in packed pixels, a multiple of 4.
        radius: of the search, in feature pixels.
        temperature: of the softmax over the scores.
        clean: noise-free packed frames [B, N, 4, H, W], whose scores tell what the features should find.
        inclusive: let candidates touch the last row and column, which the published search does not.
        step: between candidates, in feature pixels.

    Raises:
        ValueError: no candidate lies inside the frame.
    """
    centre = images.shape[1] // 2
    others = visiting_order(images.shape[1])
    start, p = Corner(corner.row // MATCHING_SCALE, corner.column // MATCHING_SCALE), size // MATCHING_SCALE
    rows = _inside(start.row, features.shape[-2] - p, radius, step, inclusive)
    columns = _inside(start.column, features.shape[-1] - p, radius, step, inclusive)
    if not others:
        nothing = images.new_zeros(images.shape[0], 0, len(rows) * len(columns))
        return SoftPatches(_cut(images, corner, size), nothing, nothing, nothing if clean is not None else None)
    if not rows or not columns:
        raise ValueError(_no_candidate(start, p, features.shape[-2:]))

    def scores(template: torch.Tensor, of_others: torch.Tensor) -> torch.Tensor:
        windows = _windows(of_others, rows, columns, p, step, scale=1).flatten(0, 1)
        templates = template.repeat_interleave(len(others), dim=0)[:, :, None, None]
        valid = torch.ones(len(windows), len(rows), len(columns), dtype=torch.bool, device=windows.device)
        by_template: torch.Tensor = feature_scores(templates, windows, valid).flatten(1).unflatten(0, (-1, len(others)))
        return by_template

    found = scores(_cut(features[:, centre], start, p), features[:, others])
    weights = torch.softmax(found / temperature, dim=-1)
    clean_scores = None
    if clean is not None:
        template = quarter_size(_cut(clean[:, centre], corner, size))
        clean_scores = scores(template, quarter_size(clean.flatten(0, 1)).unflatten(0, clean.shape[:2])[:, others])

    windows = _windows(images[:, others], rows, columns, size, step, MATCHING_SCALE)
    grid = weights.unflatten(-1, (len(rows), len(columns)))
    mixed = torch.einsum("bvrc,bvxrcij->bvxij", grid, windows)
    by_frame = {frame: mixed[:, visit] for visit, frame in enumerate(others)}
    by_frame[centre] = _cut(images[:, centre], corner, size)
    patches = torch.stack([by_frame[frame] for frame in range(images.shape[1])], dim=1)
    return SoftPatches(patches, found, weights, clean_scores)


def match_progressively(
    features: torch.Tensor,
    starts: torch.Tensor,
    p: int,
    radius: int,
    inclusive: bool = False,
    score: Score = feature_scores,
) -> list[Visit]:
    """Hard matching of all patches of a burst: coarse to fine in a frame, and from frame to frame.

    In every frame the search starts where the patch was found in the frame before it, counted from the centre; the
    score always compares with the centre frame.

    Args:
        features: [N, F, h, w] of one burst.
        starts: [K, 2], where the patches lie in the centre frame, in feature pixels.
        p: side of a patch in feature pixels.
        radius, inclusive: as in :func:`match_softly`.
        score: compares patches.

    Returns:
        The visited frames, from the centre to the first and then to the last.

    Raises:
        ValueError: a patch has no candidate inside the frame.
    """
    centre = features.shape[0] // 2
    templates = _gathered(features[centre], starts, p)
    visits: list[Visit] = []
    for frame in visiting_order(features.shape[0]):
        current = visits[-1].fine.positions if visits and frame != centre + 1 else starts

        def search(around: torch.Tensor, reach: int, step: int, frame: int = frame) -> Matches:
            return _best(features[frame], templates, around, reach, step, inclusive, score)

        coarse = search(current, radius, _COARSE_STEP)
        visits.append(Visit(frame, coarse, search(coarse.positions, _FINE_RADIUS, 1)))
    return visits


def frame_positions(visits: list[Visit], starts: torch.Tensor) -> torch.Tensor:
    """Positions [N, K, 2] in the order of the frames; the centre frame's are ``starts``."""
    by_frame = {visit.frame: visit.fine.positions for visit in visits}
    return torch.stack([by_frame.get(frame, starts) for frame in range(len(visits) + 1)])


def cut_patches(images: torch.Tensor, positions: torch.Tensor, size: int) -> torch.Tensor:
    """Patches [K, N, C, P, P] of a burst [N, C, H, W] at ``positions`` [N, K, 2] in feature pixels."""
    return torch.stack(
        [_gathered(image, MATCHING_SCALE * where, size) for image, where in zip(images, positions, strict=True)], dim=1
    )


def _best(
    features: torch.Tensor,
    templates: torch.Tensor,
    around: torch.Tensor,
    radius: int,
    step: int,
    inclusive: bool,
    score: Score,
) -> Matches:
    """The best candidates of one search in one frame; of equal ones the first, row by row."""
    p = templates.shape[-1]
    offsets = torch.arange(-radius, radius, step, device=features.device)
    span = p + (len(offsets) - 1) * step
    last = torch.tensor([side - p if inclusive else side - p - 1 for side in features.shape[-2:]], device=around.device)
    candidates = around[:, None] + offsets[:, None]  # [K, n, 2]
    inside = (candidates >= 0) & (candidates <= last)
    valid = inside[:, :, None, 0] & inside[:, None, :, 1]
    at_once = max(1, _MOST_VALUES // max(1, features.shape[0] * (len(offsets) * p) ** 2))
    scores = torch.cat(
        [
            score(
                template[:, :, None, None],
                _gathered(features, corner - radius, span).unfold(2, p, step).unfold(3, p, step),
                allowed,
            )
            for template, corner, allowed in zip(
                templates.split(at_once), around.split(at_once), valid.split(at_once), strict=True
            )
        ]
    ).flatten(1)
    count = valid.flatten(1).sum(dim=1)
    if not bool(count.all()):
        lost = around[int(count.argmin())].tolist()
        raise ValueError(_no_candidate(Corner(*lost), p, features.shape[-2:]))
    best = scores.argmax(dim=1)
    row, column = best // len(offsets), best % len(offsets)
    positions = around + torch.stack((offsets[row], offsets[column]), dim=1)
    return Matches(positions, scores.gather(1, best[:, None])[:, 0], count)


def _gathered(image: torch.Tensor, corners: torch.Tensor, size: int) -> torch.Tensor:
    """Squares [K, C, size, size] of an image [C, H, W]; outside of it the border is repeated."""
    along = torch.arange(size, device=image.device)
    rows = (corners[:, :1] + along).clamp(0, image.shape[-2] - 1)
    columns = (corners[:, 1:] + along).clamp(0, image.shape[-1] - 1)
    return image[:, rows[:, :, None], columns[:, None, :]].movedim(0, 1)


def _inside(start: int, last: int, radius: int, step: int, inclusive: bool) -> list[int]:
    """Coordinates of the candidates along one axis; ``last`` is that of a patch that touches the border."""
    end = last if inclusive else last - 1
    return [start + offset for offset in range(-radius, radius, step) if 0 <= start + offset <= end]


def _cut(images: torch.Tensor, corner: Corner, size: int) -> torch.Tensor:
    return images[..., corner.row : corner.row + size, corner.column : corner.column + size]


def _windows(
    images: torch.Tensor, rows: list[int], columns: list[int], size: int, step: int, scale: int
) -> torch.Tensor:
    """Views [B, V, C, rows, columns, size, size] of [B, V, C, H, W] at ``scale`` times the coordinates."""
    region = images[..., scale * rows[0] : scale * rows[-1] + size, scale * columns[0] : scale * columns[-1] + size]
    return region.unfold(-2, size, scale * step).unfold(-2, size, scale * step)


def _no_candidate(corner: Corner, p: int, sides: torch.Size) -> str:
    return (
        f"no patch of {MATCHING_SCALE * p} packed pixels near row {MATCHING_SCALE * corner.row}, column "
        f"{MATCHING_SCALE * corner.column} lies inside the frame of {MATCHING_SCALE * sides[0]} x "
        f"{MATCHING_SCALE * sides[1]}: use larger frames, smaller patches or a larger search window"
    )
