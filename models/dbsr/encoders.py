"""DBSR's encoder: deep features of every frame, aligned with the first one by optical flow."""

from __future__ import annotations

import torch
from torch import nn

from models.alignment.wrappers import FrozenUnlessTrained, flow_image
from models.layers.blocks import conv_block, res_blocks
from models.layers.burst_warp import BurstWarp, with_reference
from models.layers.layout import channels_last
from models.layers.warp import warp


class ResEncoderWarpAlignnet(FrozenUnlessTrained):
    """Residual features of packed RAW frames, warped to the reference (DBSR, section 3.2 and 3.3).

    Args:
        init_dim, num_res_blocks, out_dim: width, depth and output channels of the feature extractor.
        alignment_net: called as ``alignment_net(other, reference)`` with RGB images; returns the flow on the grid of
            the reference that points into the other frame.
        use_bn, activation: of the convolution blocks.
        train_alignmentnet: else the flow network stays in evaluation mode and gets no gradient.
        warp_type: interpolation of the warp.
    """

    def __init__(
        self,
        init_dim: int,
        num_res_blocks: int,
        out_dim: int,
        alignment_net: nn.Module,
        use_bn: bool = False,
        activation: str = "relu",
        train_alignmentnet: bool = True,
        warp_type: str = "bilinear",
    ) -> None:
        super().__init__()
        self.alignment_net = alignment_net
        self.train_alignmentnet = train_alignmentnet
        self.warp_type = warp_type
        self.init_layer = conv_block(4, init_dim, batch_norm=use_bn, activation=activation)
        self.res_layers = nn.Sequential(*res_blocks(num_res_blocks, init_dim, use_bn, activation))
        self.out_layer = conv_block(init_dim, out_dim, batch_norm=use_bn, activation=activation)
        self.train(self.training)

    def forward(self, im: torch.Tensor) -> dict[str, torch.Tensor]:
        """``im`` [B, N, 4, H, W] → ``enc`` [B, N, C, H, W] aligned with frame 0, ``offsets`` [B, N-1, 2, H, W].

        The offsets lie on the grid of the reference and point into each other frame, in pixels.
        """
        batch, frames, _, height, width = im.shape
        frame_images = channels_last(im.flatten(0, 1))
        enc = self.out_layer(self.res_layers(self.init_layer(frame_images)))
        if frames == 1:
            return {"enc": enc[:, None], "offsets": im.new_zeros(batch, 0, 2, height, width)}
        rgb = flow_image(im)
        reference = rgb[:, 0]
        if not getattr(self.alignment_net, "shares_target", False):
            reference = reference.repeat_interleave(frames - 1, dim=0)
        offsets = self.run_alignment_net(rgb[:, 1:].flatten(0, 1), reference).unflatten(0, (batch, frames - 1))
        flow = with_reference(offsets).flatten(0, 1)
        if self.warp_type == "bilinear":
            enc = BurstWarp(flow[:, None], (height, width)).warp(enc)
        else:
            enc = warp(enc, flow, mode=self.warp_type)
        return {"enc": enc.unflatten(0, (batch, frames)), "offsets": offsets}
