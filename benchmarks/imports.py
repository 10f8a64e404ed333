"""How long every room takes to load, and which large libraries it loads: `python benchmarks/imports.py`.

For each room a fresh process loads torch, then all modules of the room. Times are of the processor, after torch is
loaded, so that other work on the machine does not count.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utils.log import configure_logging, output

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "utils",
    "admin",
    "external",
    "dataset",
    "data",
    "models",
    "actors",
    "trainers",
    "evaluation",
    "train_settings",
    "restoration",
)
# Optional, or slow to load: imported where they are used.
LARGE_LIBRARIES = (
    "accelerate",
    "gdown",
    "h5py",
    "lmdb",
    "lpips",
    "matplotlib",
    "rawpy",
    "scipy",
    "skimage",
    "sympy",
    "tensorboard",
    "tifffile",
    "torch._dynamo",
    "torchvision",
    "yaml",
)
RUNS = 3


def loaded_by(rooms: list[str]) -> dict[str, Any]:
    """Loads all modules of `rooms` into this process, after torch.

    Returns:
        ``seconds`` of the processor, ``modules`` (how many), and ``libraries``: large library → the module that
        loads it. Those that torch loads do not count.
    """
    import torch  # noqa: F401 - not what is measured

    seen = {name for name in LARGE_LIBRARIES if name in sys.modules}
    libraries: dict[str, str] = {}
    start, count = time.process_time(), 0
    for room in rooms:
        for module in _modules(room):
            importlib.import_module(module)
            count += 1
            for name in LARGE_LIBRARIES:
                if name in sys.modules and name not in seen:
                    seen.add(name)
                    libraries[name] = module
    return {"seconds": time.process_time() - start, "modules": count, "libraries": libraries}


def in_fresh_process(*rooms: str) -> dict[str, Any]:
    """:func:`loaded_by` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.imports", *rooms]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(answer)
    return found


def _modules(room: str) -> list[str]:
    """The room and all modules inside, but scripts and settings of one's own."""
    package = importlib.import_module(room)
    inside = (module.name for module in pkgutil.walk_packages(package.__path__, f"{room}."))
    return [room, *(name for name in inside if not name.endswith(".__main__") and name != "admin.local")]


def main() -> None:
    """Shows a table; with names of rooms, says what loading them takes as JSON."""
    configure_logging()
    if len(sys.argv) > 1:
        output(json.dumps(loaded_by(sys.argv[1:])))
        return
    output(f"{'room':16}{'modules':>8}{'seconds':>9}  large libraries")
    for room in ROOMS:
        runs = [in_fresh_process(room) for _ in range(RUNS)]
        seconds = statistics.median(run["seconds"] for run in runs)
        output(f"{room:16}{runs[0]['modules']:8}{seconds:9.2f}  {', '.join(runs[0]['libraries']) or '-'}")


if __name__ == "__main__":
    main()
