"""The deblurring benchmark: 8-bit protocol, both ranges, tables by number of frames and those of the original."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn

from admin.loading import load_network
from admin.weights_file import save_weights_file
from data.deblur_processing import deblur_processing
from evaluation.common_utils import engine
from evaluation.common_utils.network_param import SHIPPED_NETWORKS, NetworkParam
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.scores import BurstScore, Cost, Row, Scores
from evaluation.deblur import benchmark as deblur
from evaluation.deblur import compute_score as script
from evaluation.deblur import metrics
from evaluation.deblur.bursts import Shortened, TestBursts
from evaluation.deblur.by_length import differences, write_by_length
from evaluation.deblur.compared_networks import newest_original
from evaluation.deblur.comparison import compare, main, random_length
from evaluation.deblur.grey_levels import ENCODING, stored_as_8_bit, to_stored
from evaluation.deblur.method_tables import write_method_tables
from evaluation.deblur.permutations import largest_change, permutation_note
from models.burst_deblur.unet import burst_deblur_eccv18
from models.classical import BurstMean
from models.classical.single_frames import BurstMedian, SharpestFrame
from tests import fabricated
from tests.fabricated.photographs import photograph

CPU = torch.device("cpu")


class Photographs:
    """Two small photographs."""

    image_list = ("a.png", "b.png")

    def __len__(self) -> int:
        return 2

    def get_scene(self, index: int) -> None:
        return None

    def get_image(self, index: int) -> tuple[np.ndarray, dict[str, Any]]:
        return photograph(50, 50, seed=index), {}


@pytest.fixture
def bursts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TestBursts:
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path))
    processing = deblur_processing("paper", size=32, kernel_lvl=3.0)
    made = TestBursts(Photographs(), processing, 2)
    monkeypatch.setitem(deblur.DATA, "photos", lambda: made)
    return made


def grey_levels(seed: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float()


def test_whole_grey_levels_survive_storage_and_others_are_truncated() -> None:
    levels = torch.arange(256.0).expand(1, 3, 2, 256)
    assert torch.equal(stored_as_8_bit(ENCODING.quantise(to_stored(levels))), levels)
    assert torch.equal(stored_as_8_bit(levels / 255), levels), "the ground truth"
    between = torch.tensor([-3.0, 0.0, 0.99, 17.5, 254.996, 255.0, 300.0]).expand(1, 3, 1, 7)
    stored = stored_as_8_bit(ENCODING.quantise(to_stored(between)))
    assert stored[0, 0, 0].tolist() == [0, 0, 0, 17, 254, 255, 255]


@pytest.mark.parametrize(("ours", "psnr_range", "ssim_range"), [("", 255, 255), ("legacy_", 2**63 - 1, 2)])
def test_metrics_are_those_of_the_library_with_the_ranges_of_their_protocol(
    ours: str, psnr_range: float, ssim_range: float
) -> None:
    image, target = grey_levels(0, 2, 3, 20, 25), grey_levels(1, 2, 3, 20, 25)
    target = (0.7 * image + 0.3 * target).round()
    psnr, ssim = getattr(metrics, f"{ours}psnr")(image, target), getattr(metrics, f"{ours}ssim")(image, target)
    for index in range(2):
        a, b = target[index].double().numpy(), image[index].double().numpy()
        assert psnr[index].item() == pytest.approx(peak_signal_noise_ratio(a, b, data_range=psnr_range))
        expected = structural_similarity(a, b, win_size=3, data_range=ssim_range, channel_axis=0)
        assert ssim[index].item() == pytest.approx(expected, abs=1e-9)


def test_gain_is_over_the_best_single_frame() -> None:
    target = grey_levels(0, 1, 3, 8, 8)
    burst = torch.cat((target + 9, target + 2, target - 5))
    assert metrics.gain(metrics.psnr, target + 1, target, burst).item() == pytest.approx(20 * np.log10(2))


def test_single_frames_and_medians() -> None:
    from data.deblur_paper import gaussian_kernel
    from utils.ops.blur import blur

    sharp = photograph(40, 40).astype(np.float32)
    frames = [blur(sharp, gaussian_kernel(deviation, (0, 0))) for deviation in (2.0, 0.5, 3.0)]
    burst = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)[None]
    noisy = burst + torch.tensor([1.0, 1.0, 12.0])[None, :, None, None, None] * torch.randn(burst.shape)
    image, aux = SharpestFrame()(noisy)
    assert aux["frame"].tolist() == [1]
    assert torch.equal(image, noisy[:, 1])
    assert torch.equal(BurstMedian()(burst)[0], burst.median(dim=1).values)
    assert torch.allclose(BurstMedian()(burst[:, :2])[0], burst[:, :2].mean(dim=1))
    with pytest.raises(ValueError, match="expected"):
        SharpestFrame()(burst[0])


def test_a_shorter_burst_is_the_beginning_of_the_longer_one(bursts: TestBursts) -> None:
    assert len(bursts) == 4
    burst, target, info = bursts[3]
    assert burst.shape == (8, 3, 32, 32)
    assert 0 <= target.min() <= target.max() <= 1
    assert info == {"burst_name": "b.png_001_01", "scene": "b.png", "burst_length": 8}
    short, same, short_info = Shortened(bursts, lambda index: index + 1)[3]
    assert torch.equal(short, burst[:4])
    assert torch.equal(same, target)
    assert short_info["burst_length"] == 4
    again = TestBursts(Photographs(), bursts._processing, 2)[3]
    assert torch.equal(again[0], burst)
    with pytest.raises(IndexError):
        bursts[4]


def test_modes_and_numbers_of_frames_that_do_not_exist_are_refused(bursts: TestBursts) -> None:
    with pytest.raises(ValueError, match="photos"):
        deblur.deblur_benchmarks(mode="photo")
    with pytest.raises(ValueError, match="frames is 9"):
        deblur.deblur_benchmarks(9)
    names = [benchmark.name for benchmark in deblur.deblur_benchmarks()]
    assert names == [f"deblur_photos/frames_{length}" for length in range(1, 9)]


def test_scores_by_length_are_written_as_table_plot_and_original_tables(bursts: TestBursts, tmp_path: Path) -> None:
    mine = NetworkParam(network=BurstMean, unique_name="mine", display_name="mine")
    tables = [engine.score(deblur.deblur_benchmarks(frames)[0], [mine], device=CPU) for frames in (1, 2, 8)]
    assert tables[0].means()["mine"]["psnr"] == pytest.approx(tables[0].means()["sharpest frame"]["psnr"])
    found = {difference.what: difference for difference in differences(tables)}
    eight, two = (np.array([b.values["psnr"] for b in scores.row("mine").bursts]) for scores in (tables[2], tables[1]))
    gained = found["mine, 8 - 2 frames"]
    assert gained.value.mean == pytest.approx((eight - two).mean())
    assert gained.value.over_bursts is not None
    assert gained.value.over_bursts.low <= gained.value.mean <= gained.value.over_bursts.high
    assert "mine - sharpest frame, 8 frames" in found
    assert "median - sharpest frame, 8 frames" not in found, "only networks are asked for that"

    paths = write_by_length(tables, tmp_path / "by_length")
    assert [path.suffix for path in paths] == [".csv", ".md", ".png"]
    rows = list(csv.DictReader(paths[0].open()))
    assert len(rows) == 4 * 3
    assert float(rows[-1]["psnr"]) == pytest.approx(eight.mean())
    assert (rows[-1]["network"], rows[-1]["burst_length"], rows[-1]["bursts"]) == ("mine", "8", "4")
    assert str(gained) in paths[1].read_text()
    assert paths[2].read_bytes().startswith(b"\x89PNG")

    ssim, psnr = write_method_tables(tables, {"mine": "0_mine"}, tmp_path)
    assert (ssim.name, psnr.name) == ("ssim_0_mine.csv", "psnr_0_mine.csv")
    lines = list(csv.reader(psnr.open()))
    assert lines[0] == ["", "burst_length", "psnr", "max_pred_psnr", "method"]
    assert [line[0] for line in lines[1:]] == [str(i) for i in range(12)]
    assert [line[1] for line in lines[1:]] == ["1"] * 4 + ["2"] * 4 + ["8"] * 4
    assert float(lines[-1][2]) == pytest.approx(eight[-1])
    assert lines[-1][4] == "0_mine"


def test_bursts_that_are_reproduced_exactly_leave_the_difference_a_number() -> None:
    def by_length(length: int, *values: float) -> Scores:
        bursts = [
            BurstScore(f"b{i}", f"s{i}", {"psnr": value}, {"burst_length": str(length)})
            for i, value in enumerate(values)
        ]
        return Scores(deblur.deblur_benchmarks(length)[0], (Row("mine", "mine", tuple(bursts), Cost()),))

    exact = np.inf
    (gained,) = differences([by_length(2, 30.0, exact, 31.0), by_length(8, 32.0, exact, exact)])
    assert (gained.value.mean, gained.value.infinite) == (1.0, 1)
    assert str(gained).startswith("mine, 8 - 2 frames: +1.00 dB [")
    assert "1 bursts left out" in str(gained)
    (unknown,) = differences([by_length(2, 30.0), by_length(8, exact)])
    assert "unknown" in str(unknown)


def test_the_script_scores_an_experiment_and_says_whether_the_order_of_frames_matters(
    bursts: TestBursts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "burst_deblur_quickstart.safetensors"
    save_weights_file(file, burst_deblur_eccv18(width=4), half=True)
    fabricated.environment(
        monkeypatch, pretrained_nets_dir=tmp_path, save_data_path=tmp_path, workspace_dir=tmp_path / "empty"
    )
    legacy, plain = (script.compute_score("quickstart", frames=2, legacy=legacy)[0] for legacy in (True, False))
    assert [row.name for row in plain.rows] == ["sharpest frame", "mean", "median", "shipped"]
    assert "shipped bit-identical" in plain.benchmark.footnotes[-1]
    for row, old in zip(plain.rows, legacy.rows, strict=True):
        assert old.bursts[0].values["psnr"] - row.bursts[0].values["psnr"] == pytest.approx(331.167, abs=1e-3)
        assert old.bursts[0].values["ssim"] != row.bursts[0].values["ssim"]
    assert (tmp_path / "scores/deblur_photos/quickstart_by_length/psnr_0_quickstart_shipped.csv").is_file()
    assert (tmp_path / "scores/deblur_photos/frames_2_legacy/quickstart.md").is_file()


def test_both_protocols_measure_the_same_saved_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path))
    plain, legacy = (deblur.deblur_benchmarks(2, legacy=legacy)[0] for legacy in (False, True))
    assert plain.name != legacy.name
    folders = [SavedPredictions.of(benchmark, "mine").folder for benchmark in (plain, legacy)]
    assert folders[0] == folders[1] == tmp_path / "deblur_photos" / "frames_2" / "mine"


class FirstFrame(nn.Module):
    """Depends on the order."""

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        return burst[:, 0], {}


def test_a_network_that_minds_the_order_is_found_out() -> None:
    burst = torch.arange(4.0)[:, None, None, None].expand(4, 3, 2, 2)
    assert largest_change(FirstFrame(), burst) > 0
    assert largest_change(BurstMedian(), burst) == 0
    networks = [
        NetworkParam(network=FirstFrame, unique_name="first"),
        NetworkParam(unique_name="only_predictions"),
    ]
    note = permutation_note(networks, [burst])
    assert "first up to" in note
    assert "only_predictions" not in note


def test_experiments_of_both_kinds_compare_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    save_weights_file(own / "small.safetensors", burst_deblur_eccv18(width=4))
    monkeypatch.setattr("evaluation.deblur.compared_networks.burst_deblur_eccv18", lambda: burst_deblur_eccv18(width=4))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for number in ("9", "10.0"):
        torch.save(burst_deblur_eccv18(width=4).state_dict(), theirs / f"model_{number}.pt")
    out = tmp_path / "out"
    photographs = fabricated.image_folder(tmp_path / "photographs", 40, 40, count=3)
    monkeypatch.setattr("evaluation.deblur.comparison.deblur_processing", small_bursts)
    arguments = ["--exp_path", str(theirs), "--exp_path", str(own), "--out_path", str(out), "--legacy"]
    arguments += ["--data_path", str(photographs), "--number_of_images", "2", "--number_of_plots", "1"]
    assert main([*arguments, "--no-homo_align"]) == 0
    lines = list(csv.reader((out / "ssim_0_model_10.0.csv").open()))
    assert len(lines) == 3
    assert lines[1][1] == str(random_length(0))
    assert (out / "psnr_1_own.csv").is_file()
    assert (out / "0_model_10.0" / "0.png").is_file()
    assert not (out / "1_own" / "1.png").exists()
    assert {random_length(index) for index in range(100)} == set(range(2, 9))


def small_bursts(name: str, **options: Any) -> Any:
    assert options["align"] is False
    return deblur_processing(name, size=32, **options)


def test_the_newest_checkpoint_of_the_original_goes_by_its_number(tmp_path: Path) -> None:
    for number in ("9", "10", "800.0"):
        (tmp_path / f"model_{number}.pt").touch()
    assert newest_original(tmp_path) == tmp_path / "model_800.0.pt"
    assert newest_original(tmp_path, 9) == tmp_path / "model_9.pt"
    with pytest.raises(FileNotFoundError, match=r"no model_7\.pt.*model_10\.pt"):
        newest_original(tmp_path, 7)
    (tmp_path / "empty").mkdir()
    assert newest_original(tmp_path / "empty") is None


def test_missing_experiments_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        compare([tmp_path / "absent"])
    with pytest.raises(ValueError, match="--exp_path"):
        compare([])


def test_the_shipped_network_is_small_and_the_one_that_its_setting_trains() -> None:
    file = SHIPPED_NETWORKS / "burst_deblur_quickstart.safetensors"
    assert file.stat().st_size <= 4_000_000
    net, _ = load_network(file)
    assert net.state_dict()["conv_encode1.0.bias"].numel() == 16
    burst = torch.rand(1, 3, 3, 40, 36) * 255
    with torch.no_grad():
        assert torch.equal(net.eval()(burst)[0], net(burst.flip(1))[0])
