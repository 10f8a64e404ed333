"""DBSR, and the flow networks and alignment wrappers."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from admin.model_constructor import building_from_checkpoint
from models.alignment.pwcnet import PWCNet
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import AlignmentWrapper, PWCNetAlignment, flow_image
from models.dbsr.dbsrnet import DBSRNet, dbsrnet_cvpr2021
from models.dbsr.merging import WeightedSum
from tests.fabricated import tiny_dbsr
from tests.golden.closed_form import fill_pwcnets

PUBLISHED = json.loads((Path(__file__).parent / "golden/deeprep_dbsr_models/state_dict_keys.json").read_text())


@pytest.fixture(scope="module")
def flow_net() -> PWCNet:
    net = PWCNet(load_pretrained=False)
    fill_pwcnets(net)
    return net.eval()


def small_dbsr(flow_net: PWCNet, **kwargs: Any) -> DBSRNet:
    net = tiny_dbsr(**{"upsample_factor": 4} | kwargs)
    net.encoder.alignment_net.load_state_dict(flow_net.state_dict())
    return net


def test_published_dbsr_has_its_state_in_its_order() -> None:
    record = PUBLISHED["dbsr_default_synthetic"]
    with building_from_checkpoint():
        net = dbsrnet_cvpr2021(**record["kwargs"])
    assert [[key, list(value.shape)] for key, value in net.state_dict().items()] == record["state_dict"]
    assert [name for name, _ in net.named_parameters()] == [key for key, _ in record["state_dict"]]
    assert sum(p.numel() for p in net.parameters()) == record["num_parameters"]
    assert len(list(net.buffers())) == record["num_buffers"]
    constructor = vars(net)["constructor"]
    assert (constructor.fun_module, constructor.fun_name) == (record["module"], record["constructor"])


def test_published_pwcnet_has_its_state_in_its_order(flow_net: PWCNet) -> None:
    assert [[key, list(value.shape)] for key, value in flow_net.state_dict().items()] == PUBLISHED["pwcnet"][
        "state_dict"
    ]


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("softmax", [True, False])
def test_dbsr_takes_any_burst(flow_net: PWCNet, frames: int, softmax: bool) -> None:
    net = small_dbsr(flow_net, softmax=softmax)
    pred, aux = net(torch.rand(2, frames, 4, 5, 7))
    assert pred.shape == (2, 3, 20, 28)
    assert pred.min() >= 0
    assert aux["offsets"].shape == (2, frames - 1, 2, 5, 7)
    assert aux["fusion_weights"].shape == (2, frames, 6, 5, 7)
    pred.mean().backward()
    copy.deepcopy(net)


def test_fusion_weights_sum_to_one() -> None:
    merging = WeightedSum(8, 4, 4, offset_modulo=1.0)
    merged = merging({"enc": torch.rand(1, 3, 8, 5, 6), "offsets": torch.randn(1, 2, 2, 5, 6)})
    torch.testing.assert_close(merged["fusion_weights"].sum(dim=1), torch.ones(1, 8, 5, 6))


def test_fusion_of_identical_frames_is_the_frame() -> None:
    frame = torch.rand(1, 1, 8, 5, 6)
    merging = WeightedSum(8, 4, 4, use_offset=False)
    merged = merging({"enc": frame.expand(-1, 4, -1, -1, -1), "offsets": torch.zeros(1, 3, 2, 5, 6)})
    torch.testing.assert_close(merged["fused_enc"], frame[:, 0])


def test_a_frozen_flow_network_stays_in_evaluation_mode_and_gets_no_gradient(flow_net: PWCNet) -> None:
    net = small_dbsr(flow_net).train()
    assert not net.encoder.alignment_net.training
    pred, aux = net(torch.rand(1, 2, 4, 8, 8))
    assert not aux["offsets"].requires_grad
    pred.mean().backward()
    assert all(p.grad is None for p in net.encoder.alignment_net.parameters())


def test_a_trained_flow_network_gets_gradients(flow_net: PWCNet) -> None:
    net = small_dbsr(flow_net, train_alignmentnet=True).train()
    assert net.encoder.alignment_net.training
    net(torch.rand(1, 2, 4, 8, 8))[0].mean().backward()
    assert all(p.grad is not None for p in net.encoder.alignment_net.parameters())


def test_wrong_raw_bursts_are_named(flow_net: PWCNet) -> None:
    with pytest.raises(ValueError, match=r"DBSRNet expects a burst \[B, N, 4, H, W\].*got \(1, 2, 3, 8, 8\)"):
        small_dbsr(flow_net)(torch.rand(1, 2, 3, 8, 8))


def test_flow_network_sees_red_the_mean_of_the_greens_and_blue() -> None:
    raw = torch.rand(2, 3, 4, 5, 6)
    expected = torch.stack((raw[:, :, 0], (raw[:, :, 1] + raw[:, :, 2]) / 2, raw[:, :, 3]), dim=2)
    assert torch.equal(flow_image(raw), expected)
    grey = torch.rand(2, 3, 1, 5, 6)
    assert torch.equal(flow_image(grey), grey.repeat(1, 1, 3, 1, 1))
    with pytest.raises(ValueError, match="1, 3 or 4 channels, got 2"):
        flow_image(torch.rand(2, 2, 5, 6))


@pytest.mark.parametrize("shared", ["source", "target"])
def test_one_image_for_several_others_equals_repeating_it(flow_net: PWCNet, shared: str) -> None:
    one, many = torch.rand(2, 3, 20, 30), torch.rand(6, 3, 20, 30)
    repeated = one.repeat_interleave(3, dim=0)
    with torch.no_grad():
        pairs = ((one, many), (repeated, many)) if shared == "source" else ((many, one), (many, repeated))
        flow, expected = (flow_net(*pair) for pair in pairs)
    if shared == "target":
        assert flow.shape == expected.shape
    torch.testing.assert_close(flow, expected, rtol=1e-4, atol=1e-4)


def small_pyrcorr(**kwargs: Any) -> PyrCorr:
    return PyrCorr(1, 6, 2, 4, 6, (6,), corr_max_disp=(1, 2), **kwargs)


def test_custom_flow_of_one_source_for_several_targets_equals_repeating_it() -> None:
    net = small_pyrcorr()
    source, target = torch.rand(2, 1, 33, 40), torch.rand(4, 1, 33, 40)
    flow, _ = net(source, target)
    expected, _ = net(source.repeat_interleave(2, dim=0), target)
    torch.testing.assert_close(flow, expected, rtol=1e-4, atol=1e-4)


def test_custom_flow_tells_its_levels_only_at_multiples_of_64() -> None:
    net = small_pyrcorr()
    image = torch.rand(1, 1, 64, 128)
    assert net(image[..., :60, :], image[..., :60, :])[1]["flow_all"] is None
    levels = net(image, image)[1]["flow_all"]
    assert [tuple(level.shape) for level in levels] == [(1, 2, 8, 16), (1, 2, 16, 32)]


def test_custom_flow_is_in_pixels_of_the_image() -> None:
    net = small_pyrcorr()
    for predictor in net.offset_predictors:
        nn.init.zeros_(predictor.get_parameter("1.0.weight"))
        nn.init.zeros_(predictor.get_parameter("1.0.bias"))
    net.offset_predictors.get_parameter("0.1.0.bias").data.copy_(torch.tensor([1.0, 2.0]))
    flow, _ = net(torch.rand(1, 1, 32, 96), torch.rand(1, 1, 32, 96))
    # Predicted at a quarter of 64 x 128, in units of 1/20 pixel.
    torch.testing.assert_close(flow[0, 0], torch.full((32, 96), 1.0 * 4 * 20 * 96 / 128))
    torch.testing.assert_close(flow[0, 1], torch.full((32, 96), 2.0 * 4 * 20 * 32 / 64))


def test_images_of_another_channel_count_are_named(flow_net: PWCNet) -> None:
    with pytest.raises(ValueError, match=r"source_img must be \[B, 3, H, W\], got \(1, 4, 8, 8\)"):
        flow_net(torch.rand(1, 4, 8, 8), torch.rand(1, 3, 8, 8))


class Shift(nn.Module):
    """A flow network that says how many images it was called with."""

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.seen = (tuple(source.shape), tuple(target.shape))
        return torch.ones(target.shape[0], 2, *target.shape[-2:])


def test_any_flow_network_can_align_a_burst() -> None:
    wrapper = AlignmentWrapper(Shift(), force_3ch_input=True)
    offsets, aux = wrapper(torch.rand(2, 4, 1, 6, 7))
    assert wrapper.alignment_net.seen == ((6, 3, 6, 7), (6, 3, 6, 7))
    assert offsets.shape == (2, 3, 2, 6, 7)
    assert aux == {}


def test_coarser_offsets_are_counted_in_the_units_of_the_original() -> None:
    with building_from_checkpoint():
        wrapper = PWCNetAlignment(flow_ds_factor=2.0)
    wrapper.alignment_net = Shift()
    offsets, _ = wrapper(torch.rand(1, 3, 3, 6, 8))
    torch.testing.assert_close(offsets, torch.full((1, 2, 2, 3, 4), 2.0))


def test_missing_pwcnet_weights_name_the_file_and_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURSTLAB_PRETRAINED_NETS_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}.*pwcnet-network-default.pth.*weights_path="):
        PWCNet()
    with building_from_checkpoint():
        PWCNet()


def test_pwcnet_reads_the_public_weight_file(tmp_path: Path, flow_net: PWCNet) -> None:
    public = {
        name: flow_net.net.state_dict()[name.replace("module", "net")]
        for name in PUBLISHED["pwcnet"]["pretrained_file_keys"]
    }
    path = tmp_path / "pwcnet-network-default.pth"
    torch.save(public, path)
    loaded = PWCNet(weights_path=path).state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in flow_net.state_dict().items())


def test_another_weight_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"other.pth is no weight file of PWC-Net: 127 entries differ"):
        PWCNet(weights_path=path)
