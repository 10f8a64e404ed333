"""Networks whose convolutions and matrix products are in bfloat16."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def in_half_precision(net: nn.Module) -> nn.Module:
    """The same network, whose calls run under autocast to bfloat16 and give float32; weights stay as they are.

    What needs more digits (flow, sampling positions, step lengths, noise levels) keeps float32 inside the networks.
    About twice as fast on processors with AVX512-BF16 or AMX, and on GPUs; slower than float32 on others. Its
    convolutions take the channels last, in which oneDNN and cuDNN are fastest.
    """
    net = net.to(memory_format=torch.channels_last)
    forward = net.forward

    def forward_in_half_precision(burst: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(burst.device.type, dtype=torch.bfloat16):
            image, aux = forward(burst, *args, **kwargs)
        return image.float(), aux

    net.forward = forward_in_half_precision
    return net
