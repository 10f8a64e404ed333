"""Training of burst deblurring: a random number of frames, BatchNorm's two modes, pictures, settings files."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from actors.burst_deblur_actor import BurstDeblurActor, once_per_epoch
from admin.settings import Settings
from data.deblur_original import OriginalDeblurBursts
from data.deblur_paper import PaperDeblurBursts
from models.burst_deblur.unet import burst_deblur_eccv18
from models.loss.burst_loss import BurstLoss
from models.loss.image_quality_v2 import PSNR
from run_training import main
from tests import fabricated
from train_settings import bundled_photos, deblurring
from trainers.seeding import seed_training_step

NARROW = ["--set", "width=4", "--set", "crop_sz=32", "--set", "batch_size=2", "--set", "num_workers=0"]


class Mean(nn.Module):
    """Scaled mean of the frames behind a BatchNorm; remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.frames: list[int] = []

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        self.frames.append(burst.shape[1])
        return self.norm(burst.mean(dim=1)), {}


def batch(frames: int = 8, step: int = 1) -> dict[str, Any]:
    return {
        "burst": torch.rand(2, frames, 3, 8, 12) * 255,
        "frame_gt": torch.rand(2, 3, 8, 12) * 255,
        "unaligned": torch.tensor([1, 0]),
        "step": step,
    }


def actor(**options: Any) -> BurstDeblurActor:
    return BurstDeblurActor(Mean(), {"rgb": BurstLoss(), "psnr": PSNR()}, **options)


def test_the_number_of_frames_depends_on_seed_and_step_alone() -> None:
    def drawn(seed: int, steps: range) -> list[int]:
        trained = actor()
        for step in steps:
            seed_training_step(seed, step)
            trained(batch(step=step))
        net: Any = trained.net
        return net.frames

    numbers = drawn(0, range(1, 60))
    assert set(numbers) == set(range(2, 9))
    assert drawn(0, range(50, 60)) == numbers[49:]
    assert drawn(1, range(1, 20)) != numbers[:19]


def test_loss_and_stats_are_those_of_the_shortened_burst() -> None:
    trained, data = actor(burst_sz=(3, 3)), batch()
    loss, stats = trained(data)
    pred = Mean()(data["burst"][:, :3])[0]
    assert torch.allclose(loss, BurstLoss()(pred, data["frame_gt"]))
    assert torch.allclose(stats["Stat/psnr"], PSNR()(pred.clamp(0, 255) / 255, data["frame_gt"] / 255))
    assert stats["Stat/unaligned_frames"] == 0.5
    assert next(iter(stats)) == "Loss/total"
    assert not any(value.requires_grad for value in stats.values())
    with pytest.raises(ValueError, match="bursts of 2 frames are too short"):
        trained(batch(frames=2))
    with pytest.raises(ValueError, match="burst_sz="):
        actor(burst_sz=(0, 3))


def test_batch_norm_learns_in_the_steps_that_it_is_told_to() -> None:
    trained = actor(batch_statistics=once_per_epoch(3))
    counted = []
    for step in range(1, 8):
        trained.train()
        trained(batch(step=step))
        counted.append(int(trained.net.norm.num_batches_tracked))  # type: ignore[union-attr, arg-type]
    assert counted == [1, 1, 1, 2, 2, 2, 3]
    trained.eval()
    trained(batch(step=10))
    assert trained.net.norm.num_batches_tracked == 3, "validation learns nothing"  # type: ignore[union-attr]
    always = actor()
    for step in range(1, 4):
        always(batch(step=step))
    assert always.net.norm.num_batches_tracked == 3  # type: ignore[union-attr]


def test_the_first_bursts_of_a_validation_are_shown_once() -> None:
    shown = actor(burst_sz=(4, 4))
    shown(batch())
    assert shown.take_pictures() == {}
    shown.eval()
    for _ in range(7):
        shown(batch())
    pictures = shown.take_pictures()
    assert list(pictures) == [f"image_{i}" for i in range(5)]
    assert pictures["image_0"].shape == (3, 8, (12 + 5) * 6)
    assert pictures["image_0"].dtype == torch.uint8
    assert shown.take_pictures() == {}


def test_a_run_writes_target_prediction_and_frames_to_tensorboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    places = {"imagenet_dir": tmp_path / "photos", "workspace_dir": tmp_path, "tensorboard_dir": tmp_path / "curves"}
    for split in ("train", "test"):
        fabricated.image_folder(tmp_path / "photos" / split / "n01", 40, 40, count=3)
    fabricated.environment(monkeypatch, **places)
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)
    assert main(["burst_deblur", "synthetic_default", *NARROW, "--set", "homo_align=False"]) == 0
    (folder,) = (tmp_path / "curves").glob("**/val")
    events = EventAccumulator(str(folder)).Reload()
    assert events.Tags()["images"] == ["image_0", "image_1"], "three photographs make two batches"
    assert (tmp_path / "checkpoints/burst_deblur/synthetic_default/UNet_ep0001.pth.tar").is_file()


