"""Exponential moving average of a network's weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class MovingAverage:
    """``average = decay * average + (1 - decay) * weights`` after every optimiser step; buffers are copied.

    The first step only copies the weights, so the average forgets the initial ones.

    Args:
        net: the network; it stays as it is.
        decay: from [0, 1), near 1.

    Raises:
        ValueError: decay is not in [0, 1).
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"ema_decay = {decay}: expected a number from 0 to below 1, for example 0.999")
        self._averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(decay))

    def update(self, net: nn.Module) -> None:
        self._averaged.update_parameters(net)

    def state_dict(self) -> dict[str, torch.Tensor] | None:
        """The averaged weights, with the keys of the network; None before the first step."""
        return self._averaged.module.state_dict() if self._averaged.n_averaged else None

    def load_state_dict(self, state: Mapping[str, torch.Tensor] | None) -> None:
        """The inverse of :meth:`state_dict`."""
        if state is not None:
            self._averaged.module.load_state_dict(state)
        # 0: the next update copies; above 0: it averages.
        self._averaged.n_averaged.fill_(0 if state is None else 1)
