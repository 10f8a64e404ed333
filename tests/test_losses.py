"""Losses: what they measure, what they ignore, and that their gradients stay finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.layers.filtering import get_gaussian_kernel
from models.loss.aligned_l2 import AlignedL2
from models.loss.image_quality_v2 import PSNR, SSIM, MappedLoss, PixelWiseError
from models.loss.spatial_color_alignment import SpatialColorAlignment, fit_color_transform, match_colors
from utils.ops.crop import crop_boundary

METRICS = ["l1", "l2", "l2_sqrt", "charbonnier"]


def pair(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    gt = torch.rand(shape, generator=generator, dtype=dtype)
    return (gt + 0.1 * torch.randn(shape, generator=generator, dtype=dtype)).clamp(0, 1), gt


def smooth_image(*shape: int, seed: int = 3) -> torch.Tensor:
    """Colours in 0..1 that vary slowly, [B, C, H, W] of ``shape``."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(shape[0], shape[1], 5, 5, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=shape[2:], mode="bicubic", align_corners=True).clamp(0.02, 1)


@pytest.mark.parametrize(
    ("metric", "formula"),
    [
        ("l1", lambda d: np.abs(d).mean()),
        ("l2", lambda d: (d**2).mean()),
        ("l2_sqrt", lambda d: np.sqrt((d**2).sum(axis=1)).mean()),
        ("charbonnier", lambda d: np.sqrt(d**2 + 1e-6).mean()),
    ],
)
def test_pixel_wise_errors_are_their_formulas(metric, formula):
    pred, gt = pair(2, 3, 9, 12, dtype=torch.float64)
    assert PixelWiseError(metric)(pred, gt).item() == pytest.approx(formula((pred - gt).numpy()), rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_masked_error_is_the_error_of_the_valid_part(metric):
    pred, gt = pair(2, 3, 16, 12)
    valid = torch.zeros(2, 1, 16, 12, dtype=torch.bool)
    valid[..., 3:11, 2:9] = True
    part = PixelWiseError(metric)(pred[..., 3:11, 2:9], gt[..., 3:11, 2:9])
    torch.testing.assert_close(PixelWiseError(metric)(pred, gt, valid), part)
    torch.testing.assert_close(PixelWiseError(metric)(pred, gt, valid.expand(2, 3, 16, 12).float()), part)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_valid_gives_zero_and_no_nan_gradient(metric):
    pred, gt = pair(1, 3, 8, 8)
    pred.requires_grad_()
    loss = PixelWiseError(metric)(pred, gt, torch.zeros(1, 1, 8, 8, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert pred.grad is not None
    assert pred.grad.abs().max() == 0


@given(st.integers(1, 4), st.sampled_from(METRICS))
def test_ignored_border_changes_nothing(border, metric):
    pred, gt = pair(1, 2, 12, 13, seed=border)
    spoiled = torch.full_like(pred, 1e3)
    spoiled[..., border:-border, border:-border] = pred[..., border:-border, border:-border]
    loss = PixelWiseError(metric, boundary_ignore=border)
    torch.testing.assert_close(loss(spoiled, gt), loss(pred, gt))


def test_mean_of_the_images_errors_is_the_error_of_the_batch():
    pred, gt = pair(3, 3, 10, 11)
    loss = PixelWiseError("l1")
    each = loss.per_image(pred, gt)
    assert each.shape == (3,)
    torch.testing.assert_close(each.mean(), loss(pred, gt))
    torch.testing.assert_close(each[1], loss(pred[1], gt[1]))


def test_flow_error_has_a_finite_gradient_where_the_flow_is_exact():
    pred, gt = pair(1, 2, 6, 7)
    pred[..., :3, :] = gt[..., :3, :]
    pred.requires_grad_()
    PixelWiseError("l2_sqrt")(pred, gt).backward()
    assert pred.grad is not None
    assert pred.grad.isfinite().all()
    assert pred.grad[..., :3, :].abs().max() == 0
    assert pred.grad[..., 3:, :].abs().min() > 0


def test_border_of_zero_or_none_cuts_nothing_and_too_large_a_border_is_named():
    image = torch.rand(1, 3, 8, 20)
    assert crop_boundary(image, 0) is image
    assert crop_boundary(image, None) is image
    assert crop_boundary(image, 3).shape == (1, 3, 2, 14)
    with pytest.raises(ValueError, match=r"boundary_ignore = 4 leaves nothing of an image of 8 x 20"):
        PixelWiseError("l1", 4)(image, image)
    with pytest.raises(ValueError, match="boundary_ignore = -1"):
        crop_boundary(image, -1)


@pytest.mark.parametrize("loss", [PixelWiseError("l1"), PSNR(), SSIM()])
def test_grey_prediction_for_a_colour_reference_is_refused_not_broadcast(loss):
    with pytest.raises(ValueError, match="differ in shape"):
        loss(torch.rand(1, 1, 16, 16), torch.rand(1, 3, 16, 16))


def test_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="'charbonnier'"):
        PixelWiseError("charbonier")


def test_mapped_loss_maps_every_image_with_its_own_meta_data():
    pred, gt = pair(2, 3, 8, 8)
    levels = [0.5, 0.25]

    def brighten(image, info):
        return image / info["white_level"]

    loss = MappedLoss(PixelWiseError("l1"), brighten)
    expected = torch.stack([(p - g).abs().mean() / w for p, g, w in zip(pred, gt, levels, strict=True)]).mean()
    torch.testing.assert_close(loss(pred, gt, [{"white_level": w} for w in levels]), expected)
    torch.testing.assert_close(loss(pred, gt, {"white_level": torch.tensor(levels)[:, None]}), expected)
    with pytest.raises(ValueError, match="needs the meta_info"):
        loss(pred, gt)
    with pytest.raises(ValueError, match="2 images need as many entries in meta_info, got 1"):
        loss(pred, gt, [{"white_level": 1.0}])


def test_mapped_loss_without_a_mapping_is_the_loss_itself():
    pred, gt = pair(2, 3, 8, 8)
    torch.testing.assert_close(MappedLoss(PixelWiseError("l2"))(pred, gt), PixelWiseError("l2")(pred, gt))


def test_colour_transform_is_recovered_and_outliers_are_masked():
    kernel, ksz = get_gaussian_kernel(1.5)
    matrix = torch.tensor([[[0.9, 0.1, 0.0], [0.05, 0.8, 0.1], [0.0, 0.2, 1.1]]])
    im_q, im_test = smooth_image(1, 3, 40, 40), smooth_image(1, 3, 80, 80)
    im_ref = torch.einsum("bchw,bcd->bdhw", im_q, matrix)
    found, error = fit_color_transform(im_ref, im_q, ksz, kernel)
    torch.testing.assert_close(found.float(), matrix, atol=1e-4, rtol=0)
    assert error.shape == (1, 1, 30, 30)
    assert 255 * error.max() < 0.1

    im_ref[..., 18:22, 18:22] += 4.0
    converted, valid = match_colors(im_ref, im_q, im_test, ksz, kernel)
    assert converted.shape == im_test.shape
    assert valid.shape == (1, 1, 80, 80)
    assert valid.dtype == torch.bool
    assert not valid[..., 36:44, 36:44].any()
    assert not valid[..., :10, :].any()  # the border that was cut before the fit


@pytest.mark.parametrize("frame", [torch.zeros(1, 3, 30, 30), torch.full((1, 3, 30, 30), 0.5)])
def test_black_and_uniform_frames_give_finite_colours(frame):
    kernel, ksz = get_gaussian_kernel(1.5)
    converted, _ = match_colors(frame.clone(), frame, frame, ksz, kernel)
    torch.testing.assert_close(converted, frame, atol=1e-4, rtol=0)


def test_nan_in_a_frame_reaches_the_result_instead_of_an_error_of_the_solver():
    kernel, ksz = get_gaussian_kernel(1.5)
    broken = smooth_image(1, 3, 30, 30)
    broken[..., 15, 15] = torch.nan
    converted, valid = match_colors(broken, broken, smooth_image(1, 3, 30, 30), ksz, kernel)
    assert converted.isnan().all()
    assert not valid.any()


def shifting_net(x: float, y: float):
    return lambda source, target: torch.tensor([x, y])[:, None, None].expand(len(target), 2, *target.shape[2:])


def burst_of(image: torch.Tensor, sr_factor: int, frames: int = 2) -> torch.Tensor:
    """Packed RGGB frames of an RGB image, 2 sr_factor times smaller."""
    small = torch.nn.functional.interpolate(
        image, scale_factor=1 / (2 * sr_factor), mode="bilinear", align_corners=False
    )
    return small[:, None, [0, 1, 1, 2]].expand(-1, frames, -1, -1, -1)


def test_alignment_undoes_a_shift_and_a_change_of_colours():
    scene = smooth_image(1, 3, 96, 112)
    tint = torch.tensor([1.2, 0.9, 0.7])[:, None, None]
    pred = torch.roll(scene, (4, 8), dims=(2, 3)) / tint
    align = SpatialColorAlignment(shifting_net(8.0, 4.0), sr_factor=2)
    aligned, valid = align(pred, scene, burst_of(pred, 2))
    inside = (slice(None), slice(None), slice(24, 72), slice(24, 72))
    assert valid[inside].all()
    assert (aligned - scene)[inside].abs().max() < 2e-3
    assert AlignedL2(shifting_net(8.0, 4.0), 2, 24)(pred, scene, burst_of(pred, 2)) < 4e-6


def test_gradients_of_the_alignment_reach_the_prediction_only():
    scene = smooth_image(1, 3, 96, 96)
    net = torch.nn.Conv2d(3, 2, 1)

    def flow_net(source, target):
        return net(source - target)

    pred = scene.clone().requires_grad_()
    aligned, valid = SpatialColorAlignment(flow_net, sr_factor=2)(pred, scene, burst_of(scene, 2))
    PixelWiseError("l1")(aligned, torch.zeros_like(aligned), valid).backward()
    assert pred.grad is not None
    assert pred.grad.abs().sum() > 0
    assert net.weight.grad is None


def test_alignment_network_stays_in_evaluation_mode():
    net = torch.nn.BatchNorm2d(3)
    alignment = SpatialColorAlignment(net)
    assert not net.training
    alignment.train()
    assert not net.training


def test_alignment_refuses_a_burst_of_another_scale():
    with pytest.raises(ValueError, match="4 times smaller"):
        SpatialColorAlignment(shifting_net(0, 0), sr_factor=2)(
            torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), torch.rand(1, 2, 4, 8, 8)
        )
