"""Means, intervals, differences, tables and files say the same and can be trusted."""

import csv
import io
import json
import math

import numpy as np
import pytest
import torch

from evaluation.common_utils import engine
from evaluation.common_utils.benchmark import Grouping
from evaluation.common_utils.bootstrap import Interval, interval_of_mean, weights
from evaluation.common_utils.display_utils import generate_formatted_report
from evaluation.common_utils.report import as_csv, as_json, markdown, notes, terminal_table, write_files
from evaluation.common_utils.scores import BurstScore, Cost, Row, Scores
from tests.evaluation_fixtures import NOISY, fabricated, psnr_metric
from utils.log import output


def row(name, values, scenes=None, groups=None):
    scenes = scenes or [None] * len(values)
    groups = groups or [{}] * len(values)
    bursts = [
        BurstScore(f"b{i}", scene, {"psnr": value}, group)
        for i, (value, scene, group) in enumerate(zip(values, scenes, groups, strict=True))
    ]
    return Row(name, name.upper(), tuple(bursts), Cost())


def known(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


def scores_of(*rows, **changes):
    return Scores(fabricated(**changes), rows)


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    covered = 0
    for trial in range(200):
        values = np.random.default_rng(trial).normal(5.0, 2.0, size=30)
        interval = known(interval_of_mean(values, weights(None, 30)))
        covered += interval.low <= 5.0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_bursts_of_one_scene_are_no_independent_evidence():
    generator = np.random.default_rng(0)
    scenes = [str(i) for i in range(6) for _ in range(20)]
    values = np.repeat(generator.normal(30, 3, 6), 20) + generator.normal(0, 0.3, 120)
    bursts = known(interval_of_mean(values, weights(None, 120)))
    clusters = known(interval_of_mean(values, weights(None, 120), scenes))
    assert clusters.high - clusters.low > 2 * (bursts.high - bursts.low)


def test_one_burst_says_nothing_about_others():
    assert interval_of_mean(np.array([3.0]), np.array([1.0])) is None
    assert interval_of_mean(np.array([3.0, 4.0]), weights(None, 2), ["same", "same"]) is None


def test_a_constant_gain_is_sure_however_different_the_bursts_are():
    base = [20.0, 30.0, 40.0, 25.0]
    scores = scores_of(row("a", base), row("b", [value + 1.5 for value in base]))
    difference = scores.difference("b", "a", "psnr")
    assert difference.mean == pytest.approx(1.5)
    assert difference.over_bursts == pytest.approx((1.5, 1.5))
    interval = known(scores.summary("b", "psnr").over_bursts)
    assert interval.high - interval.low > 1


def test_intervals_are_the_same_every_time():
    values = [20.0, 30.0, 40.0, 25.0]
    assert scores_of(row("a", values)).summary("a", "psnr") == scores_of(row("a", values)).summary("a", "psnr")


def test_mean_over_scenes_gives_every_scene_the_same_weight():
    rows = [row("a", [10.0, 10.0, 10.0, 20.0], scenes=["x", "x", "x", "y"])]
    assert scores_of(*rows).summary("a", "psnr").mean == pytest.approx(12.5)
    assert scores_of(*rows, mean_over="scenes").summary("a", "psnr").mean == pytest.approx(15.0)
    with pytest.raises(ValueError, match="scene"):
        scores_of(row("a", [1.0, 2.0]), mean_over="scenes").summary("a", "psnr")


def test_an_exact_match_is_left_out_of_the_mean_and_mentioned():
    scores = scores_of(row("a", [10.0, math.inf, 20.0]), row("b", [11.0, math.inf, 21.0]))
    summary = scores.summary("a", "psnr")
    assert (summary.mean, summary.infinite) == (15.0, 1)
    assert scores.difference("b", "a", "psnr").mean == pytest.approx(2 / 3)
    assert any("1 bursts are reproduced exactly" in note for note in notes(scores))
    one_exact = scores_of(row("a", [10.0, 20.0, 30.0]), row("b", [11.0, math.inf, math.nan]))
    assert (one_exact.difference("b", "a", "psnr").mean, one_exact.difference("b", "a", "psnr").infinite) == (1.0, 2)
    everything = scores_of(row("a", [math.inf, math.inf])).summary("a", "psnr")
    assert everything.mean == math.inf
    assert everything.over_bursts is None
    json.dumps(as_json(scores_of(row("a", [math.inf, math.inf]))), allow_nan=False)


def test_groups_split_the_bursts():
    groups = [{"frames": "2"}, {"frames": "8"}, {"frames": "2"}]
    scores = scores_of(row("a", [1.0, 5.0, 3.0], groups=groups), groupings=(Grouping("frames", lambda info: "?"),))
    assert scores.groups("frames") == ["2", "8"]
    assert scores.part("frames", "2").summary("a", "psnr").mean == 2.0
    assert "Fabricated bursts, frames 8" in markdown(scores)


def test_tables_state_protocol_cost_and_reasons(capsys):
    absent = psnr_metric(key="lpips", label="LPIPS", why_unavailable=lambda: "no weights here")
    benchmark = fabricated(metrics=(psnr_metric(), absent), footnotes=("A footnote.",))
    scores = engine.score(benchmark, [NOISY], device=torch.device("cpu"))
    output(terminal_table(scores))
    for shown in (markdown(scores), capsys.readouterr().out):
        text = " ".join(shown.split())  # notes are folded at the width of the table
        assert "PSNR (dB): linear, no border left out, all pixels." in text
        assert "LPIPS is not shown: no weights here." in text
        assert "A footnote." in text
        assert "16384 = 1" in text
        assert "6 bursts of 3 scenes" in text
        assert "first frame" in text
        assert "noisy mean" in text
        assert "2.16 K" in text
    assert scores.means()["noisy mean"]["psnr"] > scores.means()["first frame"]["psnr"] + 3


def test_tables_show_the_interval_over_scenes_where_scenes_are_known():
    by_scene = scores_of(row("a", [10.0, 12.0, 20.0, 22.0], scenes=["x", "x", "y", "y"]))
    interval = known(by_scene.summary("a", "psnr").over_scenes)
    assert f"{{{interval.low:.2f}" in markdown(by_scene)
    assert any("{ }: over scenes" in note for note in notes(by_scene))
    assert not any("{ }" in note for note in notes(scores_of(row("a", [10.0, 12.0]))))


def test_files_hold_every_burst_and_agree_with_the_table(tmp_path):
    scores = engine.score(fabricated(), [NOISY], device=torch.device("cpu"))
    paths = write_files(scores, tmp_path / "deep" / "run.v1")
    assert [path.name for path in paths] == ["run.v1.md", "run.v1.csv", "run.v1.json"]
    lines = list(csv.DictReader(io.StringIO(paths[1].read_text())))
    mine = [float(line["psnr"]) for line in lines if line["network"] == "noisy mean"]
    assert mine == [burst.values["psnr"] for burst in scores.row("noisy mean").bursts]
    content = json.loads(paths[2].read_text())
    noisy = content["rows"][1]
    assert noisy["metrics"]["psnr"]["mean"] == pytest.approx(np.mean(mine))
    low, high = noisy["minus"]["first frame"]["psnr"]["interval_over_bursts"]
    assert low < scores.difference("noisy mean", "first frame", "psnr").mean < high
    assert noisy["minus"]["first frame"]["psnr"]["interval_over_scenes"] is not None
    assert as_csv(scores) == paths[1].read_text()


def test_a_row_shown_under_the_unique_name_of_another_keeps_its_own_scores():
    scores = scores_of(row("mean", [20.0]), row("MEAN", [30.0]))  # the unique name of the first one is "MEAN"
    assert scores.means() == {"mean": {"psnr": 20.0}, "MEAN": {"psnr": 30.0}}


def test_an_unknown_row_is_named():
    with pytest.raises(KeyError, match=r"no row 'c'.*rows: a, b"):
        scores_of(row("a", [1.0]), row("b", [2.0])).row("c")


def test_the_plain_report_refuses_rows_of_different_metrics():
    with pytest.raises(ValueError, match="'b' has no score for ssim"):
        generate_formatted_report({"a": {"psnr": 1.0, "ssim": 0.5}, "b": {"psnr": 1.0}})
