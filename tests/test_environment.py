"""Where things lie: defaults, local.py, environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from admin.environment import (
    KEYS,
    REPOSITORY,
    EnvironmentSettings,
    LocalSettingsError,
    create_default_local_file,
    env_settings,
)
from utils.atomic_write import atomic_write


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BURSTLAB_"):
            monkeypatch.delenv(name)


@pytest.fixture
def local_file(tmp_path: Path) -> Path:
    return tmp_path / "local.py"


def test_without_a_file_everything_lies_in_the_workspace_of_the_repository(local_file: Path) -> None:
    env = env_settings(local_file)
    assert env.workspace_dir == str(REPOSITORY / "workspace")
    assert env.tensorboard_dir == f"{REPOSITORY}/workspace/tensorboard/"
    assert env.pretrained_nets_dir == str(REPOSITORY / "pretrained_networks")
    assert env.zurichraw2rgb_dir == env.imagefolder_dir == ""
    assert not local_file.exists()


def test_local_file_counts_and_missing_keys_get_defaults(local_file: Path) -> None:
    local_file.write_text(
        "class EnvironmentSettings:\n"
        "    def __init__(self):\n"
        "        self.workspace_dir = '/data/runs'\n"
        "        self.burstsr_dir = '/data/burstsr'\n"
    )
    env = env_settings(local_file)
    assert (env.workspace_dir, env.burstsr_dir) == ("/data/runs", "/data/burstsr")
    assert env.tensorboard_dir == "/data/runs/tensorboard/"
    assert env.openimages_dir == ""


def test_environment_variables_override_single_keys(local_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_file.write_text("class EnvironmentSettings:\n    workspace_dir = '/data/runs'\n    burstsr_dir = '/data/b'\n")
    monkeypatch.setenv("BURSTLAB_BURSTSR_DIR", "/fast/b")
    env = env_settings(local_file)
    assert (env.workspace_dir, env.burstsr_dir) == ("/data/runs", "/fast/b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class EnvironmentSettings:\n    x = = 1\n", ["line 2", "SyntaxError"]),
        (
            "class EnvironmentSettings:\n    def __init__(self):\n        self.a = 1 / 0\n",
            ["line 3", "ZeroDivisionError"],
        ),
        ("import os\n", ["no class EnvironmentSettings"]),
        ("class EnvironmentSettings:\n    burstsr_dir = None\n", ["burstsr_dir", "None"]),
    ],
)
def test_an_error_in_the_file_is_reported_and_the_file_is_left_alone(
    local_file: Path, text: str, words: list[str]
) -> None:
    local_file.write_text(text)
    with pytest.raises(LocalSettingsError) as error:
        env_settings(local_file)
    for word in [str(local_file), *words]:
        assert word in str(error.value)
    assert local_file.read_text() == text


def test_the_default_file_says_the_defaults_and_never_replaces_a_file(local_file: Path) -> None:
    create_default_local_file(local_file)
    assert vars(env_settings(local_file)) == vars(env_settings(local_file.with_name("none.py")))
    assert all(f"self.{key} = " in local_file.read_text() for key in KEYS)
    local_file.write_text("broken =")
    create_default_local_file(local_file)
    assert local_file.read_text() == "broken ="


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.bin"
    with atomic_write(path) as file:
        file.write(b"old")

    def fail() -> None:
        with atomic_write(path) as file:
            file.write(b"half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_mistyped_key_is_named_with_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    local_file = tmp_path / "local.py"
    local_file.write_text("class EnvironmentSettings:\n    workspce_dir = '/nowhere'\n")
    monkeypatch.setenv("BURSTLAB_OPENIMAGE_DIR", "/nowhere")
    env_settings(local_file)
    assert "'workspace_dir'" in caplog.text
    assert "'BURSTLAB_OPENIMAGES_DIR'" in caplog.text


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", "~/runs")
    assert env_settings(tmp_path / "absent.py").workspace_dir == str(tmp_path / "runs")


def test_every_key_is_a_typed_attribute() -> None:
    assert set(EnvironmentSettings.__annotations__) == set(KEYS)
