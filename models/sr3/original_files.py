"""Checkpoints of the original system: pairs ``I<step>_E<epoch>_gen.pth`` (weights) and ``..._opt.pth`` (optimiser)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from admin.checkpoints import CheckpointError, read_checkpoint
from admin.loading import load_state
from models.sr3.diffusion import GaussianDiffusion
from utils.image_io import PathLike

logger = logging.getLogger(__name__)

_NAME = re.compile(r"I(\d+)_E(\d+)$")


@dataclass(frozen=True)
class OriginalCheckpoint:
    """Where a training of the original system stood.

    Attributes:
        step, epoch: as in the name of the files; 0 where the name does not say.
        optimizer: state of Adam, None without an ``_opt.pth``.
    """

    step: int
    epoch: int
    optimizer: Mapping[str, Any] | None


def load_original(
    net: GaussianDiffusion, prefix: PathLike, optimizer: torch.optim.Optimizer | None = None
) -> OriginalCheckpoint:
    """Loads a pair of files of the original system.

    The noise schedule of the network stays as it was configured; that of the file is left aside with a notice.

    Args:
        net: takes over the weights.
        prefix: path up to ``_gen.pth``, e.g. ``checkpoint/I200000_E110`` (or the path of one of the two files).
        optimizer: an Adam over ``net.parameters()``, which takes over its state.

    Raises:
        FileNotFoundError: there is no ``<prefix>_gen.pth``, or an optimiser is given and there is no ``_opt.pth``.
        CheckpointError: a file is damaged or of another network or optimiser.
    """
    stem = re.sub(r"_(gen|opt)\.pth$", "", str(prefix))
    weights = Path(f"{stem}_gen.pth")
    state = read_checkpoint(weights)
    buffers = net.schedule.buffers().keys()
    # Without buffers a file still has all that was learned; and load_state would refuse those of another length.
    own = {name: value for name, value in net.state_dict().items() if name in buffers}
    if any(name in state and state[name].shape != value.shape for name, value in own.items()):
        logger.warning(
            "%s was trained on %d steps of noise, the configuration has %d; its schedule is left aside",
            weights,
            len(state["betas"]),
            len(net.schedule),
        )
    load_state(net, {**state, **own}, str(weights))
    found = _NAME.search(stem)
    step, epoch = (int(number) for number in found.groups()) if found else (0, 0)
    training = Path(f"{stem}_opt.pth")
    if not training.is_file() and optimizer is None:
        return OriginalCheckpoint(step, epoch, None)
    content = read_checkpoint(training)
    if not isinstance(content.get("optimizer"), Mapping):
        raise CheckpointError(f"{training} holds no optimiser but {', '.join(content) or 'nothing'}")
    if optimizer is not None:
        try:
            optimizer.load_state_dict(dict(content["optimizer"]))
        except (ValueError, KeyError) as error:
            raise CheckpointError(f"{training}: its optimiser does not fit this network ({error})") from error
    return OriginalCheckpoint(int(content.get("iter", step)), int(content.get("epoch", epoch)), content["optimizer"])
