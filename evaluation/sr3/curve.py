"""The scores of a training's checkpoints against its time."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path

from admin.checkpoints import read_checkpoint
from evaluation.common_utils import engine
from evaluation.common_utils.network_param import NetworkParam, checkpoint_folder
from evaluation.sr3.benchmark import sr3_benchmark
from evaluation.sr3.experiments.quickstart import SAMPLES, mean_of_samples
from utils.atomic_write import write_text

logger = logging.getLogger(__name__)

COLUMNS = ("epoch", "step", "minutes", "psnr", "psnr_mean", "sharpness", "colour_drift", "psnr_bicubic")


def training_curve(module: str, parameter: str, every: int = 10, samples: int = SAMPLES) -> Path:
    """Write `<run>_curve.csv` beside the checkpoints: scores of every so many epochs on the held-out clips.

    Args:
        module, parameter: the training run. Its averaged weights are scored.
        every: epochs from one scored checkpoint to the next; the last one is always scored.
        samples: images whose mean gives `psnr_mean`; the other columns are of one sample.

    Raises:
        FileNotFoundError: the run has no checkpoint of a completed epoch.
    """
    folder = checkpoint_folder(module, parameter)
    files = sorted(folder.glob("*_ep????.pth.tar"))
    if not files:
        raise FileNotFoundError(f"{folder} has no checkpoint of a completed epoch")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    chosen = dict.fromkeys([*files[every - 1 :: every], files[-1]])
    for file in chosen:
        content = read_checkpoint(file)
        row = {key: content[key] for key in ("epoch", "step")} | {"minutes": round(content["seconds"] / 60, 2)}
        row |= {key: round(value, 4) for key, value in _scores(module, parameter, content["epoch"], samples).items()}
        logger.info("%s", row)
        writer.writerow(row)
    path = folder / f"{parameter}_curve.csv"
    write_text(path, text.getvalue())
    return path


def _scores(module: str, parameter: str, epoch: int, samples: int) -> dict[str, float]:
    network = NetworkParam(module, parameter, epoch=epoch, display_name="sample", use_ema=True)
    means = engine.score(sr3_benchmark(), [network, mean_of_samples(network, samples)]).means()
    bicubic, sample, mean = means.values()
    single = {key: sample[key] for key in ("psnr", "sharpness", "colour_drift")}
    return {**single, "psnr_mean": mean["psnr"], "psnr_bicubic": bicubic["psnr"]}
