"""Convolutional GRU over the frames of a burst, run from both ends to the centre frame."""

from __future__ import annotations

import torch
from torch import nn


class ConvGRU(nn.Module):
    """Gated recurrent unit with 3x3 convolutions; the hidden state starts at zero.

    Args:
        in_channels: channels of a frame.
        channels: channels of the hidden state.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.convz = nn.Conv2d(channels + in_channels, channels, 3, padding=1)
        self.convr = nn.Conv2d(channels + in_channels, channels, 3, padding=1)
        self.convq = nn.Conv2d(channels + in_channels, channels, 3, padding=1)

    def forward(self, frames: torch.Tensor) -> list[torch.Tensor]:
        """States before the first and after every frame of [B, N, C, H, W]: N + 1 of [B, channels, H, W]."""
        hidden = frames.new_zeros(frames.shape[0], self.channels, *frames.shape[-2:])
        states = [hidden]
        for frame in frames.unbind(dim=1):
            seen = torch.cat((hidden, frame), dim=1)
            update, reset = torch.sigmoid(self.convz(seen)), torch.sigmoid(self.convr(seen))
            proposed = torch.tanh(self.convq(torch.cat((reset * hidden, frame), dim=1)))
            hidden = (1 - update) * hidden + update * proposed
            states.append(hidden)
        return states


class BidirectionalGRU(nn.Module):
    """Both directions share one GRU; their states at the centre frame are merged (``BiGRU``).

    Args:
        channels: of frames, hidden state and result.
        interpolation: in training, also return what is known before the centre frame is seen.
    """

    def __init__(self, channels: int, interpolation: bool = True) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.forward_net = ConvGRU(channels, channels)
        self.conv_1x1 = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """[B, N, C, H, W] with an odd N to [B, C, H, W].

        In training with ``interpolation`` [2B, C, H, W]: the last B are the centre frame as told by the others only.
        """
        centre = frames.shape[1] // 2
        # Frames behind the centre do not change its state.
        before = self.forward_net(frames[:, : centre + 1])
        after = self.forward_net(frames[:, centre:].flip(1))
        merged = torch.cat((before[-1], after[-1]), dim=1)
        if self.training and self.interpolation:
            merged = torch.cat((merged, torch.cat((before[-2], after[-2]), dim=1)), dim=0)
        features: torch.Tensor = self.conv_1x1(merged)
        return features
