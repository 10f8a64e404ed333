"""Actor of SR3 for several frames (Saharia et al., arXiv 2104.07636)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from actors.base_actor import BaseActor, Stats
from admin.multigpu import unwrapped
from models.loss.image_quality_v2 import PSNR


class SR3Actor(BaseActor):
    """Trains a diffusion model on the published loss; in validation it also samples.

    Args:
        net: ``models.sr3.diffusion.GaussianDiffusion``; ``net(batch)`` is its summed loss.
        sampled: in validation, sample an image for every condition and log its PSNR; as costly as the model's
            sampler and number of steps.
    """

    def __init__(self, net: nn.Module, sampled: bool = True) -> None:
        super().__init__(net, {})
        self.sampled = sampled
        self._psnr = PSNR()

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The summed loss over the number of values of the images (``Loss/l_pix``).

        Args:
            data: ``HR`` [B, 3, H, W] and ``SR`` [B, 3 n, H, W], -1..1.

        Returns:
            The loss, and in validation also ``Stat/psnr`` of sampled images, both limited to 8 bits as in the
            published metric, mean over the batch.
        """
        target = data["HR"]
        images = {key: data[key] for key in ("HR", "SR")}
        loss = self.net(images).sum() / target.numel()  # with several GPUs each gives the loss of its part
        stats = {"Loss/total": loss.detach(), "Loss/l_pix": loss.detach()}
        if not self.net.training and self.sampled:
            net: Any = unwrapped(self.net)
            sampled = eight_bit(net.sample_images(data["SR"]))
            stats["Stat/psnr"] = self._psnr(sampled, eight_bit(target))
            self.show(lambda: self._panels(data["SR"], sampled, target))
        return loss, stats

    def _panels(self, condition: torch.Tensor, sampled: torch.Tensor, target: torch.Tensor) -> list[torch.Tensor]:
        """Frames of the condition | sampled image | target."""
        frames = condition[0].split(target.shape[1])
        return [255 * image for image in (*map(eight_bit, frames), sampled[0], eight_bit(target)[0])]


def eight_bit(image: torch.Tensor) -> torch.Tensor:
    """Images of -1..1 as multiples of 1/255 in 0..1."""
    return ((image.clamp(-1, 1) + 1) / 2 * 255).round() / 255
