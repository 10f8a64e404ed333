"""One recorded case on disk, and the judge that compares our results with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open


@dataclass(frozen=True)
class Case:
    """A recorded case: ``in.*``, ``out.*``, ``state.*``, ``grad.*`` tensors and a JSON description.

    Attributes:
        part: name of the recorded part, e.g. ``deeprep_dbsr_models``.
        path: the ``.safetensors`` file; side files (archives, checkpoints) lie beside it.
    """

    part: str
    path: Path

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".safetensors")

    @property
    def folder(self) -> Path:
        return self.path.parent

    @cached_property
    def meta(self) -> dict[str, Any]:
        with safe_open(self.path, framework="pt") as file:
            return json.loads((file.metadata() or {}).get("meta", "{}"))

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        with safe_open(self.path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118

    @property
    def function(self) -> str:
        """What was recorded, in the words of the recording."""
        return str(self.meta.get("function") or self.meta.get("what") or self.meta.get("constructor") or "")

    @property
    def kwargs(self) -> dict[str, Any]:
        """Recorded keyword arguments; JSON lists stay lists."""
        return dict(self.meta.get("kwargs") or {})

    def __getitem__(self, key: str) -> torch.Tensor:
        return self.tensors[key]

    def __contains__(self, key: str) -> bool:
        return key in self.tensors

    def group(self, prefix: str) -> dict[str, torch.Tensor]:
        """All tensors whose key starts with ``prefix`` (with its dot), keyed by the rest of the name."""
        return {key[len(prefix) :]: value for key, value in self.tensors.items() if key.startswith(prefix)}


@dataclass
class Comparison:
    what: str
    error: float
    tolerance: str
    ratio: float  # error over what is allowed: at most 1 passes


@dataclass
class Judge:
    """Collects comparisons of one case. Every method compares and records; none raises on a difference."""

    comparisons: list[Comparison] = field(default_factory=list)

    def _record(self, what: str, error: float, tolerance: str, ratio: float) -> None:
        if np.isnan(ratio):
            ratio = float("inf")
        self.comparisons.append(Comparison(what, error, tolerance, ratio))

    def _arrays(self, what: str, actual: Any, expected: Any) -> tuple[np.ndarray, np.ndarray] | None:
        a, b = _array(actual), _array(expected)
        if a.shape != b.shape:
            self._record(what, float("inf"), f"shape {b.shape}, got {a.shape}", float("inf"))
            return None
        return a, b

    def close(self, what: str, actual: Any, expected: Any, rtol: float = 0.0, atol: float = 0.0) -> None:
        """Passes if ``|actual - expected| <= atol + rtol |expected|`` everywhere; equal infinities and NaNs agree."""
        arrays = self._arrays(what, actual, expected)
        if arrays is None or arrays[0].size == 0:
            return
        a, b = arrays
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.where(same, 0.0, np.abs(a - b))
            allowed = atol + rtol * np.abs(b)
            ratio = np.where(error == 0, 0.0, error / allowed)
        ratio[np.isnan(ratio)] = np.inf
        self._record(what, float(error.max()), f"rtol {rtol:g} atol {atol:g}", float(ratio.max()))

    def relative_to_max(self, what: str, actual: Any, expected: Any, share: float, floor: float = 0.0) -> None:
        """Passes if ``max|actual - expected| <= share * max|expected| + floor`` (for gradients)."""
        arrays = self._arrays(what, actual, expected)
        if arrays is None or arrays[0].size == 0:
            return
        a, b = arrays
        self.close(what, a, b, atol=share * float(np.abs(b).max()) + floor)

    def few_steps(self, what: str, actual: Any, expected: Any, share: float, step: float = 1.0) -> None:
        """Passes if at most ``share`` of the values differ, none by more than ``step`` (8-bit stages)."""
        arrays = self._arrays(what, actual, expected)
        if arrays is None or arrays[0].size == 0:
            return
        difference = np.abs(arrays[0] - arrays[1])
        differing = float((difference > 0).mean())
        ratio = max(float(difference.max()) / step, differing / share if share else (np.inf if differing else 0.0))
        self._record(what, differing, f"{share:g} of values by {step:g}", ratio)

    def equal(self, what: str, actual: Any, expected: Any) -> None:
        """Passes if both are the same: arrays element by element, anything else by ``==``."""
        if isinstance(expected, (torch.Tensor, np.ndarray)):
            arrays = self._arrays(what, actual, expected)
            if arrays is not None:
                wrong = float((arrays[0] != arrays[1]).mean()) if arrays[0].size else 0.0
                self._record(what, wrong, "exact", np.inf if wrong else 0.0)
            return
        if actual == expected:
            self._record(what, 0.0, "exact", 0.0)
        else:
            self._record(f"{what}: {actual!r} != {expected!r}", 1.0, "exact", np.inf)

    @property
    def worst(self) -> Comparison | None:
        return max(self.comparisons, key=lambda comparison: comparison.ratio, default=None)

    @property
    def passed(self) -> bool:
        worst = self.worst
        return worst is not None and worst.ratio <= 1.0


def _array(value: Any) -> np.ndarray:
    """Any array-like as float64 (integers of at most 32 bits and float32 are exact there)."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)
