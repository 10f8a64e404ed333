"""SR3 benchmark: clips, metrics, pictures, what the tables say, and what sampling costs."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio

from admin.weights_file import save_weights_file
from evaluation.common_utils import engine
from evaluation.common_utils.experiments import experiment_names, load_experiment
from evaluation.common_utils.network_param import NetworkParam
from evaluation.sr3 import clips, curve, pictures
from evaluation.sr3.benchmark import PACKAGE, sr3_benchmark, sr3_benchmarks
from evaluation.sr3.clips import FewerFrames, PhotoClips
from evaluation.sr3.experiments.quickstart import mean_of_samples
from evaluation.sr3.metrics import colour_drift, mean_gradient, psnr_8bit, ssim_8bit
from evaluation.sr3.refinement import show_refinement
from models.sr3.sampling import SAMPLERS
from tests import fabricated
from tests.test_sr3_model import tiny
from utils.image_io import read_image

Picture = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def _few_clips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clips, "CLIPS", 2)
    fabricated.environment(monkeypatch, save_data_path=tmp_path / "saved", pretrained_nets_dir=tmp_path / "nets")
    (tmp_path / "nets").mkdir()


def shipped(folder: Path) -> NetworkParam:
    """A small network in a file, as it would be shipped."""
    net = tiny(sampler="ddim", steps=2)
    save_weights_file(folder / "nets" / "sr3_quickstart.safetensors", net)
    return NetworkParam(network_path="sr3_quickstart.safetensors", unique_name="tiny")


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
@settings(max_examples=10, deadline=None)
def test_psnr_is_that_of_eight_bit_pictures(seed: int, noise: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 256, (12, 14, 3), dtype=np.uint8)
    other = np.clip(truth + generator.integers(-noise, noise + 1, truth.shape), 0, 255).astype(np.uint8)
    if (other != truth).any():
        assert psnr_8bit(other, truth) == pytest.approx(peak_signal_noise_ratio(truth, other))
    assert psnr_8bit(truth, truth) == math.inf


def test_ssim_is_one_for_equal_pictures_and_wants_one_or_three_channels() -> None:
    photo = astronaut()[:40, :50]
    assert ssim_8bit(photo, photo) == pytest.approx(1)
    assert ssim_8bit(photo, photo[:, ::-1].copy()) < 0.5
    with pytest.raises(ValueError, match="40, 50, 4"):
        ssim_8bit(np.zeros((40, 50, 4), np.uint8), np.zeros((40, 50, 4), np.uint8))


def test_sharpness_and_drift_measure_what_they_are_called() -> None:
    photo = torch.from_numpy(astronaut()[:64, :64].copy()).permute(2, 0, 1) / 255
    blurred = torch.nn.functional.avg_pool2d(photo[None], 5, stride=1, padding=2, count_include_pad=False)[0]
    assert mean_gradient(blurred) < 0.8 * mean_gradient(photo)
    tinted = photo + torch.tensor([0.0, 3 / 255, -1 / 255]).view(3, 1, 1)
    assert colour_drift(tinted, photo) == pytest.approx(3, abs=1e-3)
    assert colour_drift(photo, photo) == 0


def test_pictures_leave_the_tensor_as_it_is_and_show_every_image() -> None:
    images = torch.linspace(-2, 2, 5 * 3 * 8 * 8).reshape(5, 3, 8, 8)
    before = images.clone()
    grid = pictures.refinement_grid(images, 3)
    assert torch.equal(images, before)
    assert grid.shape == (2 * 10 + 2, 3 * 10 + 2, 3)
    assert tuple(grid[0, 0]) == (0, 0, 255)
    assert (
        pictures.as_picture(images, 3)[10 + 2 : 10 + 10, 12:20] == 255 * (images[4, :, 0, 0] > 0).any().item()
    ).all()
    with pytest.raises(ValueError, match="no image"):
        pictures.as_picture(torch.zeros(5))


def test_clips_are_the_same_on_every_run_and_show_their_middle_frame() -> None:
    frames, truth, info = PhotoClips()[0]
    assert (frames.shape, truth.shape) == ((3, 3, 32, 32), (3, 32, 32))
    assert torch.equal(frames, PhotoClips()[0][0])
    errors = (frames - truth).square().mean(dim=(1, 2, 3))
    assert errors[1] < min(errors[0], errors[2])
    assert info["burst_name"].startswith(info["scene"])
    one = FewerFrames(PhotoClips(), 1)[0][0]
    assert torch.equal(one, frames[1:2])
    with pytest.raises(ValueError, match="has 3 frames, 5 are asked for"):
        FewerFrames(PhotoClips(), 5)[0]
    with pytest.raises(ValueError, match="frames = 2"):
        FewerFrames(PhotoClips(), 2)


def test_the_table_has_bicubic_one_sample_and_the_mean_of_many(tmp_path: Path) -> None:
    network = shipped(tmp_path)
    scores = engine.score(sr3_benchmark(steps=2), [network, mean_of_samples(network, 4)])
    assert [row.name for row in scores.rows] == ["bicubic, middle frame", "tiny", "tiny, mean of 4"]
    means = scores.means()
    assert {"psnr", "ssim", "sharpness", "colour_drift"} <= means["tiny"].keys()
    assert means["bicubic, middle frame"]["sharpness"] < 1
    assert means["tiny, mean of 4"]["psnr"] > means["tiny"]["psnr"]
    again = engine.score(sr3_benchmark(steps=2), [network], baselines=False)
    assert again.means()["tiny"] == means["tiny"], "samples depend on clip and seed only"


def test_variants_have_names_of_their_own_so_that_predictions_do_not_mix() -> None:
    names = [benchmark.name for benchmark in sr3_benchmarks("photos", [1, 3], "ddim", 5)]
    assert names == ["sr3/photos/1_frames_ddim_5_steps", "sr3/photos/3_frames_ddim_5_steps"]
    assert [benchmark.name for benchmark in sr3_benchmarks()] == ["sr3/photos/default"]
    with pytest.raises(ValueError, match="photos"):
        sr3_benchmark("photo")
    with pytest.raises(ValueError, match="ddim"):
        sr3_benchmark(sampler="dim")


def test_saved_predictions_score_the_same(tmp_path: Path) -> None:
    benchmark, network = sr3_benchmark(steps=2), shipped(tmp_path)
    engine.save_predictions(benchmark, [network])
    loaded = engine.score(benchmark, [network], load_saved=True).means()
    assert loaded == engine.score(benchmark, [network]).means()


def test_every_experiment_names_networks(tmp_path: Path) -> None:
    shipped(tmp_path)
    for name in experiment_names(PACKAGE):
        assert load_experiment(PACKAGE, name)
    rows = [network.get_display_name() for network in load_experiment(PACKAGE, "quickstart")]
    assert rows[:2] == ["shipped", "shipped, mean of 16"]


def test_the_refinement_of_every_clip_becomes_a_picture(tmp_path: Path) -> None:
    shipped(tmp_path)
    (path,) = show_refinement("quickstart", clips=1, steps=12)
    # Three frames of the condition and twelve images, three in a row.
    assert read_image(path).shape == (5 * 34 + 2, 3 * 34 + 2, 3)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_a_sampling_costs_as_many_network_evaluations_as_it_has_steps(sampler: str) -> None:
    net = tiny(schedule={"schedule": "linear", "n_timestep": 200, "linear_end": 0.1})
    calls = []
    net.denoise_fn.register_forward_hook(lambda *_: calls.append(1))
    for steps in (1, 20):
        calls.clear()
        net.sample_images(torch.zeros(1, 9, 8, 8), sampler=sampler, steps=steps)
        assert len(calls) == steps
    calls.clear()
    net.sample_images(torch.zeros(1, 9, 8, 8), sampler=sampler)
    assert len(calls) == 200


def test_the_curve_scores_checkpoints_against_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from admin.checkpoints import save_checkpoint

    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", str(tmp_path))
    net = tiny(sampler="ddim", steps=1)
    constructor: Any = net.constructor
    for epoch in (1, 2, 3):
        content: dict[str, Any] = {
            "net": net.state_dict(),
            "net_ema": net.state_dict(),
            "net_type": "GaussianDiffusion",
        }
        content |= {"constructor": constructor.plain(), "epoch": epoch, "step": 10 * epoch, "seconds": 30.0 * epoch}
        save_checkpoint(tmp_path / "checkpoints/sr3/try" / f"GaussianDiffusion_ep{epoch:04d}.pth.tar", content)
    path = curve.training_curve("sr3", "try", every=2, samples=2)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [(row["epoch"], row["step"], row["minutes"]) for row in rows] == [("2", "20", "1.0"), ("3", "30", "1.5")]
    assert float(rows[0]["psnr_mean"]) > 0
