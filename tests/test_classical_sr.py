"""Training-free RAW burst super-resolution lies on the grid of the ground truth and gains by frames."""

import cv2
import numpy as np
import pytest
import torch

from admin.tensordict import TensorDict
from data.processing import SyntheticBurstProcessing
from dataset import SamplePhotos
from models.classical import AlignedMeanUpsampling, BilinearUpsampling, DemosaicUpsampling
from models.classical.demosaic import demosaic
from models.classical.rigid_alignment import align_rigidly
from utils.draws import Draws
from utils.ops.mosaic import mosaic

METHODS = [BilinearUpsampling, DemosaicUpsampling, AlignedMeanUpsampling]
BORDER = 40


def samples(noise, **motion):
    """Bursts of four training photographs (the held-out ones are for scores)."""
    processing = SyntheticBurstProcessing(
        192,
        6,
        4,
        burst_transformation_params={"max_translation": 16.0, "max_rotation": 1.0, "border_crop": 16} | motion,
        image_processing_params={"add_noise": noise},
    )
    photos = SamplePhotos("train")
    return [processing(TensorDict(frame=photos.get_image(i)[0], draws=Draws(11, i))) for i in (0, 1, 4, 5)]


def psnr(prediction, truth):
    difference = (prediction.clamp(0, 1) - truth)[..., BORDER:-BORDER, BORDER:-BORDER]
    return -10 * float(difference.square().mean().log10())


@pytest.fixture(scope="module")
def clean():
    return samples(noise=False)


@pytest.mark.parametrize("method", METHODS)
def test_no_shift_of_the_ground_truth_fits_better_than_none(method, clean):
    net = method()
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        here, shifted = [], []
        for sample in clean:
            prediction, truth = net(sample["burst"][None])[0][0], sample["frame_gt"]
            here.append(psnr(prediction, truth))
            shifted.append(psnr(prediction, truth.roll(shift, dims=(1, 2))))
        assert np.mean(here) > np.mean(shifted) + 0.05, shift
        assert all(a > b for a, b in zip(here, shifted, strict=True)), shift


@pytest.mark.parametrize("noise", [False, True])
def test_demosaicking_and_more_frames_are_worth_it(noise):
    bursts = samples(noise)
    means = [np.mean([psnr(method()(s["burst"][None])[0][0], s["frame_gt"]) for s in bursts]) for method in METHODS]
    assert np.all(np.diff(means) > 0.4), means


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 4])
def test_a_ramp_in_every_colour_is_continued_on_the_grid_of_the_ground_truth(method, factor):
    y, x = torch.meshgrid(torch.arange(24.0 * factor), torch.arange(28.0 * factor), indexing="ij")
    truth = torch.stack([0.2 + 0.001 * x, 0.3 + 0.002 * y, 0.5 - 0.001 * x])
    burst = mosaic(truth[:, ::factor, ::factor]).expand(1, 3, 4, 12, 14)
    prediction, aux = method(sr_factor=factor)(burst)
    assert aux == {}
    assert prediction.shape == (1, *truth.shape)
    inside = (..., slice(4 * factor, -4 * factor), slice(4 * factor, -4 * factor))
    assert (prediction[0] - truth)[inside].abs().max() < 2e-3  # a step of one pixel to the side is that large


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_contract_of_the_networks(method):
    burst = torch.rand(2, 3, 4, 17, 21, generator=torch.Generator().manual_seed(0)) - 0.05
    prediction, _ = method()(burst)
    assert prediction.shape == (2, 3, 136, 168)
    assert prediction.dtype == torch.float32
    assert torch.equal(prediction[1], method()(burst[1:])[0][0])
    one_frame, _ = method()(burst[:, :1])
    assert one_frame.shape == prediction.shape
    for wrong in (burst[0], burst[:, :, :3], burst.to(torch.int16)):
        with pytest.raises(ValueError, match=r"\[B, T, 4, H, W\]"):
            method()(wrong)


def test_one_frame_is_all_that_the_single_frame_rows_use_and_the_mean_of_one_frame_is_that_row(clean):
    burst = clean[0]["burst"][None]
    for method in METHODS[:2]:
        assert torch.equal(method()(burst)[0], method()(burst[:, :1])[0])
    assert torch.equal(AlignedMeanUpsampling()(burst[:, :1])[0], DemosaicUpsampling()(burst)[0])


def test_frames_of_another_scene_are_left_out(clean):
    burst, other = clean[0]["burst"], clean[1]["burst"]
    mixed = torch.cat([burst[:1], other[:2]])[None]
    assert torch.equal(AlignedMeanUpsampling()(mixed)[0], DemosaicUpsampling()(mixed)[0])


@pytest.mark.parametrize(("degrees", "shift"), [(0.0, (2.25, -1.5)), (1.0, (0.0, 0.0)), (-1.0, (-3.0, 2.0))])
def test_turned_frames_are_found(degrees, shift):
    generator = np.random.default_rng(3)
    scene = cv2.GaussianBlur(generator.standard_normal((160, 176)), (0, 0), 2.5).astype(np.float32) * 100
    turn = cv2.getRotationMatrix2D((88, 80), degrees, 1.0)
    turn[:, 2] += shift
    turned = np.asarray(cv2.warpAffine(scene, turn, (176, 160), flags=cv2.INTER_LANCZOS4))
    cut = (slice(32, -32), slice(32, -32))
    frames = np.stack([scene[cut], turned[cut]]) + generator.standard_normal((2, 96, 112)).astype(np.float32)
    alignment = align_rigidly(frames.astype(np.float32), max_shift=8)
    assert alignment.aligned.all()
    points = np.array([[10, 100, 56, 10], [10, 10, 48, 85], [1, 1, 1, 1]], dtype=np.float64)
    whole = points + np.array([[32], [32], [0]])
    expected = turn @ whole - 32  # where the scene points of frame 0 lie in frame 1
    assert np.abs(alignment.matrices[1] @ points - expected).max() < 0.2
    assert np.array_equal(alignment.matrices[0], [[1, 0, 0], [0, 1, 0]])


def test_grey_and_flat_mosaics_come_out_as_they_are_below_black_and_above_white_too():
    for colour in ([0.2, 0.5, 0.3], [-0.01, 0.02, 0.0], [1.2, 1.5, 1.1]):
        flat = torch.tensor(colour).view(3, 1, 1).expand(3, 12, 16)
        rgb = demosaic(mosaic(flat).numpy())
        assert rgb.shape == (12, 16, 3)
        assert np.abs(rgb - np.array(colour)).max() < 1e-6
