"""Whether the order of the frames matters to a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from admin.devices import own_device
from evaluation.common_utils.network_param import NetworkParam
from utils.draws import Draws

CHECKED_BURSTS = 2
_ORDERS = 3


def largest_change(net: nn.Module, burst: torch.Tensor, orders: int = _ORDERS, seed: int = 0) -> float:
    """The largest difference in grey levels that another order of the frames of ``burst`` [N, 3, H, W] makes."""
    draws = Draws(seed, len(burst))
    with torch.no_grad():
        straight = net(burst[None])[0]
        changes = [
            float((net(burst[None, draws.permutation(len(burst))])[0] - straight).abs().max()) for _ in range(orders)
        ]
    return max(changes)


def permutation_note(networks: Sequence[NetworkParam], bursts: Sequence[torch.Tensor]) -> str:
    """A sentence for the report, tried on some bursts [N, 3, H, W].

    Networks of which only predictions are at hand are left out.
    """
    device = own_device()
    found = []
    for network in networks:
        if network.predictions_only or not network.is_at_hand():
            continue
        net = network.load_net().to(device)
        change = max(largest_change(net, burst.to(device)) for burst in bursts)
        verdict = "bit-identical" if change == 0 else f"up to {change:.2g} grey levels"
        found.append(f"{network.get_display_name()} {verdict}")
    answer = ", ".join(found) or "none"
    return f"Permutation check ({_ORDERS} random orders of {len(bursts)} bursts, {device.type}): {answer}."
