"""The recordings kept in the repository agree with our code, and the list of what must agree holds."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.golden.recording import Case, Judge
from tests.golden.registry import find_check
from tests.golden.runner import HERE, cases_in, covered_globs, run_case, run_cases

PARTS = sorted(path.name for path in HERE.iterdir() if any(path.glob("*.safetensors")))
KEPT = [case for part in PARTS for case in cases_in(HERE / part)]


@pytest.mark.parametrize("case", KEPT, ids=lambda case: f"{case.part}/{case.name}")
def test_recording_agrees(case: Case) -> None:
    result = run_case(case)
    assert result.verdict == "passed", result.line()


@pytest.mark.parametrize("part", PARTS)
def test_every_kept_recording_is_in_force(part: str) -> None:
    assert covered_globs(part), f"covered.toml lists nothing for {part}"
    assert all(find_check(case) for case in cases_in(HERE / part))


def test_kept_recordings_stay_small() -> None:
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file() and path.suffix != ".py")
    assert size <= 15_000_000, f"{size} bytes of recordings; at most 15 MB may be kept"


def test_judge_fails_on_a_difference_beyond_the_tolerance() -> None:
    judge = Judge()
    judge.close("out", [1.0, 2.0], [1.0, 2.1], atol=0.05)
    assert not judge.passed
    assert judge.worst is not None
    assert judge.worst.error == pytest.approx(0.1)


@pytest.mark.parametrize("actual", [[1.0, float("nan")], [1.0], [1.0, float("inf")]])
def test_judge_fails_on_nan_shape_and_infinity(actual: list[float]) -> None:
    judge = Judge()
    judge.close("out", actual, [1.0, 2.0], rtol=1e-3)
    assert not judge.passed


def test_a_check_that_compares_nothing_does_not_pass() -> None:
    assert not Judge().passed


def test_few_steps_counts_the_share_and_the_size_of_differences() -> None:
    judge = Judge()
    judge.few_steps("levels", [0, 1, 2, 3], [0, 1, 2, 4], share=0.25)
    assert judge.passed
    judge.few_steps("levels", [0, 1, 2, 3], [0, 1, 2, 5], share=0.25)
    assert not judge.passed


def test_unknown_recording_is_counted_and_reported(tmp_path: Path) -> None:
    save_file({"in.x": torch.zeros(1)}, tmp_path / "nobody_knows_this.safetensors", {"meta": "{}"})
    lines: list[str] = []
    failures = run_cases(cases_in(tmp_path, part="no_such_part"), lines.append)
    assert failures == 0
    assert lines[-1] == "0 passed, 0 failed, 1 not covered yet"


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        cases_in(tmp_path / "absent")


def test_a_damaged_recording_is_one_failure_and_the_others_are_still_checked(tmp_path: Path) -> None:
    (tmp_path / "damaged.safetensors").write_bytes(b"no header")
    save_recording(tmp_path / "nobody_knows_this", {"in.x": torch.zeros(1)}, {})
    lines: list[str] = []
    assert run_cases(cases_in(tmp_path, part="deeprep_dbsr_models"), lines.append) == 2
    assert "damaged.safetensors cannot be read" in lines[0]
    assert "no check knows this recording" in lines[1], "every case of this part is in force"


@pytest.mark.parametrize("arguments", [{"mode": "nearest"}, {"padding_mode": "border"}, {}])
def test_recorded_arguments_of_a_warp_are_used_under_any_name(tmp_path: Path, arguments: dict) -> None:
    feat = torch.arange(12.0).reshape(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0] = 0.75  # to the right, and out of the image in the last column
    right = torch.cat((feat[..., 1:], feat[..., -1:] * ("border" in arguments.values())), dim=-1)
    expected = right if "mode" in arguments else 0.25 * feat + 0.75 * right
    meta = {"function": "warp(feat, flow)", "kwargs": arguments, "tolerance": {"out": {"atol": 1e-5}}}
    save_recording(tmp_path / "moved", {"in.feat": feat, "in.flow": flow, "out.warped": expected}, meta)
    (case,) = cases_in(tmp_path, part="deeprep_dbsr_models")
    assert run_case(case).verdict == "passed", run_case(case).line()
    save_recording(tmp_path / "moved", {"in.feat": feat, "in.flow": flow, "out.warped": expected + 1e-3}, meta)
    (case,) = cases_in(tmp_path, part="deeprep_dbsr_models")
    assert run_case(case).verdict == "FAILED"


def save_recording(stem: Path, tensors: dict[str, torch.Tensor], meta: dict) -> None:
    save_file(tensors, stem.with_suffix(".safetensors"), {"meta": json.dumps(meta)})
