"""Names, files and stored predictions of evaluated networks."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin import released_weights
from admin.checkpoints import CheckpointError, read_checkpoint, save_checkpoint
from admin.released_weights import RELEASED
from evaluation.common_utils import engine
from evaluation.common_utils.encoding import LINEAR_14_BIT, PredictionEncoding
from evaluation.common_utils.experiments import UnknownExperiment, experiment_names, load_experiment
from evaluation.common_utils.network_param import NetworkParam, find_network_file
from evaluation.common_utils.saved_predictions import SavedPredictions
from tests.evaluation_fixtures import FirstFrame, fabricated
from tests.fabricated import checkpoint, environment, tiny_denoiser
from utils import downloads
from utils.downloads import DownloadFailed
from utils.image_io import UnreadableImage
from utils.loading import load_network as load_by_name


@pytest.mark.parametrize(
    "kwargs",
    [
        {"network_path": "x.pth"},
        {"network_path": "x.pth", "unique_name": "u", "epoch": 1},
        {"network": FirstFrame},
        {"network": FirstFrame, "unique_name": "u", "network_path": "x.pth"},
        {"module": "m", "parameter": "p", "burst_sz": 0},
        {"unique_name": "u", "use_ema": True},
        {"module": "m", "unique_name": "u"},
        {"parameter": "p", "unique_name": "u"},
    ],
)
def test_contradictory_networks_are_refused(kwargs):
    with pytest.raises(ValueError, match="NetworkParam"):
        NetworkParam(**kwargs)


def test_the_weights_of_a_training_are_those_of_the_latest_or_the_named_epoch(monkeypatch, tmp_path):
    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", str(tmp_path))
    folder = tmp_path / "checkpoints" / "module" / "param"
    folder.mkdir(parents=True)
    for epoch in (1, 2):
        (folder / f"Net_ep{epoch:04d}.pth.tar").write_bytes(bytes(epoch))
    latest, first = (NetworkParam("module", "param", epoch=epoch).describe_weights() for epoch in (None, 1))
    assert latest == "Net_ep0002.pth.tar (SHA-256 96a296d224f2…)"
    assert first == "Net_ep0001.pth.tar (SHA-256 6e340b9cffb3…)"


def test_nothing_to_load_is_said():
    with pytest.raises(ValueError, match="'only_files' names no network"):
        NetworkParam(unique_name="only_files").load_net()
    assert NetworkParam(unique_name="only_files").predictions_only
    assert not NetworkParam("m", "p", unique_name="u").predictions_only


def test_a_run_that_never_happened_is_named_before_anything_is_scored(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", str(tmp_path))
    untrained = NetworkParam("deeprep", "quickstart")
    with pytest.raises(FileNotFoundError, match=r"checkpoints/deeprep/quickstart.*run_training\.py deeprep quickstart"):
        untrained.load_net()
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        engine.score(fabricated(data=lambda: pytest.fail("data were touched")), [untrained])


def test_the_average_of_the_weights_is_taken_where_asked_for_and_missed_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", str(tmp_path))
    file = checkpoint(tmp_path / "checkpoints/m/p/DeepRepNet_ep0001.pth.tar", tiny_denoiser())
    raw, averaged = NetworkParam("m", "p"), NetworkParam("m", "p", use_ema=True)
    assert (raw.get_unique_name(), averaged.get_unique_name()) == ("m_p", "m_p_ema")
    with pytest.raises(CheckpointError, match=r"ep0001.*no moving average of the weights"):
        averaged.load_net()
    content = read_checkpoint(file)
    content["net_ema"] = {key: torch.zeros_like(value) for key, value in content["net"].items()}
    save_checkpoint(file, content)
    assert all(bool((value == 0).all()) for value in averaged.load_net().state_dict().values())
    assert any(bool((value != 0).any()) for value in raw.load_net().state_dict().values())


def test_network_files_are_found_in_order_and_places_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_PRETRAINED_NETS_DIR", str(tmp_path))
    mine = tmp_path / "net.pth"
    mine.touch()
    assert find_network_file("net.pth") == mine
    assert find_network_file(mine) == mine
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}/absent\.pth or .*pretrained_networks/absent\.pth"):
        find_network_file("absent.pth")


@pytest.mark.parametrize("name", ["deeprep_denoise_color_customflow.pth", "deeprep_denoise_color_customflow"])
def test_a_released_name_alone_fetches_the_network_once(name, tmp_path, monkeypatch):
    environment(monkeypatch, pretrained_nets_dir=tmp_path / "nets", workspace_dir=tmp_path / "workspace")
    fetched = []

    def fetch(sources, target, **options):
        fetched.append(sources[0].file_id)
        return checkpoint(target, tiny_denoiser())

    monkeypatch.setattr(released_weights, "download", fetch)
    network = NetworkParam(network_path=name, unique_name="DeepRep")
    assert not network.is_at_hand()
    assert fetched == []  # asking is not fetching
    assert cast(Any, load_by_name(name)).constructor.fun_name == "deeprep_denoise_custom_flow_iccv21"
    assert network.is_at_hand()
    assert cast(Any, network.load_net()).constructor.fun_name == "deeprep_denoise_custom_flow_iccv21"
    assert network.find_weights() == tmp_path / "nets/deeprep_denoise_color_customflow.pth"
    assert fetched == [RELEASED["deeprep_denoise_color_customflow"].drive_id]


def test_a_released_network_that_cannot_be_fetched_is_said_before_anything_is_scored(tmp_path, monkeypatch):
    environment(monkeypatch, pretrained_nets_dir=tmp_path / "nets", workspace_dir=tmp_path / "workspace")

    def offline(source, target):
        raise downloads._SourceFailed("no connection")

    monkeypatch.setattr(downloads, "_fetch_from_drive", offline)
    network = NetworkParam(network_path="dbsr_burstsr_default.pth", unique_name="DBSR_burstsr")
    page = f"drive.google.com/file/d/{RELEASED['dbsr_burstsr_default'].drive_id}"
    with pytest.raises(DownloadFailed, match=rf"(?s){page}.*browser.*{tmp_path}/nets/dbsr_burstsr_default\.pth"):
        engine.score(fabricated(data=lambda: pytest.fail("data were touched")), [network])
    # Saved predictions are scored without it.
    saved = [NetworkParam(network=FirstFrame, unique_name="DBSR_burstsr")]
    environment(monkeypatch, save_data_path=tmp_path)
    engine.save_predictions(fabricated(), saved)
    row = engine.score(fabricated(), [network], load_saved=True).row("DBSR_burstsr")
    assert row.cost.parameters is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([2**14, 2**16 - 1, 255]))
def test_a_stored_prediction_is_less_than_a_step_below_the_clamped_one(seed, channels, full_scale):
    encoding = PredictionEncoding(full_scale)
    prediction = torch.rand(1, channels, 5, 7, generator=torch.Generator().manual_seed(seed)) * 1.4 - 0.2
    stored = encoding.encode(prediction)
    assert stored.dtype == np.uint16
    assert stored.shape == (5, 7, channels)
    lost = prediction.clamp(0, 1) - encoding.decode(stored)
    assert lost.min() >= -1e-6
    assert lost.max() < 1.001 / full_scale
    assert np.array_equal(encoding.encode(encoding.decode(stored)), stored)


def test_what_cannot_be_stored_or_was_not_stored_so_is_refused():
    with pytest.raises(ValueError, match="1 of 12 predicted values are not finite"):
        LINEAR_14_BIT.encode(torch.tensor([float("inf")] + [0.0] * 11).reshape(1, 3, 2, 2))
    with pytest.raises(ValueError, match=r"expected \[1, C, H, W\]"):
        LINEAR_14_BIT.encode(torch.zeros(2, 3, 4, 4))
    with pytest.raises(ValueError, match="uint8"):
        LINEAR_14_BIT.decode(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="65535"):
        LINEAR_14_BIT.decode(np.full((4, 4, 3), 65535, np.uint16))
    with pytest.raises(ValueError, match="full_scale"):
        PredictionEncoding(2**16)


def test_saved_predictions_stay_inside_their_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path))
    saved = SavedPredictions.of(fabricated(), "net")
    assert saved.path("clip/0001") == tmp_path / "fabricated/level_1/net/clip/0001.png"
    for name in ("../x", "/etc/x"):
        with pytest.raises(ValueError, match="leads out"):
            saved.path(name)
    with pytest.raises(ValueError, match=r"unique_name '\.\./\.\./y' leads out"):
        SavedPredictions.of(fabricated(), "../../y")


def test_a_damaged_or_foreign_prediction_is_named(tmp_path):
    saved = SavedPredictions(tmp_path, LINEAR_14_BIT)
    saved.save("a", torch.rand(1, 3, 6, 6))
    whole = saved.path("a").read_bytes()
    saved.path("b").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImage, match=r"b\.png"):
        saved.load("b")
    SavedPredictions(tmp_path, PredictionEncoding(65535)).save("c", torch.ones(1, 3, 6, 6))
    with pytest.raises(ValueError, match=r"c\.png is no saved prediction"):
        saved.load("c")


def test_an_unknown_experiment_offers_the_nearest():
    with pytest.raises(UnknownExperiment, match=r"'deeprep_grey'.*'deeprep_grayscale'"):
        load_experiment("evaluation.burst_denoise", "deeprep_grey")
    assert {"deeprep_color", "deeprep_grayscale", "quickstart"} <= set(experiment_names("evaluation.burst_denoise"))


@pytest.mark.parametrize("name", ["deeprep_color", "deeprep_grayscale", "quickstart"])
def test_experiments_name_different_networks(name):
    names = [network.get_unique_name() for network in load_experiment("evaluation.burst_denoise", name)]
    assert len(set(names)) == len(names) > 0
