"""The settings of RawSR build what was published, pass the check of the command line, and learn."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from actors.rawsr_actor import RawSRActor
from admin.multigpu import MultiGPU
from admin.settings import Settings
from data.processing import RawSRSynthesisProcessing
from dataset import SamplePhotos
from models.rawsr.rawsrnet import rawsr
from models.rawsr.tensorflow_adam import TensorFlowAdam
from run_training import main
from tests import fabricated
from tests.fabricated.rawsr_pairs import rawsr_sets
from train_settings import bundled_photos, rawsr_pairs
from utils.draws import Draws

# Published runs use 8 worker processes, wherever they are.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fabricated.environment(monkeypatch, rawsr_dir=rawsr_sets(tmp_path / "rawsr"), workspace_dir=tmp_path)
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)


class Built:
    """Stands for the trainer and keeps what it is given."""

    last: Any

    def __init__(self, *parts: Any, **schedule: Any) -> None:
        self.actor, self.loaders, self.optimizer, self.settings, self.schedule = parts
        Built.last = self

    def train(self, epochs: int, load_latest: bool, fail_safe: bool) -> None:
        self.epochs = epochs


def build(monkeypatch: pytest.MonkeyPatch, name: str, **pinned: Any) -> Built:
    for module in (rawsr_pairs, bundled_photos):
        monkeypatch.setattr(module, "SimpleTrainer", Built)
    importlib.import_module(f"train_settings.rawsr.{name}").run(Settings(pinned))
    return Built.last


@pytest.mark.usefixtures("_places")
@pytest.mark.parametrize(
    ("name", "scale", "crop", "parameters"), [("x2", 2, 256, 5_163_324), ("x4", 4, 128, 5_495_244)]
)
def test_the_published_settings_are_those_of_the_authors(
    name: str, scale: int, crop: int, parameters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(monkeypatch, name)
    net = built.actor.net
    assert (net.scale, sum(parameter.numel() for parameter in net.parameters())) == (scale, parameters)
    train, test = built.loaders
    assert (train.training, train.batch_size, train.dataset.processing.crop_sz) == (True, 6, crop)
    assert not train.dataset.processing.flip
    assert (test.training, test.epoch_interval, len(train)) == (False, 10, 1)
    assert built.epochs == 41
    assert type(built.optimizer) is TensorFlowAdam
    rates = {}
    for epoch in range(41):
        rates[epoch] = built.optimizer.param_groups[0]["lr"]
        built.optimizer.step()
        built.schedule.step()
    stated = {0: 2e-4, 1: 1.92e-4, 10: 1.330e-4, 19: 9.209e-5, 20: 1e-5, 40: 1e-5}
    assert {epoch: rates[epoch] for epoch in stated} == pytest.approx(stated, rel=1e-3)


@pytest.mark.usefixtures("_places")
@pytest.mark.parametrize("name", ["x2", "x4", "quickstart"])
def test_several_gpus_in_one_process_are_used_where_they_are_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(build(monkeypatch, name, multi_gpu=True).actor.net, MultiGPU)
    assert not isinstance(build(monkeypatch, name).actor.net, MultiGPU)


@pytest.mark.usefixtures("_places")
@pytest.mark.parametrize("name", ["x2", "x4", "quickstart"])
def test_the_check_of_the_command_line_passes(name: str) -> None:
    pins = {"batch_size": 1, "crop_sz": 8, "num_workers": 0}
    assert main(["rawsr", name, "--check", *(word for k, v in pins.items() for word in ("--set", f"{k}={v}"))]) == 0


def test_the_quick_start_fits_into_two_megabytes_and_never_learns_from_held_out_scenes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = build(monkeypatch, "quickstart")
    assert built.actor.net.restore.stem.out_channels <= 32
    assert sum(4 * parameter.numel() for parameter in built.actor.net.parameters()) < 2_000_000
    train, heldout = built.loaders
    assert [data.split for data in train.dataset.datasets] == ["train"]
    assert (heldout.training, heldout.dataset.dataset.split) == (False, "heldout")


def test_without_pairs_the_way_to_make_them_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BURSTLAB_RAWSR_DIR", raising=False)
    assert main(["rawsr", "x2", "--check"]) != 0
    assert "synthesize_rawsr.py" in capsys.readouterr().err


def test_the_loss_falls_on_a_batch_that_is_seen_again_and_again() -> None:
    frame, _ = SamplePhotos("train").get_image(0)
    processing = RawSRSynthesisProcessing(16, 2)
    samples = [processing.render(frame, processing.draw(frame.shape[:2], Draws(number))) for number in range(2)]
    batch = {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}
    net = rawsr(2, width=8, growth=3, layers=2, bottle=8)
    actor = RawSRActor(net, rawsr_pairs.objective())
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss, stats = actor(batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
    assert set(stats) == {"Loss/total", "Loss/rgb", "Loss/raw/rgb", "Stat/psnr", "Stat/ssim"}
    assert not any(value.requires_grad for value in stats.values())
