"""Comparing released networks with their published figures, on fabricated networks and data."""

from dataclasses import replace

import pytest
import torch

import util_scripts.data_sources
import util_scripts.download_dataset
from admin import environment as machine
from admin import released_weights
from admin.released_weights import RELEASED
from evaluation.common_utils.fetch_data import find_or_fetch
from evaluation.common_utils.published import PUBLISHED, published_row
from evaluation.reproduce import command
from evaluation.reproduce.command import comparison_table
from evaluation.reproduce.measurement import BENCHMARKS, reproduce
from tests.fabricated import (
    bpn_test_set,
    burstsr,
    checkpoint,
    environment,
    synthetic_burst_val,
    tiny_dbsr,
    tiny_denoiser,
)
from utils.downloads import DownloadFailed
from utils.log import output

CPU = torch.device("cpu")


class First:
    """The first burst of a data set."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.data[index]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Networks, data and scores of a machine that has nothing yet, and no connection."""
    environment(
        monkeypatch,
        pretrained_nets_dir=tmp_path / "networks",
        workspace_dir=tmp_path / "workspace",
        save_data_path=tmp_path / "saved",
    )
    monkeypatch.setattr(machine, "LOCAL_FILE", tmp_path / "local.py")
    for row in PUBLISHED:
        # Set first, so that what is fetched in a test is forgotten after it.
        monkeypatch.setenv(f"BURSTLAB_{row.data_key.upper()}", "")

    def offline(sources, target, **options):
        raise DownloadFailed(f"{target.name} could not be fetched: fetch it with a browser")

    for module in (released_weights, util_scripts.data_sources, util_scripts.download_dataset):
        monkeypatch.setattr(module, "download", offline)
    return tmp_path


def test_every_row_is_a_released_network_measured_by_a_benchmark():
    assert {row.row for row in PUBLISHED} == set(RELEASED) - {"pwcnet-network-default"}
    for row in PUBLISHED:
        assert set(row.tables) <= set(BENCHMARKS)
        figures = {f"{k.upper()}{suffix}": v for t, suffix in row.tables.items() for k, v in row.released(t).items()}
        assert figures == RELEASED[row.row].published
    grey = published_row("burst_denoise", "deeprep_denoise_grayscale_pwcnet")
    assert [grey.released(table)["psnr"] for table in grey.tables] == [39.37, 36.51, 33.38, 29.69]
    assert published_row("burstsr", "deeprep_sr_burstsr_default").paper["psnr"] == 48.33


# What the authors' pages and papers say, written down here once more; None where they give nothing.
FIGURES: dict[str, tuple[list[float | None], list[float] | None, int | None]] = {
    "dbsr_synthetic_default": ([39.17, 0.946, 0.081], [39.09, 0.945, 0.084], 300),
    "deeprep_sr_synthetic_default": ([41.55, None, None], [41.56, 0.964, 0.045], 300),
    "dbsr_burstsr_default": ([47.70, 0.984, 0.029], [47.76, 0.984, 0.030], 882),
    "deeprep_sr_burstsr_default": ([None, None, None], [48.33, 0.985, 0.023], 882),
    "deeprep_denoise_grayscale_pwcnet": ([39.37, 36.51, 33.38, 29.69], None, 73),
    "deeprep_denoise_grayscale_customflow": ([39.10, 36.14, 32.89, 28.98], None, 73),
    "deeprep_denoise_color_pwcnet": ([42.21, 39.13, 35.75, 32.52], None, None),
    "deeprep_denoise_color_customflow": ([41.90, 38.85, 35.48, 32.29], None, None),
}


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.row)
def test_every_row_has_the_published_figures_protocol_and_data(row):
    figures, paper, bursts = FIGURES[row.row]
    assert row.bursts == bursts
    benchmarks = [BENCHMARKS[table] for table in row.tables]
    keys = [metric.key for metric in benchmarks[0].metrics]
    assert keys == ["psnr", "ssim", "lpips"]
    if row.benchmark == "burst_denoise":
        mode = "grayscale" if "grayscale" in row.row else "color"
        assert list(row.tables) == [f"denoise_{mode}/noise_{gain}" for gain in (1, 2, 4, 8)]
        assert [row.released(table) for table in row.tables] == [{"psnr": figure} for figure in figures]
        assert row.paper == {}
        border = 8
    else:
        assert list(row.tables) == [row.benchmark]
        assert [row.released(row.benchmark).get(key) for key in keys] == figures
        assert [row.paper[key] for key in keys] == paper
        border = 40
    assert all(metric.protocol.border == border for benchmark in benchmarks for metric in benchmark.metrics)
    assert all(
        (benchmark.encoding.full_scale, benchmark.encoding.rounded) == (2**14, False) for benchmark in benchmarks
    )
    data = {"synburst": "synburstval_dir", "burstsr": "burstsr_dir"}
    denoising = "kpn_testset_path" if "grayscale" in row.row else "bpn_color_testset_dir"
    assert row.data_key == data.get(row.benchmark, denoising)
    assert RELEASED[row.row].constructor == CONSTRUCTORS[row.row.split("_")[0] + row.row.split("_")[-1]]


