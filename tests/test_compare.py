"""One table over benchmarks and networks, from score files."""

import csv
import io
from dataclasses import replace

import pytest

from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.report import write_files
from evaluation.common_utils.scores import BurstScore, Cost, Row, Scores
from evaluation.common_utils.stored_scores import read_scores
from evaluation.compare import command
from evaluation.compare.comparison import compare, find_tables
from evaluation.compare.tables import as_csv, as_latex, as_markdown, escape_latex
from tests.evaluation_fixtures import fabricated, psnr_metric

LPIPS = psnr_metric(key="lpips", label="LPIPS", higher_is_better=False)


def row(name, *values, free=False, unique=None):
    bursts = [
        BurstScore(f"b{index}", f"s{index}", {"psnr": value, "lpips": value / 100}, {}, {"frames": 8.0})
        for index, value in enumerate(values)
    ]
    return Row(name, unique or name, tuple(bursts), Cost(), free)


def benchmark(name="sr") -> Benchmark:
    return fabricated(name=name, title=f"Title of {name}", metrics=(psnr_metric(), LPIPS))


def stored(folder, file, *rows, name="sr"):
    known = {"seed": 0, "device": "CPU", "first_burst": [1]}
    made = Scores(benchmark(name), rows, {}, known)
    write_files(made, folder / "scores" / name / file)
    return folder / "scores" / name / f"{file}.json"


@pytest.fixture
def tables(tmp_path):
    mean = row("mean", 20.0, 22.0, free=True)
    first = stored(tmp_path, "a", mean, row("A", 30.0, 32.0))
    second = stored(tmp_path, "b", mean, row("B_1", 31.0, 35.0))
    third = stored(tmp_path, "a", row("A", 40.0, 42.0), name="noise/level_4")
    return [read_scores(path) for path in (first, second, third)]


def cell(comparison, network, benchmark_name, metric):
    place = [(column.benchmark, column.metric.key) for column in comparison.columns].index((benchmark_name, metric))
    found = comparison.cells[comparison.rows.index(network)][place]
    return None if found is None else found.value


def test_networks_of_several_files_stand_in_one_table(tables):
    comparison = compare(tables)
    assert comparison.rows == ("mean", "A", "B_1")
    assert [column.benchmark for column in comparison.columns] == ["sr", "sr", "noise/level_4", "noise/level_4"]
    assert cell(comparison, "A", "sr", "psnr") == 31.0
    assert cell(comparison, "B_1", "sr", "psnr") == 33.0
    assert cell(comparison, "A", "noise/level_4", "psnr") == 41.0
    assert cell(comparison, "B_1", "noise/level_4", "psnr") is None


def test_the_best_of_a_column_is_bold_in_the_direction_of_its_metric(tables):
    lines = as_markdown(compare(tables)).splitlines()
    assert lines[0] == (
        "| network | sr<br>PSNR (dB) ↑ | sr<br>LPIPS ↓ | noise/level_4<br>PSNR (dB) ↑ | noise/level_4<br>LPIPS ↓ |"
    )
    assert lines[2] == "| mean | 21.000 | **0.210** | – | – |"
    assert lines[4] == "| B_1 | **33.000** | 0.330 | – | – |"
    assert lines[3].endswith("| 41.000 | 0.410 |"), "alone in its column it is not the best of anything"
    assert "Title of sr" in lines[6]
    assert "linear" in lines[6]


def test_intervals_stand_behind_the_means(tables):
    text = as_markdown(compare(tables, metrics=["psnr"]), intervals=True)
    assert "31.000 [30.000, 32.000]" in text
    assert "bootstrap" in text


def test_csv_has_every_number_in_full(tables):
    found = list(csv.DictReader(io.StringIO(as_csv(compare(tables)))))
    assert len(found) == 8
    mine = next(line for line in found if (line["network"], line["metric"]) == ("B_1", "lpips"))
    assert float(mine["mean"]) == pytest.approx(0.33)
    assert float(mine["low"]) <= 0.33 <= float(mine["high"])


