"""The command line of run_training.py."""

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch._utils import ExceptionWrapper

import run_training
from admin.settings import Settings
from run_training import find_settings, main

ROOT = Path(__file__).resolve().parent.parent


class Recorder:
    """Stands for a settings file: keeps the settings that it was run with, and raises `error` if there is one."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.error: BaseException | None = None
        self.start_method = ""
        self.first_weight = 0.0

    def run(self, settings: Settings) -> None:
        self.settings = settings
        settings.batch_size = 16
        self.first_weight = torch.rand(()).item()
        if self.error is not None:
            raise self.error

    def value(self, name: str) -> object:
        assert self.settings is not None, "the settings file was not run"
        return getattr(self.settings, name)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    recorder = Recorder()
    module = types.ModuleType("train_settings.fake.small")
    module.run = recorder.run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "train_settings.fake.small", module)
    monkeypatch.setattr(run_training, "find_settings", lambda: {"fake": {"small": "A fake."}, "other": {"large": ""}})
    monkeypatch.setattr(
        torch.multiprocessing, "set_start_method", lambda method, force: setattr(recorder, "start_method", method)
    )
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    yield recorder
    torch.use_deterministic_algorithms(False)


def test_settings_file_runs_with_its_names_and_the_documented_environment(recorder: Recorder) -> None:
    assert main(["fake", "small"]) == 0
    assert recorder.value("module_name") == "fake"
    assert recorder.value("script_name") == "small"
    assert recorder.value("project_path") == "fake/small"
    assert recorder.value("batch_size") == 16
    assert recorder.start_method == "spawn"
    assert torch.backends.cudnn.benchmark is True


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("batch_size=2", "batch_size", 2),
        ("batch_size = 2", "batch_size", 2),
        ("clip_grad_norm=0.5", "clip_grad_norm", 0.5),
        ("compile=True", "compile", True),
        ("print_stats=['Loss/total']", "print_stats", ["Loss/total"]),
        ("device=cuda:1", "device", "cuda:1"),
        ("description=a=b", "description", "a=b"),
    ],
)
def test_set_wins_over_the_settings_file(recorder: Recorder, text: str, name: str, value: object) -> None:
    assert main(["fake", "small", "--set", text]) == 0
    assert recorder.value(name) == value


def test_several_options_reach_the_settings(recorder: Recorder) -> None:
    options = ["--set", "a=1", "--set", "b=x", "--seed", "7", "--deterministic", "--check", "--mixed_precision", "bf16"]
    assert main(["fake", "small", *options]) == 0
    assert {name: recorder.value(name) for name in ("a", "b", "seed", "mixed_precision")} == {
        "a": 1,
        "b": "x",
        "seed": 7,
        "mixed_precision": "bf16",
    }
    assert recorder.value("deterministic") is True
    assert recorder.value("check_only") is True


def test_seed_fixes_the_first_weights(recorder: Recorder) -> None:
    first_weights = []
    for seed in ("1", "1", "2"):
        main(["fake", "small", "--seed", seed])
        first_weights.append(recorder.first_weight)
    assert first_weights[0] == first_weights[1] != first_weights[2]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], True),
        (["--cudnn_benchmark"], True),
        (["--cudnn_benchmark", "True"], True),
        (["--cudnn_benchmark", "False"], False),
        (["--cudnn_benchmark=false"], False),
        (["--deterministic"], False),
    ],
)
def test_cudnn_benchmark_takes_the_original_true_and_false(
    recorder: Recorder, options: list[str], expected: bool
) -> None:
    assert main(["fake", "small", *options]) == 0
    assert torch.backends.cudnn.benchmark is expected
    assert recorder.value("cudnn_benchmark") is expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fke", "small"], "did you mean 'fake'?"),
        (["fake", "smal"], "did you mean 'small'?"),
        (["fake", "xyz"], "Known: small."),
        (["fake"], "MODULE and PARAM are needed"),
        ([], "MODULE and PARAM are needed"),
        (["fake", "../small"], "did you mean 'small'?"),
        (["fake", "small", "--set", "batch_size"], "'batch_size' is not KEY=VALUE"),
        (["fake", "small", "--set", "seed=1", "--seed", "2"], "setting seed is given twice"),
        (["fake", "small", "--cudnn_benchmark", "maybe"], "'maybe' is neither True nor False"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_was_meant(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
    assert recorder.settings is None


def test_interrupt_exits_with_130_and_one_line(recorder: Recorder, capfd: pytest.CaptureFixture[str]) -> None:
    recorder.error = KeyboardInterrupt()
    assert main(["fake", "small"]) == 130
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "Interrupted" in lines[0]


def test_error_worded_for_users_is_shown_without_traceback(
    recorder: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder.error = FileNotFoundError("photos/ holds no image; put some there")
    assert main(["fake", "small"]) == 1
    shown = capfd.readouterr().err
    assert "photos/ holds no image" in shown
    assert "Traceback" not in shown


def test_an_error_of_a_worker_process_is_shown_without_its_traceback(
    recorder: Recorder, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        raise ValueError("photos/a.png is cut off\nfetch it again")
    except ValueError:
        wrapper = ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(ValueError) as wrapped:  # noqa: PT011 - as torch words it
        wrapper.reraise()
    recorder.error = wrapped.value
    assert main(["fake", "small"]) == 1
    shown = capfd.readouterr().err
    assert "ERROR photos/a.png is cut off\nfetch it again" in shown
    assert "Traceback" not in shown


def test_verbose_and_programming_errors_keep_their_traceback(recorder: Recorder) -> None:
    recorder.error = FileNotFoundError("photos/")
    with pytest.raises(FileNotFoundError):
        main(["fake", "small", "--verbose"])
    recorder.error = AttributeError("no such thing")
    with pytest.raises(AttributeError):
        main(["fake", "small"])


def test_list_reads_first_docstring_lines_and_skips_helpers(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "__init__.py").touch()
    (tmp_path / "sys" / "_shared.py").write_text('"""Not a setting."""')
    (tmp_path / "sys" / "small.py").write_text('"""Trains a small one.\n\nMore."""\nraise RuntimeError("was run")\n')
    (tmp_path / "sys" / "bare.py").write_text("")
    assert find_settings(tmp_path) == {"sys": {"bare": "", "small": "Trains a small one."}}


def test_an_unfinished_settings_file_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "small.py").write_text('"""Trains a small one."""')
    (tmp_path / "sys" / "unfinished.py").write_text("def run(:")
    found = find_settings(tmp_path)["sys"]
    assert found["small"] == "Trains a small one."
    assert "line 1" in found["unfinished"]


def test_every_setting_says_what_it_trains() -> None:
    settings = find_settings()
    assert settings
    missing = [f"{module}/{param}" for module, params in settings.items() for param, text in params.items() if not text]
    assert missing == []


@pytest.mark.parametrize(
    ("option", "expected"), [("--list", "deeprep quickstart"), ("--help", "usage: run_training.py")]
)
def test_list_and_help_do_not_load_torch(option: str, expected: str) -> None:
    program = (
        "import sys, run_training\n"
        "try: run_training.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'cv2', 'numpy'} & set(sys.modules), 'loads heavy libraries'"
    )
    done = subprocess.run([sys.executable, "-c", program, option], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
