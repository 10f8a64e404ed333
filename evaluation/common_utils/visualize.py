"""Looks at the results of an experiment: in a window, as a web page, as pictures, as plots."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from admin.environment import env_settings
from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.experiments import load_experiment
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.scores import BurstScore, given_frames
from evaluation.common_utils.scripts import BenchmarkScript
from evaluation.common_utils.stored_scores import MetricInfo, StoredRow, StoredScores, means_of
from evaluation.common_utils.viewed_bursts import chosen_bursts, join_viewings, view_benchmark
from evaluation.common_utils.viewing import ViewedBurst, Viewing
from evaluation.common_utils.window import show_in_window, write_panels
from evaluation.html_report import Figure, write_page
from evaluation.plots.against import plot_against, varying_properties
from evaluation.plots.border import BorderErrors
from evaluation.plots.flow_error import flow_errors, plot_flow_errors
from evaluation.plots.scatter import plot_scatter
from utils.opencv_plotting import NoDisplay
from utils.progress import track

logger = logging.getLogger(__name__)

_FLOW_BURSTS = 8  # of each benchmark; for every one the flow networks are run once more

Option = Any  # value of one of the following arguments
# Arguments of every visualize_results.py.
VIEW_ARGUMENTS: dict[str, dict[str, Any]] = {
    "--html": {"type": Path, "metavar": "FOLDER", "help": "write a page that any browser opens from disk"},
    "--plots": {"type": Path, "metavar": "FOLDER", "help": "write plots of all bursts"},
    "--panels": {"type": Path, "metavar": "FOLDER", "help": "write what the window would show as pictures"},
    "--bursts": {"nargs": "+", "metavar": "NAME", "help": "only these bursts"},
    "--first": {"type": int, "metavar": "N", "help": "only the first N bursts"},
    "--flow_bursts": {
        "type": int,
        "metavar": "N",
        "default": _FLOW_BURSTS,
        "help": "measure flow on the first N of the shown bursts, 0: not at all (default: %(default)s)",
    },
}


class Job(NamedTuple):
    """What is looked at, and whose flow is measured on which bursts of each benchmark."""

    viewing: Viewing
    benchmarks: Sequence[Benchmark]
    networks: Sequence[NetworkParam]
    flow_bursts: Sequence[Sequence[int]]


class VisualizeResults(BenchmarkScript):
    """Look at the results of an experiment beside training-free rows and ground truth; see docs/viewer.md."""

    options = VIEW_ARGUMENTS

    def __call__(self, setting_name: str, *chosen: Option, **options: Option) -> None:
        """Shows; ``chosen`` and some of ``options`` are arguments of the benchmark, the rest of `view_networks`."""
        benchmarks = self.benchmarks(chosen, options)
        visualize_results(self.package, setting_name, benchmarks, **options)


def visualize_results(package: str, setting_name: str, benchmarks: Sequence[Benchmark], **options: Option) -> None:
    """Shows the networks of an experiment of a benchmark's package; the options are those of `view_networks`."""
    view_networks(load_experiment(package, setting_name), benchmarks, **options)


def view_networks(
    networks: Sequence[NetworkParam],
    benchmarks: Sequence[Benchmark],
    html: Path | None = None,
    plots: Path | None = None,
    panels: Path | None = None,
    bursts: Sequence[str] | None = None,
    first: int | None = None,
    flow_bursts: int = _FLOW_BURSTS,
) -> None:
    """Shows networks beside training-free rows and ground truth.

    Saved predictions are taken; those that are missing are made when they are needed.

    Args:
        networks: that are looked at.
        benchmarks: e.g. one per noise level; their bursts follow one another.
        html, plots, panels: folders for a web page, plots, pictures; the window if all are None.
        bursts: names of the shown ones; all if None.
        first: only the first so many of each benchmark.
        flow_bursts: on how many of these the flow is measured, for its plot.

    Raises:
        utils.opencv_plotting.NoDisplay: there is no display and no folder was given; says what to do.
        FileNotFoundError, ValueError: see `view_benchmark`.
    """
    if first is not None and first < 1:
        raise ValueError(f"--first {first}: give at least 1")
    if flow_bursts < 0:
        raise ValueError(f"--flow_bursts {flow_bursts}: give 0 or more")
    viewings = [view_benchmark(benchmark, networks, bursts=bursts, first=first) for benchmark in benchmarks]
    viewing = join_viewings([benchmark.name for benchmark in benchmarks], viewings)
    if html is not None or plots is not None:
        measured = [chosen_bursts(benchmark, bursts, first)[:flow_bursts] for benchmark in benchmarks]
        _write_page_and_plots(Job(viewing, benchmarks, networks, measured), html, plots)
    if panels is not None:
        write_panels(viewing, panels)
    if (html, plots, panels) == (None, None, None):
        try:
            show_in_window(viewing, Path(env_settings().save_data_path) / "views")
        except NoDisplay as error:
            raise NoDisplay(
                f"no window can be opened: {error}. Add --html FOLDER for a page that opens in any browser, or "
                "--panels FOLDER for pictures of the window"
            ) from error


