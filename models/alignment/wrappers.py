"""Alignment of a burst to its first frame by a flow network."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from models.alignment.global_motion import find_global_motion
from models.layers.warp import warp

# Of a flat burst: far below the quantisation step of any sensor.
_LEAST_DEVIATION = 1e-6


def flow_image(im: torch.Tensor) -> torch.Tensor:
    """The three channels of ``im`` [..., C, H, W] that a flow network for photographs sees.

    Four channels are packed R, G, G, B, whose greens are averaged; three are taken as they are; one is repeated.

    Raises:
        ValueError: another number of channels.
    """
    channels = im.shape[-3]
    if channels == 3:
        return im
    if channels == 1:
        return im.expand(*im.shape[:-3], 3, *im.shape[-2:])
    if channels == 4:
        red, green1, green2, blue = im.unbind(dim=-3)
        return torch.stack((red, (green1 + green2) / 2, blue), dim=-3)
    raise ValueError(f"expected images with 1, 3 or 4 channels, got {channels} (shape {tuple(im.shape)})")


class FrozenUnlessTrained(nn.Module):
    """Holds ``alignment_net``; unless it is trained, it stays in evaluation mode and gets no gradient."""

    alignment_net: nn.Module
    train_alignmentnet: bool

    def train(self, mode: bool = True) -> FrozenUnlessTrained:
        super().train(mode)
        if not self.train_alignmentnet:
            self.alignment_net.eval()
        return self

    def run_alignment_net(self, source: torch.Tensor, target: torch.Tensor) -> Any:
        """``alignment_net(source, target)``, recorded for gradients only if the network is trained.

        In full precision also under autocast: in bfloat16 a flow of 5 pixels would be known to 1/32 of a pixel.
        """
        device = source.device.type
        if torch.is_autocast_enabled(device):
            source, target = source.float(), target.float()
        with (
            torch.set_grad_enabled(self.train_alignmentnet and torch.is_grad_enabled()),
            torch.autocast(device, enabled=False),
        ):
            return self.alignment_net(source, target)


class AlignmentWrapper(FrozenUnlessTrained):
    """Offsets of a burst by ``alignment_net(reference, other)``, any network that returns a flow, or a flow and a dict.

    Args:
        alignment_net: called with two image batches [B·(N-1), C, H, W]; if it has a true attribute ``shares_source``,
            the first batch holds each reference only once.
        train_alignmentnet: see :class:`FrozenUnlessTrained`.
        force_3ch_input: hand it :func:`flow_image` instead of the frames.
        standardise_input: shift and scale every burst to mean 0 and deviation 1 first. Cost volumes are quadratic in
            the brightness, which varies a hundredfold in linear space.
    """

    def __init__(
        self,
        alignment_net: nn.Module,
        train_alignmentnet: bool = False,
        force_3ch_input: bool = False,
        standardise_input: bool = False,
    ) -> None:
        super().__init__()
        self.alignment_net = alignment_net
        self.train_alignmentnet = train_alignmentnet
        self.force_3ch_input = force_3ch_input
        self.standardise_input = standardise_input
        self.train(self.training)

    def forward(self, im: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """``im`` [B, N, C, H, W] → offsets [B, N-1, 2, H, W] from each other frame's grid into frame 0, and a dict.

        The dict is what the flow network returned beside its flow. A burst of one frame has no offsets.
        """
        batch, frames, _, height, width = im.shape
        if frames == 1:
            return im.new_zeros(batch, 0, 2, height, width), {}
        if self.force_3ch_input:
            im = flow_image(im)
        if self.standardise_input:
            deviation, mean = torch.std_mean(im, dim=(1, 2, 3, 4), keepdim=True)
            im = (im - mean) / deviation.clamp(min=_LEAST_DEVIATION)
        reference, others = im[:, 0], im[:, 1:].flatten(0, 1)
        if not getattr(self.alignment_net, "shares_source", False):
            reference = reference.repeat_interleave(frames - 1, dim=0)
        result = self.run_alignment_net(reference, others)
        flow, aux = result if isinstance(result, tuple) else (result, {})
        return flow.reshape(batch, frames - 1, *flow.shape[1:]), aux


class SearchThenFlow(AlignmentWrapper):
    """First the motion of every frame as a whole by search, then the flow network on frames that are so far aligned.

    Args:
        alignment_net: as in :class:`AlignmentWrapper`; it sees only what the search leaves over.
        reach, rotation: as in :func:`models.alignment.global_motion.find_global_motion`.
        train_alignmentnet, force_3ch_input, standardise_input: as in :class:`AlignmentWrapper`.
    """

    def __init__(
        self,
        alignment_net: nn.Module,
        reach: int,
        rotation: bool = False,
        train_alignmentnet: bool = False,
        force_3ch_input: bool = False,
        standardise_input: bool = False,
    ) -> None:
        super().__init__(alignment_net, train_alignmentnet, force_3ch_input, standardise_input)
        self.reach = reach
        self.rotation = rotation

    def forward(self, im: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """As in the base class; the noise of the burst should be about equally strong everywhere."""
        if im.shape[1] == 1:
            return super().forward(im)
        motion = find_global_motion(im, self.reach, self.rotation)
        exact = torch.promote_types(im.dtype, torch.float32)
        offsets, back = (flow[:, 1:].to(exact) for flow in (motion.offsets(), motion.onto_reference()))
        moved = warp(im[:, 1:].flatten(0, 1), back.flatten(0, 1), padding_mode="border").unflatten(0, back.shape[:2])
        rest, aux = super().forward(torch.cat((im[:, :1], moved), dim=1))
        # What is left was found on the grid of frame 0.
        rest = warp(rest.flatten(0, 1), offsets.flatten(0, 1), padding_mode="border").unflatten(0, rest.shape[:2])
        return offsets + rest, aux


class PWCNetAlignment(AlignmentWrapper):
    """Offsets of a burst by a PWC-Net with its published weights, which must be at hand (see ``PWCNet``).

    Args:
        train_alignmentnet: see :class:`FrozenUnlessTrained`.
        flow_ds_factor: above 1, the offsets are returned on a grid that is coarser by this factor, multiplied by it.
    """

    def __init__(self, train_alignmentnet: bool = False, flow_ds_factor: float = 1.0) -> None:
        from models.alignment.pwcnet import PWCNet

        super().__init__(PWCNet(load_pretrained=True), train_alignmentnet, force_3ch_input=True)
        self.flow_ds_factor = flow_ds_factor

    def forward(self, im: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        offsets, aux = super().forward(im)
        if self.flow_ds_factor > 1 and offsets.shape[1] > 0:
            flat = offsets.flatten(0, 1)
            flat = F.interpolate(flat, scale_factor=1 / self.flow_ds_factor, mode="bilinear", align_corners=False)
            offsets = (flat * self.flow_ds_factor).unflatten(0, offsets.shape[:2])
        return offsets, aux
