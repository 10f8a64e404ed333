"""The published settings build what the papers state, and run on tiny copies of their data sets."""

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from admin.checkpoints import read_checkpoint
from admin.multigpu import MultiGPU, unwrapped
from admin.settings import Settings
from dataset.packed_images import pack_images
from models.alignment.pwcnet import PWCNet
from models.dbsr.dbsrnet import dbsrnet_cvpr2021
from models.deeprep.deeprepnet import deeprep_sr_iccv21
from run_training import find_settings, main
from tests import fabricated
from train_settings import recipes

# Published runs use 8 worker processes, wherever they are.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

DEEPREP_SR: dict[str, Any] = {
    "num_iter": 3,
    "enc_dim": 64,
    "enc_num_res_blocks": 5,
    "enc_out_dim": 256,
    "dec_dim_pre": 64,
    "dec_dim_post": 32,
    "dec_num_pre_res_blocks": 5,
    "dec_num_post_res_blocks": 5,
    "dec_in_dim": 64,
    "dec_upsample_factor": 4,
    "gauss_blur_sd": 1,
    "feature_degradation_upsample_factor": 2,
    "use_feature_regularization": False,
    "wp_ref_offset_noise": 0.0,
}
DBSR: dict[str, Any] = {
    "enc_init_dim": 64,
    "enc_num_res_blocks": 9,
    "enc_out_dim": 512,
    "dec_init_conv_dim": 64,
    "dec_num_pre_res_blocks": 5,
    "dec_post_conv_dim": 32,
    "dec_num_post_res_blocks": 4,
    "upsample_factor": 8,
    "offset_feat_dim": 64,
    "weight_pred_proj_dim": 64,
    "num_weight_predictor_res": 3,
    "gauss_blur_sd": 1.0,
    "icnrinit": True,
}
DENOISE: dict[str, Any] = {
    "num_iter": 3,
    "enc_dim": 32,
    "enc_num_res_blocks": 4,
    "enc_out_dim": 64,
    "dec_dim_pre": 64,
    "dec_num_res_blocks": 9,
    "dec_in_dim": 16,
    "use_noise_estimate": True,
    "wp_project_dim": 16,
    "wp_offset_feat_dim": 8,
    "wp_num_offset_feat_extractor_res": 0,
    "wp_num_weight_predictor_res": 1,
}
CUSTOM_FLOW = DENOISE | {
    "use_feature_regularization": True,
    "align_init_dim": 32,
    "align_num_res_blocks": 6,
    "align_ds_factor": 4,
    "offset_cdim": 64,
    "offset_predictor_dims": (128, 64),
    "corr_max_disp": (2, 3),
}
FLOW_WEIGHTS = {"rgb": 1.0, "offsets": 0.0, "photometric": 1.0}


class Published(NamedTuple):
    """A column of the published tables. ``decay``: every so many epochs, or at these epochs."""

    constructor: str
    network: dict[str, Any]
    parameters: int
    actor: str
    batch: int
    multi_gpu: bool
    burst: tuple[int, ...]
    gt: tuple[int, ...]
    border: int
    weights: dict[str, float]
    decay: int | tuple[int, ...]
    epochs: int
    val_every: int


