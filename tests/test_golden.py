"""The recordings kept in the repository agree with our code, and the list of what must agree holds."""

from pathlib import Path

import pytest

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
    import torch
    from safetensors.torch import save_file

    save_file({"in.x": torch.zeros(1)}, tmp_path / "nobody_knows_this.safetensors", {"meta": "{}"})
    lines: list[str] = []
    failures = run_cases(cases_in(tmp_path, part="no_such_part"), lines.append)
    assert failures == 0
    assert lines[-1] == "0 passed, 0 failed, 1 not covered yet"


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        cases_in(tmp_path / "absent")
