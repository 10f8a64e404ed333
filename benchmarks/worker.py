"""One variant of one case in a process of its own, which does what it is told on stdin and answers in JSON.

So each variant has its own memory, whose peak can be told, and its own settings of the C library; whoever asks several
of them in turns still compares them in pairs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.burst_cases import CASES, network
from utils.host_memory import keep_freed_memory

# Memory that is kept, arithmetic, torch.compile, steps computed again in the backward pass.
VARIANTS: dict[str, tuple[bool, bool, bool, bool]] = {
    "twin": (False, False, False, False),
    "twin_kept": (True, False, False, False),
    "fast": (True, False, False, False),
    "fast_recompute": (True, False, False, True),
    "fast_bf16": (True, True, False, False),
    "fast_bf16_compile": (True, True, True, False),
}


class Worker:
    """A network, a burst, and the work on them: ``forward`` (no gradient) and ``step`` (a whole training step)."""

    def __init__(self, case: str, variant: str, device: str, shape: tuple[int, int, int]) -> None:
        keeps, bf16, compiled, recomputes = VARIANTS[variant]
        if keeps:
            keep_freed_memory()
        self.device = torch.device(device)
        self.bf16 = bf16
        self.net = network(case, variant).to(self.device)
        if recomputes:
            self.net.optimizer.recompute_steps = True  # type: ignore[union-attr]
        if self.device.type == "cuda" and not variant.startswith("twin"):
            self.net = self.net.to(memory_format=torch.channels_last)
        self.inputs = {name: tensor.to(self.device) for name, tensor in CASES[case].inputs(*shape).items()}
        trained = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        fused = not variant.startswith("twin")
        self.optimizer = torch.optim.Adam(trained, lr=1e-4, fused=fused or None)
        self.run: Callable[..., Any] = torch.compile(self.net) if compiled else self.net
        self.memory_before = resident_bytes()

    def image(self) -> torch.Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            result = self.run(**self.inputs)
        image: torch.Tensor = result[0] if isinstance(result, tuple) else result
        return image.float()

    def forward(self) -> None:
        with torch.no_grad():
            self.image()

    def step(self) -> None:
        self.optimizer.zero_grad()
        image = self.image()
        F.l1_loss(image, torch.full_like(image, 0.5)).backward()
        self.optimizer.step()

    def timed(self, work: Callable[[], object]) -> dict[str, float]:
        """Wall-clock seconds, and seconds that the processors worked for it."""
        self._wait()
        wall, busy = time.perf_counter(), time.process_time()
        work()
        self._wait()
        return {"wall": time.perf_counter() - wall, "busy": time.process_time() - busy}

    def flops(self) -> dict[str, int]:
        counted = {}
        for name in ("forward", "step"):
            with FlopCounterMode(display=False) as counter:
                getattr(self, name)()
            counted[name] = counter.get_total_flops()
        return counted

    def peak_memory(self) -> dict[str, int]:
        """Bytes at most, beyond what network and inputs take."""
        if self.device.type == "cuda":
            return {"bytes": torch.cuda.max_memory_allocated(self.device)}
        return {"bytes": resident_bytes(peak=True) - self.memory_before}

    def peak_rate(self) -> dict[str, float]:
        """Floating-point operations per second of the best convolution (on CUDA: bfloat16 product) at hand."""
        if self.device.type == "cuda":
            a = torch.rand(8192, 8192, device=self.device, dtype=torch.bfloat16)
            work, amount = (lambda: a @ a), 2 * 8192**3
        else:
            maps = torch.rand(8, 128, 64, 64).contiguous(memory_format=torch.channels_last)
            conv = nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last).requires_grad_(False)
            work, amount = (lambda: conv(maps)), 2 * 8 * 64 * 64 * 128 * 128 * 9
        times = [self.timed(work) for _ in range(6)]
        kind = "wall" if self.device.type == "cuda" else "busy"
        return {"rate": amount / min(took[kind] for took in times)}

    def answer(self, order: str) -> dict[str, Any]:
        if order in ("forward", "step"):
            return self.timed(getattr(self, order))
        others: dict[str, Callable[[], dict[str, Any]]] = {
            "flops": self.flops,
            "memory": self.peak_memory,
            "rate": self.peak_rate,
        }
        return others[order]()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def resident_bytes(peak: bool = False) -> int:
    """Memory of this process now, or the most it has had (Linux; 0 elsewhere)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    key = "VmHWM:" if peak else "VmRSS:"
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def main(case: str, variant: str, device: str, *shape: str) -> None:
    batch, frames, size = (int(number) for number in shape)
    worker = Worker(case, variant, device, (batch, frames, size))
    for order in sys.stdin:
        sys.stdout.write(json.dumps(worker.answer(order.strip())) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
