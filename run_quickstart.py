"""The quick start: train a small burst denoiser, save its predictions, score them, show a picture. No download.

    make quickstart

Writes workspace/quickstart/comparison.png and scores.json. A second run goes on with the network that is there; delete
workspace/checkpoints/deeprep/quickstart to train again.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from utils.commands import run_command
from utils.log import configure_logging

if TYPE_CHECKING:
    from evaluation.common_utils.scores import Scores

logger = logging.getLogger("run_quickstart")

EXPERIMENT, MODE = "quickstart", "photos"
SHOWN_GAIN = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the whole way once; returns the exit code (0, 1 failed, 130 interrupted)."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(
        arguments
    )
    configure_logging()
    return run_command(_quickstart, logger, "Interrupted. The same command goes on from there.")


def _quickstart() -> None:
    """Every step is a command of its own that the README names."""
    from run_training import run_training

    started = time.monotonic()
    logger.info("1/3  python run_training.py deeprep quickstart")
    run_training("deeprep", "quickstart")
    trained = time.monotonic()

    from admin.environment import env_settings
    from evaluation.burst_denoise.compute_score import compute_score
    from evaluation.burst_denoise.save_results import save_results

    logger.info("2/3  python evaluation/burst_denoise/save_results.py %s %s all", EXPERIMENT, MODE)
    save_results(EXPERIMENT, noise_level="all", mode=MODE)
    logger.info("3/3  python evaluation/burst_denoise/compute_score.py %s %s all --load_saved", EXPERIMENT, MODE)
    tables = compute_score(EXPERIMENT, load_saved=True, noise_level="all", mode=MODE)

    folder = Path(env_settings().workspace_dir) / "quickstart"
    picture = _write_picture(folder / "comparison.png")
    scores = _write_scores(folder / "scores.json", tables)
    logger.info("Trained in %.0f s, saved and scored in %.0f s.", trained - started, time.monotonic() - trained)
    logger.info("Look at %s; all figures are in %s.", picture, scores)


def _write_picture(path: Path) -> Path:
    from evaluation.burst_denoise.benchmark import denoise_benchmark
    from evaluation.common_utils.experiments import load_experiment
    from evaluation.common_utils.picture import write_comparison

    benchmark = denoise_benchmark(MODE, SHOWN_GAIN)
    return write_comparison(
        path, benchmark, [*benchmark.baselines, *load_experiment("evaluation.burst_denoise", EXPERIMENT)]
    )


def _write_scores(path: Path, tables: Sequence[Scores]) -> Path:
    from evaluation.common_utils.report import as_json
    from utils.atomic_write import write_text

    write_text(path, json.dumps({table.benchmark.name: as_json(table) for table in tables}, indent=1) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
