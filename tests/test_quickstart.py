"""The quick start's command starts, and its first line of help is what the README says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_quick_start_answers_for_help() -> None:
    command = [sys.executable, str(ROOT / "run_quickstart.py"), "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "No download" in answer.stdout
