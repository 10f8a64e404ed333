"""The training-free methods find the motion, merge what belongs together and say what they left out."""

import itertools
import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.tensordict import TensorDict
from data.processing import DenoisingProcessing
from dataset import SamplePhotos
from models.classical import AlignedMean, AlignedMeanNLM, BurstMean, ReferenceFrame
from models.classical.noise import NoiseModel
from utils.draws import Draws

METHODS = [ReferenceFrame, BurstMean, AlignedMean, AlignedMeanNLM]


def bursts(noise_level, count=2, **changes):
    """Bursts of training photographs (the held-out ones are for scores)."""
    processing = DenoisingProcessing(
        **{"crop_sz": 96, "burst_size": 8, "pre_downsample_factor": 2, "max_jitter_small": 1, "max_jitter_large": 4}
        | changes,
        noise_level=noise_level,
    )
    photos = SamplePhotos("train")
    return [processing(TensorDict(frame=photos.get_image(index)[0], draws=Draws(5, index))) for index in range(count)]


def batch(samples, key):
    return torch.stack([sample[key] for sample in samples])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(2, 3, 3, 33, 41), (1, 1, 1, 32, 32), (1, 4, 4, 40, 36)])
def test_every_method_keeps_the_contract_of_the_networks(method, shape):
    generator = torch.Generator().manual_seed(1)
    burst = torch.rand(shape, generator=generator)
    net = method()
    for noise_estimate in (torch.full_like(burst, 0.05), None):
        prediction, aux = net(burst, noise_estimate=noise_estimate)
        assert prediction.shape == (shape[0], *shape[2:])
        assert prediction.dtype == burst.dtype
        assert torch.isfinite(prediction).all()
        assert isinstance(aux, dict)
    assert not list(net.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_wrong_input_is_named(method):
    with pytest.raises(ValueError, match=r"\(3, 8, 8\).*expected \[B, T, C, H, W\]"):
        method()(torch.rand(3, 8, 8))
    with pytest.raises(ValueError, match="int64"):
        method()(torch.ones(1, 2, 3, 8, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match="noise_estimate"):
        method()(torch.rand(1, 2, 3, 8, 8), noise_estimate=torch.rand(1, 1, 3, 8, 8))


@settings(max_examples=5, deadline=None)
@given(x=st.integers(-12, 12), y=st.integers(-12, 12))
def test_whole_pixel_motion_is_found_and_undone(x, y):
    photo = torch.from_numpy(SamplePhotos("train").get_image(0)[0][100:180, 180:260]).permute(2, 0, 1).float() / 255
    frame = torch.roll(photo, (-y, -x), dims=(1, 2))[:, 16:-16, 16:-16]  # frame(p) = photo(p + (x, y))
    prediction, aux = AlignedMean(max_shift=16)(torch.stack([photo[:, 16:-16, 16:-16], frame])[None])
    assert aux["aligned"].all()
    # OpenCV 4 ends its refinement elsewhere than OpenCV 5: up to 0.065 pixels off was seen with 4.10 and 4.14.
    assert torch.allclose(aux["shifts"][0, 1], torch.tensor([float(x), float(y)]), atol=0.1)
    assert (prediction[0] - photo[:, 16:-16, 16:-16]).abs().mean() < 0.01


@pytest.mark.parametrize(("noise_level", "median"), [(2, 0.1), (4, 0.25)])
def test_sub_pixel_motion_is_found_in_noise(noise_level, median):
    samples = bursts(noise_level)
    _, aux = AlignedMean()(batch(samples, "burst"), batch(samples, "sigma_estimate"))
    error = torch.linalg.vector_norm(aux["shifts"] - batch(samples, "shifts")[..., 0, 0], dim=-1)[:, 1:]
    assert error.median() < median


def test_merging_lowers_the_error_step_by_step():
    samples = bursts(4)
    burst, sigma, truth = (batch(samples, key) for key in ("burst", "sigma_estimate", "frame_gt"))
    errors = [float((method()(burst, sigma)[0] - truth).square().mean()) for method in METHODS]
    assert all(before > 1.2 * after for before, after in itertools.pairwise(errors)), errors


def test_a_frame_of_another_scene_is_left_out_and_reported(caplog):
    samples = bursts(2)
    burst, sigma = batch(samples, "burst")[:1], batch(samples, "sigma_estimate")[:1]
    strange = burst.clone()
    strange[0, 3] = bursts(2, count=4)[3]["burst"][0] / 2 + 0.3
    with caplog.at_level(logging.INFO):
        _, aux = AlignedMean()(strange, sigma)
    assert not aux["aligned"][0, 3]
    assert "AlignedMean: 1 of 8 frames could not be aligned and are left out (counted from 0: 3)" in caplog.messages
    _, clean = AlignedMean()(burst, sigma)
    assert clean["aligned"].all()
    kept = [0, 1, 2, 4, 5, 6, 7]
    without = AlignedMean()(strange[:, kept], sigma[:, kept])[0]
    assert (AlignedMean()(strange, sigma)[0] - without).abs().mean() < 1e-3


def test_a_burst_without_structure_is_simply_averaged():
    generator = torch.Generator().manual_seed(2)
    burst = 0.3 + 0.05 * torch.randn(1, 6, 3, 48, 48, generator=generator)
    prediction, aux = AlignedMean()(burst, torch.full_like(burst, 0.05))
    assert aux["aligned"].all()
    assert (prediction - 0.3).std() < 0.05 / 2


@settings(max_examples=10, deadline=None)
@given(read=st.floats(1e-3, 0.1), shot=st.floats(1e-4, 0.05), level=st.floats(0.05, 1.0))
def test_stabilised_noise_has_deviation_one_and_comes_back_without_bias(read, shot, level):
    model = NoiseModel(read**2, shot)
    deviation = np.sqrt(read**2 + shot * level)
    if deviation > level / 2:
        return  # so much noise that values below black, which are clamped, are common
    noise = np.random.default_rng(3).standard_normal(40_000).astype(np.float32)
    stabilised = model.stabilise((level + deviation * noise).astype(np.float32))
    assert abs(stabilised.std() - 1) < 0.1
    assert abs(float(model.restore(stabilised.mean(keepdims=True))[0]) - level) < 0.03 * deviation + 1e-4


def test_noise_model_is_read_back_from_a_noise_estimate():
    values = np.random.default_rng(4).uniform(-0.1, 1, size=(2, 3, 20, 20)).astype(np.float32)
    sigma = np.sqrt(0.02**2 + 0.01 * np.maximum(values, 0))
    model = NoiseModel.fit(values, sigma)
    assert model.read_variance == pytest.approx(0.02**2, rel=1e-3)
    assert model.shot == pytest.approx(0.01, rel=1e-3)
