"""DeepRep and DBSR, fast against plain: time, memory, arithmetic, and what share of this machine's peak is reached.

    python benchmarks/models.py [--case deeprep_sr_synthetic_default ...] [--json FILE] [--pairs 5] [--scaling]

Every variant runs in a process of its own; they work in turns, so that what else the machine does meets all alike. With
one thread (OMP_NUM_THREADS=1) the time that the processor worked is compared, which a busy machine hardly disturbs.
Ratios are medians over the pairs, above 1 where the fast form is better: `ratio_forward`, `ratio_step`, `ratio_memory`;
the same with `_same_allocator` where the twin, too, keeps the memory that it frees (`utils/host_memory.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from rich.table import Table

from benchmarks.burst_cases import CASES
from utils.log import configure_logging, output

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (1, 8, 64)
CPU_VARIANTS = ("twin", "twin_kept", "fast")
CUDA_VARIANTS = ("twin", "fast", "fast_bf16", "fast_bf16_compile")
WORKS = ("forward", "step")
# Burst length, image size and batch, one at a time.
SCALING = ((1, 2, 64), (1, 4, 64), (1, 8, 64), (1, 14, 64), (1, 8, 32), (1, 8, 96), (2, 8, 64), (4, 8, 64))


class Process:
    """A worker and the line to it."""

    def __init__(self, case: str, variant: str, device: str, shape: tuple[int, int, int]) -> None:
        command = [sys.executable, str(ROOT / "benchmarks/worker.py"), case, variant, device, *map(str, shape)]
        self.name = f"{variant} of {case}"
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def ask(self, order: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def processes(
    case: str, variants: tuple[str, ...], device: str, shape: tuple[int, int, int]
) -> Iterator[dict[str, Process]]:
    started: dict[str, Process] = {}
    try:
        for variant in variants:
            started[variant] = Process(case, variant, device, shape)
        yield started
    finally:
        for process in started.values():
            process.close()


def measured(
    case: str, variants: tuple[str, ...], device: str, pairs: int, shape: tuple[int, int, int] = SHAPE
) -> dict[str, Any]:
    """Times, memory and arithmetic of all variants of a case."""
    clock = "busy" if device == "cpu" and torch.get_num_threads() == 1 else "wall"
    with processes(case, variants, device, shape) as workers:
        times: dict[str, dict[str, list[float]]] = {variant: {work: [] for work in WORKS} for variant in variants}
        for turn in range(pairs + 1):
            for work in WORKS:
                for variant in variants if turn % 2 else reversed(variants):
                    took = workers[variant].ask(work)[clock]
                    if turn:  # the first turn warms up, and compiles
                        times[variant][work].append(took)
        result: dict[str, Any] = {"case": case, "device": device_name(device), "shape": shape, "clock": clock}
        result["threads"] = torch.get_num_threads()
        result["variants"] = {
            variant: {
                **{work: statistics.median(times[variant][work]) for work in WORKS},
                "memory": workers[variant].ask("memory")["bytes"],
            }
            for variant in variants
        }
        result["flops"] = workers[variants[0]].ask("flops")
        result["fast_flops"] = workers["fast"].ask("flops") if "fast" in workers else None
        result["peak_rate"] = workers[variants[-1]].ask("rate")["rate"]
    best = variants[-1]
    for plain, suffix in (("twin", ""), ("twin_kept", "_same_allocator")):
        if plain in variants and best != plain:
            for work in WORKS:
                ratios = [a / b for a, b in zip(times[plain][work], times[best][work], strict=True)]
                result[f"ratio_{work}{suffix}"] = statistics.median(ratios)
            kept = [result["variants"][variant]["memory"] for variant in (plain, best)]
            result[f"ratio_memory{suffix}"] = kept[0] / max(kept[1], 1)
    return result


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} thread(s)"


def comparison(results: list[dict[str, Any]]) -> Table:
    """One row per case and kind of work."""
    first = results[0]
    peak = first["peak_rate"] / 1e9
    title = f"Fast against plain, bursts {list(first['shape'])}, {first['device']}, peak {peak:.0f} GFLOP/s"
    table = Table(title=title)
    for column in ("Case", "Work", "Twin s", "Fast s", "Ratio", "Same allocator", "Memory", "GFLOP", "Of peak"):
        table.add_column(column, justify="left" if column in ("Case", "Work") else "right")
    for result in results:
        best = list(result["variants"])[-1]
        counted = result["fast_flops"] or result["flops"]
        for work in WORKS:
            took = result["variants"][best][work]
            same = result.get(f"ratio_{work}_same_allocator")
            table.add_row(
                result["case"] if work == "forward" else "",
                work,
                f"{result['variants']['twin'][work]:.3f}",
                f"{took:.3f}",
                f"{result[f'ratio_{work}']:.2f}",
                "" if same is None else f"{same:.2f}",
                f"{100 / result['ratio_memory']:.0f} %" if work == "step" else "",
                f"{counted[work] / 1e9:.0f}",
                f"{100 * counted[work] / took / result['peak_rate']:.0f} %",
            )
    return table


def scaling(case: str, device: str, pairs: int) -> tuple[Table, list[dict[str, Any]]]:
    """What burst length, image size and batch cost."""
    variants = (CUDA_VARIANTS if device == "cuda" else CPU_VARIANTS)[-1:]
    results = [measured(case, variants, device, pairs, shape) for shape in SCALING]
    table = Table(title=f"Cost of {case}, {device_name(device)}, {variants[0]}")
    for column in ("Batch", "Frames", "Size", "Forward s", "Step s", "Memory MB"):
        table.add_column(column, justify="right")
    for result in results:
        took = result["variants"][variants[0]]
        row = [*result["shape"], f"{took['forward']:.2f}", f"{took['step']:.2f}", f"{took['memory'] / 1e6:.0f}"]
        table.add_row(*map(str, row))
    return table, results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES), metavar="NAME", dest="cases")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--variants", nargs="+", help="what to compare, the twin first, the one in question last")
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE, metavar=("BATCH", "FRAMES", "SIZE"))
    parser.add_argument("--scaling", action="store_true", help="instead: cost against burst length, size and batch")
    options = parser.parse_args()
    configure_logging()
    if options.scaling:
        table, results = scaling(options.cases[0], options.device, options.pairs)
    else:
        chosen = options.variants or (CUDA_VARIANTS if options.device == "cuda" else CPU_VARIANTS)
        results = [
            measured(case, tuple(chosen), options.device, options.pairs, tuple(options.shape)) for case in options.cases
        ]
        table = comparison(results)
    output(table)
    if options.json:
        options.json.write_text(json.dumps(results[0] if len(results) == 1 else results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
