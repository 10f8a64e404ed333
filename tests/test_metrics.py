"""Image quality metrics: against other implementations, and in the cases that they have to survive."""

from __future__ import annotations

import logging

import lpips
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from models.loss.image_quality_v2 import (
    LPIPS,
    MSSSIM,
    PSNR,
    SSIM,
    LPIPSUnavailable,
    MultiScaleSSIM,
    msssim,
    why_no_lpips,
)
from models.loss.ssim import ssim_maps, value_range


def pair(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """A prediction and a ground truth with structure, 0..1."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:-2], 8, 8, generator=generator, dtype=dtype)
    gt = torch.nn.functional.interpolate(coarse, size=shape[-2:], mode="bilinear")
    return (gt + 0.05 * torch.randn(shape, generator=generator, dtype=dtype)).clamp(0, 1), gt


@given(st.integers(0, 1000), st.floats(0.5, 300.0))
def test_psnr_agrees_with_scikit_image(seed, max_value):
    pred, gt = (max_value * image for image in pair(2, 3, 13, 17, seed=seed))
    expected = [
        peak_signal_noise_ratio(g.numpy(), p.numpy(), data_range=max_value) for p, g in zip(pred, gt, strict=True)
    ]
    metric = PSNR(max_value=max_value)
    np.testing.assert_allclose(metric.per_image(pred, gt), expected, rtol=1e-9)
    assert metric(pred, gt).item() == pytest.approx(np.mean(expected), rel=1e-9)


def test_psnr_takes_the_maximum_of_each_ground_truth_before_its_border_is_cut():
    pred, gt = pair(2, 3, 16, 16)
    gt = gt * torch.tensor([0.5, 0.8])[:, None, None, None]
    gt[0, 0, 0, 0] = 4.0
    gt[1, 0, 0, 0] = 2.0
    inner = (slice(None), slice(2, -2), slice(2, -2))
    expected = [
        peak_signal_noise_ratio(g[inner].numpy(), p[inner].numpy(), data_range=peak)
        for p, g, peak in zip(pred, gt, (4.0, 2.0), strict=True)
    ]
    np.testing.assert_allclose(PSNR(boundary_ignore=2, max_value=None).per_image(pred, gt), expected, rtol=1e-9)


def test_exact_matches_are_left_out_of_the_mean_with_a_notice(caplog):
    pred, gt = pair(3, 3, 12, 12)
    pred[1] = gt[1]
    with caplog.at_level(logging.INFO):
        mean = PSNR()(pred, gt)
    torch.testing.assert_close(mean, PSNR()(pred[[0, 2]], gt[[0, 2]]))
    assert "1 of 3 images" in caplog.text
    assert PSNR().per_image(pred, gt)[1] == torch.inf


def test_psnr_is_a_tensor_zero_if_no_image_is_left():
    _, gt = pair(2, 3, 12, 12)
    for value in (PSNR()(gt, gt), PSNR()(gt + 1, gt, torch.zeros(2, 1, 12, 12, dtype=torch.bool))):
        assert isinstance(value, torch.Tensor)
        assert value.shape == ()
        assert value.item() == 0


def test_psnr_over_a_mask_is_that_of_the_masked_part():
    pred, gt = pair(2, 3, 16, 16)
    valid = torch.zeros(2, 1, 16, 16)
    valid[..., 4:10, 3:9] = 1
    torch.testing.assert_close(PSNR()(pred, gt, valid), PSNR()(pred[..., 4:10, 3:9], gt[..., 4:10, 3:9]))


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_agrees_with_scikit_image(channels):
    pred, gt = pair(2, channels, 40, 51)
    expected = []
    for p, g in zip(pred, gt, strict=True):
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
        _, full = structural_similarity(p.numpy(), g.numpy(), channel_axis=0, full=True, **options)
        expected.append(full[:, 5:-5, 5:-5].mean())
    metric = SSIM(use_for_loss=False)
    np.testing.assert_allclose(metric.per_image(pred, gt), expected, rtol=1e-5)
    assert metric(pred.float(), gt.float()).item() == pytest.approx(np.mean(expected), rel=1e-4)
    assert SSIM()(pred, gt).item() == pytest.approx(1 - np.mean(expected), rel=1e-4)


def test_ssim_is_as_exact_under_autocast():
    pred, gt = pair(1, 3, 32, 32, dtype=torch.float32)
    plain = SSIM()(pred, gt)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(SSIM()(pred, gt), plain)
    assert SSIM()(pred.bfloat16(), gt).dtype == torch.float32


@pytest.mark.parametrize(
    ("scale", "offset", "expected"), [(1, 0, 1), (200, 0, 255), (2, -1.2, 2), (300, -50, 256), (0.1, 0, 1)]
)
def test_ssim_guesses_the_range_from_the_values(scale, offset, expected):
    image = torch.linspace(0, 1, 100).reshape(1, 1, 10, 10)
    assert value_range(image * scale + offset) == expected


def test_ssim_mask_is_asked_at_the_middle_of_the_window():
    pred, gt = pair(1, 1, 30, 30)
    valid = torch.zeros(1, 1, 30, 30)
    valid[..., 12, 17] = 1
    expected = ssim_maps(pred, gt)[0][0, 0, 12 - 5, 17 - 5]
    torch.testing.assert_close(SSIM(use_for_loss=False)(pred, gt, valid), expected)


def test_ssim_of_an_image_smaller_than_its_window_says_so():
    image = torch.rand(1, 3, 18, 38)
    with pytest.raises(ValueError, match=r"10 x 30 pixels .* smaller than the SSIM window of 11"):
        SSIM(boundary_ignore=4)(image, image)


@pytest.mark.parametrize("metric", [PSNR(), SSIM(use_for_loss=False)])
def test_one_image_without_a_batch_axis_counts_as_a_batch_of_one(metric):
    pred, gt = pair(1, 3, 20, 24)
    torch.testing.assert_close(metric(pred[0], gt[0], torch.ones(1, 20, 24)), metric(pred, gt))


def reference_multi_scale(pred: np.ndarray, gt: np.ndarray) -> float:
    """Multi-scale SSIM of one grey image pair from its definition, with scipy's filters."""
    result = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mean = [_blurred(image) for image in (pred, gt)]
        square = [_blurred(image**2) for image in (pred, gt)]
        covariance = _blurred(pred * gt) - mean[0] * mean[1]
        variances = square[0] - mean[0] ** 2 + square[1] - mean[1] ** 2
        term = (2 * covariance + 0.03**2) / (variances + 0.03**2)
        if scale == 4:
            term = term * (2 * mean[0] * mean[1] + 0.01**2) / (mean[0] ** 2 + mean[1] ** 2 + 0.01**2)
        result *= term.mean() ** weight
        pred, gt = (image.reshape(len(image) // 2, 2, -1, 2).mean(axis=(1, 3)) for image in (pred, gt))
    return result


def _blurred(image: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(image, 1.5, radius=5)[5:-5, 5:-5]


def test_multi_scale_ssim_is_that_of_its_definition():
    pred, gt = pair(2, 1, 192, 224)
    expected = [reference_multi_scale(p[0].numpy(), g[0].numpy()) for p, g in zip(pred, gt, strict=True)]
    np.testing.assert_allclose(MultiScaleSSIM().per_image(pred, gt), expected, rtol=1e-5)
    colour = torch.stack((pred[:1, 0], pred[1:, 0]), dim=1), torch.stack((gt[:1, 0], gt[1:, 0]), dim=1)
    assert MultiScaleSSIM()(*colour).item() == pytest.approx(np.mean(expected), rel=1e-5)
    assert MultiScaleSSIM()(gt, gt).item() == pytest.approx(1.0, abs=1e-9)


def test_published_multi_scale_ssim_counts_the_coarsest_scale_four_times():
    _, gt = pair(1, 1, 176, 176)
    dull = 0.5 * gt + 0.4
    small_dull, small_gt = (torch.nn.functional.avg_pool2d(image, 16) for image in (dull, gt))
    coarsest = ssim_maps(small_dull, small_gt, val_range=1.0)[0].mean()
    expected = MultiScaleSSIM()(dull, gt) * coarsest ** (3 * 0.1333)
    torch.testing.assert_close(msssim(dull, gt, val_range=1.0), expected)
    assert coarsest < 0.95


def test_multi_scale_ssim_survives_opposite_contrasts_and_refuses_small_images():
    _, gt = pair(1, 1, 176, 176)
    assert MultiScaleSSIM()(1 - gt, gt) == 0
    assert MSSSIM()(1 - gt, gt).isnan()  # as published
    assert msssim(1 - gt, gt, normalize=True).isfinite()
    with pytest.raises(ValueError, match="at least 176 x 176"):
        MultiScaleSSIM(boundary_ignore=1)(gt, gt)


def test_missing_backbone_is_named_with_the_way_out_and_nothing_is_downloaded(monkeypatch, tmp_path):
    monkeypatch.setenv("BURSTLAB_PRETRAINED_NETS_DIR", str(tmp_path / "nets"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def download(*_args, **_kwargs):
        raise AssertionError("tried to download")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    reason = why_no_lpips()
    assert reason is not None
    assert "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth" in reason
    assert str(tmp_path / "nets") in reason
    with pytest.raises(LPIPSUnavailable, match="alexnet-owt"):
        LPIPS()
    with pytest.raises(ValueError, match="'alex'"):
        LPIPS(type="alexnet")


@pytest.fixture(scope="module")
def backbone() -> dict[str, torch.Tensor]:
    """Random weights under the package's names."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return {
            key: value.clone() for key, value in lpips.LPIPS(pnet_rand=True, verbose=False).net.state_dict().items()
        }


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")  # the package asks it by former arguments
def test_lpips_is_the_package_s_with_the_values_as_they_are(backbone, monkeypatch, tmp_path):
    monkeypatch.setenv("BURSTLAB_PRETRAINED_NETS_DIR", str(tmp_path))
    file = {"features." + key.split(".", 1)[1]: value for key, value in backbone.items()}
    torch.save({**file, "classifier.1.weight": torch.zeros(3)}, tmp_path / "alexnet-owt-7be5be79.pth")
    assert why_no_lpips() is None
    before = torch.get_rng_state()
    metric = LPIPS(boundary_ignore=4)
    assert torch.equal(torch.get_rng_state(), before)

    package = lpips.LPIPS(pnet_rand=True, verbose=False)
    package.net.load_state_dict(backbone)
    pred, gt = pair(2, 3, 72, 80, dtype=torch.float32)
    expected = package(pred[..., 4:-4, 4:-4], gt[..., 4:-4, 4:-4]).flatten()
    torch.testing.assert_close(metric.train().per_image(pred, gt), expected)
    torch.testing.assert_close(metric(pred, gt), expected.mean())
    assert metric(gt, gt) == 0
    assert not any(parameter.requires_grad for parameter in metric.parameters())

    torch.save({"something": torch.zeros(1)}, tmp_path / "alexnet-owt-7be5be79.pth")
    with pytest.raises(ValueError, match=r"holds no ImageNet weights of AlexNet: features\.0\.weight is missing"):
        LPIPS()