def _write_page_and_plots(job: Job, page: Path | None, plots: Path | None) -> None:
    """Goes through the bursts once: what is plotted is measured while the page is written, and plotted after it."""
    seen = Seen(job)
    with tempfile.TemporaryDirectory() as scratch:
        figures = seen.figures(plots or Path(scratch))
        if page is not None:
            write_page(page, replace(job.viewing, bursts=seen), figures)
        else:
            for _ in track(seen, f"{job.viewing.title}: measuring"):
                pass
            for figure in figures:
                logger.info("Written: %s (%s)", figure.file, figure.caption)


class Seen(Sequence[ViewedBurst]):
    """Bursts that are measured for plots while they are gone through."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._border = BorderErrors()
        self._scores: dict[str, list[BurstScore]] = {label: [] for label in job.viewing.labels}

    def __len__(self) -> int:
        return len(self._job.viewing.bursts)

    def __getitem__(self, index: Any) -> Any:
        burst = self._job.viewing.bursts[index]
        for result in burst.results:
            if result.metrics:
                score = BurstScore(burst.name, burst.scene, result.metrics, {}, burst.properties)
                self._scores[result.label].append(given_frames(score, self._network(result.label).burst_sz))
        if self._job.viewing.pixels_compare:
            self._border.add(burst)
        return burst

    def figures(self, folder: Path) -> Iterator[Figure]:
        """Plots of the bursts so far, each written when it is asked for."""
        viewing = self._job.viewing
        table = self.table()
        if table.rows:
            for name in varying_properties([table]):
                path = folder / f"{viewing.metrics[0].key}_against_{name.split(' ')[0]}.png"
                yield Figure(plot_against(path, [table], name), f"{viewing.metrics[0].label} against {name}")
            for first, second in _pairs(table):
                path = folder / f"{second.unique_name}_against_{first.unique_name}.png"
                yield Figure(
                    plot_scatter(path, table, first.name, second.name), f"{second.name} against {first.name}, by burst"
                )
        if self._border.psnr():
            yield Figure(self._border.plot(folder / "border.png", viewing.title), "Quality near the border")
        for benchmark, bursts in zip(self._job.benchmarks, self._job.flow_bursts, strict=True):
            errors = flow_errors(benchmark, self._job.networks, bursts=bursts) if bursts else {}
            if errors:
                title = f"{benchmark.title}, {len(bursts)} of {len(benchmark.items())} bursts"
                path = folder / f"flow_{benchmark.name.replace('/', '_')}.png"
                yield Figure(plot_flow_errors(path, errors, title), f"Flow error, {title}")

    def table(self) -> StoredScores:
        """The scores of the bursts so far."""
        viewing = self._job.viewing
        metrics = tuple(
            MetricInfo(metric.key, metric.label, metric.higher_is_better, metric.decimals) for metric in viewing.metrics
        )
        rows = []
        for label, found in self._scores.items():
            if found:
                network = self._network(label)
                bursts = tuple(found)
                means = {metric.key: means_of(bursts, metric.key) for metric in metrics}
                free = network in self._job.benchmarks[0].baselines
                rows.append(StoredRow(label, network.get_unique_name(), free, bursts, means))
        protocols = {metric.key: metric.protocol.describe() for metric in viewing.metrics}
        return StoredScores(self._job.benchmarks[0].name, viewing.title, metrics, protocols, tuple(rows))

    def _network(self, label: str) -> NetworkParam:
        """The network or training-free row of a label."""
        networks = [*self._job.benchmarks[0].baselines, *self._job.networks]
        return networks[self._job.viewing.labels.index(label)]


def _pairs(table: StoredScores) -> list[tuple[StoredRow, StoredRow]]:
    """The pairs worth a plot: the first network against the last training-free row, and against every other network."""
    free = [row for row in table.rows if row.training_free]
    networks = [row for row in table.rows if not row.training_free]
    if not networks:
        return []
    return [*((row, networks[0]) for row in free[-1:]), *((other, networks[0]) for other in networks[1:])]
