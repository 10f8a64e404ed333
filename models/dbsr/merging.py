"""DBSR's attention-based fusion of the aligned frames."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.layers.blocks import conv_block, res_blocks
from models.layers.reference_offsets import burst_offsets


class WeightedSum(nn.Module):
    """A sum of the frames' features with weights per frame, channel and pixel (DBSR, section 3.4).

    Args:
        input_dim: channels of the features, and of the weights.
        project_dim: channels to which the features are reduced before the weights are predicted.
        offset_feat_dim, num_offset_feat_extractor_res: size of the extractor of offset features.
        num_weight_predictor_res: residual blocks of the weight predictor.
        use_offset: False leaves the offsets out.
        offset_modulo, ref_offset_noise: see :func:`models.layers.reference_offsets.burst_offsets`. The noise is drawn
            in evaluation too.
        softmax: normalise by a softmax over the burst, else divide the positive parts by their sum.
        use_base_frame: compare the frames with the reference, else with the mean of the burst.
        use_bn, activation: of the convolution blocks.
    """

    def __init__(
        self,
        input_dim: int,
        project_dim: int,
        offset_feat_dim: int,
        num_offset_feat_extractor_res: int = 1,
        num_weight_predictor_res: int = 1,
        use_offset: bool = True,
        offset_modulo: float | None = None,
        ref_offset_noise: float = 0.0,
        softmax: bool = True,
        use_base_frame: bool = False,
        use_bn: bool = False,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        self.use_offset = use_offset
        self.offset_modulo = offset_modulo
        self.ref_offset_noise = ref_offset_noise
        self.softmax = softmax
        self.use_base_frame = use_base_frame

        self.feat_project_layer = conv_block(
            input_dim, project_dim, kernel_size=1, padding=0, batch_norm=use_bn, activation=activation
        )
        self.offset_feat_extractor = nn.Sequential(
            conv_block(2, offset_feat_dim, batch_norm=use_bn, activation=activation),
            *res_blocks(num_offset_feat_extractor_res, offset_feat_dim, use_bn, activation),
        )
        hidden = 2 * project_dim
        self.weight_predictor = nn.Sequential(
            conv_block(
                hidden + (offset_feat_dim if use_offset else 0), hidden, batch_norm=use_bn, activation=activation
            ),
            *res_blocks(num_weight_predictor_res, hidden, use_bn, activation),
            conv_block(hidden, input_dim, batch_norm=use_bn, activation="none"),
        )

    def forward(self, x: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``x['enc']`` [B, N, C, H, W] aligned, ``x['offsets']`` [B, N-1, 2, H, W] →
        ``fused_enc`` [B, C, H, W] and ``fusion_weights`` [B, N, C, H, W], which sum to 1 over the burst.
        """
        enc = x["enc"]
        batch, frames = enc.shape[:2]
        projected = self.feat_project_layer(enc.flatten(0, 1)).unflatten(0, (batch, frames))
        base = projected[:, :1] if self.use_base_frame else projected.mean(dim=1, keepdim=True)
        seen = [base.expand_as(projected), projected - base]
        if self.use_offset:
            offsets = burst_offsets(x["offsets"], self.ref_offset_noise, self.offset_modulo)
            seen.append(self.offset_feat_extractor(offsets.flatten(0, 1)).unflatten(0, (batch, frames)))
        weights = self.weight_predictor(torch.cat(seen, dim=2).flatten(0, 1)).unflatten(0, (batch, frames))
        if self.softmax:
            weights = weights.softmax(dim=1)
        else:
            weights = weights.relu()
            weights = weights / (weights.sum(dim=1, keepdim=True) + 1e-12)
        return {"fused_enc": (weights * enc).sum(dim=1), "fusion_weights": weights}
