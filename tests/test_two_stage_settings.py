"""The settings of two-stage alignment: published values, tiny runs, and imported options of the original."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import train_settings.two_stage as recipe
from admin.multigpu import unwrapped
from admin.settings import Settings
from data.jdd_camera import NOISE_LEVELS
from run_training import main
from tests import fabricated
from trainers.restarts import CosineRestarts, StepRestarts
from util_scripts import import_two_stage_options as importer

PINS = {"batch_size": 1, "num_workers": 0, "crop_sz": 48, "patch_sz": 8, "search_window": 16, "multi_gpu": False}

OPTIONS = """
name: J0007
model: video_base_2stage
distortion: sr  # read by nothing
gpu_ids: [0, 1]
datasets:
  train:
    {name: REDS4, mode: REDS_Joint, interval_list: [1], random_reverse: false, border_mode: false, dataroot_GT: ROOT,
     cache_keys: ~, N_frames: 5, n_workers: 4, batch_size: 2, GT_size: 128, LQ_size: 64, use_flip: true, use_rot: true}
network_G:
  {which_model_G: JDDB_BiGRU_Dconv_wInter, nf: 64, nframes: 5, groups: 8, align_scale: 4, search_window: 64,
   w_Inter: true}
path: {pretrain_model_G: ~, pretrain_model_DSNet: ~, strict_load: false, resume_state: ~}
train:
  {lr_G: !!float 1e-4, lr_DSNet: !!float 1e-5, lr_scheme: CosineAnnealingLR_Restart, beta1: 0.9, beta2: 0.99,
   niter: 600000, warmup_iter: -1, T_period: [50000, 100000, 150000, 150000, 150000],
   restarts: [50000, 150000, 300000, 450000], restart_weights: [1, 1, 1, 1], eta_min: !!float 1e-7,
   val_freq: !!float 5e4, manual_seed: 0}