def test_latex_escapes_names_and_groups_columns_by_benchmark(tables):
    text = as_latex(compare(tables, metrics=["psnr"]))
    assert r"B\_1 & \textbf{33.000} & -- \\" in text
    assert r"& \multicolumn{1}{c}{sr} & \multicolumn{1}{c}{noise/level\_4} \\" in text
    assert text.count("{") == text.count("}")
    assert all(line.startswith("%") or "%" not in line for line in text.splitlines())
    assert escape_latex("50% & a_b^2\\") == r"50\% \& a\_b\textasciicircum{}2\textbackslash{}"


def test_columns_of_one_benchmark_stand_together(tables):
    """Else the headings of the LaTeX table, which span the columns of a benchmark, would stand above others."""
    sr, noise = compare(tables[:1], metrics=["psnr"]), tables[2]
    more = replace(tables[0], metrics=tables[0].metrics[1:])
    comparison = compare([replace(tables[0], metrics=tables[0].metrics[:1]), noise, more])
    assert [(column.benchmark, column.metric.key) for column in comparison.columns] == [
        ("sr", "psnr"),
        ("sr", "lpips"),
        ("noise/level_4", "psnr"),
        ("noise/level_4", "lpips"),
    ]
    assert cell(comparison, "A", "sr", "psnr") == cell(sr, "A", "sr", "psnr")


def test_rows_and_metrics_can_be_chosen(tables):
    comparison = compare(tables, metrics=["lpips"], networks=["A"])
    assert comparison.rows == ("A",)
    assert {column.metric.key for column in comparison.columns} == {"lpips"}
    with pytest.raises(ValueError, match="no network and no metric"):
        compare(tables, networks=["C"])


def test_scores_that_contradict_each_other_are_refused(tmp_path, tables):
    other = read_scores(stored(tmp_path, "c", row("A", 30.0, 30.0)))
    with pytest.raises(ValueError, match=r"A \(A\) has two scores in sr: 31\.0 in .*a\.json, 30\.0 in .*c\.json"):
        compare([*tables, other])


def test_scores_of_other_bursts_or_protocols_are_refused(tmp_path, tables):
    other = read_scores(stored(tmp_path, "c", row("C", 30.0, 31.0, 32.0)))
    with pytest.raises(ValueError, match="measured otherwise"):
        compare([*tables, other])


def test_networks_of_one_display_name_are_told_apart(tmp_path):
    path = stored(tmp_path, "a", row("mine", 1.0, unique="x"), row("mine", 2.0, unique="y"))
    assert compare([read_scores(path)]).rows == ("mine (x)", "mine (y)")


def test_a_run_is_found_by_file_folder_experiment_or_training(tmp_path, tables):
    scores = tmp_path / "scores"
    stored(tmp_path, "trained", row("T", 1.0, 2.0, unique="deeprep_mine_ep0003"), row("U", 1.0, 2.0), name="other")
    assert len(find_tables(str(scores / "sr" / "a.json"), scores)) == 1
    assert len(find_tables(str(scores / "sr"), scores)) == 2
    assert [table.benchmark for table in find_tables("a", scores)] == ["noise/level_4", "sr"]
    (found,) = find_tables("deeprep/mine", scores)
    assert [known.name for known in found.rows] == ["T"]
    stored(tmp_path, "half", row("H", 1.0, 2.0, unique="dbsr_mine_ema_bf16"), name="other")
    (found,) = find_tables("dbsr/mine", scores)
    assert [known.name for known in found.rows] == ["H"]
    with pytest.raises(ValueError, match=r"did you mean 'trained'.*compute_score"):
        find_tables("trainedd", scores)


def test_a_file_that_holds_no_scores_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match=r"x\.json holds no scores"):
        read_scores(tmp_path / "x.json")


def test_the_command_writes_all_three_forms(tmp_path, tables, capsys):
    folder = str(tmp_path / "scores" / "sr")
    assert command.main([folder, "--out", str(tmp_path / "table"), "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("network,benchmark,metric")
    assert (tmp_path / "table.md").read_text().startswith("| network")
    assert "toprule" in (tmp_path / "table.tex").read_text()
    assert (tmp_path / "table.csv").is_file()
    assert command.main(["nowhere"]) == 1
