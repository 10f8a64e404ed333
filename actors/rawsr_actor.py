"""Actor of RawSR (Xu et al., CVPR 2019, TPAMI 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from actors.base_actor import BaseActor, Stats, WeightedTerms


class RawSRActor(BaseActor):
    """Compares the unclipped output with the ground truth as it is.

    Args:
        net: ``pred, aux = net(raw, isp)``.
        objective: ``rgb`` is the loss ``(pred, gt)``, L1 in the papers; whatever else is there (``psnr``, ``ssim``;
            same call) is logged.
    """

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The loss of a batch.

        Args:
            data: ``raw`` [B, 1, H, W], linear mosaics; ``isp`` [B, 3, H, W] and ``frame_gt`` [B, 3, S H, S W],
                gamma-encoded RGB; all 0..1.
        """
        pred, _ = self.net(data["raw"], data["isp"])
        gt = data["frame_gt"]
        self.show(lambda: [255 * image[0] for image in (data["isp"], pred, gt)])
        terms = WeightedTerms()
        terms.add("rgb", 1.0, lambda: self.objective["rgb"](pred, gt))
        loss, stats = terms.total()
        with torch.no_grad():
            for name in self.objective:
                if name != "rgb":
                    stats[f"Stat/{name}"] = self.objective[name](pred.detach(), gt)
        return loss, stats
