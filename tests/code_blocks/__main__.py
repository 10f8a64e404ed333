"""Runs the blocks of pages at full length, each page in a copy of the repository; see docs/examples.md.

python -m tests.code_blocks                  # all pages: hours
python -m tests.code_blocks docs/sr3.md
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.code_blocks.material import PLACES
from tests.code_blocks.pages import ROOT, Block, all_pages, blocks_of
from utils.log import configure_logging

logger = logging.getLogger("code_blocks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the pages that the command line names; returns 1 if a block fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("page", nargs="*", help="e.g. docs/sr3.md; all if none is given")
    options = parser.parse_args(arguments)
    configure_logging()
    pages = [(ROOT / page).resolve() for page in options.page] or all_pages()
    failed = [block.name for page in pages for block in failures_of(page)]
    logger.info("%s", f"Failed: {', '.join(failed)}" if failed else "All blocks ran.")
    return 1 if failed else 0


def failures_of(page: Path) -> list[Block]:
    """The blocks of a page that fail, all of them run one after the other in a copy of the repository."""
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = copy_of_repository(Path(scratch) / "copy")
        for block in blocks_of(page):
            started = time.monotonic()
            if not run_whole(block, copy):
                failed.append(block)
            logger.info("%s: %s, %.0f s", block.name, "FAILED" if block in failed else "ok", time.monotonic() - started)
    return failed


def copy_of_repository(target: Path) -> Path:
    """The files that belong to the repository, committed or not, and the places that its pages name."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(ROOT / ".venv")
    for name, make in PLACES.items():
        make(target / name)
    return target


def run_whole(block: Block, folder: Path) -> bool:
    """Runs a block in ``folder``, or writes the file that it is; whether that went well."""
    file, setup = block.marker("file"), block.marker("setup")
    if file:
        (folder / file.text).write_text(block.code + "\n", encoding="utf-8")
        return True
    if block.language == "python" and not block.marker("not run"):
        return _succeeds([sys.executable, "-c", f"{setup.text if setup else ''}\n{block.code}"], folder)
    if block.language == "bash":
        lines = [command.text for command in block.commands() if not block.marker("not run", command.text)]
        return _succeeds(["bash", "-e", "-c", "\n".join(lines)], folder)
    return True


def _succeeds(command: list[str], folder: Path) -> bool:
    programs = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")])
    own = {key: value for key, value in os.environ.items() if not key.startswith("BURSTLAB_")}
    return subprocess.run(command, cwd=folder, env=own | {"PATH": programs, "PYTHONPATH": str(folder)}).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
