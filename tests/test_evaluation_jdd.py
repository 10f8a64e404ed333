"""The benchmark of joint denoising and demosaicking: bursts, protocol, tiles, saved files, and its scripts."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from data.jdd_camera import NOISE_LEVELS, Camera, add_noise, noise_map, photo_to_linear, published_test_noise
from data.jdd_processing import frame_tensor
from dataset import ClipFolder, SampleClips
from evaluation.common_utils import command_line, engine
from evaluation.common_utils.benchmark import Compared, Item
from evaluation.common_utils.experiments import load_experiment
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.jdd import benchmark as jdd
from evaluation.jdd.compute_score import compute_score
from evaluation.jdd.experiments import two_stage_released
from evaluation.jdd.noisy_clips import NoisyClips
from evaluation.jdd.real_bursts import RealBursts
from evaluation.jdd.save_results import save_results
from evaluation.rawsr.benchmark import rawsr_benchmark
from models.classical import DemosaickedAlignedMean, DemosaickedReference
from models.two_stage_align.two_stage_net import two_stage_align
from tests.fabricated import environment, reds, sc_burst
from utils.ops.mosaic import mosaic

CPU = torch.device("cpu")
LEVEL = NOISE_LEVELS["low"]


def small_two_stage(**options):
    torch.manual_seed(0)
    return two_stage_align(channels=4, deformable_groups=2, patch=8, search_window=16, **options)


@dataclass
class Tiling:
    patch: int = 8
    margin: int = 4
    search_window: int = 16
    max_batch: int = 2


class Remembers(nn.Module):
    """Demosaicks the middle frame and remembers what it was called with."""

    def __init__(self):
        super().__init__()
        self.method, self.tiling, self.called = DemosaickedReference(), Tiling(), []

    def forward(self, burst, noise_map):
        self.called.append((burst, noise_map))
        return self.method(burst, noise_map)


@pytest.fixture
def clips(tmp_path):
    return ClipFolder(reds(tmp_path / "clips", train=("000", "011"), validation=(), frames=6) / "train_sharp")


@pytest.fixture
def saved_here(tmp_path, monkeypatch):
    environment(monkeypatch, save_data_path=tmp_path / "saved")
    rows = [NetworkParam(network=Remembers, unique_name="mine")]
    monkeypatch.setattr(command_line, "load_experiment", lambda package, name: rows)
    return tmp_path / "saved"


def test_bursts_are_the_published_windows_with_noise_that_starts_anew_in_every_clip(clips):
    bursts = NoisyClips(clips, LEVEL, 5)
    assert len(bursts) == 12
    burst, truth, info = bursts[6 + 4]  # clip 1, frame 4
    assert (info["burst_name"], info["scene"], info["place"]) == ("011/00000004", "011", "border")
    assert truth.shape == (3, 32, 40)
    for position, frame in enumerate([2, 3, 4, 5, 1]):
        linear = photo_to_linear(frame_tensor(clips.get_frames(1, [frame])[0]), Camera.fixed())
        expected = add_noise(mosaic(linear), LEVEL, published_test_noise((16, 20), frame + 1))
        assert torch.equal(burst[position], expected)
    places = [bursts[i][2]["place"] for i in range(6)]
    assert places == ["border", "border", "centre", "centre", "border", "border"]


def test_odd_frames_lose_a_row_and_clips_that_are_too_short_are_named(tmp_path):
    odd = ClipFolder(reds(tmp_path, train=("007",), validation=(), frames=5, size=(33, 41)) / "train_sharp")
    burst, truth, _ = NoisyClips(odd, LEVEL, 1)[0]
    assert burst.shape == (1, 4, 16, 20)
    assert truth.shape == (3, 32, 40)
    with pytest.raises(ValueError, match="clip 007 of train_sharp: a clip of 5 frames is too short for 9"):
        NoisyClips(odd, LEVEL, 9)
    with pytest.raises(ValueError, match="give an odd number"):
        NoisyClips(odd, LEVEL, 4)


@pytest.mark.parametrize(("frames", "size"), [(1, (26, 30)), (9, (24, 28))])
def test_the_network_restores_one_and_nine_frames_of_any_even_size(frames, size):
    clip = SampleClips("heldout", frames, size, speed=(0, 3), num_clips=1)
    burst, truth, info = NoisyClips(clip, LEVEL, frames, only_middle=True)[0]
    net = small_two_stage().eval()
    with torch.no_grad():
        prediction = jdd.call_joint_demosaicking(net, burst[None], info)
    assert prediction.shape == truth[None].shape
    assert prediction.isfinite().all()


def test_networks_get_the_noise_map_they_were_trained_with_and_the_tiles_of_the_test_set(clips):
    burst, _, info = NoisyClips(clips, LEVEL)[2]
    net: Any = Remembers()
    jdd.call_joint_demosaicking(net, burst[None], info, {"patch": 64, "search_window": 48})
    torch.testing.assert_close(net.called[0][1], noise_map(burst[None], LEVEL, "deviation"))
    assert net.tiling == Tiling(patch=64, search_window=48)
    net.noise_map_mode = "variance"
    jdd.call_joint_demosaicking(net, burst[None], info)
    torch.testing.assert_close(net.called[1][1], noise_map(burst[None], LEVEL, "variance"))
    assert net.tiling == Tiling(patch=64, search_window=48)


def test_float_figures_and_those_of_saved_files_agree(clips, saved_here):
    benchmark = replace(jdd.jdd_benchmark("clips", "high"), name="test")
    bursts = NoisyClips(clips, NOISE_LEVELS["high"])
    saved = SavedPredictions.of(benchmark, "dark_and_good")
    for index, (error, brightness) in enumerate([(0.01, 0.05), (0.01, 1.0), (0.001, 0.3)]):
        _, truth, info = bursts[index]
        truth = truth * brightness
        generator = torch.Generator().manual_seed(index)
        prediction = (truth + error * torch.randn(truth.shape, generator=generator))[None].clamp(0, 1)
        saved.save(info["burst_name"], prediction)
        item = Item(truth, truth, info)
        for metric in jdd.METRICS:
            assert metric.protocol.prepare is not None
            measure = metric.build(CPU)
            prepare = metric.protocol.prepare(CPU)
            exact = float(measure(prepare(Compared(prediction, truth[None], item))))
            stored = float(measure(prepare(Compared(saved.load(info["burst_name"]), truth[None], item))))
            assert stored == pytest.approx(exact, abs=1e-3 if metric.key == "psnr" else 1e-5)


def test_psnr_is_that_of_unrounded_values_over_all_pixels(clips):
    _, truth, info = NoisyClips(clips, LEVEL)[0]
    prediction = (truth + 0.01 * torch.rand(truth.shape, generator=torch.Generator().manual_seed(1)))[None]
    expected = 20 * np.log10(255 / np.sqrt(np.mean((255 * (prediction[0].double() - truth.double()).numpy()) ** 2)))
    metric = jdd.METRICS[0]
    assert metric.protocol.prepare is not None
    compared = metric.protocol.prepare(CPU)(Compared(prediction, truth[None], Item(truth, truth, info)))
    assert float(metric.build(CPU)(compared)) == pytest.approx(expected, abs=1e-9)


def test_the_training_free_rows_restore_the_middle_frame():
    clip = SampleClips("train", 5, 96, speed=(8, 8), num_objects=0, num_clips=3)
    for index in range(3):
        burst, _, _ = NoisyClips(clip, NOISE_LEVELS["high"], 5, only_middle=True)[index]
        quiet, _, _ = NoisyClips(clip, replace(LEVEL, shot=0.0, read=0.0), 5, only_middle=True)[index]
        reference, _ = DemosaickedReference()(burst[None])
        clean, _ = DemosaickedReference()(quiet[None])
        mean, _ = DemosaickedAlignedMean(max_shift=16)(burst[None])
        assert reference.shape == (1, 3, 96, 96)
        assert (reference - clean).square().mean() < (reference - clean.roll(9, -1)).square().mean()
        assert (mean - clean).square().mean() < 0.6 * (reference - clean).square().mean()


def test_fewer_frames_are_those_around_the_middle_one(clips):
    benchmark = jdd.jdd_benchmark("folder", "low", folder=clips.root)
    item = benchmark.items()[2]
    assert torch.equal(benchmark.shorten(item, 3).burst, item.burst[1:4])
    assert torch.equal(benchmark.shorten(item, 1).burst, item.burst[2:3])
    with pytest.raises(ValueError, match="give an odd number"):
        benchmark.shorten(item, 2)


def test_scores_of_a_folder_of_frames_are_means_over_clips(clips, saved_here):
    (scores,) = compute_score("any", data="folder", folder=str(clips.root), noise="low", save=True)
    assert [row.name for row in scores.rows] == ["demosaicked reference", "aligned mean", "classical", "mine"]
    first, mine = scores.rows[0], scores.rows[3]
    assert [burst.values["psnr"] for burst in first.bursts] == pytest.approx(
        [burst.values["psnr"] for burst in mine.bursts]
    )
    assert sorted(str(scene) for scene in {burst.scene for burst in first.bursts}) == ["000", "011"]
    (benchmark_folder,) = saved_here.glob("jdd_folder_train_sharp-??????")
    folder = benchmark_folder / "low" / "mine"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))[0] == "000/00000000.png"
    assert {scores.groups("place")[0], scores.groups("place")[1]} == {"border", "centre"}


@pytest.mark.parametrize("data", ["folder", "reds4", "sc_burst"])
def test_folders_of_one_name_are_different_benchmarks(data, tmp_path, monkeypatch):
    names = {jdd.jdd_benchmark(data, folder=tmp_path / place / "frames").name for place in ("a", "b")}
    assert len(names) == 2
    monkeypatch.chdir(tmp_path)
    assert jdd.jdd_benchmark(data, folder="a/frames").name in names
    assert rawsr_benchmark("real", folder="a").name != rawsr_benchmark("real", folder="b").name


def test_held_out_clips_are_always_the_same_and_of_held_out_scenes():
    benchmark = jdd.jdd_benchmark("clips_far")
    items = benchmark.items()
    assert len(items) == 24
    assert {items[i].scene for i in range(3)} == {"chelsea", "coffee", "rocket"}
    assert torch.equal(items[1].burst, jdd.jdd_benchmark("clips_far").items()[1].burst)
    assert items[0].burst.shape == (5, 4, 256, 256)


def test_real_bursts_are_saved_and_cannot_be_scored(tmp_path, saved_here, monkeypatch):
    folder = sc_burst(tmp_path / "sc", scenes=2)
    burst, truth, info = RealBursts(folder)[0]
    assert truth is None
    assert burst.shape == (5, 4, 12, 16)
    assert (float(info["red_gain"]), float(info["blue_gain"]), float(info["rgb_gain"])) == pytest.approx((2, 1.6, 1))
    assert (info["noise_level"].shot, info["noise_level"].read) == pytest.approx((4e-4, 3e-3))
    save_results("any", data="sc_burst", folder=str(folder))
    (results,) = saved_here.glob("jdd_sc_burst_sc-??????/mine")
    assert sorted(path.name for path in results.iterdir()) == ["Scene1.png", "Scene2.png"]
    with pytest.raises(ValueError, match="no ground truth"):
        compute_score("any", data="sc_burst", folder=str(folder))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"data": "red4"}, "did you mean 'reds4'"),
        ({"noise": "hight"}, "did you mean 'high'"),
        ({"data": "folder"}, "needs --folder PATH"),
        ({"data": "clips", "folder": "somewhere"}, "takes no --folder"),
        ({"data": "sc_burst", "frames": 3}, "have 5 frames"),
    ],
)
def test_choices_that_make_no_benchmark_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        jdd.jdd_benchmark(**arguments)


def test_released_networks_are_loaded_from_both_files_or_the_missing_one_is_named_at_once(tmp_path, monkeypatch):
    environment(monkeypatch, pretrained_nets_dir=tmp_path)
    small = small_two_stage()
    monkeypatch.setattr(two_stage_released, "two_stage_align", lambda noise_map: small_two_stage(noise_map=noise_map))
    torch.save({key: value + 1 for key, value in small.reconstruction.state_dict().items()}, tmp_path / "600000_G.pth")
    with pytest.raises(FileNotFoundError, match=r"600000_DSNet\.pth"):
        load_experiment(jdd.PACKAGE, "two_stage_released")
    torch.save(small.downsampling.state_dict(), tmp_path / "600000_DSNet.pth")
    net: Any = load_experiment(jdd.PACKAGE, "two_stage_released")[0].load_net()
    assert net.noise_map_mode == "deviation"
    assert torch.equal(net.reconstruction.up1.weight, small.reconstruction.up1.weight + 1)


def test_published_tiles_fit_the_network():
    net = small_two_stage()
    for test_set in jdd.DATA.values():
        if test_set.tiling:
            assert replace(net.tiling, **test_set.tiling).patch == test_set.tiling["patch"]


def test_predictions_do_not_depend_on_what_was_scored_before(clips):
    benchmark = jdd.jdd_benchmark("folder", "high", folder=clips.root)
    row = NetworkParam(network=small_two_stage, unique_name="small")
    first = replace(benchmark, data=lambda: [benchmark.data()[2]])
    alone = engine.score(first, [row], baselines=False).rows[0].bursts[0].values["psnr"]
    again = engine.score(first, [row], baselines=False).rows[0].bursts[0].values["psnr"]
    assert alone == again
