"""Denoising bursts: motion, noise, crops and bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import data.transforms as tfm
from admin.tensordict import TensorDict
from data.processing import DenoisingProcessing
from utils.draws import Draws

FRAME = np.random.default_rng(0).integers(0, 256, (90, 110, 3), dtype=np.uint8)


SMALL = {"crop_sz": 12, "burst_size": 4, "pre_downsample_factor": 2, "max_jitter_small": 2, "max_jitter_large": 6}


def processing(**options):
    return DenoisingProcessing(**{**SMALL, **options})


def test_sample_has_the_documented_keys_and_shapes():
    sample = processing()(TensorDict(frame=FRAME, dataset="photos", draws=Draws(1)))
    assert set(sample) == {"dataset", "burst", "frame_gt", "sigma_estimate", "meta_info", "shifts"}
    assert sample["burst"].shape == sample["sigma_estimate"].shape == (4, 3, 12, 12)
    assert sample["frame_gt"].shape == (3, 12, 12)
    assert sample["shifts"].shape == (4, 2, 12, 12)
    assert sample["meta_info"]["white_level"].shape == (1,)


def test_same_draws_give_the_same_sample_and_others_another():
    first, again, other = (processing()(TensorDict(frame=FRAME, draws=Draws(seed))) for seed in (1, 1, 2))
    assert torch.equal(first["burst"], again["burst"])
    assert not torch.equal(first["burst"], other["burst"])


@given(seed=st.integers(0, 10**6))
def test_drawn_motion_stays_within_the_jitter_and_the_image(seed):
    made = processing()
    params = made.draw(FRAME.shape[:2], Draws(seed))
    assert params["motion"][0] == (0, 0)
    assert max(abs(value) for motion in params["motion"] for value in motion) <= 6 * 2
    assert 0.1 < params["white_level"] <= 1
    assert 1e-3 <= params["sigma_read"] < 10**-1.5
    assert 1e-4 <= params["sigma_shot"] < 1e-2
    sample = made.render(FRAME, params)
    assert torch.isfinite(sample["burst"]).all()


def test_small_motion_is_the_rule_and_large_motion_happens():
    made = processing(burst_size=8)
    reach = [max(map(abs, m)) for s in range(60) for m in made.draw(FRAME.shape[:2], Draws(s))["motion"][1:]]
    large = sum(value > 2 * 2 for value in reach) / len(reach)
    assert 0.05 < large < 0.3  # 1.5 of 8 frames, two thirds of which really go far


def test_frames_show_the_scene_moved_by_their_shift():
    made = processing(return_grayscale=True)
    params = made.draw(FRAME.shape[:2], Draws(3))
    params |= {"motion": [(0, 0), (4, 0), (0, -2), (-6, 8)], "sigma_read": 0.0, "sigma_shot": 0.0}
    sample = made.render(FRAME, params)
    burst, shifts = sample["burst"], sample["shifts"][:, :, 0, 0].long().tolist()
    assert shifts == [[0, 0], [2, 0], [0, -1], [-3, 4]]
    for frame, (x, y) in zip(burst, shifts, strict=True):
        here = frame[:, max(0, -y) : 12 - max(0, y), max(0, -x) : 12 - max(0, x)]
        there = burst[0][:, max(0, y) : 12 + min(0, y), max(0, x) : 12 + min(0, x)]
        assert torch.allclose(here, there, atol=1e-6)
    assert torch.equal(sample["frame_gt"], burst[0])


def test_noise_is_as_large_as_estimated_and_is_not_clipped():
    made = processing(crop_sz=30, noise_level=5, max_jitter_large=2)
    params = made.draw(FRAME.shape[:2], Draws(0))
    clean = made.render(FRAME, {**params, "sigma_read": 0.0, "sigma_shot": 0.0})["burst"]
    sample = made.render(FRAME, params)
    noise = sample["burst"] - clean
    expected = (params["sigma_read"] ** 2 + params["sigma_shot"] * clean).mean().sqrt()
    assert float(noise.std()) == pytest.approx(float(expected), rel=0.03)
    assert float(sample["sigma_estimate"].mean()) == pytest.approx(float(expected), rel=0.1)
    assert float(sample["burst"].min()) < 0


def test_noise_ranges_can_be_widened():
    made = processing(log10_read_noise=(-1.1, -1.0), log10_root_shot_noise=(-0.8, -0.7))
    params = made.draw(FRAME.shape[:2], Draws(0))
    assert 10**-1.1 <= params["sigma_read"] < 0.1
    assert 10**-1.6 <= params["sigma_shot"] < 10**-1.4


def test_only_the_crop_is_converted_and_flips_are_respected():
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.3), tfm.RandomHorizontalFlip(1.0))
    made, plain = processing(transform=transform), processing(transform=None)
    params = made.draw(FRAME.shape[:2], Draws(5))
    whole = transform.apply(FRAME, params["transform"])
    assert torch.allclose(made.render(FRAME, params)["burst"], plain.render(whole, params)["burst"])


def test_a_photograph_that_is_too_small_is_padded_with_black():
    made = processing(crop_sz=40, burst_size=1)
    params = made.draw((90, 110), Draws(0))
    assert params["crop"] == (0, 0)  # 40 * 2 + 2 * 6 * 2 = 104 > 90
    gt = made.render(FRAME, params)["frame_gt"]
    rows_inside = (90 - 12) // 2
    assert float(gt[:, :rows_inside].min()) > 0
    assert float(gt[:, rows_inside:].max()) == 0


def test_bad_sizes_and_levels_say_what_would_work():
    with pytest.raises(ValueError, match=r"90 x 110.*min_sz is 100"):
        processing(min_sz=100)(TensorDict(frame=FRAME))
    with pytest.raises(ValueError, match=r"\[2, 3, 4, 5\]"):
        processing(noise_level=8)
    with pytest.raises(ValueError, match="max_jitter_large=1"):
        processing(max_jitter_large=1)
