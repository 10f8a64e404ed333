"""Actor of permutation-invariant burst deblurring (Aittala and Durand, ECCV 2018)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from actors.base_actor import BaseActor, Objective, Stats
from actors.pictures import ValidationPictures
from utils.draws import Draws

_PICTURES = 5  # batches of a validation whose first burst is shown


class BurstDeblurActor(BaseActor):
    """Trains on a random number of frames, the same for all bursts of a batch.

    In training the number depends on (seed, step): it is the same on every process and after a resume. In validation it
    comes from torch's global generator, which the trainer seeds by (seed, batch), so epochs compare.

    Args:
        net: ``pred, aux = net(burst)`` in grey levels 0..255.
        objective: ``rgb`` is the loss ``(pred, gt)``; ``psnr`` (same call, of images in 0..1) is logged if there.
        burst_sz: smallest and largest number of frames.
        batch_statistics: given the number of the training step (from 1), whether BatchNorm normalises by the batch and
            learns from it, as usual, or uses what it has learned; None is always. See :func:`once_per_epoch`.

    Raises:
        ValueError: an impossible ``burst_sz``.
    """

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        burst_sz: tuple[int, int] = (2, 8),
        batch_statistics: Callable[[int], bool] | None = None,
    ) -> None:
        super().__init__(net, objective)
        if not 1 <= burst_sz[0] <= burst_sz[1]:
            raise ValueError(f"burst_sz={burst_sz}: smallest and largest number of frames, at least 1")
        self.burst_sz, self.batch_statistics = burst_sz, batch_statistics
        self.loss_is_sum = getattr(objective.get("rgb"), "reduction", "mean") == "sum"
        self.pictures = ValidationPictures(_PICTURES)

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The loss of a batch.

        Args:
            data: ``burst`` [B, T, 3, H, W] with at least as many frames as may be drawn, ``frame_gt`` [B, 3, H, W],
                grey levels; ``step`` where ``batch_statistics`` is given; ``settings`` with the seed of the run and
                ``step``, else the number of frames comes from the global generator also in training; ``unaligned`` [B]
                is logged if there.

        Raises:
            ValueError: the bursts are too short.
        """
        burst, gt = self._shortened(data), data["frame_gt"]
        if self.net.training and self.batch_statistics is not None:
            self._learn_statistics(self.batch_statistics(data["step"]))
        pred, _ = self.net(burst)
        loss = self.objective["rgb"](pred, gt)
        stats = {"Loss/total": loss.detach()}
        with torch.no_grad():
            if "psnr" in self.objective:
                stats["Stat/psnr"] = self.objective["psnr"](pred.detach().clamp(0, 255) / 255, gt / 255)
            if "unaligned" in data:
                stats["Stat/unaligned_frames"] = data["unaligned"].float().mean()
            self.show(lambda: [gt[0], pred[0], *burst[0]])
        return loss, stats

    def _shortened(self, data: Mapping[str, Any]) -> torch.Tensor:
        burst: torch.Tensor = data["burst"]
        fewest, most = self.burst_sz
        if burst.shape[1] < most:
            raise ValueError(f"bursts of {burst.shape[1]} frames are too short for burst_sz={self.burst_sz}")
        if self.net.training and "settings" in data:
            count = Draws(data["settings"].seed, data["step"]).integer(fewest, most)
        else:
            count = int(torch.randint(fewest, most + 1, ()))
        return burst[:, :count]

    def _learn_statistics(self, learn: bool) -> None:
        for module in self.net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train(learn)


def once_per_epoch(steps_per_epoch: int) -> Callable[[int], bool]:
    """Statistics of the batch in the first step of every epoch only.

    So trained the implementation of 2020: its validation, after that step, left the network in evaluation mode.
    """
    return lambda step: (step - 1) % steps_per_epoch == 0