@pytest.mark.parametrize("options", [["burst_deblur", "quickstart"], ["burst_deblur", "synthetic_default", *NARROW]])
def test_the_check_of_the_command_line_passes(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)
    small = ["--set", "crop_sz=32", "--set", "num_workers=0"] if "quickstart" in options else []
    with_photos = ["--set", "data=sample_photos"] if "synthetic_default" in options else []
    assert main([*options, *small, *with_photos, "--check"]) == 0
    assert "Stat/psnr" in "".join(capsys.readouterr())


class Built:
    """Stands for the trainer and keeps what it is given."""

    last: Any

    def __init__(self, actor: Any, loaders: Any, optimizer: Any, settings: Settings, *schedule: Any, **per: Any):
        self.actor, self.loaders, self.optimizer, self.settings = actor, loaders, optimizer, settings
        self.schedule, self.per = schedule[0], per
        Built.last = self

    def train(self, epochs: int, load_latest: bool, fail_safe: bool) -> None:
        self.epochs = epochs


def built(monkeypatch: pytest.MonkeyPatch, **pinned: Any) -> Any:
    monkeypatch.setattr(deblurring, "SimpleTrainer", Built)
    importlib.import_module("train_settings.burst_deblur.synthetic_default").run(
        Settings({"data": "sample_photos", "width": 4, "num_workers": 0, **pinned})
    )
    return Built.last


def test_bursts_may_be_rendered_on_the_device_unless_they_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    loaders = built(monkeypatch, render_on="device", homo_align=False, crop_sz=32, batch_size=2).loaders
    for loader in loaders:
        assert next(iter(loader))["burst"].shape == (2, 8, 3, 32, 32)
    with pytest.raises(ValueError, match="align=False"):
        built(monkeypatch, render_on="device")


def test_the_setting_is_the_command_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    run = built(monkeypatch)
    bursts = run.loaders[0].dataset.processing
    assert isinstance(bursts, PaperDeblurBursts)
    options = (bursts.size, bursts.burst_size, bursts.kernel_lvl, bursts.noise_lvl, bursts.motion_blur, bursts.align)
    assert options == (160, 8, 3.0, 1.0, True, True)
    assert run.actor.burst_sz == (2, 8)
    assert run.epochs == 1
    assert [loader.batch_size for loader in run.loaders] == [8, 8]
    assert (run.settings.max_images, run.settings.val_size) == (100, 100)
    assert type(run.optimizer) is torch.optim.RAdam
    (group,) = run.optimizer.param_groups
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (0.003, (0.9, 0.999), 1e-8, 0)
    assert run.per == {"schedule_per": "step"}
    assert run.actor.batch_statistics is None
    assert sum(parameter.numel() for parameter in burst_deblur_eccv18(width=4).parameters()) == sum(
        parameter.numel() for parameter in run.actor.net.parameters()
    )


@pytest.mark.parametrize(
    ("batch_size", "accumulation", "steps"),
    [(1, 1, 8), (2, 1, 4), (3, 1, 2), (5, 1, 1), (16, 1, 1), (2, 2, 2), (2, 4, 1)],
)
def test_the_learning_rate_falls_once_for_eight_bursts(
    batch_size: int, accumulation: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = built(monkeypatch, batch_size=batch_size, grad_accumulation=accumulation)
    rates = []
    for _ in range(steps + 1):
        rates.append(run.optimizer.param_groups[0]["lr"])
        run.optimizer.step()
        run.schedule.step()
    assert rates[:-1] == [0.003] * steps
    assert rates[-1] == pytest.approx(0.003 * 0.99997)


def test_the_quick_start_learns_statistics_in_a_tenth_of_the_steps_that_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundled_photos, "SimpleTrainer", Built)
    settings = Settings({"max_epochs": 2, "num_workers": 0})
    importlib.import_module("train_settings.burst_deblur.quickstart").run(settings)
    learns = Built.last.actor.batch_statistics
    assert [step for step in range(1, 2 * 100 + 1) if learns(step)] == list(range(1, 21))


def test_the_faults_of_the_original_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    run = built(monkeypatch, engine="original", frozen_batch_norm=True, batch_size=2)
    bursts = run.loaders[0].dataset.processing
    assert isinstance(bursts, OriginalDeblurBursts)
    assert bursts.noise_levels == "chained"
    first_steps = [run.actor.batch_statistics(step) for step in range(1, 8)]
    assert first_steps == [True, False, False, True, False, False, True], "six photographs are three steps"
    with pytest.raises(ValueError, match="imagenet"):
        built(monkeypatch, data="imagnet")