logger: {print_freq: 20, save_checkpoint_freq: !!float 5e4}
"""


class Built:
    """Stands for the trainer and keeps what it is given."""

    last: Built

    def __init__(self, actor: Any, loaders: Any, optimizer: Any, settings: Settings, schedule: Any, schedule_per: str):
        self.actor, self.loaders, self.optimizer, self.settings = actor, loaders, optimizer, settings
        self.schedule, self.schedule_per = schedule, schedule_per
        Built.last = self

    def train(self, epochs: int, load_latest: bool, fail_safe: bool) -> None:
        self.epochs = epochs


def build(monkeypatch: pytest.MonkeyPatch, run: Any, **pinned: Any) -> Built:
    monkeypatch.setattr(recipe, "SimpleTrainer", Built)
    run(Settings(pinned))
    return Built.last


def published(name: str) -> Any:
    return importlib.import_module(f"train_settings.two_stage_align.{name}").run


@pytest.fixture
def reds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tiny clips of REDS: one of REDS4, one for training."""
    rng = np.random.default_rng(0)
    for clip in ("000", "001"):
        folder = tmp_path / "reds" / "train_sharp" / clip
        folder.mkdir(parents=True)
        for frame in range(6):
            cv2.imwrite(str(folder / f"{frame:08d}.png"), rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    fabricated.environment(
        monkeypatch, reds_dir=tmp_path / "reds", workspace_dir=tmp_path / "workspace", tensorboard_dir=tmp_path
    )
    return tmp_path / "reds"


def test_the_published_setting_builds_what_the_paper_states(reds: Path, monkeypatch: pytest.MonkeyPatch):
    built = build(monkeypatch, published("reds_jdd"), num_workers=0, crop_sz=48)
    net: Any = unwrapped(built.actor.net)
    assert sum(p.numel() for p in net.reconstruction.parameters()) == 12_052_144
    assert net.reconstruction.ConvBGRU.interpolation
    assert net.noise_map_mode == "variance"
    assert (net.tiling.patch, net.tiling.margin, net.tiling.search_window) == (64, 0, 64)
    assert (built.actor.patch_size, built.actor.search_window, built.actor.search_step) == (64, 64, 2)
    assert not built.actor.inclusive_search
    stages = [net.reconstruction, net.downsampling]
    for group, stage, rate in zip(built.optimizer.param_groups, stages, (1e-4, 1e-5), strict=True):
        assert [*map(id, group["params"])] == [*map(id, stage.parameters())]
        assert (group["initial_lr"], group["betas"], group["weight_decay"]) == (rate, (0.9, 0.99), 0)
        assert group["lr"] == pytest.approx(rate, rel=1e-6)
    assert built.schedule_per == "step"
    train, val = built.loaders
    assert len(train) * built.epochs == 600_000
    assert (train.batch_size, val.batch_size, val.training) == (2, 1, False)
    assert train.dataset.dataset.clip_list == ["001"]
    assert val.dataset.dataset.clip_list == ["000"]


def test_validation_shows_whole_frames_of_the_published_camera_and_noise(reds: Path, monkeypatch: pytest.MonkeyPatch):
    built = build(monkeypatch, published("reds_jdd"), **PINS, frame_sz=(48, 64), burst_sz=3)
    sample = built.loaders[1].dataset[2]
    assert sample["burst"].shape == (3, 4, 24, 32)
    camera = sample["meta_info"]
    high = NOISE_LEVELS["high"]
    found = [float(camera[name]) for name in ("rgb_gain", "red_gain", "blue_gain", "shot", "read")]
    assert found == pytest.approx([2.0, 2.0, 1.7, high.shot, high.read])


@pytest.mark.parametrize("name", ["reds_jdd", "quickstart"])
@pytest.mark.parametrize("patch_matching", [True, False])
def test_the_check_of_the_command_line_passes(name: str, patch_matching: bool, reds: Path):
    pins = PINS | {"burst_sz": 3, "patch_matching": patch_matching}
    assert main(["two_stage_align", name, "--check", *[w for k, v in pins.items() for w in ("--set", f"{k}={v}")]]) == 0


def test_bursts_may_be_rendered_on_the_device(reds: Path, monkeypatch: pytest.MonkeyPatch):
    pins = PINS | {"burst_sz": 3, "batch_size": 2, "render_on": "device"}
    train, val = build(monkeypatch, published("reds_jdd"), **pins).loaders
    assert (train.rendering is not None, val.rendering) == (True, None)
    batch = next(iter(train))
    assert batch["burst"].shape == batch["noise_map"].shape == (2, 3, 4, PINS["crop_sz"] // 2, PINS["crop_sz"] // 2)


def test_the_small_network_fits_into_two_megabytes_and_tells_its_noise_map(monkeypatch: pytest.MonkeyPatch):
    built = build(monkeypatch, published("quickstart"), num_workers=0)
    net = built.actor.net
    assert sum(parameter.numel() * 4 for parameter in net.parameters()) < 2_000_000
    assert net.noise_map_mode == built.loaders[0].dataset.processing.noise_map_mode == "deviation"
    assert built.epochs * len(built.loaders[0]) == built.schedule.total_steps
    order = list(built.loaders[0].sampler)
    assert len(set(order)) == len(order), "no burst twice in an epoch"


def test_imported_options_are_the_published_setting(reds: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "published.yml"
    file.write_text(OPTIONS.replace("ROOT", str(reds)))
    monkeypatch.setattr(importer, "SETTINGS_FOLDER", tmp_path)
    assert importer.main([str(file)]) == 0
    assert importer.main([str(file)]) == 1, "a settings file is not replaced by accident"
    spec = importlib.util.spec_from_file_location("imported", tmp_path / "published.py")
    assert spec is not None
    assert spec.loader is not None
    imported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imported)
    original = importlib.import_module("train_settings.two_stage_align.reds_jdd")
    assert imported.NETWORK == original.NETWORK
    steps = (1, 50_000, 50_001, 123_456, 600_000)
    assert [imported.SCHEDULE.rate(s, 1e-4) for s in steps] == [original.SCHEDULE.rate(s, 1e-4) for s in steps]
    assigned = []
    for module in (imported, original):
        monkeypatch.setattr(module, "train_on_reds", lambda *_: None)
        settings = Settings()
        module.run(settings)
        assigned.append(settings.plain())
    values, expected = assigned
    different = {"description", "reds_root", "num_workers", "seed", "strict_load"}
    assert {key for key in values if values[key] != expected.get(key)} <= different
    assert set(expected) <= set(values)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("JDDB_BiGRU_Dconv_wInter", "EDVR", "which_model_G is 'EDVR'"),
        ("border_mode: false", "border_mode: true", "border_mode"),
        ("align_scale: 4", "align_scale: 2", "align_scale"),
        ("warmup_iter: -1", "warmup_iter: 4000", "warm-up"),
        ("resume_state: ~", "resume_state: a.state", "resume_state"),
        ("CosineAnnealingLR_Restart", "Linear", "lr_scheme is 'Linear'"),
        ("name: J0007", "- name", "published.yml"),
    ],
)
def test_options_that_cannot_be_followed_are_refused(old: str, new: str, message: str, tmp_path: Path):
    file = tmp_path / "published.yml"
    file.write_text(OPTIONS.replace(old, new))
    with pytest.raises(ValueError, match=message):
        importer.settings_file(importer.read_options(file), "published", file.name)


def test_both_original_schedules_are_known():
    steps = {"lr_scheme": "MultiStepLR", "lr_steps": [10, 20], "lr_gamma": 0.5, "restarts": [30]}
    name, arguments = importer.schedule_of({"train": steps})
    assert name == "StepRestarts"
    assert StepRestarts(**arguments).rate(25, 1.0) == 0.25
    cosine = {"lr_scheme": "CosineAnnealingLR_Restart", "T_period": [10], "eta_min": 0.0}
    name, arguments = importer.schedule_of({"train": cosine})
    assert CosineRestarts(**arguments).rate(10, 1.0) == pytest.approx(0.0, abs=1e-12)
