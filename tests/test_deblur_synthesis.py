"""Bursts for deblurring: both engines depend on their draws alone, and the better one does what it promises."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.tensordict import TensorDict
from data import deblur_alignment, deblur_original, deblur_paper
from data.deblur_bursts import draw_noise_levels
from data.deblur_processing import ENGINES, deblur_processing
from tests.fabricated.photographs import photograph
from utils.draws import Draws
from utils.ops.blur import blur, spread_path
from utils.ops.srgb import linear_to_srgb, srgb_to_linear

PHOTO = photograph(70, 90)


def burst(engine: str, seed: int = 0, photo: np.ndarray = PHOTO, **options: Any) -> TensorDict:
    options = {"size": 48, "burst_size": 3, "kernel_lvl": 3.0, **options}
    return deblur_processing(engine, **options)(TensorDict(frame=photo, draws=Draws(seed)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("motion_blur", [True, False])
def test_a_burst_depends_on_its_draws_alone(engine: str, motion_blur: bool) -> None:
    np.random.seed(1)  # noqa: NPY002 - the generator that nothing may use
    first = burst(engine, motion_blur=motion_blur)
    np.random.seed(2)  # noqa: NPY002
    again, other = burst(engine, motion_blur=motion_blur), burst(engine, seed=1, motion_blur=motion_blur)
    assert torch.equal(first["burst"], again["burst"])
    assert not torch.equal(first["burst"], other["burst"])
    assert first["burst"].shape == (3, 3, 48, 48)
    assert first["frame_gt"].shape == (3, 48, 48)
    for images in (first["burst"], first["frame_gt"]):
        assert images.dtype == torch.float32
        assert torch.equal(images, images.round())
        assert 0 <= images.min() < images.max() <= 255
    assert "unaligned" not in first


@pytest.mark.parametrize("engine", ENGINES)
def test_a_frame_that_cannot_be_aligned_is_kept_and_counted(engine: str) -> None:
    flat = np.full((48, 48, 3), 90, np.uint8)  # nothing to align by
    sample = burst(engine, photo=flat, align=True, noise_lvl=0.0)
    assert sample["unaligned"] == (3 if engine == "original" else 2), "the first frame of `paper` is what others go to"
    assert (sample["burst"] - 90).abs().max() <= 3, "linear and back in 8 bits, at most"


def test_alignment_undoes_a_displacement() -> None:
    moved = burst("paper", seed=5, kernel_lvl=0.1, noise_lvl=0.2, max_shift=3.0)
    aligned = burst("paper", seed=5, kernel_lvl=0.1, noise_lvl=0.2, max_shift=3.0, align=True)
    inside = (slice(None), slice(None), slice(6, -6), slice(6, -6))
    error = [(sample["burst"] - sample["frame_gt"])[inside].square().mean() for sample in (moved, aligned)]
    assert aligned["unaligned"] == 0
    assert error[1] < 0.2 * error[0]


def test_an_image_is_warped_as_the_homography_says() -> None:
    image = photograph(20, 30)
    right = np.array([[1, 0, 2], [0, 1, 1], [0, 0, 1]], np.float32)
    warped = deblur_alignment.warp_by_homography(image, right)
    assert np.array_equal(warped[:-1, :-2], image[1:, 2:])
    assert (warped[:, -2:] == 0).all()


@settings(max_examples=20)
@given(radius=st.floats(0, 12), seed=st.integers(0, 10_000))
def test_the_path_of_the_camera_is_centred_and_as_long_as_asked(radius: float, seed: int) -> None:
    path = deblur_paper.camera_path(radius, seed)
    assert np.abs(path.mean(axis=0)).max() < 1e-9
    assert np.linalg.norm(path, axis=1).max() == pytest.approx(radius)
    kernel = deblur_paper.path_kernel(path)
    at = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.min() >= 0
    assert abs((kernel.sum(axis=1) * at).sum()) < 0.05 * max(radius, 1)
    # A line: every dot of the path has a neighbour.
    marked = np.pad(kernel > 0, 1)
    neighbours = np.sum([np.roll(marked, shift, (0, 1)) for shift in ((0, 1), (1, 0), (0, -1), (-1, 0))], axis=0)
    assert (neighbours[marked] > 0).all() or marked.sum() == 1


def test_blur_moves_an_image_to_where_the_camera_sees_it() -> None:
    image = np.zeros((9, 9, 3), np.float32)
    image[4, 4] = 1
    kernel = deblur_paper.path_kernel(np.array([[1.0, 2.0]]))
    assert blur(image, kernel)[5, 6, 0] == pytest.approx(1)
    spread = blur(image, deblur_paper.gaussian_kernel(1.0, (0.0, 0.0)))
    assert np.allclose(spread, spread.transpose(1, 0, 2))
    assert spread.sum() == pytest.approx(3, rel=1e-3)


@settings(max_examples=20)
@given(points=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=9))
def test_dots_of_a_path_have_its_mass_and_its_centroid(points: list[tuple[float, float]]) -> None:
    path = np.array(points)
    kernel = spread_path(path, side=5, origin=2)
    at = np.arange(5) - 2
    assert kernel.sum() == pytest.approx(len(path))
    assert kernel.sum(axis=1) @ at == pytest.approx(path[:, 0].sum(), abs=1e-9)
    assert kernel.sum(axis=0) @ at == pytest.approx(path[:, 1].sum(), abs=1e-9)


@pytest.mark.parametrize("place", [-2.1, 2.1, np.nan])
def test_a_path_that_leaves_its_kernel_is_refused(place: float) -> None:
    with pytest.raises(ValueError, match="leaves a kernel of side 5 with position 0 at 2"):
        spread_path(np.array([[0.0, place]]), side=5, origin=2)


def test_noise_has_its_level_at_middle_grey_and_shot_noise_hardly_depends_on_brightness() -> None:
    for display in (0.35, 0.5, 0.8):
        linear = float(srgb_to_linear(torch.tensor(display)))
        flat = np.full((96, 96, 3), linear, np.float32)
        noisy = deblur_paper.add_sensor_noise(flat, (4.0, 8.0, 4.0), (0.0, 0.0, 0.0), seed=3)
        shown = linear_to_srgb(torch.from_numpy(noisy)) * 255
        assert shown[..., 0].std() == pytest.approx(4, rel=0.25 if display != 0.5 else 0.05)
        assert shown[..., 1].std() == pytest.approx(8, rel=0.25 if display != 0.5 else 0.05)


@pytest.mark.parametrize(("noise_levels", "drifts"), [("chained", True), ("independent", False)])
def test_noise_levels_drift_only_where_the_original_is_asked_for(noise_levels: str, drifts: bool) -> None:
    engine = deblur_processing("original", burst_size=8, kernel_lvl=1.0, noise_levels=noise_levels)
    last = np.array([engine.draw((48, 48), Draws(seed))["frames"][-1]["level1"] for seed in range(60)])
    inside = ((last >= 2) & (last <= 5)).mean()
    assert (inside < 0.8) if drifts else (inside == 1)
    better = deblur_processing("paper", burst_size=8).draw((200, 200), Draws(1))["frames"]
    assert all(2 <= level <= 5 for frame in better for level in frame["shot"])
    first, second = draw_noise_levels((1.0, 2.0, 0.0), Draws(4))
    assert 4 <= first[1] <= 10
    assert 0.1 * first[1] <= second[1] <= 0.5 * first[1]
    assert first[2] == second[2] == 0


def test_the_original_walk_ends_at_its_distance_and_blur_takes_the_mean_of_its_cells() -> None:
    for seed in range(5):
        cells = deblur_original.draw_walk(20.0, Draws(seed), size=160)
        farthest = max(np.hypot(row + 0.5 - 79, column + 0.5 - 79) for row, column in cells)
        assert farthest > 20 / np.sqrt(2) - 1.5
    image = photograph(12, 16)
    still = deblur_original.blur_by_walk(image, [(79, 79)])
    assert np.array_equal(still[1:, 1:], image[:-1, :-1]), "beside the walk's start lies the anchor"
    two = deblur_original.blur_by_walk(image, [(80, 80), (80, 82)]).astype(int)
    assert np.abs(two[:, :-2] - (image[:, :-2].astype(float) + image[:, 2:]) / 2).max() <= 0.5


@pytest.mark.parametrize("size", [(40, 200), (300, 31)])
def test_small_photographs_are_enlarged_and_large_ones_sharpened(size: tuple[int, int]) -> None:
    engine = deblur_processing("paper", size=48, burst_size=1, max_reduction=2.0)
    sides = {engine.draw((400, 500), Draws(seed))["crop"][2] for seed in range(20)}
    assert min(sides) >= 48
    assert max(sides) <= 96
    assert len(sides) > 5
    top, left, side = engine.draw(size, Draws(0))["crop"]
    assert side == min(size)
    assert 0 <= top <= size[0] - side
    assert 0 <= left <= size[1] - side
    assert burst("paper", photo=photograph(*size))["frame_gt"].shape == (3, 48, 48)


@pytest.mark.parametrize(
    ("engine", "options", "words"),
    [
        ("papier", {}, "paper"),
        ("paper", {"kernel_lvl": 0.0}, "kernel_lvl=0.0"),
        ("paper", {"burst_size": 0}, "burst_size=0"),
        ("paper", {"max_shift": -1.0}, "max_shift=-1.0"),
        ("original", {"kernel_lvl": 160.0}, "kernel_lvl=160.0"),
        ("original", {"kernel_lvl": 0.3, "motion_blur": False}, "kernel_lvl=0.3"),
        ("original", {"noise_levels": "fixed"}, "'fixed'"),
    ],
)
def test_impossible_bursts_are_refused(engine: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        deblur_processing(engine, **options)
