"""Camera pipeline, mosaics, RAW helpers and post-processing."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data import camera_pipeline as camera
from data import raw_image_processing as raw
from data.postprocessing_functions import DenoisingPostProcess, SimplePostProcess
from data.synthetic_burst_generation import camera_meta_info, draw_camera, unprocess
from utils import data_format_utils as formats
from utils.draws import Draws
from utils.ops.box import sliding_box_mean

PHOTO = torch.rand(3, 12, 16, generator=torch.Generator().manual_seed(0))


def test_curves_and_their_inverses_cancel():
    assert torch.allclose(camera.apply_smoothstep(camera.invert_smoothstep(PHOTO)), PHOTO, atol=1e-5)
    assert torch.allclose(camera.gamma_compression(camera.gamma_expansion(PHOTO)), PHOTO, atol=1e-5)


@given(seed=st.integers(0, 10**6))
def test_post_processing_gives_back_the_photograph_that_was_unprocessed(seed):
    params = draw_camera(None, Draws(seed))
    # Dull colours: strong ones leave the sensor's range and highlights are kept bright on purpose.
    photo = 0.3 + 0.2 * PHOTO
    linear = unprocess(photo, params)
    assert float(linear.min()) > 0
    shown = SimplePostProcess().process(linear, camera_meta_info(params))
    assert np.allclose(shown, photo, atol=2e-4)


@given(seed=st.integers(0, 10**6))
def test_random_camera_parameters_stay_in_their_ranges(seed):
    draws = Draws(seed)
    assert torch.allclose(camera.random_ccm(draws).sum(dim=1), torch.ones(3), atol=1e-5)
    rgb_gain, red_gain, blue_gain = camera.random_gains(draws)
    assert 1.9 <= red_gain < 2.4
    assert 1.5 <= blue_gain < 1.9
    assert 0.5 < rgb_gain < 5
    shot, read = camera.random_noise_levels(draws)
    assert 0.0001 <= shot < 0.012
    assert read > 0


def test_highlights_are_not_dimmed_when_gains_are_inverted():
    white, grey = torch.ones(3, 1, 1), torch.full((3, 1, 1), 0.5)
    assert torch.allclose(camera.safe_invert_gains(white, 1.2, 2.0, 1.6), white)
    expected = 0.5 / 1.2 * torch.tensor([1 / 2.0, 1.0, 1 / 1.6])
    assert torch.allclose(camera.safe_invert_gains(grey, 1.2, 2.0, 1.6).flatten(), expected)


def test_noise_has_the_stated_variance():
    flat = torch.full((1, 200, 200), 0.4)
    noise = camera.add_noise(flat, 0.01, 0.001, draws=Draws(0)) - flat
    assert float(noise.var()) == pytest.approx(0.4 * 0.01 + 0.001, rel=0.03)
    assert float(noise.mean()) == pytest.approx(0, abs=0.002)


def test_noise_of_values_below_black_is_no_nan():
    assert torch.isfinite(camera.add_noise(torch.full((4, 2, 2), -0.2), 0.01, 0.0005)).all()


def test_camera_functions_name_the_shape_they_cannot_use():
    with pytest.raises(ValueError, match=r"\(4, 2, 2\)"):
        camera.apply_ccm(torch.zeros(4, 2, 2), torch.eye(3))
    with pytest.raises(ValueError, match="3 or 4"):
        camera.apply_gains(torch.zeros(2, 2, 2), 1.0, 1.0, 1.0)


def test_mosaic_takes_each_colour_from_its_place():
    mosaic = camera.mosaic(PHOTO)
    expected = [PHOTO[0, 2, 4], PHOTO[1, 2, 5], PHOTO[1, 3, 4], PHOTO[2, 3, 5]]
    assert torch.equal(mosaic[:, 1, 2], torch.stack(expected))
    assert torch.equal(camera.mosaic(PHOTO[None].expand(2, -1, -1, -1))[1], mosaic)


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 4, 5)])
def test_mosaic_refuses_odd_sides_and_unknown_modes(shape):
    with pytest.raises(ValueError, match="even"):
        camera.mosaic(torch.zeros(shape))
    with pytest.raises(ValueError, match="rggb"):
        camera.mosaic(PHOTO, "bggr")


@given(rows=st.integers(1, 5), columns=st.integers(1, 5), frames=st.integers(0, 2))
def test_packing_and_flattening_a_mosaic_cancel(rows, columns, frames):
    shape = (frames,) * (frames > 0) + (2 * rows, 2 * columns)
    bayer = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    assert np.array_equal(raw.flatten_raw_image(raw.pack_raw_image(bayer)), bayer)
    tensor = torch.from_numpy(bayer)
    assert torch.equal(raw.flatten_raw_image(raw.pack_raw_image(tensor)), tensor)


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_every_bayer_pattern_is_cut_to_start_on_red(pattern):
    cell = np.array([*pattern]).reshape(2, 2)
    letters = np.tile(cell, (3, 4))
    indices = np.array(["RGB".index(letter) for letter in pattern]).reshape(2, 2)
    file = SimpleNamespace(raw_image_visible=letters, color_desc=b"RGBG", raw_pattern=indices)
    assert raw.get_bayer_pattern(file.color_desc, file.raw_pattern) == pattern
    packed = raw.convert_to_rggb(file)
    assert ["".join(np.unique(channel)) for channel in packed] == ["R", "G", "G", "B"]
    assert raw.convert_to_rggb(file, four_channel_output=False)[0, 0] == "R"


def test_a_sensor_without_bayer_pattern_is_refused():
    file = SimpleNamespace(raw_image_visible=np.zeros((4, 4)), color_desc=b"RGBG", raw_pattern=[[0, 0], [1, 2]])
    with pytest.raises(ValueError, match="RRGB"):
        raw.convert_to_rggb(file)


def test_display_images_and_tensors_convert_both_ways():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(formats.torch_to_npimage(formats.npimage_to_torch(image, normalize=False), False), image)
    assert np.array_equal(formats.torch_to_numpy(formats.numpy_to_torch(image)), image)
    tensor = formats.npimage_to_torch(image)
    assert float(tensor[0, 2, 3]) == pytest.approx(image[2, 3, 2] / 255)  # the file's last channel is red


@given(value=st.floats(-0.5, 2.0))
def test_denoising_curve_is_continuous_and_rising(value):
    low, high = torch.tensor([value]), torch.tensor([value + 1e-3])
    rise = float(DenoisingPostProcess.apply_gamma(high) - DenoisingPostProcess.apply_gamma(low))
    assert 0 < rise < 0.0135


def test_denoising_curve_maps_black_and_white_to_themselves():
    ends = torch.tensor([0.0, 1.0])
    assert torch.allclose(DenoisingPostProcess.apply_gamma(ends), ends, atol=1e-6)


def test_denoising_post_process_takes_one_white_level_per_item():
    batch, white = torch.rand(2, 3, 4, 4), torch.tensor([[0.5], [0.25]])
    process = DenoisingPostProcess().process
    shown = process(batch, {"white_level": white})
    assert np.allclose(shown[1], process(batch[1], {"white_level": white[1]}), atol=1e-6)


@given(size=st.integers(1, 4), row=st.integers(0, 3), column=st.integers(0, 3))
def test_sliding_box_mean_is_the_mean_of_the_window(size, row, column):
    image = torch.rand(2, 8, 9, dtype=torch.float64)
    mean = image[:, row : row + size, column : column + size].mean(dim=(1, 2))
    assert torch.allclose(sliding_box_mean(image, size)[:, row, column], mean)


def test_the_display_curve_has_a_gradient_at_white():
    values = torch.tensor([0.999, 1.0, 1.001], requires_grad=True)
    DenoisingPostProcess.apply_gamma(values).sum().backward()
    assert values.grad is not None
    assert torch.allclose(values.grad, torch.full((3,), 0.43988), atol=1e-3)
