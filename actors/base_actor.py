"""What all actors share: a network with its objective, and the bookkeeping of a weighted sum of terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import nn

from actors.pictures import ValidationPictures
from utils.suggestions import unknown_name_message

Stats = dict[str, torch.Tensor]
Objective = Mapping[str, Callable[..., torch.Tensor]]


class BaseActor(ABC):
    """Ties a network to its objective: ``loss, stats = actor(batch)``.

    Args:
        net: the network.
        objective: the loss terms and metrics by name; those that are modules (LPIPS) move with the actor.

    Attributes:
        loss_is_sum: the loss is a sum over the samples of a batch, not a mean: several processes add theirs up.
    """

    loss_is_sum: bool = False

    def __init__(self, net: nn.Module, objective: Objective) -> None:
        self.net, self.objective = net, objective
        self.pictures = ValidationPictures()

    @abstractmethod
    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The loss of a batch (0-d, with graph) and its stats by tag (0-d, detached, on the batch's device)."""

    def to(self, device: torch.device | str) -> Self:
        """Moves the network, and whatever of the objective holds weights."""
        for module in (self.net, *self.objective.values()):
            if isinstance(module, nn.Module):
                module.to(device)
        return self

    def train(self, mode: bool = True) -> Self:
        """Puts the network into training or evaluation mode."""
        self.net.train(mode)
        return self

    def eval(self) -> Self:
        """Puts the network into evaluation mode."""
        return self.train(False)

    def take_pictures(self) -> dict[str, torch.Tensor]:
        """Tag → uint8 [3, H, W] of the first bursts of the validation since the last call."""
        return self.pictures.take()

    def show(self, panels: Callable[[], Sequence[torch.Tensor]]) -> None:
        """In validation, keeps a strip of images of this batch, if it is one of the first; see `ValidationPictures`."""
        if not self.net.training:
            self.pictures.add(panels)


class WeightedTerms:
    """Sum of weighted loss terms with their stats ``Loss/<name>`` (weighted) and ``Loss/raw/<name>``."""

    def __init__(self) -> None:
        self._graph: list[torch.Tensor] = []
        self._logged: Stats = {}

    def add(self, name: str, weight: float, term: Callable[[], torch.Tensor]) -> None:
        """Computes a term. One of weight 0 is only logged: it stays out of the graph, where 0 · inf would be NaN."""
        if weight == 0:
            with torch.no_grad():
                raw = term()
            weighted = torch.zeros_like(raw)
        else:
            raw = term()
            weighted = weight * raw
            self._graph.append(weighted)
        self._logged[f"Loss/{name}"] = weighted.detach()
        self._logged[f"Loss/raw/{name}"] = raw.detach()

    def total(self) -> tuple[torch.Tensor, Stats]:
        """The sum, and the stats with ``Loss/total`` in front.

        Raises:
            ValueError: every term has weight 0.
        """
        if not self._graph:
            raise ValueError("every term of the loss has weight 0: nothing can be learned; see loss_weight")
        total = sum(self._graph[1:], start=self._graph[0])
        return total, {"Loss/total": total.detach(), **self._logged}


def checked_loss_weight(
    loss_weight: Mapping[str, float] | None, objective: Objective, terms: tuple[str, ...]
) -> dict[str, float]:
    """The weights of the loss terms; ``{'rgb': 1.0}`` if None.

    Args:
        terms: the terms that the actor knows; the first one has to be weighted.

    Raises:
        ValueError: an unknown term is weighted, the first one is not, or the objective lacks one.
    """
    weights = dict(loss_weight) if loss_weight is not None else {"rgb": 1.0}
    for name in weights:
        if name not in terms:
            raise ValueError(unknown_name_message("loss term in loss_weight", name, terms))
        if name not in objective:
            raise ValueError(f"loss_weight weighs {name!r}, but the objective has only {', '.join(objective)}")
    if terms[0] not in weights:
        raise ValueError(f"loss_weight has no {terms[0]!r}: {weights}")
    return weights
