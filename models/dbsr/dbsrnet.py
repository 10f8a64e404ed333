"""DBSR: RAW burst super-resolution by aligned deep features and learned fusion.

G. Bhat, M. Danelljan, L. Van Gool, R. Timofte, Deep Burst Super-Resolution, CVPR 2021 (arXiv 2101.10997).
"""

from __future__ import annotations

import torch
from torch import nn

from admin.model_constructor import model_constructor
from models.alignment.pwcnet import PWCNet
from models.dbsr.decoders import ResPixShuffleConv
from models.dbsr.encoders import ResEncoderWarpAlignnet
from models.dbsr.merging import WeightedSum
from models.layers.checks import check_burst


class DBSRNet(nn.Module):
    """Encodes and aligns all frames, fuses them, and decodes one RGB image."""

    def __init__(self, encoder: ResEncoderWarpAlignnet, merging: WeightedSum, decoder: ResPixShuffleConv) -> None:
        super().__init__()
        self.encoder = encoder
        self.merging = merging
        self.decoder = decoder

    def forward(self, im: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Restores one image, aligned with frame 0.

        Args:
            im: packed RAW burst [B, N, 4, H, W] (R, G, G, B), linear, 0..1. Any N ≥ 1, H and W.

        Returns:
            Linear RGB [B, 3, rH, rW], never negative, and a dict with ``offsets`` [B, N-1, 2, H, W] (on the grid of
            frame 0, pointing into each other frame, in pixels) and ``fusion_weights`` [B, N, C, H, W].

        Raises:
            ValueError: wrong shape or dtype.
        """
        check_burst(self, im, channels=4)
        encoded = self.encoder(im)
        merged = self.merging(encoded)
        pred = self.decoder(merged)["pred"]
        return pred, {"offsets": encoded["offsets"], "fusion_weights": merged["fusion_weights"]}


@model_constructor
def dbsrnet_cvpr2021(
    enc_init_dim: int,
    enc_num_res_blocks: int,
    enc_out_dim: int,
    dec_init_conv_dim: int,
    dec_num_pre_res_blocks: int,
    dec_post_conv_dim: int,
    dec_num_post_res_blocks: int,
    upsample_factor: int = 2,
    activation: str = "relu",
    train_alignmentnet: bool = False,
    offset_feat_dim: int = 64,
    weight_pred_proj_dim: int = 32,
    num_offset_feat_extractor_res: int = 1,
    num_weight_predictor_res: int = 1,
    offset_modulo: float | None = 1.0,
    use_offset: bool = True,
    ref_offset_noise: float = 0.0,
    softmax: bool = True,
    use_base_frame: bool = True,
    icnrinit: bool = False,
    gauss_blur_sd: float | None = None,
    gauss_ksz: int = 3,
) -> DBSRNet:
    """DBSR with a PWC-Net for alignment.

    ``enc_*`` size the encoder, ``dec_*`` the decoder, which enlarges the packed frames by ``upsample_factor`` (8 for ×4
    of the sensor grid). ``activation`` is that of encoder and decoder; the fusion always uses ReLU. The rest as in
    :class:`WeightedSum` and :class:`ResPixShuffleConv`.
    """
    return DBSRNet(
        encoder=ResEncoderWarpAlignnet(
            enc_init_dim,
            enc_num_res_blocks,
            enc_out_dim,
            PWCNet(load_pretrained=True),
            activation=activation,
            train_alignmentnet=train_alignmentnet,
        ),
        merging=WeightedSum(
            enc_out_dim,
            weight_pred_proj_dim,
            offset_feat_dim,
            num_offset_feat_extractor_res=num_offset_feat_extractor_res,
            num_weight_predictor_res=num_weight_predictor_res,
            use_offset=use_offset,
            offset_modulo=offset_modulo,
            ref_offset_noise=ref_offset_noise,
            softmax=softmax,
            use_base_frame=use_base_frame,
        ),
        decoder=ResPixShuffleConv(
            enc_out_dim,
            dec_init_conv_dim,
            dec_num_pre_res_blocks,
            dec_post_conv_dim,
            dec_num_post_res_blocks,
            activation=activation,
            upsample_factor=upsample_factor,
            icnrinit=icnrinit,
            gauss_blur_sd=gauss_blur_sd,
            gauss_ksz=gauss_ksz,
        ),
    )
