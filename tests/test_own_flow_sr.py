"""Super-resolution with DeepRep's own flow network: how it starts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.deeprep.deeprepnet import DeepRepNet
from models.deeprep.own_flow_sr import deeprep_sr_own_flow, start_as_enlarged_mean
from utils.ops.mosaic import mosaic

NETWORK: dict[str, Any] = {
    "num_iter": 2,
    "enc_dim": 8,
    "enc_num_res_blocks": 1,
    "enc_out_dim": 10,
    "dec_in_dim": 8,
    "dec_dim_pre": 8,
    "dec_num_pre_res_blocks": 1,
    "dec_dim_post": 6,
    "dec_num_post_res_blocks": 1,
    "wp_project_dim": 4,
    "wp_offset_feat_dim": 4,
    "wp_num_weight_predictor_res": 1,
    "align_init_dim": 8,
    "align_num_res_blocks": 1,
    "align_ds_factor": 2,
    "offset_cdim": 8,
    "offset_predictor_dims": (12, 8),
    "corr_max_disp": (3, 2),
    "search_reach": 4,
}


def built() -> DeepRepNet:
    torch.manual_seed(0)
    return deeprep_sr_own_flow(**NETWORK)


def test_it_starts_as_the_enlarged_mean_of_a_still_burst() -> None:
    net = built()
    start_as_enlarged_mean(net)
    torch.manual_seed(1)
    smooth = F.interpolate(torch.rand(1, 3, 4, 5), size=(64, 80), mode="bicubic").clamp(0, 1)
    burst = mosaic(smooth)[:, None].expand(-1, 3, -1, -1, -1).contiguous()
    with torch.no_grad():
        pred, _ = net(burst)
    packed = torch.stack((burst[:, 0, 0], burst[:, 0, 1:3].mean(dim=1), burst[:, 0, 3]), dim=1)
    expected = F.interpolate(packed, scale_factor=8)
    inner = (..., slice(16, -16), slice(16, -16))
    assert pred.shape == expected.shape
    assert (pred - expected)[inner].abs().mean() < 0.1 * (expected - expected.mean()).abs().mean()


def test_another_network_is_refused_and_left_as_it_is() -> None:
    net = built()
    net.hr_decoder = nn.Identity()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match="expected a network for super-resolution, got one with Identity"):
        start_as_enlarged_mean(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
