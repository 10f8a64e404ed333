"""The published networks as small as they get, untrained."""

from __future__ import annotations

from typing import Any

import torch

from admin.model_constructor import building_from_checkpoint
from models.dbsr.dbsrnet import DBSRNet, dbsrnet_cvpr2021
from models.deeprep.deeprepnet import DeepRepNet, deeprep_denoise_custom_flow_iccv21

DENOISER: dict[str, Any] = {
    "num_iter": 1,
    "enc_dim": 4,
    "enc_num_res_blocks": 1,
    "enc_out_dim": 8,
    "dec_dim_pre": 8,
    "dec_num_res_blocks": 1,
    "dec_in_dim": 4,
    "use_noise_estimate": True,
    "wp_project_dim": 4,
    "wp_offset_feat_dim": 4,
    "wp_noise_feat_dim": 4,
    "wp_num_offset_feat_extractor_res": 0,
    "wp_num_weight_predictor_res": 1,
    "align_init_dim": 4,
    "align_num_res_blocks": 1,
    "align_ds_factor": 4,
    "offset_cdim": 4,
    "offset_predictor_dims": (8, 8),
    "corr_max_disp": (2, 2),
}
DBSR: dict[str, Any] = {
    "enc_init_dim": 4,
    "enc_num_res_blocks": 1,
    "enc_out_dim": 6,
    "dec_init_conv_dim": 4,
    "dec_num_pre_res_blocks": 1,
    "dec_post_conv_dim": 4,
    "dec_num_post_res_blocks": 1,
    "upsample_factor": 8,
    "offset_feat_dim": 4,
    "weight_pred_proj_dim": 4,
}


def tiny_denoiser(**changes: Any) -> DeepRepNet:
    """A colour denoiser with its own flow network; ``changes`` of the constructor's arguments."""
    torch.manual_seed(0)
    return deeprep_denoise_custom_flow_iccv21(**DENOISER | changes)


def tiny_dbsr(**changes: Any) -> DBSRNet:
    """A DBSR with the whole PWC-Net, without its published weights."""
    torch.manual_seed(0)
    with building_from_checkpoint():
        return dbsrnet_cvpr2021(**DBSR | changes)
