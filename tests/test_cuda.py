"""What only a GPU can show: every system trains there, in both precisions, and sees what it sees on a CPU.

Runs the quick-start settings themselves, with one or two steps; no download. Skipped without a GPU.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from actors.dbsr_actors import DBSRSyntheticActor
from admin.settings import Settings
from data import processing
from models.loss.image_quality_v2 import PixelWiseError
from models.sr3.diffusion import GaussianDiffusion
from tests.fabricated import tiny_dbsr
from train_settings import bundled_photos, two_stage
from trainers import SimpleTrainer
from trainers.batches import AsynchronousCopy, to_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

STEPS = 2
# Largest difference of an image that a GPU restores from that of a CPU, in float32 without TF32, over the largest value
# of the image: other kernels add in another order.
TOLERANCE = 1e-3
# Largest relative difference of the loss of a first step in bfloat16 from that in float32.
HALF_PRECISION_TOLERANCE = 0.1

SYSTEMS: dict[str, dict[str, Any]] = {
    "burst_deblur.quickstart": {},
    "dbsr": {"crop_sz": 128, "learning_rate": 1e-4},
    "deeprep.quickstart": {"single_frame_epochs": 1, "bursts_epochs": 1, "bursts_batch_size": 2},
    "deeprep.sr_quickstart": {},
    "rawsr.quickstart": {},
    "sr3.quickstart": {},
    "two_stage_align.quickstart": {},
}


class LastTrainer(SimpleTrainer):
    """Remembers the trainer that a settings file made, and the losses of its steps."""

    last: LastTrainer

    def __init__(self, actor: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(actor, *args, **kwargs)
        self.losses: list[torch.Tensor] = []
        LastTrainer.last = self

    def _learn(self, *args: Any) -> Any:
        stats = super()._learn(*args)
        self.losses.append(torch.as_tensor(stats["Loss/total"]))
        return stats


@pytest.fixture(autouse=True)
def _exact_and_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Float32 is float32, and whatever trains is :class:`LastTrainer`."""
    for module in (bundled_photos, two_stage):
        monkeypatch.setattr(module, "SimpleTrainer", LastTrainer)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield
    torch.cuda.empty_cache()


def trained(name: str, place: Path, **pinned: Any) -> LastTrainer:
    """The trainer of a quick start after a few steps on the GPU (of its last stage, where it has several)."""
    values = {"batch_size": 2, "epochs": 1, "steps_per_epoch": STEPS, "num_workers": 0}
    settings = Settings(values | SYSTEMS[name] | pinned)
    settings.env.workspace_dir, settings.env.tensorboard_dir = str(place), str(place / "curves")
    settings.project_path = name.replace(".", "/")
    torch.manual_seed(0)
    run = train_dbsr if name == "dbsr" else importlib.import_module(f"train_settings.{name}").run
    run(settings)
    return LastTrainer.last


def train_dbsr(settings: Settings) -> None:
    """DBSR has no quick start of its own: its published training, on bundled photographs and without weights."""
    settings.batch_size, settings.num_workers, settings.epochs, settings.steps_per_epoch = 2, 0, 1, STEPS
    settings.crop_sz, settings.learning_rate = 384, 1e-4
    loader = bundled_photos.photo_loader(
        settings, lambda transform: processing.SyntheticBurstProcessing(settings.crop_sz, 4, 4, transform=transform)
    )
    net = tiny_dbsr(upsample_factor=8)
    objective = {"rgb": PixelWiseError("l1", boundary_ignore=4)}
    bundled_photos.train_in_one_cycle(DBSRSyntheticActor(net, objective), loader, settings)


def first_batch(trainer: LastTrainer) -> Any:
    loader = trainer.loaders[0]
    loader.start(seed=7, epoch=1)
    return next(iter(loader))


