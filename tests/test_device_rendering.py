"""Batches rendered where the training takes place are those that the workers render."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import data.transforms as tfm
from admin.tensordict import TensorDict
from data import DataLoader, sampler
from data.base_processing import BaseProcessing
from data.collate import Ragged, collate
from data.deblur_original import OriginalDeblurBursts
from data.deblur_paper import PaperDeblurBursts
from data.denoising_processing import DenoisingProcessing
from data.jdd_processing import JDDProcessing
from data.synthetic_burst_processing import SyntheticBurstProcessing
from tests.golden.cases.sampling import StandInDataset
from tests.test_fast_synthesis import FLIPS, MOVES, photo
from tests.tiny_run import TinyActor, settings_for
from trainers import SimpleTrainer
from utils.draws import Draws, standard_normal, standard_normals

LEVEL = 1 / 255
CPU = torch.device("cpu")
DEVICES = [
    CPU,
    pytest.param(torch.device("cuda"), marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
COLOURS = tfm.Transform(tfm.ToTensor(), tfm.RandomHorizontalFlip(), tfm.RandomColors(0.3))
SR: dict[str, Any] = {
    "crop_sz": 96,
    "burst_size": 4,
    "downsample_factor": 4,
    "burst_transformation_params": MOVES,
    "transform": FLIPS,
}
NO_NOISE: dict[str, Any] = {"image_processing_params": {"add_noise": False}}
DENOISING: dict[str, Any] = {
    "crop_sz": 24,
    "burst_size": 4,
    "pre_downsample_factor": 4,
    "max_jitter_small": 2,
    "max_jitter_large": 5,
}


def batches(kind: Any, options: dict[str, Any], frames: list[Any], key: str, device: torch.device) -> list[Any]:
    """The same samples rendered one by one, and as a batch on ``device``."""
    made = [kind(**options, render_on=place) for place in ("worker", "device")]
    samples = [
        collate([one(TensorDict({key: frame, "draws": Draws(7, i)})) for i, frame in enumerate(frames)]) for one in made
    ]
    return [one.render_batch(batch, device) for one, batch in zip(made, samples, strict=True)]


def largest_difference(first: Any, second: Any, key: str) -> float:
    assert first[key].shape == second[key].shape
    assert first[key].dtype == second[key].dtype
    return float((first[key] - second[key].cpu()).abs().max())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [(144, 144), (144, 144)]),
        ({"return_shifts": True, "transform": COLOURS}, [(150, 190), (144, 148)]),
        ({"crop_scale_range": (0.6, 1.0), "crop_ar_range": (0.8, 1.2)}, [(112, 112), (200, 180), (200, 180)]),
        ({"transform": tfm.Transform(tfm.ToGrayscale(1.0), tfm.ToTensor())}, [(144, 144), (200, 144)]),
        ({"downsample_factor": 3, "random_crop": False}, [(144, 144), (144, 144)]),
    ],
)
def test_super_resolution_bursts_differ_by_a_level_at_most_before_noise(options, sizes, device):
    frames = [photo(height, width, seed) for seed, (height, width) in enumerate(sizes)]
    workers, rendered = batches(SyntheticBurstProcessing, SR | NO_NOISE | options, frames, "frame", device)
    assert set(workers) == set(rendered)
    assert largest_difference(workers, rendered, "burst") < 1.01 * LEVEL
    # Reference frames lie on halves of pixels, where a careless sum rounds many values the other way.
    off = (workers["burst"] - rendered["burst"].cpu()).abs() > 0.5 * LEVEL
    assert float(off.float().mean()) < 1e-3
    assert largest_difference(workers, rendered, "frame_gt") < 1e-5
    for key in ("rgb2cam", "gamma", "rgb_gain"):
        assert torch.equal(workers["meta_info"][key], rendered["meta_info"][key])
    if "shifts" in workers:
        assert largest_difference(workers, rendered, "shifts") == 0


def test_noise_of_a_batch_is_that_of_its_samples():
    workers, rendered = batches(SyntheticBurstProcessing, SR, [photo(144, 144)] * 2, "frame", CPU)
    off = (workers["burst"] - rendered["burst"]).abs() > 1e-5
    assert float(off.float().mean()) < 1e-3
    assert largest_difference(workers, rendered, "burst") < 2 * LEVEL
    assert torch.equal(
        standard_normals((3, 5, 4), [8, 9]), torch.stack([standard_normal((3, 5, 4), s) for s in (8, 9)])
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_noise_of_a_gpu_has_the_stated_deviation_and_follows_its_seed():
    made = SyntheticBurstProcessing(**SR, render_on="device")
    clean = SyntheticBurstProcessing(**SR | NO_NOISE, render_on="device")
    first, again, plain = (
        one.render_batch(collate([one(TensorDict(frame=photo(144, 144), draws=Draws(4)))]), torch.device("cuda"))
        for one in (made, made, clean)
    )
    assert torch.equal(first["burst"], again["burst"])
    assert float((first["burst"] - plain["burst"]).abs().mean()) > 1e-4


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("options", [{"transform": FLIPS}, {"transform": COLOURS, "return_grayscale": True}])
def test_denoising_bursts_are_the_same(options, device):
    frames = [photo(150, 170), photo(150, 170, 1), photo(120, 150, 2)]  # the last one is padded with black
    workers, rendered = batches(DenoisingProcessing, DENOISING | options, frames, "frame", device)
    assert set(workers) == set(rendered)
    assert largest_difference(workers, rendered, "shifts") == 0
    assert largest_difference(workers, rendered, "frame_gt") < 1e-5
    if device == CPU:  # another device has other noise
        assert largest_difference(workers, rendered, "burst") < 1e-5
        assert largest_difference(workers, rendered, "sigma_estimate") < 1e-5


@pytest.mark.parametrize("device", DEVICES)
def test_bursts_for_demosaicking_are_the_same(device):
    clips = [[photo(64, 80, 3 * clip + t) for t in range(3)] for clip in range(4)]
    workers, rendered = batches(JDDProcessing, {"crop_sz": 48}, clips, "frames", device)
    assert set(workers) == set(rendered)
    for key in ("burst_gt", "frame_gt"):
        assert largest_difference(workers, rendered, key) < 1e-5
    if device == CPU:
        for key in ("burst", "noise_map"):
            assert largest_difference(workers, rendered, key) < 1e-4


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("motion_blur", [True, False])
def test_bursts_for_deblurring_differ_by_a_level_at_most(motion_blur, device):
    options: dict[str, Any] = {
        "size": 40,
        "burst_size": 3,
        "kernel_lvl": 4.0,
        "max_shift": 1.5,
        "motion_blur": motion_blur,
    }
    if device != CPU:
        options["noise_lvl"] = 0.0
    workers, rendered = batches(PaperDeblurBursts, options, [photo(64, 80, s) for s in range(3)], "frame", device)
    assert set(workers) == set(rendered)
    assert largest_difference(workers, rendered, "frame_gt") == 0
    assert largest_difference(workers, rendered, "burst") <= 1  # of 255
    assert float((workers["burst"] != rendered["burst"].cpu()).float().mean()) < 0.01


def test_places_and_processings_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match=r"devise.*device"):
        SyntheticBurstProcessing(**SR, render_on="devise")
    with pytest.raises(ValueError, match="return_rgb_busrt False"):
        SyntheticBurstProcessing(**SR, render_on="device", return_rgb_busrt=True)
    with pytest.raises(ValueError, match="align=False or render_on='worker'"):
        PaperDeblurBursts(align=True, render_on="device")
    for kind in (BaseProcessing, OriginalDeblurBursts):
        with pytest.raises(ValueError, match=f"{kind.__name__} cannot render batches"):
            kind(render_on="device")
    with pytest.raises(ValueError, match=r"'train'.*stack_dim=0"):
        loader("device", stack_dim=1)


def test_ragged_tensors_are_stacked_where_they_agree_and_listed_where_not():
    same = collate([{"image": Ragged(torch.zeros(2, 3))} for _ in range(2)])
    assert same["image"].shape == (2, 2, 3)
    shapes = [tuple(one.shape) for one in collate([{"image": Ragged(torch.zeros(2, n))} for n in (3, 4)])["image"]]
    assert shapes == [(2, 3), (2, 4)]


class Photos(StandInDataset):
    def get_image(self, image_id, info=None):
        return photo(56, 60, image_id), {}


def loader(place: str, workers: int = 0, **options: Any) -> DataLoader:
    small = DenoisingProcessing(8, 3, 2, 1, 2, transform=FLIPS, return_grayscale=True, render_on=place)
    photos = sampler.RandomImage([Photos("photos", 5, 1)], [1], samples_per_epoch=12, processing=small)
    return DataLoader("train", photos, batch_size=3, num_workers=workers, **options)


def test_the_loader_hands_out_rendered_batches_from_any_batch_on_whatever_the_workers():
    passes = []
    for made in (loader("worker"), loader("device"), loader("device", workers=1)):
        made.start(seed=5, epoch=3, first_batch=1)
        passes.append(list(made))
    assert [len(one) for one in passes] == [3, 3, 3]
    for plain, *rendered in zip(*passes, strict=True):
        for batch in rendered:
            assert batch["sample"] == plain["sample"]
            assert "material" not in batch
            assert torch.allclose(batch["burst"], plain["burst"], atol=1e-5)
    for alone, together in zip(*passes[1:], strict=True):
        assert torch.equal(alone["burst"], together["burst"])


class FrameNet(torch.nn.Module):
    """The least that can be trained on grey bursts of three frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 1, 1)

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        return self.conv(burst.squeeze(2)), {}


def trained(workspace: Path, parts: int) -> dict[str, torch.Tensor]:
    """Weights after two epochs on rendered batches, trained in one go or stopped after each step."""
    for part in range(1, parts + 1):
        torch.manual_seed(0)
        net = FrameNet()
        settings = settings_for(workspace, checkpoint_interval_minutes=0)
        stop_at = None if part == parts else 3 * part

        def stop(batch: Any, stop_at: int | None = stop_at) -> None:
            if batch["step"] == stop_at:
                raise KeyboardInterrupt

        optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
        trainer = SimpleTrainer(TinyActor(net, stop), [loader("device")], optimizer, settings)
        try:
            trainer.train(2, load_latest=True)
        except KeyboardInterrupt:
            assert stop_at is not None
    return net.state_dict()


def test_a_run_on_rendered_batches_resumes_to_the_bit(tmp_path: Path):
    whole, resumed = trained(tmp_path / "whole", 1), trained(tmp_path / "parts", 3)
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
    assert not np.allclose(whole["conv.weight"], 0)
