"""The order-independent deblurring network: no order, any size, the keys of released weights."""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.burst_deblur.identity_start import start_as_midrange
from models.burst_deblur.unet import UNet, burst_deblur_eccv18, valid_size
from models.burst_deblur.weight_norm import WeightNormConv2d, WeightNormConvTranspose2d
from models.loss.burst_loss import BurstLoss
from utils.ops.pad import reflected_to_size

TRANSPOSED = ("bottleneck.9", "conv_decode3.6", "conv_decode2.6", "conv_decode1.6")


def narrow(seed: int = 0, width: int = 4) -> UNet:
    """A small network whose BatchNorms have learned something."""
    torch.manual_seed(seed)
    net = burst_deblur_eccv18(width=width)
    net(torch.rand(1, 2, 3, 32, 32) * 255)
    return net.eval()


@pytest.fixture(scope="module")
def net() -> UNet:
    return narrow()


@settings(max_examples=12)
@given(
    order=st.integers(1, 7).flatmap(lambda frames: st.permutations(range(frames))),
    batch=st.integers(1, 2),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    seed=st.integers(0, 1000),
)
def test_the_order_of_the_frames_changes_no_bit_in_evaluation(
    net: UNet, order: list[int], batch: int, size: tuple[int, int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    burst = torch.rand(batch, len(order), 3, *size, generator=generator) * 255
    with torch.no_grad():
        straight, permuted = net(burst)[0], net(burst[:, order])[0]
    assert torch.equal(straight, permuted)


def test_the_order_changes_no_bit_with_several_threads(net: UNet) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        burst = torch.rand(1, 5, 3, 48, 32) * 255
        with torch.no_grad():
            assert torch.equal(net(burst)[0], net(burst.flip(1))[0])
    finally:
        torch.set_num_threads(threads)


def test_a_burst_is_restored_the_same_whatever_else_is_in_the_batch(net: UNet) -> None:
    bursts = torch.rand(3, 2, 3, 32, 32) * 255
    with torch.no_grad():
        assert torch.equal(net(bursts)[0][1:2], net(bursts[1:2])[0])


@pytest.mark.parametrize("size", [(1, 1), (17, 32), (33, 48), (64, 20)])
def test_any_size_goes_in_and_comes_out(net: UNet, size: tuple[int, int]) -> None:
    burst = torch.rand(1, 1, 3, *size) * 255
    with torch.no_grad():
        image, aux = net(burst)
    assert image.shape == (1, 3, *size)
    assert aux == {}
    padded = reflected_to_size(burst, valid_size(size[0]), valid_size(size[1]))
    with torch.no_grad():
        assert torch.equal(net(padded)[0][..., : size[0], : size[1]], image)


def test_reflection_goes_on_where_the_continuation_is_longer_than_the_image() -> None:
    row = torch.tensor([[1.0, 2.0, 3.0]])
    assert reflected_to_size(row, 1, 8).tolist() == [[1, 2, 3, 2, 1, 2, 3, 2]]
    assert reflected_to_size(row[:, :1], 2, 3).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert [valid_size(size) for size in (1, 32, 33, 160)] == [32, 32, 48, 160]


def test_wrong_bursts_are_named(net: UNet) -> None:
    for burst, words in (
        (torch.zeros(2, 3, 32, 32), "UNet expects a burst"),
        (torch.zeros(1, 2, 4, 32, 32), r"\[B, N, 3, H, W\].*\(1, 2, 4, 32, 32\)"),
        (torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8), "uint8"),
    ):
        with pytest.raises(ValueError, match=words):
            net(burst)
    with pytest.raises(ValueError, match="width 5"):
        UNet(width=5)


def test_the_full_width_has_the_published_parameters_under_their_classical_keys() -> None:
    net = burst_deblur_eccv18()
    state = net.state_dict()
    assert sum(parameter.numel() for parameter in net.parameters()) == 16_229_734
    assert len(state) == 159
    assert state["conv_encode4.0.weight_g"].shape == (384, 1, 1, 1)
    assert state["bottleneck.3.weight_v"].shape == (384, 384, 4, 4)
    for key in TRANSPOSED:
        inputs, outputs = state[f"{key}.weight_v"].shape[:2]
        assert state[f"{key}.weight_g"].shape == (inputs, 1, 1, 1)
        assert state[f"{key}.bias"].shape == (outputs,)
    quarter = burst_deblur_eccv18(width=16).state_dict()
    encoders = [f"conv_encode{level}.0.bias" for level in (1, 2, 3, 4)]
    assert [quarter[key].numel() for key in encoders] == [16, 32, 64, 96]


@pytest.mark.parametrize(
    ("kind", "plain_kind"),
    [(WeightNormConv2d, torch.nn.Conv2d), (WeightNormConvTranspose2d, torch.nn.ConvTranspose2d)],
)
def test_weight_normalisation_starts_as_the_plain_layer_and_scales_by_g(kind: type, plain_kind: type) -> None:
    torch.manual_seed(1)
    layer = kind(3, 5, 3)
    torch.manual_seed(1)
    plain = plain_kind(3, 5, 3)
    assert torch.allclose(layer.effective_weight(), plain.weight)
    with torch.no_grad():
        layer.weight_v *= 7
        assert torch.allclose(layer.effective_weight(), plain.weight), "only the direction of v counts"
        layer.weight_g *= 2
    assert torch.allclose(layer.effective_weight(), 2 * plain.weight)


def test_the_network_can_be_copied_and_stored_after_it_has_run(net: UNet) -> None:
    twin = copy.deepcopy(net)
    stored = io.BytesIO()
    torch.save(net.state_dict(), stored)
    stored.seek(0)
    other = burst_deblur_eccv18(width=4).eval()
    other.load_state_dict(torch.load(stored, weights_only=True))
    burst = torch.rand(1, 2, 3, 32, 32) * 255
    with torch.no_grad():
        assert torch.equal(twin(burst)[0], net(burst)[0])
        assert torch.equal(other(burst)[0], net(burst)[0])


def test_equal_frames_pass_their_gradient_through_one_of_them() -> None:
    net = narrow()
    frame = torch.rand(1, 1, 3, 32, 32) * 255
    burst = frame.repeat(1, 3, 1, 1, 1).requires_grad_()
    net(burst)[0].sum().backward()
    assert burst.grad is not None
    silent = [bool((burst.grad[:, i] == 0).all()) for i in range(3)]
    assert silent.count(True) == 2


def test_the_start_is_the_midrange_of_the_frames() -> None:
    torch.manual_seed(0)
    net = burst_deblur_eccv18(width=8)
    start_as_midrange(net)
    burst = torch.rand(1, 4, 3, 32, 48) * 255
    with torch.no_grad():
        image = net.eval()(burst)[0]
    assert torch.allclose(image, (burst.amax(1) + burst.amin(1)) / 2, atol=0.01)
    with pytest.raises(ValueError, match="width of at least 6"):
        start_as_midrange(burst_deblur_eccv18(width=4))


def test_the_loss_weighs_derivatives_ten_times_the_difference() -> None:
    loss = BurstLoss()
    target = torch.zeros(1, 3, 8, 8)
    shifted = target + 6
    # Inside a constant has no derivative; at the edges it is seen against zeros, by three taps of a sixth each.
    derivatives = loss.gradients(shifted)
    assert derivatives[0, :, 0, 3, 3].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert derivatives[0, 0, 0, 3, [0, -1]].tolist() == pytest.approx([-3, 3])
    assert derivatives[0, 1, 0, [0, -1], 3].tolist() == pytest.approx([-3, 3])
    assert loss(shifted, target).item() == pytest.approx(0.6 + derivatives.abs().mean().item())
    assert BurstLoss("sum")(shifted, target).item() == pytest.approx(0.1 * 6 * 192 + derivatives.abs().sum().item())
    assert not list(loss.parameters())
    assert not loss.state_dict()
    with pytest.raises(ValueError, match="'median'"):
        BurstLoss("median")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="differ in shape"):
        loss(shifted, target[:, :1])
