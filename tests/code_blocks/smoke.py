"""How commands are made short: fewer steps, one burst of a test set, smaller images. docs/examples.md tells readers."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

# Script → words put in the place of others, and words added to every command.
REPLACED: dict[str, dict[str, str]] = {
    "evaluation/burst_denoise/*.py": {"all": "8"},
    "evaluation/deblur/*.py": {"all": "2", "8": "2"},
}
ADDED: dict[str, tuple[str, ...]] = {
    "evaluation/sr3/compute_score.py": ("--steps", "2"),
    "evaluation/sr3/show_refinement.py": ("--steps", "2", "--clips", "1"),
    "evaluation/*/visualize_results.py": ("--first", "1"),
    "tests.golden": ("--case", "*psnr*"),
    "util_scripts/synthesize_rawsr.py": ("--versions", "1", "--crop", "8"),
}
# Settings of every training, and of single ones. A pin of the page for the same setting is dropped.
PINS: dict[str, Any] = {"max_epochs": 1, "epochs": 1, "steps_per_epoch": 1, "num_workers": 0}
PINS_OF: dict[str, dict[str, Any]] = {
    "deeprep quickstart": {
        "crop_sz": 32,
        "bursts_batch_size": 1,
        "single_frame_batch_size": 1,
    },
    "deeprep sr_quickstart": {"batch_size": 1},
    "burst_deblur quickstart": {"batch_size": 1, "crop_sz": 64},
    "rawsr quickstart": {"batch_size": 1},
    "two_stage_align quickstart": {"batch_size": 1},
    "sr3 quickstart": {"batch_size": 1},
    "own denoiser": {"batch_size": 1, "burst_sz": 3, "crop_sz": 32},
}


def shortened(script: str, words: Sequence[str]) -> list[str]:
    """The arguments of a script (``evaluation/x.py``, or a module ``evaluation.x``) for a run of a second."""
    if script == "run_training.py":
        return _short_training(list(words))
    for pattern, table in REPLACED.items():
        if fnmatch.fnmatch(script, pattern):
            words = [table.get(word, word) for word in words]
    # Only the first burst is there; a name that stands several times is one.
    words = list(dict.fromkeys(_BURST.sub("chelsea_00", word) for word in words)) if "--bursts" in words else words
    added = [word for pattern, more in ADDED.items() if fnmatch.fnmatch(script, pattern) for word in more]
    return [*words, *(added if not set(added) & set(words) else ())]


def _short_training(words: list[str]) -> list[str]:
    if "--list" in words:
        return words
    pins = PINS | PINS_OF.get(" ".join(words[:2]), {})
    kept, given = [], iter(words)
    for word in given:
        if word != "--set":
            kept.append(word)
        elif (pin := next(given)).partition("=")[0] not in pins:
            kept += [word, pin]
    return [*kept, *(word for key, value in pins.items() for word in ("--set", f"{key}={value}"))]


_BURST = re.compile(r"(chelsea|coffee|rocket)_\d\d")


class _OneBurst:
    """The first burst of a data set."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __len__(self) -> int:
        return min(1, len(self._data))

    def __getitem__(self, index: int) -> Any:
        return self._data[index]


@contextmanager
def small_benchmarks() -> Iterator[None]:
    """Inside, every benchmark has one burst, those of bundled photographs are smaller, and no FLOPs are counted."""
    from evaluation.burst_denoise import photos as denoising
    from evaluation.common_utils.benchmark import BenchmarkItems
    from evaluation.common_utils.predict import Predictor
    from evaluation.synburst import photos as raw

    whole = BenchmarkItems.__init__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BenchmarkItems, "__init__", lambda items, data: whole(items, _OneBurst(data)))
        patch.setattr(Predictor, "flops", lambda predictor, item: None)
        patch.setattr(denoising, "CROP", 48)
        patch.setattr(raw, "CROP", 128)
        yield
