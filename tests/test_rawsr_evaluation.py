"""The RawSR benchmark: tiles, training-free rows, stored pairs, published pictures, and the command line."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from evaluation.common_utils import command_line, engine
from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.tiles import restore_in_tiles, tile_starts
from evaluation.rawsr.benchmark import call_rawsr, eight_bit, rawsr_benchmark
from evaluation.rawsr.compute_score import compute_score
from evaluation.rawsr.test_sets import PhotoPairs
from models.classical import RenderedUpsampling
from models.rawsr.rawsrnet import rawsr
from tests import fabricated
from tests.fabricated.rawsr_pairs import rawsr_sets
from util_scripts import download_rawsr
from utils.downloads import DownloadFailed
from utils.image_io import write_image


class Repeated(nn.Module):
    """Every pixel of the reference becomes a square: any tiling gives the same."""

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, raw: torch.Tensor, isp: torch.Tensor) -> tuple[torch.Tensor, dict]:
        return isp.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3), {}


@given(length=st.integers(1, 90), tile=st.integers(1, 40), step=st.integers(1, 40))
def test_tiles_cover_an_axis_without_leaving_it(length: int, tile: int, step: int) -> None:
    step = min(step, tile)
    starts = tile_starts(length, tile, step)
    covered = {place for start in starts for place in range(start, min(start + tile, length))}
    assert covered == set(range(length))
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert starts[-1] == max(length - tile, 0)


def test_tiles_with_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="do not cover"):
        tile_starts(20, 4, 5)
    with pytest.raises(ValueError, match="different sizes"):
        restore_in_tiles(lambda a, b: a, (torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 6)), 4, 2)


@pytest.mark.parametrize(
    ("size", "tile", "step", "scale"), [((13, 22), 8, 4, 2), ((9, 7), 12, 6, 1), ((16, 16), 8, 8, 4)]
)
def test_overlapping_tiles_are_averaged_plainly(size: tuple[int, int], tile: int, step: int, scale: int) -> None:
    image = torch.rand(1, 3, *size)
    number = iter(range(1000))

    def restore(part: torch.Tensor) -> torch.Tensor:
        return part.repeat_interleave(scale, 2).repeat_interleave(scale, 3) + 0.1 * next(number)

    total, count = torch.zeros(1, 3, scale * size[0], scale * size[1]), torch.zeros(scale * size[0], scale * size[1])
    place = 0
    for row in tile_starts(size[0], tile, step):
        for column in tile_starts(size[1], tile, step):
            part = (slice(scale * row, scale * (row + tile)), slice(scale * column, scale * (column + tile)))
            truth = image.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
            total[..., part[0], part[1]] += truth[..., part[0], part[1]] + 0.1 * place
            count[part] += 1
            place += 1
    torch.testing.assert_close(restore_in_tiles(restore, (image,), tile, step, scale), total / count)


def test_a_network_sees_published_tiles_or_the_whole_image() -> None:
    torch.manual_seed(0)
    net = rawsr(2, width=8, growth=3, layers=2, bottle=8)
    burst = torch.rand(1, 1, 1, 20, 24)
    info: dict[str, Any] = {"isp": torch.rand(3, 20, 24), "quarter_turns": 0}
    with torch.no_grad():
        whole, _ = net(burst[:, 0], info["isp"][None])
        assert torch.equal(call_rawsr(net, burst, info, tile=0, scale=2), whole)
        assert torch.equal(call_rawsr(net, burst, info, tile=256, scale=2), whole)
        tiled = call_rawsr(net, burst, info, tile=8, scale=2)
        upright = call_rawsr(net, burst, {**info, "quarter_turns": 1}, tile=8, scale=2)
    assert not torch.allclose(tiled, whole, atol=1e-4), "channel attention sees the tile alone"
    assert torch.equal(upright, tiled.rot90(1, dims=(2, 3)))
    with pytest.raises(ValueError, match="--scale"):
        call_rawsr(net, burst, info, tile=8, scale=4)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos"])
def test_training_free_rows_enlarge_without_a_shift(scale: int, interpolation: Any) -> None:
    ramp = (torch.arange(20.0)[:, None] + 2 * torch.arange(24.0)) / 100
    pred, aux = RenderedUpsampling(scale, interpolation)(torch.rand(1, 1, 20, 24), ramp.expand(1, 3, -1, -1))
    rows, columns = ((torch.arange(float(scale * n)) - (scale - 1) / 2) / scale for n in (20, 24))
    expected = (rows[:, None] + 2 * columns) / 100
    inner = slice(5 * scale, -5 * scale)
    assert aux == {}
    torch.testing.assert_close(pred[0, 1, inner, inner], expected[inner, inner], atol=2e-3, rtol=0)


def test_photographs_make_the_same_pairs_every_time() -> None:
    blind, again, nonblind = PhotoPairs(4), PhotoPairs(4), PhotoPairs(4, "nonblind")
    assert len(blind) == 12
    raw, truth, info = blind[5]
    assert torch.equal(raw, again[5][0])
    assert not torch.equal(raw, nonblind[5][0])
    assert truth is not None
    assert truth.shape == (3, 4 * raw.shape[-2], 4 * raw.shape[-1])
    assert info["scene"] == "coffee"
    assert info["isp"].shape == (3, *raw.shape[-2:])
    with pytest.raises(IndexError):
        blind[12]


@pytest.fixture
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fabricated.environment(monkeypatch, rawsr_dir=rawsr_sets(tmp_path / "rawsr"), save_data_path=tmp_path / "saved")


@pytest.mark.usefixtures("_places")
def test_an_experiment_is_scored_beside_the_training_free_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [NetworkParam(network=Repeated, unique_name="repeated")]
    monkeypatch.setattr(command_line, "load_experiment", lambda package, name: networks)
    (scores,) = compute_score("any", data="pairs", tile=8, save=True)
    assert [row.name for row in scores.rows] == ["demosaic + bicubic", "demosaic + Lanczos", "repeated"]
    assert list(scores.metrics) == ["psnr", "ssim", "l1"]
    (again,) = compute_score("any", data="pairs", tile=8, load_saved=True)
    assert again.summary("repeated", "psnr").mean == scores.summary("repeated", "psnr").mean


@pytest.mark.usefixtures("_places")
def test_published_pictures_are_scored_as_they_are(tmp_path: Path) -> None:
    benchmark = rawsr_benchmark("pairs")
    (item,) = benchmark.items()
    pictures = tmp_path / "results" / "test_with_overlap"
    assert item.ground_truth is not None
    write_image(pictures / "b0000.png", eight_bit(item.ground_truth))
    command = ["import", str(tmp_path / "results"), "published", "--data", "pairs"]
    assert download_rawsr.main(command) == 0
    scores = engine.score(benchmark, [NetworkParam(unique_name="published")], load_saved=True)
    expected = 10 * np.log10(
        1 / np.mean((eight_bit(item.ground_truth).transpose(2, 0, 1) / 255 - item.ground_truth.numpy()) ** 2)
    )
    assert scores.summary("published", "psnr").mean == pytest.approx(expected, abs=1e-3)
    write_image(pictures / "b0000.png", np.zeros((4, 4, 3), np.uint8))
    assert download_rawsr.main(command) == 1
    (pictures / "b0000.png").unlink()
    assert download_rawsr.main(command) == 1


def test_what_is_gone_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert download_rawsr.main(["list"]) == 0
    assert "handed out no more" in capsys.readouterr().out

    def refused(*_: Any) -> None:
        raise DownloadFailed("refused")

    monkeypatch.setattr(download_rawsr, "download", refused)
    monkeypatch.setattr(download_rawsr, "download_drive_folder", refused)
    with pytest.raises(DownloadFailed, match=r"refused\nWithout it: .*synthesize_rawsr"):
        download_rawsr.fetch("pairs_x2", tmp_path)
    with pytest.raises(DownloadFailed, match=r"refused$"):
        download_rawsr.fetch("weights_x2", tmp_path)
    with pytest.raises(ValueError, match=r"weights_x3.*weights_x2"):
        download_rawsr.fetch("weights_x3", tmp_path)


def test_pictures_are_stored_in_the_colours_that_other_programs_expect(tmp_path: Path) -> None:
    encoding = PredictionEncoding(2**16 - 1, rounded=True, is_picture=True)
    prediction = torch.rand(1, 3, 5, 7)
    cv2.imwrite(str(tmp_path / "a.png"), encoding.encode(prediction))
    stored = np.asarray(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED))
    picture = stored[:, :, ::-1].transpose(2, 0, 1) / 65535
    np.testing.assert_allclose(picture, prediction[0].numpy(), atol=1e-5)
    torch.testing.assert_close(encoding.decode(stored), prediction, atol=1e-5, rtol=0)
    every = torch.arange(256.0).expand(3, 1, -1) / 255
    assert torch.equal(encoding.quantise(every)[0] * 255, every * 255), "8-bit pictures are kept exactly"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"data": "photso"}, r"photso.*photos"),
        ({"scale": 3}, "enlarges by 2 or 4"),
        ({"tile": 30}, "multiple of 4"),
        ({"data": "photos", "folder": "/x"}, "takes no --folder"),
        ({"data": "real", "rendering": "auto"}, r"auto"),
    ],
)
def test_benchmarks_that_make_no_sense_are_refused(arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        rawsr_benchmark(**arguments)


def test_eight_bit_pictures_are_rounded_or_truncated() -> None:
    image = torch.tensor([0.0, 0.99999994, 1.2, -0.1, 0.5]).expand(3, 1, -1)
    assert eight_bit(image)[0, :, 0].tolist() == [0, 255, 255, 0, 128]
    assert eight_bit(image, truncate=True)[0, :, 0].tolist() == [0, 254, 255, 0, 127]
