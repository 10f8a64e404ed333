"""Set-up: what is declared, what install.sh does with it, and that the import rules see every room."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from util_scripts import declared_requirements as declared

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TESTED_EXTRAS = ["raw", "downloads", "stores", "docs", "dev"]


def test_every_requirement_has_a_tested_version_inside_its_range() -> None:
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] not in "#"]
    tested = {pin.name.lower(): next(iter(pin.specifier)).version for pin in pins}
    lines = [*PROJECT["project"]["dependencies"], *declared.declared_requirements(TESTED_EXTRAS)]
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(tested[requirement.name.lower()]), str(requirement)


def test_opencv_is_not_installed_beside_another_build_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declared, "_is_installed", lambda distribution: False)
    assert any(line.startswith("opencv-python") for line in declared.declared_requirements([]))
    monkeypatch.setattr(declared, "_is_installed", lambda distribution: distribution == "opencv-python-headless")
    assert not any("opencv" in line for line in declared.declared_requirements([]))


def test_unknown_extra_is_named() -> None:
    with pytest.raises(ValueError, match="'rwa'"):
        declared.declared_requirements(["rwa"])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of the set-up with a .venv whose pip only notes that it was called."""
    if os.name != "posix":
        pytest.skip("install.sh makes and knows the .venv of POSIX systems")
    for name in ("install.sh", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "util_scripts").mkdir()
    shutil.copy(ROOT / "util_scripts" / "declared_requirements.py", tmp_path / "util_scripts")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        "#!/usr/bin/env bash\n"
        f'if [ "$1 $2 $3" = "-m pip install" ]; then echo "$@" >>"{tmp_path}/pip_calls"; '
        "[ ! -e fail ] || exit 1; exit 0; fi\n"
        f'exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    return tmp_path


def install(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(checkout / "install.sh"), *arguments],
        cwd="/",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def pip_calls(checkout: Path) -> list[str]:
    file = checkout / "pip_calls"
    return file.read_text().splitlines() if file.exists() else []


def test_second_run_installs_nothing(checkout: Path) -> None:
    assert install(checkout).returncode == 0
    assert len(pip_calls(checkout)) == 1
    second = install(checkout)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(pip_calls(checkout)) == 1


def test_changed_requirements_and_failed_runs_install_again(checkout: Path) -> None:
    (checkout / "fail").touch()
    failed = install(checkout)
    assert failed.returncode == 1
    assert "run this again" in failed.stderr
    (checkout / "fail").unlink()
    assert install(checkout).returncode == 0
    with (checkout / "constraints.txt").open("a") as constraints:
        constraints.write("example==1.0\n")
    assert install(checkout).returncode == 0
    assert len(pip_calls(checkout)) == 3


def test_cuda_extras_are_added_once_and_survive_a_plain_run(checkout: Path) -> None:
    assert install(checkout).returncode == 0
    for arguments in (["--cuda-extras"], ["--cuda-extras"], []):
        assert install(checkout, *arguments).returncode == 0
    assert [("--no-build-isolation" in call) for call in pip_calls(checkout)] == [False, False, True]
    assert "spatial-correlation-sampler" in (checkout / ".venv" / "requirements-cuda-extras.txt").read_text()


def test_original_conda_arguments_are_accepted_with_a_notice(checkout: Path) -> None:
    done = install(checkout, "~/anaconda3", "env-deeprep")
    assert done.returncode == 0
    assert "no conda environment is made" in done.stderr


@pytest.mark.parametrize("arguments", [["--wieghts"], ["a", "b", "c"]])
def test_unknown_arguments_are_refused(checkout: Path, arguments: list[str]) -> None:
    done = install(checkout, *arguments)
    assert done.returncode == 1
    assert arguments[-1] in done.stderr
    assert pip_calls(checkout) == []


def test_on_windows_it_says_what_to_do_instead(checkout: Path) -> None:
    (checkout / "bin").mkdir()
    uname = checkout / "bin" / "uname"
    uname.write_text("#!/usr/bin/env bash\necho MINGW64_NT-10.0-26100\n")
    uname.chmod(0o755)
    done = install(checkout, PATH=f"{uname.parent}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1
    assert r".venv\Scripts\python -m pip install -c constraints.txt" in done.stderr
    assert not (checkout / "pip_calls").exists()


def test_weights_are_fetched_and_a_failed_download_is_no_success(checkout: Path) -> None:
    script = checkout / "util_scripts" / "download_weights.py"
    script.write_text("raise SystemExit(1)\n")
    failed = install(checkout, "--weights")
    assert failed.returncode == 1
    assert "could be fetched" in failed.stderr
    script.write_text("open('fetched', 'w').close()\n")
    assert install(checkout, "--weights").returncode == 0
    assert (checkout / "fetched").exists()


def test_old_python_is_refused_with_the_way_out(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    old = checkout / "old-python"
    old.write_text('#!/usr/bin/env bash\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = install(checkout, PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.9.2" in done.stderr
    assert "3.11 or newer" in done.stderr


def test_scripts_can_be_started() -> None:
    for name in ("install.sh", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), f"{name} is not executable"


def test_import_rules_cover_every_room() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "examples"}
    assert rooms <= set(PROJECT["tool"]["importlinter"]["root_packages"])


def test_import_rules_cover_every_system() -> None:
    inside_models = PROJECT["tool"]["importlinter"]["contracts"][-1]
    assert inside_models["containers"] == ["models"]
    named = set(re.findall(r"\w+", " ".join(inside_models["layers"])))
    assert {path.parent.name for path in (ROOT / "models").glob("*/__init__.py")} <= named


def test_no_file_is_loaded_in_a_way_that_may_run_code() -> None:
    """ruff forbids pickle; that `torch.load` is always told weights_only=True it cannot see."""
    for path in tracked_python_files():
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "torch.load":
                options = {option.arg: ast.unparse(option.value) for option in call.keywords}
                assert options.get("weights_only") == "True", f"{path}:{call.lineno}"


def tracked_python_files() -> list[Path]:
    rooms = PROJECT["tool"]["importlinter"]["root_packages"]
    return [*ROOT.glob("*.py"), *(path for room in [*rooms, "util_scripts"] for path in (ROOT / room).rglob("*.py"))]


def test_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
