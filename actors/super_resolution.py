"""The two ways in which DBSR and DeepRep train RAW burst super-resolution; both systems use them unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import nn

from actors.base_actor import BaseActor, Objective, Stats, WeightedTerms, checked_loss_weight
from actors.offsets import true_offsets
from actors.pictures import linear_panels
from models.loss.spatial_color_alignment import AlignmentNet, SpatialColorAlignment


class SyntheticSRActor(BaseActor):
    """Bursts made from photographs: the prediction is compared with the ground truth as it is.

    Args:
        net: ``pred, aux = net(burst)``.
        objective: ``rgb`` is the loss ``(pred, gt)``; ``psnr`` is logged if there; ``offsets`` (predicted, true
            offsets, [B(N-1), 2, H, W] in packed pixels) where weighted, for a flow network that is trained along.
        loss_weight: weights of ``rgb`` and ``offsets``; ``{'rgb': 1.0}`` by default.
    """

    def __init__(self, net: nn.Module, objective: Objective, loss_weight: Mapping[str, float] | None = None) -> None:
        super().__init__(net, objective)
        self.loss_weight = checked_loss_weight(loss_weight, objective, ("rgb", "offsets"))

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """``data``: ``burst`` [B, N, 4, H, W] and ``frame_gt`` [B, 3, sH, sW], linear 0..1; ``shifts`` if needed."""
        pred, aux = self.net(data["burst"])
        gt = data["frame_gt"]
        self.show(lambda: linear_panels(data["burst"], pred, gt, aux))
        terms = WeightedTerms()
        terms.add("rgb", self.loss_weight["rgb"], lambda: self.objective["rgb"](pred, gt))
        if "offsets" in self.loss_weight:
            predicted, truth = aux["offsets"].flatten(0, 1), true_offsets(data)
            terms.add("offset", self.loss_weight["offsets"], lambda: self.objective["offsets"](predicted, truth))
        loss, stats = terms.total()
        if "psnr" in self.objective:
            stats["Stat/psnr"] = self.objective["psnr"](pred.detach(), gt)
        return loss, stats


class RealWorldSRActor(BaseActor):
    """Bursts of one camera, ground truth of another (BurstSR): compared after alignment in space and colour.

    Args:
        net: ``pred, aux = net(burst)``.
        objective: ``rgb`` is the loss ``(pred, gt, valid=)``; ``psnr`` (same call) is logged if there.
        alignment_net: flow network of the alignment, kept in evaluation mode.
        loss_weight: ``{'rgb': weight}``, 1 by default.
        sr_factor: prediction pixels for a pixel of the mosaic.
    """

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        alignment_net: AlignmentNet,
        loss_weight: Mapping[str, float] | None = None,
        sr_factor: int = 4,
    ) -> None:
        super().__init__(net, objective)
        self.loss_weight = checked_loss_weight(loss_weight, objective, ("rgb",))
        self.sca = SpatialColorAlignment(alignment_net, sr_factor)

    def to(self, device: torch.device | str) -> Self:
        """Moves the network, the objective and the alignment network."""
        self.sca.to(device)
        return super().to(device)

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """``data`` has ``burst`` [B, N, 4, H, W] and ``frame_gt`` [B, 3, 2sH, 2sW], linear, s = ``sr_factor``."""
        pred, aux = self.net(data["burst"])
        gt = data["frame_gt"]
        aligned, valid = self.sca(pred, gt, data["burst"])
        self.show(lambda: linear_panels(data["burst"], aligned, gt, aux))
        terms = WeightedTerms()
        terms.add("rgb", self.loss_weight["rgb"], lambda: self.objective["rgb"](aligned, gt, valid=valid))
        loss, stats = terms.total()
        with torch.no_grad():
            stats.update(self.metrics(aligned.detach(), gt, valid))
        return loss, stats

    def metrics(self, aligned: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor) -> Stats:
        """What is logged beside the loss."""
        if "psnr" not in self.objective:
            return {}
        return {"Stat/psnr": self.objective["psnr"](aligned, gt, valid=valid)}
