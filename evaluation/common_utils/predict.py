"""Runs a network over single bursts, so that a prediction depends on network and burst only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from admin import distributed
from evaluation.common_utils.benchmark import Benchmark, BenchmarkItems, Item
from evaluation.common_utils.network_param import NetworkParam

Result = TypeVar("Result")


class OwnBursts:
    """The bursts that this process works on: all of them, or where several share the work every n-th."""

    def __init__(self, items: BenchmarkItems) -> None:
        self._items = items
        self._indices = range(distributed.number(), len(items), distributed.count())

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Item]:
        return (self._items[index] for index in self._indices)


def of_all_processes(benchmark: str, results: Mapping[str, Result]) -> list[Result]:
    """What all processes have made of their bursts, burst name → result, in the order of the bursts.

    Raises:
        ValueError: two bursts have the same name, so that one prediction has overwritten the other.
    """
    everywhere = [list(part.items()) for part in distributed.gathered(dict(results))]
    rounds = range(max(len(part) for part in everywhere))
    together = [part[index] for index in rounds for part in everywhere if index < len(part)]
    names = [name for name, _ in together]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(f"two bursts of {benchmark} are named {name!r}; give each its own name")
    return [result for _, result in together]


class Predictor:
    """A network in evaluation mode on a device, ready to restore bursts of a benchmark.

    Args:
        benchmark: says how the network is called.
        net: the network; moved to `device`.
        device: where it runs.
        burst_sz: number of frames it is given; all if None.
        seed: of the networks that draw noise (offset noise of the denoisers).
    """

    def __init__(
        self, benchmark: Benchmark, net: nn.Module, device: torch.device, burst_sz: int | None = None, seed: int = 0
    ) -> None:
        self._benchmark, self._device, self._burst_sz, self._seed = benchmark, device, burst_sz, seed
        self._net = net.to(device).eval()
        self.seconds: list[float] = []
        """Time of every call so far."""

    @classmethod
    def load(cls, benchmark: Benchmark, network: NetworkParam, device: torch.device, seed: int = 0) -> Predictor:
        """Loads a network. What its constructor draws is seeded too, and leaves the global generators alone.

        Raises:
            FileNotFoundError, ValueError: see `NetworkParam.load_net`.
        """
        with seeded(seed, benchmark.predicted_as, "constructor", device):
            net = network.load_net()
        return cls(benchmark, net, device, network.burst_sz, seed)

    def __call__(self, item: Item) -> torch.Tensor:
        """The prediction [1, C, H, W], float32, on the device.

        Raises:
            ValueError: the burst has too few frames, or one with values that are not finite; the network returned
                something else than one image.
        """
        burst, info = self._inputs(item)
        with seeded(self._seed, self._benchmark.predicted_as, item.name, self._device), torch.no_grad():
            # no_grad and not inference_mode: some published networks differentiate inside their forward pass.
            self._wait()
            start = time.perf_counter()
            prediction = self._benchmark.call(self._net, burst, info)
            self._wait()
            self.seconds.append(time.perf_counter() - start)
        if not isinstance(prediction, torch.Tensor) or prediction.ndim != 4 or prediction.shape[0] != 1:
            got = tuple(prediction.shape) if isinstance(prediction, torch.Tensor) else type(prediction).__name__
            raise ValueError(f"{type(self._net).__name__} returned {got} for burst {item.name}, expected [1, C, H, W]")
        if not prediction.is_floating_point():
            raise ValueError(
                f"{type(self._net).__name__} returned {prediction.dtype} for burst {item.name}, expected floats in 0..1"
            )
        return prediction

    def flops(self, item: Item) -> int | None:
        """Floating point operations of one call (two per multiply-add); None if the work is done outside torch."""
        burst, info = self._inputs(item)
        counter = FlopCounterMode(display=False)
        with seeded(self._seed, self._benchmark.predicted_as, item.name, self._device), torch.no_grad(), counter:
            self._benchmark.call(self._net, burst, info)
        return counter.get_total_flops() or None

    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self._net.parameters())

    def _inputs(self, item: Item) -> tuple[torch.Tensor, Mapping[str, Any]]:
        if self._burst_sz is not None:
            item = self._benchmark.shorten(item, self._burst_sz)
        finite = item.burst.flatten(1).isfinite().all(dim=1)
        if not bool(finite.all()):
            frame = int((~finite).nonzero()[0])
            raise ValueError(
                f"burst {item.name} of {self._benchmark.name}: frame {frame} holds values that are not finite"
            )
        # Copies also on the CPU: a network may work in place, and metrics and other networks need the burst as it was.
        info = {
            key: value.to(self._device, copy=True) if isinstance(value, torch.Tensor) else value
            for key, value in item.info.items()
        }
        return item.burst[None].to(self._device, copy=True), info

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


@contextmanager
def seeded(seed: int, benchmark: str, burst: str, device: torch.device) -> Iterator[None]:
    """Inside, torch's global generators depend on (seed, benchmark, burst) only; outside, they do not change.

    So a score does not depend on the order of the bursts, on the process, or on which predictions were saved before.
    """
    digest = hashlib.sha256(f"{seed}\n{benchmark}\n{burst}".encode()).digest()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        yield