# First and last part of a released name → what must build it.
CONSTRUCTORS = {
    "dbsrdefault": "models.dbsr.dbsrnet.dbsrnet_cvpr2021",
    "deeprepdefault": "models.deeprep.deeprepnet.deeprep_sr_iccv21",
    "deepreppwcnet": "models.deeprep.deeprepnet.deeprep_denoise_iccv21",
    "deeprepcustomflow": "models.deeprep.deeprepnet.deeprep_denoise_custom_flow_iccv21",
}


def test_wrong_names_offer_the_nearest():
    with pytest.raises(ValueError, match=r"'synbrust'.*'synburst'"):
        reproduce("synbrust", "dbsr_synthetic_default")
    with pytest.raises(ValueError, match=r"'dbsr_default'.*'dbsr_burstsr_default'"):
        reproduce("burstsr", "dbsr_default")


def test_a_synburst_row_is_measured_with_fetched_data(place, monkeypatch, capsys):
    checkpoint(place / "networks/dbsr_synthetic_default.pth", tiny_dbsr())

    def fetch(key, folder):
        assert key == "synburstval_dir"
        return synthetic_burst_val(folder / "SyntheticBurstVal", size=16)

    monkeypatch.setattr(util_scripts.download_dataset, "download_dataset", fetch)
    whole = BENCHMARKS["synburst"]
    monkeypatch.setitem(BENCHMARKS, "synburst", replace(whole, data=lambda: First(whole.data())))
    comparisons = reproduce("synburst", "dbsr_synthetic_default", device=CPU)
    assert [one.metric for one in comparisons] == ["psnr", "ssim", "lpips"]
    psnr = comparisons[0]
    assert (psnr.published, psnr.paper) == (39.17, 39.09)
    measured = psnr.measured
    assert measured is not None
    assert 0 < measured < 30  # untrained
    assert (place / "workspace/datasets/SyntheticBurstVal/gt/0000").is_dir()
    assert (place / "saved/scores/synburst/reproduce_dbsr_synthetic_default.json").is_file()
    output(comparison_table("synburst", comparisons))
    shown = capsys.readouterr().out
    assert all(text in shown for text in (f"{measured:.3f}", "39.17", f"{measured - 39.17:+.3f}", "39.09"))
    assert "on 1 bursts, the published figures are means over 300" in " ".join(shown.split())
    assert replace(psnr, bursts=1).caveat is replace(psnr, bursts=None).caveat is None


def test_a_denoiser_is_measured_at_every_gain(place, monkeypatch):
    checkpoint(place / "networks/deeprep_denoise_color_customflow.pth", tiny_denoiser())
    environment(monkeypatch, bpn_color_testset_dir=bpn_test_set(place / "bpn", size=64, bursts=1))
    comparisons = reproduce("burst_denoise", "deeprep_denoise_color_customflow", device=CPU)
    psnr = [one for one in comparisons if one.metric == "psnr"]
    assert [one.published for one in psnr] == [41.90, 38.85, 35.48, 32.29]
    assert len({one.measured for one in psnr}) == 4
    assert all(one.published is None for one in comparisons if one.metric != "psnr")


def test_offline_everything_that_is_missing_is_said_at_once(place, monkeypatch, capsys):
    assert command.main(["burstsr", "dbsr_burstsr_default"]) == 1
    error = capsys.readouterr().err
    for text in (
        "dbsr_burstsr_default.pth",
        "pwcnet-network-default.pth",
        "val.zip",
        "BURSTLAB_BURSTSR_DIR",
        "3 things",
    ):
        assert text in error
    assert not list(place.rglob("*.pth"))
    # With the data named, only the networks are asked for.
    environment(monkeypatch, burstsr_dir=burstsr(place / "data", train=(), val=["0008_0000"], size=8))
    with pytest.raises(DownloadFailed, match="2 things"):
        reproduce("burstsr", "dbsr_burstsr_default")


def test_data_that_are_named_but_not_there_are_not_fetched_behind_the_back(place, monkeypatch):
    environment(monkeypatch, synburstval_dir=place / "gone")
    with pytest.raises(FileNotFoundError, match=r"gone does not exist"):
        find_or_fetch("synburstval_dir")


def test_rows_can_be_listed_and_both_names_are_needed(capsys):
    assert command.main(["--list"]) == 0
    assert "burstsr deeprep_sr_burstsr_default" in capsys.readouterr().out.split("\n")
    with pytest.raises(SystemExit) as ended:
        command.main(["burstsr"])
    assert ended.value.code == 2
    assert "give BENCHMARK and ROW" in capsys.readouterr().err


def test_figures_that_nobody_published_are_left_open():
    assert command._difference(48.0, None, 3) == command._difference(None, 47.7, 3) == "–"
    assert command._difference(48.0, 47.7, 3) == "+0.300"
    assert (command._number(None, 2), command._number(47.7, 2)) == ("–", "47.70")
