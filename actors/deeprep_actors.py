"""Actors of DeepRep (Bhat et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from actors.base_actor import BaseActor, Objective, Stats, WeightedTerms, checked_loss_weight
from actors.offsets import offsets_at_size, true_offsets
from actors.pictures import linear_panels
from actors.super_resolution import RealWorldSRActor, SyntheticSRActor
from models.loss.mapped import MappedLoss
from utils.draws import Draws
from utils.ops.warp import warp


class DeepRepSRSyntheticActor(SyntheticSRActor):
    """DeepRep super-resolution on synthetic bursts."""


class DeepRepSRBurstSRActor(RealWorldSRActor):
    """DeepRep super-resolution on BurstSR; also logs ``mssim`` and ``lpips`` (over all pixels) if in the objective."""

    def metrics(self, aligned: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor) -> Stats:
        stats = super().metrics(aligned, gt, valid)
        whole = {
            f"Stat/{name}": self.objective[name](aligned, gt) for name in ("mssim", "lpips") if name in self.objective
        }
        return {**stats, **whole}


class DeepRepDenoisingActor(BaseActor):
    """DeepRep burst denoising, with the flow network trained along if its terms are weighted.

    Args:
        net: ``pred, aux = net(burst, noise_estimate=)``; ``aux['offsets']`` [B, N-1, 2, h, w] are flows on the grid of
            the other frames that point into frame 0 (pixels of their own grid). Without them only ``rgb`` counts.
        objective: ``rgb`` ``(pred, gt)``, ``psnr`` (logged if there), and where weighted ``offsets`` (predicted, true
            offsets, [B(N-1), 2, H, W]) and ``photometric`` (frame 0 warped by the predicted offsets, other frame).
            ``rgb`` and ``psnr`` may be a :class:`MappedLoss`; one with a mapping gets the batch's ``meta_info``.
        loss_weight: weights of ``rgb``, ``offsets``, ``photometric``; ``{'rgb': 1.0}`` by default. A term of weight 0
            is logged and does not count.
        burst_lengths: in training every step takes one of these numbers of frames, all as often as the others; a
            number may stand there several times. Empty: all frames.

    Raises:
        ValueError: a burst length below 1, or a loss weight that does not fit.
    """

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        loss_weight: Mapping[str, float] | None = None,
        burst_lengths: Sequence[int] = (),
    ) -> None:
        super().__init__(net, objective)
        self.loss_weight = checked_loss_weight(loss_weight, objective, ("rgb", "offsets", "photometric"))
        self.burst_lengths = tuple(burst_lengths)
        if any(count < 1 for count in self.burst_lengths):
            raise ValueError(f"burst_lengths={self.burst_lengths}: numbers of frames, each at least 1")

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The loss of a batch.

        Args:
            data: ``burst`` [B, N, C, H, W] and ``frame_gt`` [B, C, H, W], linear; ``sigma_estimate`` [B, N, C, H, W] if
                the network takes one; ``shifts`` [B, N, 2, H, W] (true motion, x and y in pixels) if ``offsets`` is
                weighted; ``meta_info`` if a mapping needs it; ``settings`` with the seed of the run and ``step``, from
                which the number of frames is drawn if ``burst_lengths`` are given: without them all frames are taken.

        Raises:
            ValueError: ``offsets`` is weighted and the batch has no ``shifts``, or a burst is shorter than the longest
                of ``burst_lengths``.
        """
        data = self._shortened(data)
        burst, gt = data["burst"], data["frame_gt"]
        pred, aux = self.net(burst, noise_estimate=data.get("sigma_estimate"))
        self.show(lambda: linear_panels(burst, pred, gt, aux))
        terms = WeightedTerms()
        terms.add("rgb", self.loss_weight["rgb"], lambda: self._compared("rgb", pred, gt, data))
        if aux.get("offsets") is not None and burst.shape[1] > 1:
            offsets = offsets_at_size(aux["offsets"].flatten(0, 1), burst.shape[-2:])
            if "offsets" in self.loss_weight:
                truth = true_offsets(data)
                terms.add("offset", self.loss_weight["offsets"], lambda: self.objective["offsets"](offsets, truth))
            if "photometric" in self.loss_weight:
                terms.add("photometric", self.loss_weight["photometric"], lambda: self._photometric(burst, offsets))
        loss, stats = terms.total()
        if "psnr" in self.objective:
            with torch.no_grad():
                stats["Stat/psnr"] = self._compared("psnr", pred.detach(), gt, data)
        return loss, stats

    def _shortened(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The first frames of every burst; how many is drawn from (seed, step), the same on every process."""
        if not (self.burst_lengths and self.net.training and "settings" in data):
            return data
        frames = data["burst"].shape[1]
        if frames < max(self.burst_lengths):
            raise ValueError(f"bursts of {frames} frames are too short for burst_lengths={self.burst_lengths}")
        index = Draws(data["settings"].seed, data["step"]).integer(0, len(self.burst_lengths) - 1)
        count = self.burst_lengths[index]
        per_frame = {name: data[name][:, :count] for name in ("burst", "sigma_estimate", "shifts") if name in data}
        return {**data, **per_frame}

    def _compared(self, name: str, pred: torch.Tensor, gt: torch.Tensor, data: Mapping[str, Any]) -> torch.Tensor:
        objective = self.objective[name]
        if isinstance(objective, MappedLoss) and objective.mapping_fn is not None:
            mapped: torch.Tensor = objective(pred, gt, meta_info=data.get("meta_info"))
            return mapped
        return objective(pred, gt)

    def _photometric(self, burst: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        others = burst[:, 1:]
        reference = burst[:, :1].expand_as(others)
        return self.objective["photometric"](warp(reference.flatten(0, 1), offsets), others.flatten(0, 1))
