"""Trains only the flow network of a denoiser, on bursts whose motion is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch

from actors.base_actor import BaseActor, Stats
from actors.offsets import offsets_at_size, true_offsets
from actors.pictures import flow_panels


class FlowActor(BaseActor):
    """Offsets of a burst against its true motion; the rest of the network is not called and gets no gradient.

    ``net.offsets(burst, noise_estimate)`` gives [B, N-1, 2, h, w]. The objective's ``offsets`` compares predicted and
    true offsets, [B(N-1), 2, H, W] in pixels.
    """

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The loss of a batch with ``burst`` and ``sigma_estimate`` [B, N, C, H, W] and ``shifts`` [B, N, 2, H, W]."""
        burst = data["burst"]
        offsets = cast(Any, self.net).offsets(burst, data.get("sigma_estimate"))
        predicted = offsets_at_size(offsets.flatten(0, 1), burst.shape[-2:])
        truth = true_offsets(data)
        loss = self.objective["offsets"](predicted, truth)
        self.show(lambda: flow_panels(burst, predicted, truth))
        return loss, {"Loss/total": loss.detach(), "Loss/offset": loss.detach()}
