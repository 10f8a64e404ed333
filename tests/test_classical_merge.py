"""The training-free merge: better than what is simpler, robust against what does not fit, and the same part by part."""

import numpy as np
import pytest
import torch

from data.handheld_bursts import handheld_burst
from dataset import SamplePhotos
from models.classical import RobustDenoiser, RobustJointDemosaicking, RobustSuperResolution
from models.classical.flow import find_flow
from models.classical.noise import NoiseModel
from models.classical.normalised_merge import Merge, certainty_of_mosaic
from models.classical.robust_merge import RobustMerge
from models.classical.shrinkage import NoiseSpectrum, shrink
from models.classical.stabilised import StabilisedFrames
from utils.draws import Draws
from utils.ops.demosaic import demosaic
from utils.ops.mosaic import pack
from utils.parts import Cutting, Part

SIZE = (144, 176)
BORDER = 12


def shaken(iso, misfit=False, frames=8, **changes):
    photos = SamplePhotos("train")
    other = photos.get_image(0)[0] if misfit else None
    return handheld_burst(photos.get_image(1)[0], SIZE, iso, frames, misfit=other, draws=Draws(7), **changes)


def merged(burst, **changes):
    return RobustMerge(burst.mosaics, [NoiseModel(burst.read, burst.shot)] * 3, **changes)


def psnr(image, burst):
    """As seen: white balance and gamma."""
    seen, true = (np.clip(x * np.float32(burst.white_balance), 0, 1) ** (1 / 2.2) for x in (image, burst.truth))
    return -10 * np.log10(np.square(seen - true)[BORDER:-BORDER, BORDER:-BORDER].mean())


def reference_frame(burst):
    return demosaic(pack(burst.mosaics[0]))