# fmt: off
TABLE = {
    "deeprep/sr_synthetic_default": Published(
        "deeprep_sr_iccv21", DEEPREP_SR, 12_131_686, "DeepRepSRSyntheticActor",
        16, True, (14, 4, 54, 54), (3, 432, 432), 40, {"rgb": 1.0}, (300, 400), 500, 5),
    "deeprep/sr_burstsr_default": Published(
        "deeprep_sr_iccv21", DEEPREP_SR, 12_131_686, "DeepRepSRBurstSRActor",
        16, True, (14, 4, 56, 56), (3, 448, 448), 40, {"rgb": 10.0}, 15, 40, 1),
    "dbsr/default_synthetic": Published(
        "dbsrnet_cvpr2021", DBSR, 13_011_237, "DBSRSyntheticActor",
        16, False, (8, 4, 48, 48), (3, 384, 384), 40, {"rgb": 1.0}, 40, 100, 5),
    "dbsr/default_realworld": Published(
        "dbsrnet_cvpr2021", DBSR, 13_011_237, "DBSRRealWorldActor",
        12, False, (8, 4, 56, 56), (3, 448, 448), 40, {"rgb": 10.0}, 15, 40, 1),
    "deeprep/denoise_grayscale_pwcnet": Published(
        "deeprep_denoise_iccv21", DENOISE | {"color_input": False}, 10_237_612, "DeepRepDenoisingActor",
        8, False, (8, 1, 128, 128), (1, 128, 128), 4, {"rgb": 1.0}, 100, 150, 5),
    "deeprep/denoise_color_pwcnet": Published(
        "deeprep_denoise_iccv21", DENOISE | {"color_input": True}, 10_239_470, "DeepRepDenoisingActor",
        8, False, (8, 3, 128, 128), (3, 128, 128), 4, {"rgb": 1.0}, (150, 250), 300, 5),
    "deeprep/denoise_grayscale_customflow": Published(
        "deeprep_denoise_custom_flow_iccv21", CUSTOM_FLOW | {"color_input": False}, 1_431_406, "DeepRepDenoisingActor",
        8, False, (8, 1, 128, 128), (1, 128, 128), 4, FLOW_WEIGHTS, 100, 250, 5),
    "deeprep/denoise_color_customflow": Published(
        "deeprep_denoise_custom_flow_iccv21", CUSTOM_FLOW | {"color_input": True}, 1_433_840, "DeepRepDenoisingActor",
        8, False, (8, 3, 128, 128), (3, 128, 128), 4, FLOW_WEIGHTS, 100, 250, 5),
}
# fmt: on
SYNTHETIC = ["deeprep/sr_synthetic_default", "dbsr/default_synthetic"]
REAL = {
    "deeprep/sr_burstsr_default": "deeprep/sr_synthetic_default",
    "dbsr/default_realworld": "dbsr/default_synthetic",
}
DENOISING = [name for name in TABLE if "denoise" in name]


def small(name: str) -> dict[str, Any]:
    """Pins that make a step quick; the networks keep their published width."""
    crop = 32 if name in DENOISING else 12 if name in REAL else 96
    return {"batch_size": 1, "burst_sz": 2, "crop_sz": crop, "num_workers": 0}


class Built:
    """Stands for the trainer and keeps what it is given."""

    def __init__(self, actor: Any, loaders: Any, optimizer: Any, settings: Settings, lr_scheduler: Any) -> None:
        self.actor, self.loaders, self.optimizer, self.settings = actor, loaders, optimizer, settings
        self.lr_scheduler = lr_scheduler
        Built.last = self

    last: Any

    def train(self, epochs: int, load_latest: bool, fail_safe: bool) -> None:
        self.epochs, self.load_latest, self.fail_safe = epochs, load_latest, fail_safe


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """All data sets and weights of the table; networks to fine-tune are in the workspace."""
    root = tmp_path_factory.mktemp("published")
    workspace = root / "workspace"
    found = {
        "zurichraw2rgb_dir": fabricated.zurich(root / "zurich", complete=True),
        "openimages_dir": fabricated.openimages(root / "openimages"),
        "burstsr_dir": fabricated.burstsr(root / "burstsr"),
        "pretrained_nets_dir": fabricated.pwcnet_weights(root / "pretrained_networks"),
        "workspace_dir": workspace,
    }
    with pytest.MonkeyPatch.context() as patch:
        fabricated.environment(patch, **found)
        checkpoints = workspace / "checkpoints"
        net = deeprep_sr_iccv21(**DEEPREP_SR)
        fabricated.checkpoint(checkpoints / "deeprep/sr_synthetic_default/DeepRepNet_ep0500.pth.tar", net)
        fabricated.checkpoint(checkpoints / "dbsr/default_synthetic/DBSRNet_ep0100.pth.tar", dbsrnet_cvpr2021(**DBSR))
    yield found
    shutil.rmtree(root)


