"""Score an experiment: `compute_score.py EXPERIMENT MODE FRAMES [--legacy] [--load_saved] [--save]`."""

import logging
import sys
from dataclasses import replace
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.common_utils import command_line
from evaluation.common_utils.experiments import load_experiment
from evaluation.deblur.benchmark import ARGUMENTS, BASELINES, PACKAGE, deblur_benchmarks
from evaluation.deblur.by_length import as_table, differences, write_by_length
from evaluation.deblur.method_tables import network_names, write_method_tables
from evaluation.deblur.permutations import CHECKED_BURSTS, permutation_note
from utils.log import output

logger = logging.getLogger(__name__)

OPTIONS = {
    "load_saved": command_line.SCORE_OPTIONS["load_saved"],
    "save": command_line.SCORE_OPTIONS["save"],
    "legacy": "measure as the original evaluation of 2020 did (values of other protocols do not compare)",
}


def compute_score(
    setting_name: str,
    load_saved: bool = False,
    frames: int | str = "all",
    mode: str = "photos",
    save: bool = False,
    legacy: bool = False,
) -> list[command_line.Scores]:
    """Score the networks of an experiment by number of frames, beside the training-free methods."""
    benchmarks = deblur_benchmarks(mode, frames, legacy)
    networks = [*BASELINES, *load_experiment(PACKAGE, setting_name)]
    note = permutation_note(networks, [benchmarks[-1].data()[index][0] for index in range(CHECKED_BURSTS)])
    benchmarks = [replace(benchmark, footnotes=(*benchmark.footnotes, note)) for benchmark in benchmarks]
    tables = command_line.compute_score(PACKAGE, setting_name, benchmarks, load_saved, save)
    folder = command_line.score_files(benchmarks[0], setting_name).parents[1]
    stem = folder / f"{setting_name}_by_length{'_legacy' if legacy else ''}"
    methods = {name: f"{index}_{name}" for index, name in enumerate(network_names(tables))}
    written = write_method_tables(tables, methods, stem)
    if len(tables) > 1:
        written += write_by_length(tables, stem)
        output(as_table(tables))
        for difference in differences(tables):
            output(str(difference))
    logger.info("Written: %s", ", ".join(str(path) for path in written))
    return tables


if __name__ == "__main__":
    command_line.run_script(compute_score, PACKAGE, ARGUMENTS, OPTIONS)
