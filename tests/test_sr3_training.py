"""SR3: what the actor learns from and reports, and what the settings build."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actors.sr3_actor import SR3Actor, eight_bit
from admin.checkpoints import read_checkpoint
from admin.loading import load_network
from models.sr3.diffusion import GaussianDiffusion
from models.sr3.unet import UNet
from run_training import main
from tests import fabricated
from tests.test_sr3_model import TINY, tiny, write_original
from utils.image_io import write_image

SMALL = {**TINY, "schedule": {"schedule": "cosine", "n_timestep": 4}, "n_frames": 3}

# What the published configurations say: network, size, batch, learning rate, steps.
PUBLISHED: dict[str, tuple[dict[str, Any], tuple[int, int], int, float, int]] = {
    "frames_16_128": (
        {"inner_channel": 64, "norm_groups": 32, "channel_mults": (1, 2, 4, 8, 8), "attn_res": (16,), "res_blocks": 2}
        | {"dropout": 0.2, "image_size": 128},
        (16, 128),
        16,
        1e-5,
        100_000,
    ),
    "frames_64_512": (
        {"inner_channel": 64, "norm_groups": 16, "channel_mults": (1, 2, 4, 8, 16), "attn_res": (), "res_blocks": 1}
        | {"dropout": 0.0, "image_size": 512},
        (64, 512),
        2,
        3e-6,
        1_000_000,
    ),
}


def batch(size: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {key: torch.rand(size, c, 8, 8, generator=generator) * 2 - 1 for key, c in (("HR", 3), ("SR", 9))}


def test_the_loss_is_the_published_mean_and_does_not_grow_with_the_batch() -> None:
    actor = SR3Actor(tiny()).train()
    torch.manual_seed(3)
    loss, stats = actor(batch())
    torch.manual_seed(3)
    raw = actor.net(batch())
    torch.testing.assert_close(loss, raw / (2 * 3 * 8 * 8))
    assert loss.requires_grad
    assert set(stats) == {"Loss/total", "Loss/l_pix"}


def test_validation_samples_and_says_how_near_it_came() -> None:
    actor = SR3Actor(tiny(sampler="ddim", steps=2)).eval()
    with torch.no_grad():
        torch.manual_seed(1)
        stats = actor(batch())[1]
        torch.manual_seed(1)
        actor.net(batch())
        net: Any = actor.net
        images = net.sample_images(batch()["SR"])
    error = (eight_bit(images) - eight_bit(batch()["HR"])).square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(stats["Stat/psnr"], (-10 * error.log10()).mean())
    assert "Stat/psnr" not in SR3Actor(tiny(), sampled=False).eval()(batch())[1]


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two videos of 8 x 8 pixels in the folders that the published settings name, and a workspace."""
    root = tmp_path / "frames"
    for name in ("16_128_train", "16_128_val", "64_512_train", "64_512_val"):
        for size in ("hr_8", "sr_4_8"):
            for index in range(6):
                folder = root / f"celebvhq_3_frames_0.5_seconds_{name}" / size / f"video_{index // 3}"
                image = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
                write_image(folder / f"{index % 3}.png", image)
    fabricated.environment(
        monkeypatch, sr3_frames_dir=root, workspace_dir=tmp_path / "work", tensorboard_dir=tmp_path / "curves"
    )
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)
    return tmp_path


def command(name: str, *more: str) -> list[str]:
    pins = {"low": 4, "high": 8, "batch_size": 2, "num_workers": 0, "steps_per_epoch": 3, "epochs": 1}
    return ["sr3", name, *more, *[word for key, value in pins.items() for word in ("--set", f"{key}={value}")]]


@pytest.mark.parametrize("name", PUBLISHED)
def test_settings_state_what_was_published(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, size, batch_size, rate, steps = PUBLISHED[name]
    module = importlib.import_module(f"train_settings.sr3.{name}")
    schedule = {"schedule": "cosine", "n_timestep": 2000, "linear_start": 1e-6, "linear_end": 1e-2}
    assert {**network, "schedule": schedule, "n_frames": 3} == module.NETWORK
    with torch.device("meta"):
        UNet(in_channel=12, **network)
    seen: dict[str, Any] = {}
    monkeypatch.setattr(module, "train_on_frames", lambda settings, network: seen.update(vars(settings)))
    module.run(type("Values", (), {})())
    assert ((seen["low"], seen["high"]), seen["batch_size"], seen["learning_rate"]) == (size, batch_size, rate)
    assert seen["epochs"] * seen["steps_per_epoch"] == steps


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_check_of_the_command_line_passes(name: str, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module(f"train_settings.sr3.{name}"), "NETWORK", SMALL)
    assert main(command(name, "--check")) == 0


def test_a_run_validates_by_sampling_and_keeps_averaged_weights(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("train_settings.sr3.frames_16_128"), "NETWORK", SMALL)
    assert main(command("frames_16_128")) == 0
    path = prepared / "work" / "checkpoints" / "sr3" / "frames_16_128" / "GaussianDiffusion_ep0001.pth.tar"
    content = read_checkpoint(path)
    assert content["step"] == 3
    assert content["stats"]["val"]["Stat/psnr"]["history"][0] > 0
    net, _ = load_network(path, use_ema=True, steps=2, sampler="ddim")
    assert isinstance(net, GaussianDiffusion)
    assert net(torch.rand(1, 3, 3, 8, 8))[0].shape == (1, 3, 8, 8)


def test_a_run_can_start_from_files_of_the_original(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("train_settings.sr3.frames_16_128"), "NETWORK", SMALL)
    source = tiny()
    prefix = write_original(prepared, source)
    assert main(command("frames_16_128", "--set", f"resume_state={prefix}", "--set", "learning_rate=0.0")) == 0
    path = prepared / "work" / "checkpoints" / "sr3" / "frames_16_128" / "GaussianDiffusion_ep0001.pth.tar"
    key = "denoise_fn.downs.0.weight"
    # The optimiser of the file goes on, at its learning rate of 1e-4.
    difference = (read_checkpoint(path)["net"][key] - source.state_dict()[key]).abs().max()
    assert 0 < float(difference) < 4e-4


def test_the_quick_start_fits_into_four_megabytes(prepared: Path) -> None:
    pins = {"batch_size": 2, "steps_per_epoch": 1, "epochs": 1}
    words = [word for key, value in pins.items() for word in ("--set", f"{key}={value}")]
    assert main(["sr3", "quickstart", "--check", *words]) == 0
    module = importlib.import_module("train_settings.sr3.quickstart")
    net = module.sr3(**module.NETWORK)
    assert sum(value.numel() * value.element_size() for value in net.state_dict().values()) < 3.9e6
