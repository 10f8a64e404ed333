"""Stage one of two-stage alignment finds patches far away, exactly and differentiably."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.two_stage_align.patch_matching import (
    Corner,
    cut_patches,
    frame_positions,
    match_progressively,
    match_softly,
    quarter_size,
    search_radius,
    visiting_order,
)
from models.two_stage_align.similarity import normalised_cross_correlation
from models.two_stage_align.tiles import merge_tiles, pad_to_next_multiple, tile_corners


def moving(shifts: list[tuple[int, int]], size: int = 16, channels: int = 3) -> torch.Tensor:
    """Frames [N, C, size, size] of one scene: what lies at p in the centre frame lies at p + shift in each frame."""
    reach = max((abs(value) for shift in shifts for value in shift), default=0)
    side = size + 2 * reach
    coarse = torch.rand(1, channels, side // 4 + 2, side // 4 + 2, generator=torch.Generator().manual_seed(3))
    # Smooth, as images are: a coarse search finds nothing in white noise.
    scene = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic")[0]
    return torch.stack([scene[:, reach - r : reach - r + size, reach - c : reach - c + size] for r, c in shifts])


def found_shifts(frames: torch.Tensor, start: tuple[int, int], p: int, radius: int, **options) -> list[tuple[int, ...]]:
    starts = torch.tensor([start])
    positions = frame_positions(match_progressively(frames, starts, p, radius, **options), starts)
    return [tuple(shift) for shift in (positions[:, 0] - starts[0]).tolist()]


def test_the_search_is_progressive_so_motion_may_exceed_its_radius():
    shifts = [(6, -5), (3, -3), (0, 0), (-3, 2), (-6, 5)]
    assert found_shifts(moving(shifts, 24), (10, 10), 4, radius=4) == shifts


def test_odd_shifts_are_found_by_the_fine_search():
    shifts = [(1, -1), (0, 0), (-3, 1)]
    assert found_shifts(moving(shifts), (6, 6), 4, radius=4) == shifts


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    corner=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    radius=st.integers(2, 5),
    inclusive=st.booleans(),
)
def test_the_choice_is_that_of_trying_all_candidates_one_after_the_other(
    seed: int, corner: tuple[int, int], radius: int, inclusive: bool
):
    features = torch.rand(2, 3, 11, 11, generator=torch.Generator().manual_seed(seed))  # hardly ever a tie
    p = 3
    template = features[1, :, corner[0] : corner[0] + p, corner[1] : corner[1] + p]

    def best(around: tuple[int, int], reach: int, step: int) -> tuple[tuple[int, int], int]:
        tried = []
        for row in range(around[0] - reach, around[0] + reach, step):
            for column in range(around[1] - reach, around[1] + reach, step):
                limit = 11 - p + (1 if inclusive else 0)
                if 0 <= row < limit and 0 <= column < limit:
                    window = features[0, :, row : row + p, column : column + p]
                    tried.append(((template - window).abs().mean().item(), (row, column)))
        return min(tried, key=lambda entry: round(entry[0], 5))[1], len(tried)

    (visit,) = match_progressively(features, torch.tensor([corner]), p, radius, inclusive)
    coarse, count = best(corner, radius, 2)
    assert (tuple(visit.coarse.positions[0].tolist()), int(visit.coarse.candidates[0])) == (coarse, count)
    fine, count = best(coarse, 2, 1)
    assert (tuple(visit.fine.positions[0].tolist()), int(visit.fine.candidates[0])) == (fine, count)


def test_of_equal_candidates_the_first_row_by_row_is_taken():
    # -3 is the first offset of the coarse search, -2 that of the fine one.
    assert found_shifts(torch.zeros(3, 2, 16, 16), (6, 6), 4, radius=3) == [(-5, -5), (0, 0), (-5, -5)]


def test_a_static_patch_at_the_last_row_stays_only_if_the_search_is_inclusive():
    frames = moving([(0, 0)] * 3)
    assert found_shifts(frames, (12, 12), 4, 4, inclusive=True) == [(0, 0)] * 3
    assert found_shifts(frames, (12, 12), 4, 4)[0] != (0, 0), "the published search may not touch the border"


def test_many_patches_are_matched_as_each_one_alone():
    frames = moving([(2, 1), (0, 0), (-1, -3)])
    starts = tile_corners(3, 3, 4)
    together = frame_positions(match_progressively(frames, starts, 4, 4), starts)
    alone = [frame_positions(match_progressively(frames, one[None], 4, 4), one[None]) for one in starts]
    assert torch.equal(together, torch.cat(alone, dim=1))


def test_a_frame_as_large_as_the_patch_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"64 packed pixels near row 0, column 0.*64 x 64.*larger frames"):
        match_progressively(torch.rand(3, 2, 16, 16), torch.zeros(1, 2, dtype=torch.long), 16, 4)
    with pytest.raises(ValueError, match="larger frames"):
        match_softly(torch.rand(1, 3, 4, 64, 64), torch.rand(1, 3, 2, 16, 16), Corner(0, 0), 64, 4, 1e-2)


def test_soft_patches_become_the_best_candidates_as_the_temperature_falls():
    shifts = [(2, -4), (0, 0), (-2, 2)]
    features = moving(shifts)[None]
    images = torch.rand(1, 3, 5, 64, 64)
    soft = match_softly(images, features, Corner(24, 24), 16, 4, 1e-4)
    for frame, (row, column) in ((0, shifts[0]), (2, shifts[2])):
        top, left = 24 + 4 * row, 24 + 4 * column
        assert torch.allclose(soft.patches[0, frame], images[0, frame, :, top : top + 16, left : left + 16], atol=1e-4)
    assert torch.equal(soft.patches[0, 1], images[0, 1, :, 24:40, 24:40]), "the centre frame is left as it is"
    assert torch.allclose(soft.weights.sum(dim=-1), torch.ones(1, 2))


def test_soft_matching_of_a_batch_is_that_of_each_burst_and_reaches_the_features():
    features = torch.rand(2, 3, 3, 12, 12, requires_grad=True)
    images, clean = torch.rand(2, 3, 8, 48, 48), torch.rand(2, 3, 4, 48, 48)
    both = match_softly(images, features, Corner(18, 9), 16, 4, 1e-2, clean)
    one = match_softly(images[1:], features[1:], Corner(18, 9), 16, 4, 1e-2, clean[1:])
    for whole, part in zip(both, one, strict=True):
        assert whole is not None
        assert part is not None
        assert torch.allclose(whole[1:], part, atol=1e-6)
    both.patches.square().sum().backward()
    assert features.grad is not None
    assert (features.grad.flatten(1).abs().sum(dim=1) > 0).all()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("frames", [1, 3, 9])
def test_every_other_frame_is_visited_outwards_from_the_centre(frames: int):
    order, centre = visiting_order(frames), frames // 2
    assert sorted([*order, centre]) == list(range(frames))
    assert order[:centre] == list(range(centre))[::-1]


def test_a_burst_of_one_frame_needs_no_matching():
    image = torch.rand(1, 1, 8, 32, 32)
    alone = match_softly(image, torch.rand(1, 1, 3, 8, 8), Corner(4, 8), 16, 2, 1e-2)
    assert torch.equal(alone.patches, image[..., 4:20, 8:24])
    assert alone.weights.shape[1] == 0
    assert match_progressively(torch.rand(1, 3, 8, 8), torch.zeros(1, 2, dtype=torch.long), 4, 2) == []


def test_a_quarter_size_image_holds_the_mean_of_the_four_middle_pixels():
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    expected = torch.stack([image[0, 0, r + 1 : r + 3, c + 1 : c + 3].mean() for r in (0, 4) for c in (0, 4)])
    assert torch.equal(quarter_size(image).flatten(), expected)


def test_the_gradient_of_a_constant_patch_is_finite():
    x, y = torch.rand(2, 3, 4, 4, requires_grad=True), torch.rand(2, 3, 4, 4)
    y[1] = 0.5
    score = normalised_cross_correlation(x, y)
    assert float(score[1].detach()) == pytest.approx(1.0)
    score.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_windows_are_in_full_resolution_pixels():
    assert [search_radius(window) for window in (48, 64, 128)] == [6, 8, 16]


def test_tiles_cut_and_merged_give_the_image_back():
    image = torch.rand(1, 2, 24, 32)
    starts = tile_corners(3, 4, 2)
    tiles = cut_patches(image, starts[None], 8)[:, 0]
    assert torch.equal(merge_tiles(tiles, 3, 4, margin=0), image[0])


def test_padding_adds_a_whole_block_to_a_side_that_fits_already():
    assert pad_to_next_multiple(torch.ones(2, 8, 9), 8).shape == (2, 16, 16)
    assert pad_to_next_multiple(torch.ones(2, 7, 9), 8, least=3).shape == (2, 24, 24)
    assert float(pad_to_next_multiple(torch.ones(1, 8, 8), 8).sum()) == 64