def restored(trainer: LastTrainer, batch: Any, device: str) -> torch.Tensor:
    """What the network makes of a batch in evaluation mode."""
    actor = copy.copy(trainer.actor)
    actor.net = copy.deepcopy(trainer.net)
    actor.to(torch.device(device))
    actor.train(False)
    on_device = to_device(copy.copy(batch), torch.device(device))
    if isinstance(actor.net, GaussianDiffusion):  # its images depend on what the generator of the device draws
        level = torch.full((len(on_device["HR"]), 1), 0.7, device=device)
        with torch.no_grad():
            return actor.net.denoise_fn(torch.cat((on_device["SR"], on_device["HR"]), dim=1), level).cpu()
    images: list[torch.Tensor] = []
    seen: nn.Module = actor.net
    handle = seen.register_forward_hook(lambda module, arguments, result: images.append(result[0].detach().cpu()))
    torch.manual_seed(0)  # also what the actor draws
    with torch.no_grad():
        actor(on_device)
    handle.remove()
    return images[0]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_trains_on_the_gpu_and_restores_what_a_cpu_restores(name: str, tmp_path: Path) -> None:
    trainer = trained(name, tmp_path)
    assert trainer.device.type == "cuda"
    assert next(trainer.net.parameters()).is_cuda
    assert len(trainer.losses) in (1, STEPS)
    assert all(torch.isfinite(loss) for loss in trainer.losses)
    batch = first_batch(trainer)
    expected = restored(trainer, batch, "cpu")
    difference = (restored(trainer, batch, "cuda") - expected).abs().max()
    assert difference <= TOLERANCE * expected.abs().max()


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_trains_in_half_precision_on_the_gpu(name: str, tmp_path: Path) -> None:
    losses = {
        precision: [float(loss) for loss in trained(name, tmp_path / precision, mixed_precision=precision).losses]
        for precision in ("no", "bf16")
    }
    assert losses["bf16"][0] == pytest.approx(losses["no"][0], rel=HALF_PRECISION_TOLERANCE)


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_system_waits_for_the_gpu_inside_a_step(name: str, tmp_path: Path) -> None:
    trainer = trained(name, tmp_path)
    batch = trainer.prepared(first_batch(trainer), epoch=1)
    trainer.actor.train(True)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.optimizer.zero_grad()
        loss, _ = trainer.actor(batch)
        trainer.accelerator.backward(loss)
        trainer.optimizer.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", SYSTEMS)
def test_torch_compile_sees_the_network_of_every_system_as_one_graph(name: str, tmp_path: Path) -> None:
    trainer = trained(name, tmp_path)
    batch = trainer.prepared(first_batch(trainer), epoch=1)
    trainer.actor.train(True)
    torch.compiler.reset()
    trainer.net.compile(backend="eager", fullgraph=True)  # raises where the graph would break
    loss, _ = trainer.actor(batch)
    trainer.accelerator.backward(loss)
    assert torch.isfinite(loss)


def test_weights_are_updated_by_one_kernel(tmp_path: Path) -> None:
    assert all(group["fused"] for group in trained("rawsr.quickstart", tmp_path).optimizer.param_groups)


def test_batches_are_copied_as_they_are(tmp_path: Path) -> None:
    batch = first_batch(trained("two_stage_align.quickstart", tmp_path))
    copied = AsynchronousCopy(torch.device("cuda"))(batch)
    assert type(copied) is type(batch)
    assert copied.keys() == batch.keys()
    assert copied["burst"].is_cuda
    torch.testing.assert_close(copied["burst"].cpu(), batch["burst"], rtol=0, atol=0)
    assert all(value.is_cuda for value in copied["meta_info"].values() if isinstance(value, torch.Tensor))


def test_training_with_worker_processes_on_the_gpu_takes_every_step(tmp_path: Path) -> None:
    trainer = trained("burst_deblur.quickstart", tmp_path, num_workers=2)
    assert trainer.step == STEPS
    assert sorted(path.name for path in tmp_path.rglob("*.pth.tar")) == ["UNet_ep0001.pth.tar"]
