"""A real network from a weights file goes through the engine: its noise is seeded, its operations are counted."""

import hashlib
from dataclasses import replace

import pytest
import torch

from admin.weights_file import save_weights_file
from evaluation.burst_denoise.benchmark import DATA, denoise_benchmark
from evaluation.common_utils import engine
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.report import as_json, notes
from tests.fabricated import tiny_denoiser

CPU = torch.device("cpu")


class First:
    """One burst of the held-out photographs."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return DATA["photos"](4)[index]


@pytest.fixture
def weights_file(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path))
    save_weights_file(tmp_path / "tiny.safetensors", tiny_denoiser())
    return tmp_path / "tiny.safetensors"


def test_a_network_from_a_weights_file_scores_the_same_directly_and_from_its_predictions(weights_file):
    benchmark = replace(denoise_benchmark("photos", 4), data=First, baselines=())
    networks = [
        NetworkParam(network_path=weights_file, unique_name="tiny"),
        NetworkParam(network_path=weights_file, unique_name="tiny_bsz01", burst_sz=1),
    ]
    direct = engine.score(benchmark, networks, save=True, device=CPU)
    torch.rand(3)
    loaded = engine.score(benchmark, networks, load_saved=True, device=CPU)
    assert loaded.means() == direct.means()
    assert direct.means()["tiny"] != direct.means()["tiny_bsz01"]
    cost = direct.row("tiny").cost
    assert cost.flops is not None
    assert cost.flops > 100 * 96 * 96 * 8
    assert cost.parameters == sum(tensor.numel() for tensor in networks[0].load_net().parameters())
    assert loaded.row("tiny").cost.flops == cost.flops


def test_every_table_says_which_weights_it_is_about(weights_file):
    benchmark = replace(denoise_benchmark("photos", 4), data=First)
    benchmark = replace(benchmark, baselines=benchmark.baselines[:1])
    network = NetworkParam(network_path=weights_file, unique_name="tiny", display_name="a network")
    scores = engine.score(benchmark, [network], save=True, device=CPU)
    weights = f"tiny.safetensors (SHA-256 {hashlib.sha256(weights_file.read_bytes()).hexdigest()[:12]}…)"
    assert f"Weights: a network: {weights}." in notes(scores)
    assert [row["weights"] for row in as_json(scores)["rows"]] == [None, weights]
    assert engine.score(benchmark, [network], load_saved=True, device=CPU).row("a network").weights == weights


def test_saved_predictions_keep_the_name_of_the_weights_they_come_from(weights_file, caplog):
    benchmark = replace(denoise_benchmark("photos", 4), data=First, baselines=())
    network = NetworkParam(network_path=weights_file, unique_name="tiny", display_name="a network")
    before = engine.score(benchmark, [network], save=True, device=CPU)
    engine.score(benchmark, [network], load_saved=True, device=CPU)
    assert "was predicted with" not in caplog.text
    other = tiny_denoiser()
    with torch.no_grad():
        next(other.parameters()).add_(1)
    save_weights_file(weights_file, other)
    after = engine.score(benchmark, [network], load_saved=True, device=CPU)
    assert after.means() == before.means()
    assert after.row("a network").weights == before.row("a network").weights
    assert f"was predicted with {before.row('a network').weights}; the network at hand is tiny" in caplog.text
    (saved,) = engine.save_predictions(benchmark, [network], overwrite=False, device=CPU)
    assert saved.made_by(First()[0][2]["burst_name"]) == before.row("a network").weights
    (saved,) = engine.save_predictions(benchmark, [network], device=CPU)
    assert saved.made_by(First()[0][2]["burst_name"]) == network.describe_weights()
    assert engine.score(benchmark, [network], load_saved=True, device=CPU).means() != before.means()


def test_rows_of_several_weights_name_all_of_them():
    assert engine._named_once(["a", "b", "a"]) == "a and b"
    assert engine._named_once(["a", None]) is None
