"""The RAW burst super-resolution benchmarks: their data, their protocol, and their scripts on fabricated data sets."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.burstsr import benchmark as burstsr
from evaluation.burstsr.compute_score import compute_score as compute_burstsr
from evaluation.burstsr.save_results import save_results as save_burstsr
from evaluation.common_utils import command_line, engine
from evaluation.common_utils.benchmark import Compared, Item
from evaluation.common_utils.experiments import experiment_names, load_experiment
from evaluation.common_utils.network_param import NetworkParam
from evaluation.synburst import benchmark as synburst
from evaluation.synburst.compute_score import compute_score as compute_synburst
from evaluation.synburst.photos import PhotoRawBursts
from evaluation.synburst.save_results import save_results as save_synburst
from models.classical import BilinearUpsampling
from models.loss.image_quality_v2 import MultiScaleSSIM
from tests.evaluation_fixtures import psnr_metric
from tests.fabricated import burstsr as fabricated_burstsr
from tests.fabricated import environment, pwcnet_weights, synthetic_burst_val

CPU = torch.device("cpu")


class FirstOf:
    """The first bursts of a data set."""

    def __init__(self, data, count):
        self.data, self.count = data, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.data[index]


class CountsFrames(nn.Module):
    """A grey picture: a hundredth for every frame."""

    def forward(self, burst):
        batch, frames, _, height, width = burst.shape
        return torch.full((batch, 3, 8 * height, 8 * width), frames / 100), {}


class NoMotion(nn.Module):
    def forward(self, source, target):
        return target.new_zeros(len(target), 2, *target.shape[-2:])


ROWS = [
    NetworkParam(network=BilinearUpsampling, unique_name="mine"),
    NetworkParam(network=CountsFrames, unique_name="all_frames"),
    NetworkParam(network=CountsFrames, unique_name="three_frames", burst_sz=3),
]


@pytest.fixture
def saved_here(tmp_path, monkeypatch):
    environment(monkeypatch, save_data_path=tmp_path / "saved", pretrained_nets_dir=tmp_path / "networks")
    monkeypatch.setattr(command_line, "load_experiment", lambda package, name: ROWS)
    return tmp_path / "saved"


@pytest.fixture
def two_synthetic_bursts(tmp_path, monkeypatch):
    environment(monkeypatch, synburstval_dir=synthetic_burst_val(tmp_path / "data", size=16))
    name, title, bursts = synburst.DATA["synburst"]
    monkeypatch.setitem(synburst.DATA, "synburst", (name, title, lambda: FirstOf(bursts(), 2)))


def test_photo_bursts_are_always_the_same_and_of_held_out_scenes():
    first, second = PhotoRawBursts(), PhotoRawBursts()
    names = [first[index][2]["burst_name"] for index in range(len(first))]
    assert len(set(names)) == len(names) == 12
    assert {first[index][2]["scene"] for index in (0, 4, 8)} == {"chelsea", "coffee", "rocket"}
    for index in (11, 0):
        (burst, truth, _), (again, truth_again, _) = first[index], second[index]
        assert torch.equal(burst, again)
        assert torch.equal(truth, truth_again)
        assert burst.shape == (8, 4, 32, 32)
        assert truth.shape == (3, 256, 256)
    with pytest.raises(IndexError):
        first[12]


def test_training_free_rows_on_held_out_photographs_and_true_ms_ssim_as_one_more_column():
    benchmark = replace(synburst.synburst_benchmark("photos"), data=lambda: FirstOf(PhotoRawBursts(), 3))
    scores = engine.score(command_line.with_ms_ssim(benchmark), [], device=CPU)
    means = scores.means()
    assert list(means) == ["bilinear, 1 frame", "demosaic + Lanczos, 1 frame", "aligned mean", "classical"]
    assert means["aligned mean"]["psnr"] > means["bilinear, 1 frame"]["psnr"] + 1
    assert list(means["aligned mean"]) == [key for key in ("psnr", "ssim", "lpips", "ms_ssim") if key in scores.metrics]
    item = benchmark.items()[2]
    stored = (BilinearUpsampling()(item.burst[None])[0].clamp(0, 1) * 2**14).floor() / 2**14
    inside = (..., slice(40, -40), slice(40, -40))
    error = (stored[0] - item.ground_truth)[inside].double().square().mean()
    assert scores.rows[0].bursts[2].values["psnr"] == pytest.approx(-10 * float(error.log10()), abs=1e-3)
    expected = float(MultiScaleSSIM()(stored[inside], item.ground_truth[None][inside]))
    assert scores.rows[0].bursts[2].values["ms_ssim"] == pytest.approx(expected, abs=1e-5)


def test_synburst_scripts_work_on_the_published_layout(saved_here, two_synthetic_bursts, capsys):
    save_synburst("any")
    stored = sorted(str(path.relative_to(saved_here)) for path in saved_here.rglob("*.png"))
    assert stored == sorted(f"synburst/{row.unique_name}/{burst}.png" for row in ROWS for burst in ("0000", "0001"))
    (direct,), (loaded,) = compute_synburst("any"), compute_synburst("any", load_saved=True)
    assert loaded.means() == direct.means()
    assert direct.metrics[:2] == ["psnr", "ssim"]
    assert direct.means()["mine"] == direct.means()["bilinear, 1 frame"]
    table = capsys.readouterr().out
    assert "head this column MS-SSIM" in table
    assert "linear sensor space, 40 px border left out" in table
    content = json.loads((saved_here / "scores/synburst/any.json").read_text())
    assert [row["unique_name"] for row in content["rows"]][-3:] == [row.unique_name for row in ROWS]


def test_a_network_with_fewer_frames_gets_the_first_ones_in_their_order(two_synthetic_bursts):
    seen = {}

    def call(net, burst, info):
        seen[burst.shape[1]] = burst
        return net(burst)[0]

    benchmark = replace(synburst.synburst_benchmark(), call=call, baselines=(), metrics=(psnr_metric(synburst.LINEAR),))
    engine.score(benchmark, ROWS[1:], device=CPU)
    assert sorted(seen) == [3, 14]
    assert torch.equal(seen[3], seen[14][:, :3])


def test_a_frame_with_a_value_that_is_no_number_is_named():
    burst, truth, info = PhotoRawBursts()[1]
    burst[2, 1, 5, 5] = float("nan")
    benchmark = replace(synburst.synburst_benchmark("photos"), data=lambda: [(burst, truth, info)])
    with pytest.raises(ValueError, match=r"chelsea_01 of synburst_photos: frame 2 .* not finite"):
        engine.score(benchmark, [], device=CPU)


def test_synburst_views_are_the_srgb_pictures_of_the_camera_pipeline():
    info = {"rgb_gain": 1.0, "red_gain": 1.0, "blue_gain": 1.0, "cam2rgb": torch.eye(3), "gamma": True} | {
        "smoothstep": False
    }
    picture = synburst.view(torch.tensor([0.5, 0.1, 0.0]).view(3, 1, 1).expand(3, 4, 5), info)
    assert picture.shape == (4, 5, 3)
    assert np.abs(picture[0, 0] - 255 * np.array([0.5, 0.1, 0.0]) ** (1 / 2.2)).max() <= 1


def test_burstsr_items_are_the_published_samples_in_natural_order(tmp_path, monkeypatch):
    environment(monkeypatch, burstsr_dir=fabricated_burstsr(tmp_path, train=(), val=["0008_0003"]))
    data = burstsr.BurstSRValidation()
    (burst, truth, info) = data[0]
    assert len(data) == 1
    assert burst.shape == (14, 4, 80, 80)
    assert truth.shape == (3, 640, 640)
    assert (info["burst_name"], info["scene"]) == ("0008_0003", "0008")
    assert info["meta_info_burst"]["black_level_subtracted"]
    # The scene moves on by one pixel of the ground truth from frame to frame.
    steps = [(burst[i, 0] - truth[0, i::8, i::8][:80, :80]).abs()[:-2, :-2].mean() for i in (0, 7)]
    assert max(steps) < 0.02
    assert burstsr.view(truth, info).shape == (640, 640, 3)


def test_burstsr_counts_only_what_was_aligned_and_makes_up_for_other_colours():
    generator = torch.Generator().manual_seed(0)
    truth = nn.functional.interpolate(torch.rand(1, 3, 12, 12, generator=generator), size=(192, 192), mode="bicubic")
    truth = truth.clamp(0.05, 1)
    mix = torch.tensor([[0.8, 0.1, 0.0], [0.1, 0.6, 0.1], [0.0, 0.2, 0.9]])
    phone = torch.einsum("bchw,cd->bdhw", truth, mix)
    # The colours are fitted to a burst that is a mean over 8 x 8 pixels, so that grids agree.
    burst = nn.functional.interpolate(phone, scale_factor=1 / 8, mode="bilinear", align_corners=False)[:, [0, 1, 1, 2]]
    wrong = burst.clone()
    wrong[..., 12:16, 12:16] = torch.tensor([1.0, 0.0, 0.0, 1.0]).view(4, 1, 1)
    for frames, everywhere in ((burst, True), (wrong, False)):
        item = Item(frames, truth[0], {"burst_name": "b"})
        compared = burstsr.aligned_by(NoMotion())(Compared(phone, truth, item))
        assert compared.valid is not None
        counted = compared.valid[..., 48:-48, 48:-48]
        assert bool(counted.all()) == everywhere
        if everywhere:
            assert (compared.prediction - truth)[..., 48:-48, 48:-48].abs().max() < 0.02
    assert (burstsr.ALIGNED.name, burstsr.ALIGNED.border) == ("burstsr_aligned_border40", 40)
    benchmark = burstsr.burstsr_benchmark()
    masks = {metric.key: metric.protocol.mask for metric in benchmark.metrics}
    assert masks == {"psnr": burstsr.ALIGNED.mask, "ssim": burstsr.ALIGNED.mask, "lpips": "all pixels"}


def test_burstsr_scripts_work_on_the_published_layout(saved_here, tmp_path, monkeypatch):
    monkeypatch.setattr(command_line, "load_experiment", lambda package, name: ROWS[:1])
    monkeypatch.setattr(burstsr, "BASELINES", ())
    environment(monkeypatch, burstsr_dir=fabricated_burstsr(tmp_path / "data", train=(), val=["0008_0003"]))
    with pytest.raises(FileNotFoundError, match=r"no PWC-Net weights at .*pwcnet-network-default\.pth"):
        compute_burstsr("any")
    environment(monkeypatch, pretrained_nets_dir=pwcnet_weights(tmp_path / "networks", flow=0))
    save_burstsr("any")
    assert (saved_here / "burstsr/mine/0008_0003.png").is_file()
    (scores,) = compute_burstsr("any", load_saved=True)
    # A smooth scene, seen by two cameras of the same colours.
    assert scores.means()["mine"]["psnr"] > 35


def test_unknown_test_sets_and_experiments_offer_the_nearest():
    with pytest.raises(ValueError, match=r"'photo'.*'photos'"):
        synburst.synburst_benchmark("photo")
    with pytest.raises(ValueError, match=r"'deeprep_defalt'.*'deeprep_default'"):
        load_experiment(burstsr.PACKAGE, "deeprep_defalt")


@pytest.mark.parametrize("package", [synburst.PACKAGE, burstsr.PACKAGE])
def test_experiments_name_the_released_networks(package):
    assert {"deeprep_default", "dbsr_default"} <= set(experiment_names(package))
    names = {
        name: [row.get_unique_name() for row in load_experiment(package, name)] for name in experiment_names(package)
    }
    assert names["deeprep_default"] == ["DeepRep"]
    assert all(len(set(rows)) == len(rows) > 0 for rows in names.values())


@pytest.mark.parametrize("entry_point", [compute_synburst, save_burstsr])
def test_help_states_the_protocol(entry_point, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["script", "--help"])
    with pytest.raises(SystemExit):
        entry_point.run()
    text = " ".join(capsys.readouterr().out.split())
    assert "without the outer 40 pixels" in text
    assert "deeprep_default" in text
