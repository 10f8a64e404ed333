"""Bursts that are made fast are those that the plain pipeline makes."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import data.transforms as tfm
from data.mosaic_rendering import can_render_mosaic, render_mosaic
from data.processing import SyntheticBurstProcessing
from data.synthetic_burst_generation import draw_motions, render_frames
from tests.twins.bursts import published_burst
from utils.draws import Draws
from utils.ops.mosaic import mosaic

MOVES = {"max_translation": 24.0, "max_rotation": 1.0, "max_shear": 0.0, "max_scale": 0.0, "border_crop": 24}
WILD = {"max_translation": 24.0, "max_rotation": 4.0, "max_shear": 0.05, "max_ar_factor": 0.1, "max_scale": 0.1}
FMA3 = 12  # CV_CPU_FMA3 of OpenCV, which Python does not name
FLIPS = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip())


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth areas, edges and fine texture."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8), (width, height))
    return np.clip(coarse + rng.integers(-12, 13, coarse.shape), 0, 255).astype(np.uint8)


def as_image(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(2, 0, 1).float() / 255


def sums_like_opencv() -> bool:
    """OpenCV 5 warps with fused multiply-adds where the CPU has them, and so do we; OpenCV 4 counts in integers."""
    return int(cv2.__version__.split(".")[0]) < 5 or cv2.checkHardwareSupport(FMA3)


def same_frames(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    if sums_like_opencv():
        return torch.equal(ours, theirs)
    steps = ((ours - theirs) * 255).round().abs()
    return float(steps.max()) <= 1 and float((steps > 0).float().mean()) < 5e-4


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1, 2, 3, 4, 6]), border=st.sampled_from([0, 12]))
def test_frames_rendered_as_mosaic_are_those_of_whole_warped_photographs(seed, factor, border):
    image = as_image(photo(72, 96, seed))
    motions = draw_motions(3, factor, WILD, Draws(seed))
    assert same_frames(
        render_mosaic(image, motions, factor, border), mosaic(render_frames(image, motions, factor, border))
    )


def test_more_frames_than_one_call_of_opencv_takes_are_rendered_in_several(monkeypatch: pytest.MonkeyPatch):
    image, motions = as_image(photo(48, 48)), draw_motions(5, 4, WILD, Draws(0))
    whole = render_mosaic(image, motions, 4)
    monkeypatch.setattr("data.mosaic_rendering._LARGEST_IMAGE", 30)
    assert torch.equal(render_mosaic(image, motions, 4), whole)


def test_a_photograph_of_broken_mosaic_cells_is_refused():
    assert not can_render_mosaic((60, 64), 4)
    assert not can_render_mosaic((16, 64), 4, border_crop=8)
    with pytest.raises(ValueError, match=r"60 x 64 pixels less border_crop=0 .* multiple of 8"):
        render_mosaic(torch.zeros(3, 60, 64), [], 4)


@pytest.mark.parametrize("size", [144, 112])
def test_a_burst_is_the_published_one(size):
    frame = photo(size, size)
    made = SyntheticBurstProcessing(96, 5, 4, burst_transformation_params=MOVES, transform=FLIPS, return_shifts=True)
    params = made.draw((size, size), Draws(3))
    ours, published = made.render(frame, params), published_burst(made, frame, params)
    assert same_frames(ours["burst"], published["burst"])
    assert torch.equal(ours["frame_gt"], published["frame_gt"])
    assert torch.allclose(ours["shifts"], published["flow_vectors"][:, :, ::2, ::2] / 2, atol=1e-3)


@pytest.mark.parametrize(
    "options", [{"return_rgb_busrt": True}, {"interpolation_type": "lanczos"}, {"downsample_factor": 5}]
)
def test_what_has_no_fast_path_is_rendered_in_full(options):
    made = SyntheticBurstProcessing(
        **{"crop_sz": 82, "burst_size": 2, "downsample_factor": 4, "transform": FLIPS, **options}
    )
    frame = photo(144, 144)
    params = made.draw((144, 144), Draws(1))
    sample = made.render(frame, params)
    assert torch.equal(sample["burst"], published_burst(made, frame, params)["burst"])
    assert ("burst_rgb" in sample) == made.return_rgb_busrt