def plain_mean(burst):
    """All frames demosaicked and moved onto the reference as well as the alignment can, and nothing else."""
    import cv2

    stabilised = StabilisedFrames(burst.mosaics, [NoiseModel(burst.read, burst.shot)] * 3)
    flow = find_flow(stabilised.luminance())
    x, y = np.meshgrid(np.arange(SIZE[1], dtype=np.float32), np.arange(SIZE[0], dtype=np.float32))
    total = np.zeros((*SIZE, 3), np.float32)
    for index, mosaic in enumerate(burst.mosaics):
        moved = 2 * flow.at(index, (x - 0.5) / 2, (y - 0.5) / 2)
        place = x + moved[..., 0], y + moved[..., 1]
        total += cv2.remap(demosaic(pack(mosaic)), *place, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return total / len(burst.mosaics)


def test_eight_frames_of_deep_noise_gain_seven_decibels():
    burst = shaken(6400, max_shift=30.0)
    assert psnr(merged(burst).whole(), burst) > psnr(reference_frame(burst), burst) + 7


@pytest.mark.parametrize("iso", [100, 6400])
def test_a_misfit_does_not_harm_as_it_harms_the_mean(iso):
    burst = shaken(iso, misfit=True, max_shift=20.0)
    merge = merged(burst)
    assert merge.aligned.tolist() == [True] * 7 + [False]
    assert psnr(merge.whole(), burst) > psnr(plain_mean(burst), burst) + 1.5


def test_what_moves_is_taken_from_the_reference():
    burst = shaken(100, max_shift=0.0, max_rotation=0.0)
    here = np.s_[60:92, 70:110]
    burst.mosaics[1:, 60:92, 70:110] = 0.5  # another thing in all other frames
    middle = (slice(66, 86), slice(76, 104))
    found = merged(burst, denoise=False).whole()
    assert np.abs(found - burst.truth)[middle].mean() < 0.1 * np.abs(0.5 - burst.truth)[here].mean()


def test_a_burst_from_a_tripod_is_no_worse_than_its_demosaicked_mean():
    burst = shaken(100, max_shift=0.0, max_rotation=0.0)
    mean = demosaic(pack(burst.mosaics.mean(axis=0)))
    assert psnr(merged(burst, denoise=False).whole(), burst) > psnr(mean, burst) - 0.5


def test_twice_the_size_shows_more_than_interpolation():
    import cv2

    photo = SamplePhotos("train").get_image(1)[0]
    fine = handheld_burst(photo, (2 * SIZE[0], 2 * SIZE[1]), 100, 6, 8.0, 0.5, draws=Draws(3))
    # every second pixel of a slightly blurred scene, from frames that were moved at the fine grid
    moves = [(0, 0), (1, 0), (0, 1), (1, 1), (3, 2), (2, 3)]
    blurred = cv2.GaussianBlur(fine.truth, (0, 0), 0.7)
    frames = []
    for x, y in moves:
        seen = np.roll(blurred, (-y, -x), axis=(0, 1))[::2, ::2]
        bayer = seen[..., 1].copy()
        bayer[::2, ::2], bayer[1::2, 1::2] = seen[::2, ::2, 0], seen[1::2, 1::2, 2]
        frames.append(bayer)
    noise = [NoiseModel(1e-7, 1e-6)] * 3
    large = RobustMerge([np.asarray(frame, np.float32) for frame in frames], noise, scale=2, denoise=False).whole()
    small = RobustMerge([np.asarray(frame, np.float32) for frame in frames], noise, denoise=False).whole()
    grid = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    enlarged = cv2.warpAffine(small, grid, large.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = np.s_[24:-24, 24:-24]
    errors = [np.square(image - fine.truth)[inside].mean() for image in (large, enlarged)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("scale", [1, 2])
def test_parts_are_the_same_as_the_whole(scale):
    merge = merged(shaken(1600, frames=3), scale=scale)
    whole = merge.whole()
    for part in Cutting(72 * scale).parts(merge.size):
        assert merge.part(part) == pytest.approx(whole[part.top : part.bottom, part.left : part.right], abs=1e-5)
    assert merge.part(Part(10, 31, 50, 83)) == pytest.approx(whole[10:31, 50:83], abs=1e-5)


def test_values_below_black_and_above_white_come_through_without_bias():
    flat = np.full((96, 96), 0.02, np.float32)
    model = NoiseModel(1e-3, 1e-3)
    noisy = [
        (flat + model.deviation(flat) * np.random.default_rng(seed).normal(size=flat.shape)).astype(np.float32)
        for seed in range(6)
    ]
    found = RobustMerge(noisy, [model] * 3).whole()
    assert found.mean() == pytest.approx(0.02, abs=2e-3)
    assert found.std() < 0.006


def test_merge_is_the_weighted_mean():
    merge = Merge((4, 4), 1)
    x, y = np.meshgrid(np.arange(4, dtype=np.float32), np.arange(4, dtype=np.float32))
    for value, trust in ((1.0, 1.0), (4.0, 0.5)):
        merge.add(np.full((4, 4, 1), value, np.float32), None, x, y, np.full((4, 4), trust, np.float32))
    image, level = merge.result()
    assert image == pytest.approx(np.full((4, 4, 1), 2.0))
    assert level == pytest.approx(np.full((4, 4), (1 + 0.25) / 1.5**2))


def test_measured_colours_of_a_mosaic_are_certain():
    certainty = certainty_of_mosaic(4, 4)
    assert (certainty == 1).sum(axis=2).min() == 1
    assert certainty[0, 0].argmax() == 0
    assert certainty[0, 1].argmax() == 1
    assert certainty[1, 1].argmax() == 2


def test_shrinkage_removes_noise_of_every_wavelength_and_keeps_an_edge():
    generator = torch.Generator().manual_seed(0)
    noise = [torch.randn(3, 64, 64, generator=generator) for _ in range(5)]
    levels = [torch.ones(64, 64)] * 5
    edge = torch.zeros(3, 64, 64)
    edge[:, :, 32:] = 20.0
    found = shrink(edge + noise[4], levels[0], NoiseSpectrum.of(noise[:4], levels[:4]))
    assert (found - edge).square().mean() < 0.1
    assert torch.nn.functional.avg_pool2d(found[:, :, :24] - edge[:, :, :24], 8).std() < 0.15


@pytest.mark.parametrize(
    ("net", "shape", "result"),
    [
        (RobustDenoiser(), (2, 3, 3, 33, 41), (2, 3, 33, 41)),
        (RobustDenoiser(), (1, 1, 1, 32, 30), (1, 1, 32, 30)),
        (RobustSuperResolution(2), (1, 3, 4, 24, 20), (1, 3, 96, 80)),
        (RobustJointDemosaicking(), (1, 3, 4, 24, 20), (1, 3, 48, 40)),
    ],
)
def test_rows_keep_the_contract_of_the_networks(net, shape, result):
    burst = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    for noise in (torch.full_like(burst, 0.05), None):
        prediction, aux = net(burst, noise)
        assert prediction.shape == result
        assert torch.isfinite(prediction).all()
        assert aux["aligned"].shape == shape[:2]
    with pytest.raises(ValueError, match="expected"):
        net(burst[0])


def test_joint_demosaicking_restores_the_middle_frame():
    burst = torch.zeros(1, 3, 4, 24, 24)
    burst[:, 1] = 0.8
    prediction, _ = RobustJointDemosaicking()(burst, torch.full_like(burst, 0.01))
    assert prediction.mean() == pytest.approx(0.8, abs=0.01)
