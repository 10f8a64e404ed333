"""Synthetic RAW bursts: where pixels lie, what is rounded, and bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import data.transforms as tfm
from admin.tensordict import TensorDict
from data.processing import SyntheticBurstProcessing
from data.processing_utils import center_crop, draw_resized_crop, random_crop
from data.synthetic_burst_generation import draw_motions, rgb2rawburst, single2lrburst
from tests.twins.bursts import positions_map
from utils.draws import Draws

FRAME = np.random.default_rng(0).integers(0, 256, (150, 170, 3), dtype=np.uint8)
MOVES = {"max_translation": 24.0, "max_rotation": 1.0, "max_shear": 0.0, "max_scale": 0.0, "border_crop": 24}
CLEAN = {"random_ccm": False, "random_gains": False, "smoothstep": False, "gamma": False, "add_noise": False}


def processing(**options):
    defaults = {"burst_transformation_params": MOVES, "crop_sz": (64, 80), "burst_size": 3, "downsample_factor": 4}
    return SyntheticBurstProcessing(**{**defaults, **options})


def test_sample_has_the_documented_keys_and_shapes():
    sample = processing(return_rgb_busrt=True)(TensorDict(frame=FRAME, dataset="photos", draws=Draws(1)))
    assert set(sample) == {"dataset", "burst", "frame_gt", "burst_rgb", "meta_info"}
    assert sample["burst"].shape == (3, 4, 8, 10)
    assert sample["frame_gt"].shape == (3, 64, 80)
    assert sample["burst_rgb"].shape == (3, 3, 16, 20)
    for key in ("burst", "frame_gt", "burst_rgb"):
        assert 0 <= float(sample[key].min()) <= float(sample[key].max()) <= 1
    assert torch.allclose(sample["meta_info"]["cam2rgb"] @ sample["meta_info"]["rgb2cam"], torch.eye(3), atol=1e-5)


def test_same_draws_give_the_same_sample_and_others_another():
    first, again, other = (processing()(TensorDict(frame=FRAME, draws=Draws(seed))) for seed in (1, 1, 2))
    assert torch.equal(first["burst"], again["burst"])
    assert not torch.equal(first["burst"], other["burst"])


@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1, 2, 3, 4]), border=st.sampled_from([0, 12]))
def test_flow_in_closed_form_equals_the_map_of_all_positions(seed, factor, border):
    shape = (60, 72)
    limits = {"max_translation": 6.0, "max_rotation": 4.0, "max_shear": 0.05, "max_ar_factor": 0.1, "max_scale": 0.1}
    motions = draw_motions(3, factor, limits, Draws(seed))
    image = np.zeros((*shape, 3), dtype=np.uint8)
    frames, flow = single2lrburst(image, 3, factor, {"border_crop": border}, motions=motions)
    assert flow.shape == (3, 2, *frames.shape[-2:])
    maps = np.stack([positions_map(shape, motion, factor, border) for motion in motions])
    assert np.allclose(flow.numpy(), (maps - maps[:1]).transpose(0, 3, 1, 2), atol=1e-3)


def test_frames_show_the_scene_where_the_flow_says():
    y, x = np.mgrid[:120, :160]
    ramp = np.stack([x + 20, y + 20, (x + y) // 2], axis=2).astype(np.uint8)
    moves = {"max_translation": 6.0, "max_rotation": 3.0, "border_crop": 20}
    frames, flow = single2lrburst(ramp, 4, 4, moves, draws=Draws(5))
    # One pixel of the mosaic is four levels of the ramps; both frames are rounded.
    assert torch.allclose(frames[:, 0] - frames[:1, 0], 4 * flow[:, 0], atol=1.3)
    assert torch.allclose(frames[:, 1] - frames[:1, 1], 4 * flow[:, 1], atol=1.3)
    assert float(flow.abs().max()) > 0.5


def test_pixel_of_the_reference_lies_on_every_fourth_pixel_of_the_ground_truth():
    image = torch.zeros(3, 48, 48)
    image[:, 16, 24] = 1.0
    _, _, burst_rgb, _, _ = rgb2rawburst(image, 1, 4, {"border_crop": 8}, CLEAN)
    row, column = (16 - 8) // 4, (24 - 8) // 4
    assert float(burst_rgb[0, 0, row, column]) == pytest.approx(0.25, abs=1 / 255)  # centre of [1 2 1] / 4 squared
    burst_rgb[0, :, row, column] = 0
    assert float(burst_rgb.max()) == 0


def test_frames_are_truncated_to_8_bits_and_the_ground_truth_is_not():
    image = torch.full((3, 32, 32), 100.9 / 255)
    _, linear, burst_rgb, _, _ = rgb2rawburst(image, 1, 4, {"border_crop": 8}, CLEAN)
    assert torch.allclose(burst_rgb, torch.tensor(100 / 255))
    assert torch.equal(linear, image)


@pytest.mark.parametrize("border", [{}, {"border_crop": 0}, {"border_crop": None}])
def test_no_border_crop_means_no_crop(border):
    sample = processing(burst_transformation_params={"max_translation": 3.0, **border})(TensorDict(frame=FRAME))
    assert sample["frame_gt"].shape == (3, 64, 80)
    assert sample["burst"].shape == (3, 4, 8, 10)
    assert single2lrburst(FRAME, 1, 2, {"max_translation": 3.0, **border})[0].shape == (1, 3, 75, 85)


def test_only_the_crop_is_converted_and_flips_are_respected():
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.3), tfm.RandomHorizontalFlip(1.0))
    made, plain = processing(transform=transform), processing(transform=None)
    params = made.draw(FRAME.shape[:2], Draws(5))
    whole = transform.apply(FRAME, params["transform"])
    assert torch.equal(made.render(FRAME, params)["burst"], plain.render(whole, params)["burst"])


def test_a_photograph_that_is_too_small_is_enlarged():
    sample = processing(crop_sz=160)(TensorDict(frame=FRAME))
    assert sample["frame_gt"].shape == (3, 160, 160)


@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    rows=st.integers(1, 60),
    columns=st.integers(1, 60),
)
def test_boxes_of_resized_crops_lie_inside_the_image(seed, height, width, rows, columns):
    box = draw_resized_crop((height, width), (rows, columns), Draws(seed), (0.6, 1.8), (0.7, 1.4))
    assert min(box) >= 0
    assert min(box.height, box.width) >= 1
    assert box.top + box.height <= height
    assert box.left + box.width <= width


def test_crops_of_too_small_images_name_both_sizes():
    image = torch.zeros(3, 10, 12)
    for crop in (center_crop, random_crop):
        with pytest.raises(ValueError, match=r"11 x 4.*10 x 12"):
            crop(image, (11, 4))
    with pytest.raises(ValueError, match=r"150 x 170"):
        processing(crop_sz=160, random_crop=False)(TensorDict(frame=FRAME))


def test_options_that_cannot_work_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match="crop_scale_range"):
        processing(random_crop=False, crop_scale_range=(0.5, 1.0))
    with pytest.raises(ValueError, match="bilinear, lanczos"):
        single2lrburst(FRAME, 2, interpolation_type="cubic")
    with pytest.raises(ValueError, match="border_crop=80"):
        single2lrburst(FRAME, 2, transformation_params={"border_crop": 80})
    with pytest.raises(ValueError, match="float64"):
        single2lrburst(FRAME / 255, 2)
