"""The state of a training, as checkpoints hold it and the check needs it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import nn

from admin.settings import Settings
from admin.stats import LoaderStats
from trainers.ema import MovingAverage
from trainers.kept_files import Best

if TYPE_CHECKING:
    from accelerate import Accelerator


class TrainingRun(Protocol):
    """What :class:`trainers.base_trainer.BaseTrainer` is to the modules it is made of; its docstring has the meanings.

    Attributes:
        net: the network that is trained, without what wraps it.
        net_type: its class, by which checkpoints are named.
        average: moving average of its weights, or None.
        best: the best epoch so far.
    """

    actor: Any
    loaders: list[Any]
    settings: Settings
    device: torch.device
    accelerator: Accelerator
    net: nn.Module
    net_type: str
    average: MovingAverage | None
    best: Best
    lr_scheduler: Any
    schedule_per: Literal["epoch", "step"]
    epoch: int
    step: int
    position: dict[str, Any] | None
    seconds: float
    stats: OrderedDict[str, LoaderStats | None]

    @property
    def optimizer(self) -> Any:
        """The optimiser as the accelerator has prepared it."""

    def prepared(self, batch: Any, epoch: int) -> Any:
        """The batch as the actor gets it."""
