"""DBSR in plain form: each pair of frames through the flow network, features sampled on normalised grids."""

from __future__ import annotations

import torch
from torch import nn

from models.alignment.pwcnet import PWCNet
from models.alignment.wrappers import flow_image
from models.dbsr.dbsrnet import DBSRNet
from tests.twins.flow import pwcnet_flow, warp


class PlainDBSR(nn.Module):
    """The same function of the same weights as the :class:`DBSRNet` it is given, whose modules it holds."""

    def __init__(self, net: DBSRNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, im: torch.Tensor) -> torch.Tensor:
        """``im`` [B, N, 4, H, W] → the restored image."""
        batch, frames = im.shape[:2]
        encoder = self.net.encoder
        enc = encoder.out_layer(encoder.res_layers(encoder.init_layer(im.flatten(0, 1)))).unflatten(0, (batch, frames))
        rgb = flow_image(im)
        reference = rgb[:, :1].expand(-1, frames - 1, -1, -1, -1).flatten(0, 1)
        assert isinstance(encoder.alignment_net, PWCNet)
        with torch.set_grad_enabled(encoder.train_alignmentnet and torch.is_grad_enabled()):
            offsets = pwcnet_flow(encoder.alignment_net, rgb[:, 1:].flatten(0, 1), reference)
        warped = warp(enc[:, 1:].flatten(0, 1), offsets).unflatten(0, (batch, -1))
        aligned = {"enc": torch.cat((enc[:, :1], warped), dim=1), "offsets": offsets.unflatten(0, (batch, -1))}
        return self.net.decoder(self.net.merging(aligned))["pred"]
