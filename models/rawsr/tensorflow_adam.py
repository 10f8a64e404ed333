"""Adam as TensorFlow computes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch


class TensorFlowAdam(torch.optim.Adam):
    """Adam (Kingma and Ba, ICLR 2015) in the form ``w - lr_t m / (sqrt(v) + epsilon)``, the last one of its section 2.

    ``lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t)``. torch adds epsilon to the corrected root, so its epsilon is smaller
    by ``sqrt(1 - beta2^t)``, 32 times in the first step; with gradients near epsilon the steps differ visibly.

    Args:
        params: as for ``torch.optim.Adam``.
        lr: learning rate.
        epsilon: of TensorFlow's form.
    """

    def __init__(self, params: Any, lr: float = 1e-3, epsilon: float = 1e-8) -> None:
        super().__init__(params, lr=lr, eps=epsilon)
        for group in self.param_groups:
            group["epsilon"] = epsilon

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        for group in self.param_groups:
            done = max((int(self.state[p]["step"]) for p in group["params"] if "step" in self.state[p]), default=0)
            group["eps"] = group["epsilon"] / math.sqrt(1 - group["betas"][1] ** (done + 1))
        loss: float | None = super().step(closure)
        return loss
