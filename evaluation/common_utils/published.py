"""Published figures that `python -m evaluation.reproduce` compares with.

Those of a released network stand in `admin.released_weights`; here stands where they were measured, and what the papers
(DBSR: CVPR 2021, arXiv 2101.10997; DeepRep: ICCV 2021, arXiv 2108.08286) give for their own networks: the released ones
were trained again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from admin.released_weights import RELEASED
from utils.suggestions import unknown_name_message

GAINS = (1, 2, 4, 8)

# Metric key → mean, as in the score tables.
Figures = Mapping[str, float]


@dataclass(frozen=True)
class PublishedRow:
    """A released network on the test data that it was made for.

    Attributes:
        benchmark: package below `evaluation`.
        row: name of the network in `RELEASED`.
        data_key: key of the environment that names the test data.
        tables: name of a `Benchmark` → what its figures are called in `RELEASED` after the metric's name.
        bursts: how many bursts each table is a mean over; None where nobody states it.
        paper: figures of the paper, for its own network.
    """

    benchmark: str
    row: str
    data_key: str
    tables: Mapping[str, str]
    bursts: int | None = None
    paper: Figures = field(default_factory=dict)

    def released(self, table: str) -> Figures:
        """The figures given for this very network in one of its `tables`; empty where none are given."""
        published = RELEASED[self.row].published
        names = {metric: f"{metric.upper()}{self.tables[table]}" for metric in ("psnr", "ssim", "lpips")}
        return {metric: published[name] for metric, name in names.items() if name in published}


def _by_gain(mode: str) -> dict[str, str]:
    return {f"denoise_{mode}/noise_{gain}": f" gain {gain}" for gain in GAINS}


def _synburst(row: str, psnr: float, ssim: float, lpips: float) -> PublishedRow:
    paper = {"psnr": psnr, "ssim": ssim, "lpips": lpips}
    return PublishedRow("synburst", row, "synburstval_dir", {"synburst": ""}, 300, paper)


def _burstsr(row: str, psnr: float, ssim: float, lpips: float) -> PublishedRow:
    paper = {"psnr": psnr, "ssim": ssim, "lpips": lpips}
    return PublishedRow("burstsr", row, "burstsr_dir", {"burstsr": ""}, 882, paper)


PUBLISHED = (
    _synburst("dbsr_synthetic_default", 39.09, 0.945, 0.084),
    _synburst("deeprep_sr_synthetic_default", 41.56, 0.964, 0.045),
    _burstsr("dbsr_burstsr_default", 47.76, 0.984, 0.030),
    _burstsr("deeprep_sr_burstsr_default", 48.33, 0.985, 0.023),
    *(
        PublishedRow("burst_denoise", f"deeprep_denoise_{mode}_{flow}", data_key, _by_gain(mode), bursts)
        for mode, data_key, bursts in (
            ("grayscale", "kpn_testset_path", 73),
            ("color", "bpn_color_testset_dir", None),
        )
        for flow in ("pwcnet", "customflow")
    ),
)


def published_row(benchmark: str, row: str) -> PublishedRow:
    """The row of that benchmark and name.

    Raises:
        ValueError: there is none; offers the nearest.
    """
    benchmarks = {published.benchmark for published in PUBLISHED}
    if benchmark not in benchmarks:
        raise ValueError(unknown_name_message("benchmark", benchmark, benchmarks))
    rows = {published.row: published for published in PUBLISHED if published.benchmark == benchmark}
    if row not in rows:
        raise ValueError(unknown_name_message(f"row of {benchmark}", row, rows))
    return rows[row]