@pytest.fixture(autouse=True)
def _published_places(places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fabricated.environment(monkeypatch, **places, tensorboard_dir=tmp_path)
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)


def build(monkeypatch: pytest.MonkeyPatch, name: str, **pinned: Any) -> Built:
    """What the settings file hands to the trainer."""
    monkeypatch.setattr(recipes, "SimpleTrainer", Built)
    settings = Settings(pinned)
    settings.project_path = name
    importlib.import_module(f"train_settings.{name.replace('/', '.')}").run(settings)
    return Built.last


def ignored_border(term: Any) -> int:
    """How many pixels from the edge do not change the value of a loss or metric."""
    pred, gt = torch.full((1, 3, 96, 96), 0.5), torch.zeros(1, 3, 96, 96)
    for row in range(48):
        changed = pred.clone()
        changed[..., row, 48] += 0.1
        if term(changed, gt) != term(pred, gt):
            return row
    raise AssertionError("nothing changes the value")


@pytest.mark.parametrize("name", TABLE)
def test_the_setting_builds_what_the_table_says(name: str, monkeypatch: pytest.MonkeyPatch):
    expected, built = TABLE[name], build(monkeypatch, name)
    net: Any = unwrapped(built.actor.net)
    assert (net.constructor.fun_name, net.constructor.kwds) == (expected.constructor, expected.network)
    assert sum(parameter.numel() for parameter in net.parameters()) == expected.parameters
    assert type(built.actor).__name__ == expected.actor
    assert built.settings.multi_gpu == isinstance(built.actor.net, MultiGPU) == expected.multi_gpu
    if isinstance(built.actor.net, MultiGPU):
        assert vars(built.actor.net).get("dim", 0) == 0, "batches are split, not bursts (known where there are GPUs)"
    assert built.actor.loss_weight == expected.weights
    objective = built.actor.objective
    metrics = {"rgb": "l1", "offsets": "l2_sqrt", "photometric": "l1"}
    assert set(objective) == {"psnr", *expected.weights}
    assert {term: objective[term].metric for term in expected.weights} == {
        term: metrics[term] for term in expected.weights
    }
    assert {ignored_border(term) for term in objective.values()} == {expected.border}
    assert (built.epochs, built.load_latest, built.fail_safe) == (expected.epochs, True, True)
    train, *validation = built.loaders
    assert (train.training, train.batch_size, len(train)) == (True, expected.batch, 1000)
    assert (built.settings.print_interval, {loader.num_workers for loader in built.loaders}) == (1, {8})
    sample = train.dataset[0]
    assert (sample["burst"].shape, sample["frame_gt"].shape) == (expected.burst, expected.gt)
    assert [loader.epoch_interval for loader in validation] == [expected.val_every] * len(validation)
    assert not any(loader.training for loader in validation)


@pytest.mark.parametrize("name", TABLE)
def test_all_parameters_learn_at_the_published_rates(name: str, monkeypatch: pytest.MonkeyPatch):
    expected, built = TABLE[name], build(monkeypatch, name)
    assert type(built.optimizer) is torch.optim.Adam
    (group,) = built.optimizer.param_groups
    assert (group["betas"], group["weight_decay"]) == ((0.9, 0.999), 0)
    assert [*map(id, group["params"])] == [*map(id, unwrapped(built.actor.net).parameters())]
    every = expected.decay if isinstance(expected.decay, int) else None
    for epoch in range(expected.epochs):
        decays = epoch // every if every else sum(epoch >= at for at in expected.decay)  # type: ignore[union-attr]
        assert group["lr"] == pytest.approx(1e-4 * 0.2**decays), f"epoch {epoch + 1}"
        built.optimizer.step()
        built.lr_scheduler.step()


