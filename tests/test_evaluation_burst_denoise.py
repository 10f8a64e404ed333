"""The burst denoising benchmarks: their data, their protocol, and their scripts from the command line to the files."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from data.postprocessing_functions import DenoisingPostProcess
from evaluation.burst_denoise import compute_score as compute_script
from evaluation.burst_denoise import save_results as save_script
from evaluation.burst_denoise.benchmark import BASELINES, denoise_benchmark, denoise_benchmarks, view
from evaluation.burst_denoise.photos import PhotoBursts
from evaluation.common_utils import command_line, engine
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.picture import write_comparison
from tests.evaluation_fixtures import NOISY

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[1]


class Few:
    """The first burst of every photograph."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data) // 8

    def __getitem__(self, index):
        return self.data[8 * index]


def few_photos(gain):
    benchmark = denoise_benchmark("photos", gain)
    return replace(benchmark, data=lambda: Few(benchmark.data()))


@pytest.fixture
def saved_here(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path))
    return tmp_path


def test_photo_bursts_are_always_the_same_and_of_held_out_scenes():
    first, second = PhotoBursts(4), PhotoBursts(4)
    assert len(first) == 24
    assert {first[index][2]["scene"] for index in range(24)} == {"chelsea", "coffee", "rocket"}
    for index in (23, 0):
        (burst, truth, info), (again, _, _) = first[index], second[index]
        assert torch.equal(burst, again)
        assert burst.shape == info["sigma_estimate"].shape == (8, 3, 96, 96)
        assert truth.shape == (3, 96, 96)
    with pytest.raises(IndexError):
        first[24]


def test_photo_bursts_differ_between_gains_by_their_noise_alone():
    quiet, loud = PhotoBursts(2)[3], PhotoBursts(5)[3]
    assert torch.equal(quiet[1], loud[1])
    assert torch.equal(quiet[2]["shifts"], loud[2]["shifts"])
    assert (loud[0][0] - loud[1]).std() > 5 * (quiet[0][0] - quiet[1]).std()


@pytest.mark.parametrize("gain", [1, 8])
def test_training_free_rows_get_better_from_row_to_row_on_held_out_photographs(gain):
    scores = engine.score(few_photos(gain), [], device=CPU)
    means = {row: means["psnr"] for row, means in scores.means().items()}
    better_and_better = ["reference frame", "mean", "aligned mean", "aligned mean + NLM"]
    assert list(means) == [*better_and_better, "classical"]
    assert np.all(np.diff([means[row] for row in better_and_better]) > 1), means
    assert means["classical"] > means["aligned mean"] + 1


def test_scores_are_taken_in_the_display_space_with_the_border_cut():
    benchmark = replace(few_photos(2), baselines=BASELINES[:1])
    row = engine.score(benchmark, [], device=CPU).rows[0]
    item = benchmark.items()[1]
    white = float(item.info["white_level"])
    stored = (item.burst[0].clamp(0, 1) * 2**14).floor() / 2**14
    shown = [
        DenoisingPostProcess.apply_gamma(x / white).clamp(0, 1)[:, 8:-8, 8:-8] for x in (stored, item.ground_truth)
    ]
    expected = -10 * float((shown[0] - shown[1]).double().square().mean().log10())
    assert row.bursts[1].values["psnr"] == pytest.approx(expected, abs=1e-3)


def test_wrong_mode_and_gain_are_named():
    with pytest.raises(ValueError, match=r"'photo'.*'photos'"):
        denoise_benchmark("photo", 2)
    with pytest.raises(ValueError, match="noise_level is 3"):
        denoise_benchmarks(3, "photos")
    with pytest.raises(ValueError, match="noise_level is 'loud'"):
        denoise_benchmarks("loud", "photos")
    assert [b.name for b in denoise_benchmarks("all", "color")] == [f"denoise_color/noise_{g}" for g in (1, 2, 4, 8)]


def test_views_are_srgb_pictures_also_of_grey_images():
    info = {"white_level": torch.tensor([0.5])}
    grey = view(torch.full((1, 4, 5), 0.25), info)
    assert grey.shape == (4, 5, 3)
    assert grey.dtype == np.uint8
    expected = float(DenoisingPostProcess.apply_gamma(torch.tensor(0.5))) * 255
    assert np.abs(grey.astype(float) - expected).max() <= 0.5


def test_a_comparison_picture_shows_every_scene_and_column(tmp_path):
    path = write_comparison(tmp_path / "picture.png", few_photos(4), [BASELINES[0], BASELINES[2]], device=CPU)
    picture = np.asarray(cv2.imread(str(path)))
    assert picture.shape[0] > 3 * 160
    assert picture.shape[1] > 3 * 160


def test_saving_and_scoring_scripts_work_on_the_published_layout(saved_here, monkeypatch, capsys):
    generator = np.random.default_rng(0)
    truth = generator.uniform(0.1, 0.5, (2, 40, 44, 3)).astype(np.float32)
    noisy = truth[:, :, :, None] + 0.05 * generator.standard_normal((2, 40, 44, 8, 3)).astype(np.float32)
    levels = {"white_level": [[0.5]] * 2, "sqrt_sig_shot": [[0.02]] * 2, "sig_read": [[0.05]] * 2}
    arrays = {name: np.array(value, np.float32) for name, value in levels.items()}
    for gain in (1, 2, 4, 8):
        np.savez(saved_here / f"{gain}.npz", allow_pickle=False, truth=truth, noisy=noisy, **arrays)
    monkeypatch.setenv("BURSTLAB_BPN_COLOR_TESTSET_DIR", str(saved_here))
    monkeypatch.setattr(command_line, "load_experiment", lambda package, name: [NOISY])
    save_script.save_results("any", noise_level="all", mode="color")
    assert (saved_here / "denoise_color/noise_4/noisy/4_01.png").is_file()
    direct = compute_script.compute_score("any", noise_level=4, mode="color")
    loaded = compute_script.compute_score("any", load_saved=True, noise_level=4, mode="color")
    assert [scores.means() for scores in loaded] == [scores.means() for scores in direct]
    assert "noisy mean" in capsys.readouterr().out
    content = json.loads((saved_here / "scores/denoise_color/noise_4/any.json").read_text())
    assert [row["name"] for row in content["rows"]][-1] == "noisy mean"


def test_the_scripts_run_from_anywhere_and_word_their_errors(tmp_path):
    script = ROOT / "evaluation/burst_denoise/compute_score.py"
    run = subprocess.run(
        [sys.executable, str(script), "quickstat", "photos", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "'quickstat'" in run.stderr
    assert "'quickstart'" in run.stderr
    assert "Traceback" not in run.stderr


def test_shipped_networks_are_looked_for_in_the_repository():
    param = NetworkParam(network_path="deeprep_nothing.pth", unique_name="x")
    with pytest.raises(FileNotFoundError, match="pretrained_networks"):
        param.load_net()
