"""Training samples of joint denoising and demosaicking: windows of frames, camera, noise and its two maps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.tensordict import TensorDict
from data import DataLoader
from data.clip_sampler import CentreFrames, window_around
from data.jdd_camera import (
    NOISE_LEVELS,
    Camera,
    NoiseLevel,
    add_noise,
    develop,
    noise_map,
    photo_to_linear,
    published_test_noise,
    to_srgb,
    white_balanced,
)
from data.jdd_processing import JDDProcessing, augmented, frame_tensor
from dataset import REDS, SampleClips
from dataset.base_clip_dataset import BaseClipDataset
from tests.fabricated import reds
from tests.fabricated.photographs import photograph
from utils.draws import Draws, SampleKey
from utils.ops.mosaic import mosaic


class NumberedFrames(BaseClipDataset):
    """Clips whose frames are their own numbers."""

    def __init__(self, *lengths):
        super().__init__("Numbered")
        self.clip_list = [f"clip{i}" for i in range(len(lengths))]
        self.lengths = lengths

    def get_num_frames(self, clip_id):
        return self.lengths[clip_id]

    def get_frames(self, clip_id, frame_ids):
        return [(clip_id, i) for i in frame_ids]


def test_every_frame_of_every_clip_is_a_centre_and_those_at_the_ends_are_drawn_anew():
    windows = CentreFrames(NumberedFrames(7, 6), num_frames=5)
    assert len(windows) == 13
    for index in range(13):
        clip, wanted = (0, index) if index < 7 else (1, index - 7)
        item = windows[index]
        centre = item["frame_ids"][2]
        assert item["frame_ids"] == list(range(centre - 2, centre + 3))
        assert item["frames"] == [(clip, i) for i in item["frame_ids"]]
        if 2 <= wanted <= windows.dataset.lengths[clip] - 3:
            assert centre == wanted
    drawn = {CentreFrames(NumberedFrames(100))[SampleKey(0, 0, epoch)]["frame_ids"][2] for epoch in range(60)}
    assert len(drawn) > 20
    assert min(drawn) >= 2
    assert max(drawn) <= 97


def test_intervals_reversal_and_repetition_of_an_epoch():
    windows = CentreFrames(NumberedFrames(30), 3, intervals=(1, 4), random_reverse=True, repeat=2)
    assert len(windows) == 60
    items = [windows[SampleKey(45, 0, epoch)]["frame_ids"] for epoch in range(40)]
    assert {tuple(ids) for ids in items} == {(14, 15, 16), (16, 15, 14), (11, 15, 19), (19, 15, 11)}
    with pytest.raises(ValueError, match="clip0 of Numbered has 8 frames; 5 frames at intervals of 2 need 9"):
        CentreFrames(NumberedFrames(8), 5, intervals=(2,))[0]
    with pytest.raises(ValueError, match="num_frames=4 must be odd"):
        CentreFrames(NumberedFrames(8), 4)


@given(length=st.integers(1, 12), frames=st.sampled_from([1, 3, 5, 9]), data=st.data())
@settings(max_examples=40, deadline=None)
def test_windows_at_the_ends_of_a_clip_have_no_frame_twice_or_are_refused(length, frames, data):
    centre = data.draw(st.integers(0, length - 1))
    if length < frames:
        with pytest.raises(ValueError, match=f"a clip of {length} frames is too short for {frames}"):
            window_around(centre, length, frames)
        return
    window = window_around(centre, length, frames)
    assert window[frames // 2] == centre
    assert len(set(window)) == frames
    assert all(0 <= i < length for i in window)


def test_windows_of_unknown_padding_or_even_length_are_refused():
    with pytest.raises(ValueError, match="did you mean 'replicate'"):
        window_around(0, 9, 5, "replicated")
    with pytest.raises(ValueError, match="no middle one"):
        window_around(0, 9, 4)


def test_camera_is_undone_and_done_again():
    photo = frame_tensor(photograph(20, 24)) * 0.6 + 0.1
    camera = Camera.draw(Draws(3))
    metadata = {name: value[None] for name, value in camera.metadata().items()}
    linear = photo_to_linear(photo, camera)
    assert torch.equal(photo_to_linear(torch.stack([photo, photo.flip(-1)]), camera)[1], linear.flip(-1))
    levels = torch.from_numpy(photograph(20, 24)).permute(2, 0, 1)
    assert torch.allclose(photo_to_linear(levels, camera), photo_to_linear(levels / 255, camera), atol=1e-6)
    keys = ("cam2rgb", "rgb_gain", "red_gain", "blue_gain")
    again = develop(linear[None], *(metadata[key] for key in keys))[0]
    # No tone curve on the way back: the published pipeline inverts one and never applies it.
    torch.testing.assert_close(3 * again**2 - 2 * again**3, photo, atol=2e-3, rtol=0)
    balanced = white_balanced(linear[None], metadata["red_gain"], metadata["blue_gain"])
    torch.testing.assert_close(to_srgb(balanced, metadata["cam2rgb"], metadata["rgb_gain"])[0], again)


def test_both_noise_maps_are_named_and_the_deviation_is_that_of_the_noise():
    level, clean = NOISE_LEVELS["high"], torch.full((4, 200, 200), 0.25)
    noisy = add_noise(clean, level, torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)))
    assert float((noisy - clean).std()) == pytest.approx(float(noise_map(clean, level, "deviation")[0, 0, 0]), rel=0.02)
    assert float(noise_map(clean, level, "variance")[0, 0, 0]) == pytest.approx(6.4e-3 * 0.25 + 2e-2)
    with pytest.raises(ValueError, match="did you mean 'variance'"):
        noise_map(clean, level, "varience")


def test_drawn_noise_levels_stay_in_the_published_ranges():
    levels = [NoiseLevel.draw(Draws(i)) for i in range(200)]
    assert all(1e-3 <= level.read <= 10**-1.5 and 1e-4 <= level.shot <= 1e-2 for level in levels)
    assert min(level.read for level in levels) < 1.3e-3
    assert max(level.shot for level in levels) > 8e-3


def test_test_noise_depends_on_the_number_of_the_frame_alone():
    assert torch.equal(published_test_noise((6, 8), 2), published_test_noise((6, 8), 2))
    assert not torch.equal(published_test_noise((6, 8), 2), published_test_noise((6, 8), 3))


@pytest.fixture(scope="module")
def clips():
    return SampleClips("train", num_frames=3, size=(40, 44), speed=(0, 4), num_clips=12)


def test_a_sample_is_a_noisy_mosaic_of_the_clean_frames_with_the_middle_one_as_ground_truth(clips):
    sample = CentreFrames(clips, 3, processing=JDDProcessing(32))[4]
    assert "frames" not in sample
    assert sample["burst"].shape == sample["noise_map"].shape == sample["burst_gt"].shape == (3, 4, 16, 16)
    assert sample["frame_gt"].shape == (3, 32, 32)
    assert torch.equal(mosaic(sample["frame_gt"]), sample["burst_gt"][1])
    meta = sample["meta_info"]
    level = NoiseLevel(float(meta["shot"]), float(meta["read"]))
    torch.testing.assert_close(sample["noise_map"], noise_map(sample["burst"], level, meta["noise_map_mode"]))
    assert 0 <= sample["burst"].min() <= sample["burst"].max() <= 1
    assert float((sample["burst"] - sample["burst_gt"]).abs().mean()) < 4 * float(sample["noise_map"].mean())


def test_the_same_draws_give_the_same_sample_and_frames_and_ground_truth_are_flipped_together(clips):
    frames, processing = clips.get_frames(0, [0, 1, 2]), JDDProcessing(32)
    first = processing(TensorDict(frames=frames, draws=Draws(5)))
    again = processing(TensorDict(frames=frames, draws=Draws(5)))
    assert torch.equal(first["burst"], again["burst"])
    params = processing.draw((40, 44), Draws(5))
    plain = processing.render(frames, params | dict.fromkeys(("flip_rows", "flip_columns", "transpose"), False))
    for flips in ((True, False, False), (False, True, True), (True, True, True)):
        turned = processing.render(
            frames, params | dict(zip(("flip_rows", "flip_columns", "transpose"), flips, strict=True))
        )
        assert torch.equal(turned["frame_gt"], augmented(plain["frame_gt"], *flips))
        assert torch.equal(mosaic(turned["frame_gt"]), turned["burst_gt"][1])


def test_colours_change_places_only_where_that_is_asked_for_and_in_all_frames_alike(clips):
    frames, plain, shuffling = (
        clips.get_frames(0, [0, 1, 2]),
        JDDProcessing(32),
        JDDProcessing(32, shuffle_colours=True),
    )
    params = plain.draw((40, 44), Draws(5))
    assert params["colours"] == (0, 1, 2)
    shuffled = shuffling.draw((40, 44), Draws(5))
    assert {**shuffled, "colours": 0, "camera": 0} == {**params, "colours": 0, "camera": 0}  # later draws are the same
    assert len({shuffling.draw((40, 44), Draws(i))["colours"] for i in range(60)}) == 6
    colours = [2, 0, 1]
    moved = plain.render([frame[colours] for frame in frames], params)
    rendered = plain.render(frames, params | {"colours": tuple(colours)})
    assert torch.equal(rendered["burst"], moved["burst"])
    assert torch.equal(rendered["frame_gt"], moved["frame_gt"])


def test_flips_are_drawn_only_where_they_are_allowed():
    draws = [JDDProcessing(8, use_flip=False, use_rot=False).draw((8, 8), Draws(i)) for i in range(20)]
    assert not any(one["flip_rows"] or one["flip_columns"] or one["transpose"] for one in draws)
    draws = [JDDProcessing((8, 10), use_rot=False).draw((8, 10), Draws(i)) for i in range(20)]
    assert 0 < sum(one["flip_rows"] for one in draws) < 20
    assert not any(one["transpose"] for one in draws)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"crop_sz": 33}, "even sides"),
        ({"crop_sz": (32, 48)}, "set use_rot=False"),
        ({"noise_map_mode": "linear"}, "Known: deviation, variance"),
    ],
)
def test_arguments_that_make_no_sample_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        JDDProcessing(**arguments)


def test_frames_smaller_than_the_window_are_named(clips):
    with pytest.raises(ValueError, match=r"40 x 44 pixels are smaller than crop_sz=\(64, 64\)"):
        CentreFrames(clips, 3, processing=JDDProcessing(64))[0]


def test_batches_carry_one_camera_and_noise_level_each(tmp_path):
    frames = CentreFrames(REDS(reds(tmp_path), "train"), 5, processing=JDDProcessing(32))
    batch = next(iter(DataLoader("train", frames, batch_size=3, shuffle=True)))
    assert batch["burst"].shape == (3, 5, 4, 16, 16)
    assert batch["meta_info"]["cam2rgb"].shape == (3, 3, 3)
    assert batch["meta_info"]["red_gain"].shape == (3,)
    assert batch["meta_info"]["red_gain"].dtype == torch.float32
    assert batch["meta_info"]["noise_map_mode"] == ["variance"] * 3
    assert len(batch["sample"]) == 3