@pytest.mark.parametrize("name", TABLE)
def test_the_check_of_the_command_line_passes(name: str, capsys: pytest.CaptureFixture[str]):
    pins = [word for key, value in small(name).items() for word in ("--set", f"{key}={value}")]
    assert main([*name.split("/"), "--check", *pins]) == 0
    shown = capsys.readouterr()
    assert f"{TABLE[name].parameters:,}" in shown.out + shown.err


@pytest.mark.parametrize("name", TABLE)
def test_every_validation_of_the_setting_runs(name: str, monkeypatch: pytest.MonkeyPatch):
    built = build(monkeypatch, name, **small(name), multi_gpu=False)
    validation = built.loaders[1:]
    assert [loader.name for loader in validation] == (["val", "val_unpadded"] if name in DENOISING else ["val"])
    built.actor.eval()
    for loader in validation:
        with torch.no_grad():
            loss, stats = built.actor(next(iter(loader)))
        assert loss.isfinite()
        assert stats["Stat/psnr"] > 0


def test_an_epoch_of_real_bursts_ends_with_a_validation_of_all_of_them(places: dict[str, Path]):
    pins = {**small("dbsr/default_realworld"), "steps_per_epoch": 1, "max_epochs": 1, "project_path": "tests/epoch"}
    assert main(["dbsr", "default_realworld", *[w for k, v in pins.items() for w in ("--set", f"{k}={v}")]]) == 0
    content = read_checkpoint(places["workspace_dir"] / "checkpoints/tests/epoch/DBSRNet_ep0001.pth.tar")
    assert len(content["stats"]["val"]["Stat/psnr"]["history"]) == 1
    assert content["step"] == 1


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_bursts_have_the_published_motion_and_camera(name: str, monkeypatch: pytest.MonkeyPatch):
    train, val = build(monkeypatch, name).loaders
    for loader, split in ((train, "train"), (val, "test")):
        (photographs,), bursts = loader.dataset.datasets, loader.dataset.processing
        assert (photographs.get_name(), photographs.split) == ("ZurichRAW2RGB", split)
        motion = {"max_translation": 24.0, "max_rotation": 1.0, "max_shear": 0.0, "max_scale": 0.0, "border_crop": 24}
        assert bursts.burst_transformation_params == motion
        assert bursts.downsample_factor == 4
        meta = loader.dataset[0]["meta_info"]
        assert meta["gamma"]
        assert meta["smoothstep"]
        assert meta["shot_noise_level"] > 0
    assert len(val) == 200


