"""Scores released networks as the published scripts did, beside what is published."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from admin.released_weights import released_file
from evaluation.burst_denoise.benchmark import GAINS, denoise_benchmark
from evaluation.burstsr.benchmark import burstsr_benchmark
from evaluation.common_utils import engine
from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.command_line import score_files
from evaluation.common_utils.fetch_data import find_or_fetch
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.published import PublishedRow, published_row
from evaluation.common_utils.report import write_files
from evaluation.common_utils.scores import Scores
from evaluation.synburst.benchmark import synburst_benchmark
from models.alignment.pwcnet import WEIGHTS_FILE
from utils.downloads import DownloadFailed

logger = logging.getLogger(__name__)

# The benchmarks that have published figures, by their own name.
BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        synburst_benchmark(),
        burstsr_benchmark(),
        *(denoise_benchmark(mode, gain) for mode in ("grayscale", "color") for gain in GAINS),
    )
}


@dataclass(frozen=True)
class Comparison:
    """One measured figure beside the published ones; None where there is none.

    Attributes:
        scores: the table that it was measured in.
        metric: its key.
        published: figure of the released network itself; `paper`: that of the paper's own network.
        bursts: how many bursts the published figures are a mean over.
    """

    scores: Scores
    metric: str
    measured: float | None
    published: float | None
    paper: float | None
    bursts: int | None = None

    @property
    def caveat(self) -> str | None:
        """Why the figures cannot be compared, being means over other bursts; None if they can."""
        measured = len(self.scores.rows[0].bursts)
        if self.bursts in (None, measured):
            return None
        return (
            f"{self.scores.benchmark.name}: measured on {measured} bursts, the published figures are means over "
            f"{self.bursts}. The differences say nothing until the test set is complete."
        )


def reproduce(benchmark: str, row: str, device: torch.device | None = None) -> list[Comparison]:
    """Scores a released network and compares; writes the scores beside those of the experiments.

    Args:
        benchmark: `synburst`, `burstsr` or `burst_denoise`.
        row: name of the network; `PUBLISHED` lists all.
        device: the GPU if there is one, else the CPU.

    Raises:
        ValueError: no such row.
        DownloadFailed: network or data are not at hand and cannot be fetched; says for all of them how to get them.
    """
    published = published_row(benchmark, row)
    network = NetworkParam(network_path=_fetched(published), unique_name=row)
    comparisons = []
    for table in published.tables:
        scores = engine.score(BENCHMARKS[table], [network], device=device, baselines=False)
        files = write_files(scores, score_files(scores.benchmark, f"reproduce_{row}"))
        logger.info("Written: %s", ", ".join(str(path) for path in files))
        released, paper, measured = published.released(table), published.paper, scores.means()[row]
        comparisons += [
            Comparison(
                scores,
                metric.key,
                measured.get(metric.key),
                released.get(metric.key),
                paper.get(metric.key),
                published.bursts,
            )
            for metric in scores.benchmark.metrics
        ]
    return comparisons


def _fetched(published: PublishedRow) -> Path:
    """The network's file, after everything that scoring needs was found or fetched."""
    names = [published.row, *([WEIGHTS_FILE] if published.benchmark == "burstsr" else [])]
    files, missing = [], []
    for name in names:
        try:
            files.append(released_file(name))
        except DownloadFailed as error:
            missing.append(str(error))
    try:
        logger.info("Test data: %s", find_or_fetch(published.data_key))
    except DownloadFailed as error:
        missing.append(
            f"{error}\nIf you have the data set elsewhere, name its place: "
            f"set {published.data_key} in admin/local.py or BURSTLAB_{published.data_key.upper()} in the environment."
        )
    if missing:
        raise DownloadFailed(
            f"{published.row} was not measured, {len(missing)} things are missing.\n\n" + "\n\n".join(missing)
        )
    return files[0]
