"""Enlargement by sub-pixel convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.blocks import conv_block
from models.layers.filtering import centred_gaussian

Initializer = Callable[[torch.Tensor], Any]


def ICNR(  # noqa: N802 - the name of the method in its paper
    tensor: torch.Tensor, upscale_factor: int = 2, initializer: Initializer = nn.init.kaiming_normal_
) -> torch.Tensor:
    """Convolution weights after which ``PixelShuffle`` starts out as nearest-neighbour enlargement.

    A tensor of shape [out / r², in, kh, kw] is drawn with ``initializer`` and each of its output channels repeated r²
    times in a row (Aitken et al., Checkerboard artifact free sub-pixel convolution, arXiv 1707.02937).

    Args:
        tensor: weights [out, in, kh, kw] whose shape, dtype and device are taken; it is not changed.
        upscale_factor: r.
        initializer: fills a tensor in place; Kaiming normal (fan-in, gain √2) unless given.

    Raises:
        ValueError: out is not a multiple of r².
    """
    copies = upscale_factor**2
    if tensor.shape[0] % copies:
        raise ValueError(f"{tensor.shape[0]} output channels are no multiple of {upscale_factor}²")
    base = torch.empty_like(tensor[::copies], memory_format=torch.contiguous_format)
    with torch.no_grad():
        initializer(base)
    return base.repeat_interleave(copies, dim=0)


class PixShuffleUpsampler(nn.Module):
    """1×1 convolution with activation, pixel shuffle by r, optional Gaussian blur; [B, C, H, W] → [B, D, rH, rW].

    With ``icnrinit`` the convolution starts as :func:`ICNR` and has no bias. The blur pads with zeros, so that it
    darkens a border of one pixel: released networks were trained that way.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        upsample_factor: int = 2,
        use_bn: bool = False,
        activation: str = "relu",
        icnrinit: bool = False,
        gauss_blur_sd: float | None = None,
        gauss_ksz: int = 3,
    ) -> None:
        super().__init__()
        self.conv_layer = conv_block(
            input_dim,
            output_dim * upsample_factor**2,
            kernel_size=1,
            padding=0,
            bias=not icnrinit,
            batch_norm=use_bn,
            activation=activation,
        )
        if icnrinit:
            weight = self.conv_layer.get_parameter("0.weight")
            weight.data.copy_(ICNR(weight.data, upsample_factor))
        self.pix_shuffle = nn.PixelShuffle(upsample_factor)
        # A plain attribute: state dicts of released networks hold no blur kernel.
        self.blur_kernel: torch.Tensor | None = None
        if gauss_blur_sd is not None:
            if gauss_ksz % 2 == 0:
                raise ValueError(f"gauss_ksz must be odd, got {gauss_ksz}")
            self.blur_kernel = centred_gaussian(gauss_ksz, gauss_blur_sd)[None]

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> PixShuffleUpsampler:
        nn.Module._apply(self, fn, recurse)
        if self.blur_kernel is not None:
            self.blur_kernel = fn(self.blur_kernel)
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.pix_shuffle(self.conv_layer(x))
        if self.blur_kernel is None:
            return y
        blurred: torch.Tensor = _Blur.apply(y, self.blur_kernel.to(y))
        return blurred


class _Blur(torch.autograd.Function):
    """Each channel of [B, C, H, W] with a symmetric kernel [1, 1, k, k] and zeros outside: its own derivative.

    A convolution would keep its input for a gradient to the kernel that nobody asks for.
    """

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(kernel)
        channels = maps.shape[1]
        return F.conv2d(maps, kernel.expand(channels, -1, -1, -1), padding=kernel.shape[-1] // 2, groups=channels)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, None]:
        (kernel,) = ctx.saved_tensors
        return _Blur.apply(grad_outputs[0], kernel), None
