"""Plots: what is measured for them, and that the files come out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from admin.stats import AverageMeter
from admin.tensorboard import TensorboardWriter
from evaluation.common_utils.network_param import NetworkParam, is_of_training
from evaluation.common_utils.report import write_files
from evaluation.common_utils.scores import BurstScore, Cost, Row, Scores
from evaluation.common_utils.stored_scores import Mean, MetricInfo, StoredRow, StoredScores, means_of, read_scores
from evaluation.common_utils.viewing import GROUND_TRUTH, ViewedBurst, ViewedResult
from evaluation.plots import against, command, scatter
from evaluation.plots.border import BorderErrors
from evaluation.plots.flow_error import FlowErrors, endpoint_errors, flow_errors, plot_flow_errors
from evaluation.plots.training import plot_training, read_curves
from models.alignment.wrappers import AlignmentWrapper
from tests.evaluation_fixtures import Bursts, NoisyMean, fabricated
from utils.image_io import read_image

PSNR = MetricInfo("psnr", "PSNR (dB)")


def row(name, values, scenes=None, free=False, **properties):
    """A row whose burst i has `values[i]` and the i-th number of every property."""
    bursts = tuple(
        BurstScore(
            f"b{i}", scenes[i] if scenes else None, {"psnr": value}, {}, {k: v[i] for k, v in properties.items()}
        )
        for i, value in enumerate(values)
    )
    return StoredRow(name, name, free, bursts, {"psnr": means_of(bursts, "psnr")})


def table(*rows):
    return StoredScores("benchmark", "Title", (PSNR,), {"psnr": "linear"}, rows, "file.json")


def is_picture(path: Path) -> bool:
    picture = read_image(path)
    return picture.shape[0] > 100 and picture.std() > 1


@pytest.fixture
def drawn(monkeypatch):
    """What would be drawn as curves."""
    found: dict[str, Any] = {}

    def note(path, panels, x_label, title="", whole_numbers=True):
        found.update(panels=panels, x_label=x_label, whole_numbers=whole_numbers)
        return path

    monkeypatch.setattr(against, "write_line_plots", note)
    return found


def test_few_values_of_a_property_have_a_point_each_with_the_mean_of_its_bursts(drawn, tmp_path):
    levels = [1.0, 1.0, 2.0, 2.0]
    tables = [table(row("a", [30.0, 32.0, 20.0, 24.0], level=levels), row("b", [1.0, 1.0, 3.0, np.inf], level=levels))]
    against.plot_against(tmp_path / "x.png", tables, "level")
    curves = drawn["panels"]["PSNR (dB)"]
    assert (curves["a"].x, curves["a"].y) == ([1.0, 2.0], [31.0, 22.0])
    assert curves["b"].y == [1.0, 3.0], "exactly reproduced bursts do not count"
    assert curves["a"].low[0] >= 30.0
    assert curves["a"].high[0] <= 32.0
    assert drawn["whole_numbers"]


def test_many_values_of_a_property_are_put_into_six_equal_parts(drawn, tmp_path):
    motion = list(np.linspace(0.1, 9.9, 60))
    tables = [table(row("a", [2 * value for value in motion], **{"motion (px)": motion}))]
    against.plot_against(tmp_path / "x.png", tables, "motion (px)")
    curve = drawn["panels"]["PSNR (dB)"]["a"]
    assert len(curve.x) == 6
    assert curve.y == pytest.approx([2 * x for x in curve.x])
    assert not drawn["whole_numbers"]


def test_against_frames_a_network_that_was_given_fewer_is_a_point_of_the_same_curve(drawn, tmp_path):
    rows = [row("net", [30.0, 32.0], frames=[8.0, 8.0]), row("net_bsz02", [20.0, 24.0], frames=[2.0, 2.0])]
    against.plot_against(tmp_path / "x.png", [table(*rows)], "frames")
    ((name, curve),) = drawn["panels"]["PSNR (dB)"].items()
    assert (name, curve.x, curve.y) == ("net", [2.0, 8.0], [22.0, 31.0])
    noisy = [row("net", [30.0, 32.0], level=[1.0, 2.0]), row("net_bsz02", [20.0, 24.0], level=[1.0, 2.0])]
    against.plot_against(tmp_path / "x.png", [table(*noisy)], "level")
    assert list(drawn["panels"]["PSNR (dB)"]) == ["net", "net_bsz02"]


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("half", [True, False])
def test_the_curve_against_frames_holds_for_averaged_weights_and_half_precision(drawn, tmp_path, average, half):
    given = {"module": "deeprep", "parameter": "mine", "use_ema": average, "half_precision": half}
    names = [NetworkParam(**given, burst_sz=frames).get_unique_name() for frames in (None, 2)]
    assert names[0] != names[1]
    rows = [row(name, [30.0], frames=[float(frames)]) for name, frames in zip(names, (8, 2), strict=True)]
    against.plot_against(tmp_path / "x.png", [table(*rows)], "frames")
    ((name, curve),) = drawn["panels"]["PSNR (dB)"].items()
    assert (name, curve.x) == (names[0], [2.0, 8.0])
    assert all(is_of_training(name, "deeprep/mine") for name in names)
    assert not is_of_training(names[1], "deeprep/min")


def test_bursts_of_several_files_are_put_together(drawn, tmp_path):
    tables = [table(row("a", [30.0], level=[1.0])), table(row("a", [20.0], level=[8.0]))]
    assert against.varying_properties(tables) == ["level"]
    assert against.varying_properties(tables[:1]) == []
    against.plot_against(tmp_path / "x.png", tables, "level")
    assert drawn["panels"]["PSNR (dB)"]["a"].y == [30.0, 20.0]
    with pytest.raises(ValueError, match="the same for all bursts"):
        against.plot_against(tmp_path / "x.png", tables[:1], "level")
    with pytest.raises(ValueError, match="did you mean 'level'"):
        against.plot_against(tmp_path / "x.png", tables, "levels")


def test_the_paired_difference_is_over_the_bursts_that_both_have():
    first, second = row("a", [30.0, 32.0, np.inf, 40.0, 5.0]), row("b", [31.0, 35.0, np.inf, np.inf])
    mean, interval, count = scatter.paired_difference(first, second, "psnr")
    assert mean == pytest.approx((1 + 3 + 0) / 3), "both exact: no difference; one exact: left out"
    assert count == 3
    assert interval is not None
    assert 0.0 <= interval.low <= mean <= interval.high <= 3.0
    with pytest.raises(ValueError, match="share no burst with a finite psnr"):
        scatter.paired_difference(row("a", [np.inf]), row("b", [3.0]), "psnr")
    with pytest.raises(ValueError, match="share no burst"):
        scatter.paired_difference(first, row("c", []), "psnr")


def test_the_interval_of_a_pair_is_over_scenes_where_they_are_known():
    scenes = ["x"] * 5 + ["y"] * 5
    first = row("a", [0.0] * 10, scenes)
    second = row("b", [1.0] * 5 + [3.0] * 5, scenes)
    _, interval, _ = scatter.paired_difference(first, second, "psnr")
    assert interval == pytest.approx((1.0, 3.0))


def test_a_scatter_plot_is_a_picture(tmp_path):
    shown = table(row("a", [30.0, 32.0]), row("b", [31.0, 35.0]))
    assert is_picture(scatter.plot_scatter(tmp_path / "pair.png", shown, "a", "b"))
    with pytest.raises(ValueError, match=r"file\.json has no network 'c'; it has 'a', 'b'"):
        scatter.plot_scatter(tmp_path / "pair.png", shown, "a", "c")
    with pytest.raises(ValueError, match=r"no metric 'ssim'; it has psnr"):
        scatter.plot_scatter(tmp_path / "pair.png", shown, "a", "b", "ssim")


def viewed(picture: np.ndarray, truth: np.ndarray | None) -> ViewedBurst:
    result = ViewedResult("net", lambda: picture.astype(np.uint16), lambda: picture)
    known = None if truth is None else ViewedResult(GROUND_TRUTH, lambda: truth.astype(np.uint16), lambda: truth)
    return ViewedBurst("b", None, (result,), known)


def test_errors_are_sorted_by_their_distance_to_the_border(tmp_path):
    truth = np.full((20, 30, 3), 100, np.uint8)
    picture = truth.copy()
    picture[8:12, 8:22] = 151  # at least 8 pixels from the border
    errors = BorderErrors()
    errors.add(viewed(picture, truth))
    errors.add(viewed(picture, None))
    measured = dict(errors.psnr()["net"])
    assert list(measured) == [0, 2, 4, 8]
    assert measured[8] == pytest.approx(-20 * np.log10(51 / 255))
    assert [measured[ring] for ring in (0, 2, 4)] == [np.inf] * 3
    assert is_picture(errors.plot(tmp_path / "border.png", "Title"))
    with pytest.raises(ValueError, match="without ground truth"):
        BorderErrors().plot(tmp_path / "border.png")


def test_flow_errors_are_lengths_in_pixels_of_the_frames():
    shifts = torch.tensor([[1.0, 1.0], [4.0, 5.0], [1.0, 1.0]])
    offsets = torch.zeros(2, 2, 4, 6)
    offsets[0, 0] = 3.0
    motion, error = endpoint_errors(offsets, shifts)
    assert motion == pytest.approx([5.0, 0.0])
    assert error == pytest.approx([4.0, 0.0])
    finer = shifts[:, :, None, None].expand(-1, -1, 8, 12)
    _, error = endpoint_errors(offsets, finer)
    assert error == pytest.approx([np.hypot(3 - 6, 4), 0.0]), "offsets of a coarser grid are scaled with it"


class Shifted(Bursts):
    """Every frame lies one pixel further to the right than the one before."""

    def __getitem__(self, index):
        burst, truth, info = super().__getitem__(index)
        return burst, truth, info | {"shifts": torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])}


class Aligning(nn.Module):
    """Predicts that every other frame lies one pixel to the right of frame 0."""

    restored = 0

    def __init__(self, own_alignment):
        super().__init__()
        one_right = AlignmentWrapper(OneRight())
        self.flow = [one_right]
        if own_alignment:
            self.alignment_net = one_right

    def forward(self, burst, noise_estimate=None):
        offsets, _ = self.flow[0](burst)
        type(self).restored += 1
        return burst.mean(dim=1), {"offsets": offsets}


class OneRight(nn.Module):
    def forward(self, reference, other):
        return torch.stack((torch.ones_like(other[:, 0]), torch.zeros_like(other[:, 0])), dim=1)


@pytest.mark.parametrize("own_alignment", [False, True])
def test_flow_of_a_network_with_its_own_alignment_is_measured_without_restoring(own_alignment):
    network = NetworkParam(network=lambda: Aligning(own_alignment), unique_name="net")
    before = Aligning.restored
    benchmark = fabricated(data=Shifted, per_frame_info=("sigma_estimate", "shifts"))
    found = flow_errors(benchmark, [network], bursts=[1, 4], device=torch.device("cpu"))
    assert found["net"].motion == pytest.approx([1, 2, 1, 2])
    assert found["net"].error == pytest.approx([0, 1, 0, 1])
    assert Aligning.restored - before == (0 if own_alignment else 2)


def test_a_network_without_flow_has_no_flow_error():
    network = NetworkParam(network=NoisyMean, unique_name="net")
    benchmark = fabricated(data=Shifted, per_frame_info=("sigma_estimate", "shifts"))
    assert flow_errors(benchmark, [network], device=torch.device("cpu")) == {}


def test_a_plot_of_flow_errors_is_a_picture(tmp_path):
    found = FlowErrors(np.linspace(0, 5, 30), np.linspace(0, 1, 30))
    assert is_picture(plot_flow_errors(tmp_path / "flow.png", {"net": found}))
    with pytest.raises(ValueError, match="no network predicts flow"):
        plot_flow_errors(tmp_path / "flow.png", {})


def write_run(folder: Path, *losses: float, pictures: bool = False) -> None:
    writer = TensorboardWriter(folder)
    meter = AverageMeter()
    for epoch, loss in enumerate(losses, start=1):
        meter.update(torch.tensor(loss), 1)
        meter.new_epoch()
        writer.write_epoch({"train": {"Loss/total": meter}, "val": {"Loss/total": meter, "Stat/psnr": meter}}, epoch)
    if pictures:
        writer.write_pictures("val", {"image_0": torch.zeros(3, 4, 4, dtype=torch.uint8)}, 1)
    writer.close()


def test_curves_are_read_from_event_files_by_loader_and_tag(tmp_path):
    write_run(tmp_path / "run", 3.0, 2.0, pictures=True)
    curves = read_curves(tmp_path / "run")
    assert sorted(curves) == ["train", "val"]
    assert curves["train"]["Loss/total"][:2] == ([1, 2], [3.0, 2.0])
    assert "Stat/psnr" in curves["val"]


def test_a_resumed_run_counts_its_later_values(tmp_path):
    write_run(tmp_path / "run", 3.0, 2.0)
    write_run(tmp_path / "run", 1.0)
    values = read_curves(tmp_path / "run")["train"]["Loss/total"]
    assert values.x == [1, 2]
    assert len(values.y) == 2


def test_training_curves_of_several_runs_stand_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_TENSORBOARD_DIR", str(tmp_path))
    write_run(tmp_path / "system" / "mine", 3.0, 2.0)
    write_run(tmp_path / "system" / "other", 4.0, 1.0)
    runs = ["system/mine", str(tmp_path / "system" / "other")]
    assert is_picture(plot_training(tmp_path / "curves.png", runs))
    assert is_picture(plot_training(tmp_path / "one.png", runs, ["Stat/psnr"]))
    with pytest.raises(ValueError, match="did you mean 'Stat/psnr'"):
        plot_training(tmp_path / "x.png", runs, ["Stat/psn"])
    with pytest.raises(ValueError, match="no TensorBoard event files in system/none or"):
        plot_training(tmp_path / "x.png", ["system/none"])


def test_the_command_draws_from_score_files(tmp_path, capsys):
    paths = []
    for level in (1.0, 2.0):
        rows = tuple(
            Row(stored.name, stored.unique_name, stored.bursts, Cost())
            for stored in (row("a", [30.0, 31.0], level=[level] * 2), row("b", [32.0, 35.0], level=[level] * 2))
        )
        known = {"seed": 0, "device": "CPU", "first_burst": [1]}
        paths += write_files(Scores(fabricated(), rows, {}, known), tmp_path / f"level_{level:.0f}")[2:]
    assert command.main(["against", "level", *map(str, paths), "--out", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "a.png")
    assert is_picture(tmp_path / "a.png")
    assert command.main(["scatter", str(paths[0]), "a", "b", "--out", str(tmp_path / "pair.svg")]) == 0
    assert (tmp_path / "pair.svg").read_text().startswith("<?xml")
    assert command.main(["scatter", str(paths[0]), "a", "c"]) == 1


def test_score_files_come_back_as_they_were_written(tmp_path):
    stored = row("a", [30.0, np.inf], ["x", "y"], level=[1.0, 2.0])
    scores = Scores(fabricated(), (Row("a", "unique", stored.bursts, Cost(), True),))
    read = read_scores(write_files(scores, tmp_path / "scores")[2])
    assert read.rows[0].bursts == stored.bursts
    assert (read.rows[0].unique_name, read.rows[0].training_free) == ("unique", True)
    assert read.metrics == (MetricInfo("psnr", "PSNR (dB)", True, 3),)
    assert read.rows[0].means["psnr"] == Mean(30.0, None)
    with pytest.raises(ValueError, match="cannot be read"):
        read_scores(tmp_path / "none.json")
