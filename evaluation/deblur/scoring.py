"""Scores by number of frames: the tables of the original evaluation, a plot, and what more frames are worth."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import islice
from typing import Any

from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.command_line import SCORE_ARGUMENTS, score_files
from evaluation.common_utils.experiments import load_experiment
from evaluation.common_utils.scores import Scores
from evaluation.common_utils.scripts import ComputeScore
from evaluation.deblur.benchmark import BASELINES
from evaluation.deblur.by_length import as_table, differences, write_by_length
from evaluation.deblur.method_tables import network_names, write_method_tables
from evaluation.deblur.permutations import CHECKED_BURSTS, permutation_note
from utils.log import output

logger = logging.getLogger(__name__)


class ComputeScoreByLength(ComputeScore):
    """Score the networks of an experiment by number of frames, beside the training-free methods."""

    options = {name: SCORE_ARGUMENTS[name] for name in ("--load_saved", "--save")} | {
        "--legacy": {
            "action": "store_true",
            "help": "measure as the original evaluation of 2020 did (values of other protocols do not compare)",
        }
    }

    def score(self, setting_name: str, benchmarks: list[Benchmark], **options: Any) -> list[Scores]:
        """Scores on one benchmark for each number of frames; notes whether the order of the frames matters."""
        networks = [*BASELINES, *load_experiment(self.package, setting_name)]
        items = benchmarks[-1].items()
        note = permutation_note(networks, [item.burst for item in islice(items, CHECKED_BURSTS)])
        noted = [replace(benchmark, footnotes=(*benchmark.footnotes, note)) for benchmark in benchmarks]
        tables = super().score(setting_name, noted, **options)
        folder = score_files(noted[0], setting_name).parents[1]
        legacy = "_legacy" if noted[0].name.endswith("_legacy") else ""
        stem = folder / f"{setting_name}_by_length{legacy}"
        methods = {name: f"{index}_{name}" for index, name in enumerate(network_names(tables))}
        written = write_method_tables(tables, methods, stem)
        if len(tables) > 1:
            written += write_by_length(tables, stem)
            output(as_table(tables))
            for difference in differences(tables):
                output(str(difference))
        logger.info("Written: %s", ", ".join(str(path) for path in written))
        return tables
