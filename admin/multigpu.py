"""Wrappers around networks, and the network inside them."""

from __future__ import annotations

from typing import Any

from torch import nn


class MultiGPU(nn.DataParallel[nn.Module]):
    """Splits batches over all GPUs of this machine; without any it hands them to the network as they are.

    Names that the wrapper does not know are looked up in the network, so ``MultiGPU(net).constructor`` works.

    Args:
        module: the network.
        device_ids: GPUs by number, all by default.
        output_device: where the outputs are gathered, the first GPU by default.
        dim: axis of the batch.
    """

    def __init__(
        self, module: nn.Module, device_ids: list[int] | None = None, output_device: int | None = None, dim: int = 0
    ) -> None:
        super().__init__(module, device_ids, output_device, dim)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


def unwrapped(net: nn.Module) -> nn.Module:
    """The network itself, inside any data-parallel or distributed wrapper."""
    while isinstance(net, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        net = net.module
    return net
