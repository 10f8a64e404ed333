"""Convolution and residual blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

ACTIVATIONS = ("relu", "lrelu", "prelu", "sigmoid", "tanh", "none")


def activation_layer(name: str, planes: int, params: Mapping[str, Any] | None = None) -> nn.Module | None:
    """The activation ``name`` (one of ``ACTIVATIONS``) for ``planes`` channels; None for ``'none'``.

    ``params['negative_slope']`` is the slope of ``'lrelu'`` (default 0.1); ``'prelu'`` learns one slope per channel.

    Raises:
        ValueError: unknown name.
    """
    if name == "relu":
        return nn.ReLU(inplace=True)
    if name == "lrelu":
        return nn.LeakyReLU(negative_slope=(params or {}).get("negative_slope", 0.1), inplace=True)
    if name == "prelu":
        return nn.PReLU(num_parameters=planes)
    if name == "sigmoid":
        return nn.Sigmoid()
    if name == "tanh":
        return nn.Tanh()
    if name == "none":
        return None
    raise ValueError(f"unknown activation {name!r}; known are {', '.join(ACTIVATIONS)}")


def conv_block(
    in_planes: int,
    out_planes: int,
    kernel_size: int = 3,
    stride: int = 1,
    padding: int = 1,
    dilation: int = 1,
    bias: bool = True,
    batch_norm: bool = False,
    activation: str = "relu",
    padding_mode: str = "zeros",
    activation_params: Mapping[str, Any] | None = None,
) -> nn.Sequential:
    """Convolution, optional batch norm, optional activation (see :func:`activation_layer`), [B, C, H, W]."""
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_planes,
            out_planes,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=bias,
            padding_mode=padding_mode,  # type: ignore[arg-type]
        )
    ]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_planes))
    final = activation_layer(activation, out_planes, activation_params)
    if final is not None:
        layers.append(final)
    return nn.Sequential(*layers)


class ResBlock(nn.Module):
    """``act(conv2(conv1(x)) + x)`` with two 3×3 convolutions; the first one carries stride and activation.

    ``downsample`` is applied to ``x`` on the way past, where the shapes differ. With activation ``'none'`` the sum is
    returned as it is. No attention type but ``'none'`` is known.
    """

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        dilation: int = 1,
        batch_norm: bool = False,
        activation: str = "relu",
        padding_mode: str = "zeros",
        attention: str = "none",
    ) -> None:
        super().__init__()
        if attention != "none":
            raise ValueError(f"unknown attention {attention!r}; only 'none' is known")
        self.conv1 = conv_block(
            inplanes,
            planes,
            stride=stride,
            dilation=dilation,
            batch_norm=batch_norm,
            activation=activation,
            padding_mode=padding_mode,
        )
        self.conv2 = conv_block(
            planes, planes, dilation=dilation, batch_norm=batch_norm, activation="none", padding_mode=padding_mode
        )
        self.downsample = downsample
        self.activation = activation_layer(activation, planes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        past = x if self.downsample is None else self.downsample(x)
        y: torch.Tensor = self.conv2(self.conv1(x))
        y = y.add_(past) if y.dtype == past.dtype else y + past
        if self.activation is not None:
            y = self.activation(y)
        return y


def res_blocks(
    count: int, planes: int, batch_norm: bool = False, activation: str = "relu", padding_mode: str = "zeros"
) -> list[nn.Module]:
    """``count`` residual blocks that keep ``planes`` channels."""
    return [
        ResBlock(planes, planes, batch_norm=batch_norm, activation=activation, padding_mode=padding_mode)
        for _ in range(count)
    ]