@pytest.mark.parametrize("name", [*SYNTHETIC, "deeprep/denoise_color_customflow"])
def test_bursts_may_be_made_on_the_device_and_of_packed_photographs(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    photo = (np.indices((130, 140)).sum(axis=0) % 256).astype(np.uint8)
    pack_images([("one", np.stack([photo, photo[::-1], photo], axis=2))], tmp_path / "packed", "packed photos")
    pins = {**small(name), "batch_size": 2, "multi_gpu": False, "packed": str(tmp_path / "packed")}
    batches = []
    for place in ("worker", "device"):
        train, *validation = build(monkeypatch, name, **pins, render_on=place).loaders
        assert train.dataset.datasets[0].get_name() == "packed photos"
        assert {loader.rendering is not None for loader in (train, *validation)} == {place == "device"}
        batches.append(next(iter(train)))
    worker, device = batches
    assert set(worker) == set(device)
    assert (worker["burst"] - device["burst"]).abs().max() < 1.5 / 255


@pytest.mark.parametrize("name", REAL)
def test_real_bursts_are_black_free_and_only_training_flips(name: str, monkeypatch: pytest.MonkeyPatch):
    train, val = build(monkeypatch, name).loaders
    assert (train.dataset.processing.random_flip, val.dataset.processing.random_flip) == (True, False)
    assert (train.dataset.datasets[0].split, val.dataset.dataset.split) == ("train", "val")
    for loader in (train, val):
        sample = loader.dataset[1]
        assert sample["meta_info_burst"]["black_level_subtracted"]
        assert not sample["meta_info_burst"]["while_balance_applied"]
        assert tuple(sample["frame_gt"].shape) == TABLE[name].gt
    assert len(val.dataset) == 2, "the validation set is not mistaken for a list of one"


@pytest.mark.parametrize("name", DENOISING)
def test_denoising_validates_on_its_own_channels_once_padded_and_once_not(name: str, monkeypatch: pytest.MonkeyPatch):
    train, val, unpadded = build(monkeypatch, name).loaders
    bursts = train.dataset.processing
    assert (bursts.pre_downsample_factor, bursts.max_jitter_small, bursts.max_jitter_large) == (4, 2, 16)
    assert train.dataset.datasets[0].get_name() == "OpenImages"
    assert len(val) == len(unpadded) == 1204 // 8
    channels = TABLE[name].burst[1]
    published, whole = val.dataset[0]["frame_gt"], unpadded.dataset[0]["frame_gt"]
    assert (published.shape, whole.shape) == ((channels, 128, 128), (channels, 80, 80))
    assert (published[:, -1] == 0).all(), "images of 448 pixels are padded for bursts of 128"
    assert all((unpadded.dataset[i]["burst"].mean(dim=(1, 2, 3)) > 0.02).all() for i in range(4))
    assert all((unpadded.dataset[i]["frame_gt"] > 0).all() for i in range(4))
    assert torch.equal(val.dataset[1]["burst"], val.dataset[1]["burst"]), "every epoch validates the same bursts"


@pytest.mark.parametrize(("name", "source"), REAL.items())
def test_fine_tuning_starts_from_the_trained_network(name: str, source: str, monkeypatch: pytest.MonkeyPatch, places):
    net = unwrapped(build(monkeypatch, name).actor.net)
    (file,) = (places["workspace_dir"] / "checkpoints" / source).iterdir()
    state = read_checkpoint(file)["net"]
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize(("name", "source"), REAL.items())
def test_a_missing_network_to_start_from_is_named_with_the_way_out(
    name: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, places: dict[str, Path]
):
    fabricated.environment(monkeypatch, workspace_dir=tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        build(monkeypatch, name)
    for part in (name, source, str(tmp_path), f"run_training.py {source.replace('/', ' ')}", "initial_network=NAME"):
        assert part in str(caught.value)
    (file,) = (places["workspace_dir"] / "checkpoints" / source).iterdir()
    assert build(monkeypatch, name, initial_network=str(file)).actor.net is not None


@pytest.mark.parametrize("name", REAL)
def test_real_bursts_are_aligned_by_the_published_flow_network(name: str, monkeypatch: pytest.MonkeyPatch, places):
    sca = build(monkeypatch, name).actor.sca
    assert sca.sr_factor == 4
    alignment_net = sca.alignment_net
    assert isinstance(alignment_net, PWCNet)
    published = torch.load(places["pretrained_nets_dir"] / "pwcnet-network-default.pth", weights_only=True)
    weight = alignment_net.net.state_dict()["netExtractor.netOne.0.weight"]
    assert torch.equal(weight, published["moduleExtractor.moduleOne.0.weight"])


@pytest.mark.parametrize("name", TABLE)
def test_the_file_is_short_and_says_what_a_user_must_know(name: str):
    module, param = name.split("/")
    assert len(find_settings()[module][param]) > 30
    path = Path(recipes.__file__).parent / f"{name}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 40
    doc = importlib.import_module(f"train_settings.{module}.{param}").__doc__ or ""
    assert f"Command: python run_training.py {module} {param}" in doc
    for part in ("Data: ", "_dir", "Hardware: ", "Published score"):
        assert part in doc
