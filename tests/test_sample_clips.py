"""Clips made from the bundled photographs: always the same, with motion that is what they say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset import SampleClips
from utils.ops.warp import warp


def test_a_clip_is_always_the_same_one_and_different_from_others():
    one, again = SampleClips(size=48).get_clip(7), SampleClips(size=48, num_clips=8).get_clip(7)
    assert torch.equal(one.frames, again.frames)
    assert torch.equal(one.flow, again.flow)
    assert one.name == again.name
    other = SampleClips(size=48).get_clip(7 + 6)  # of the same photograph
    assert other.scene == one.scene
    assert not torch.equal(one.frames, other.frames)


@settings(max_examples=8, deadline=None)
@given(
    num_frames=st.integers(1, 9),
    size=st.tuples(st.integers(16, 70), st.integers(16, 70)),
    largest=st.floats(0, 60),
    num_objects=st.integers(0, 3),
    clip_id=st.integers(0, 99),
)
def test_frames_warped_by_the_true_motion_show_the_centre_frame_where_it_is_visible(
    num_frames, size, largest, num_objects, clip_id
):
    clip = SampleClips("all", num_frames, size, (0, largest), num_objects).get_clip(clip_id)
    centre = num_frames // 2
    assert clip.frames.shape == (num_frames, 3, *size)
    assert clip.frames.dtype == torch.float32
    assert 0 <= clip.frames.min() <= clip.frames.max() <= 1
    assert clip.visible[centre].all()
    assert not clip.flow[centre].any()
    difference = (warp(clip.frames, clip.flow) - clip.frames[centre]).abs().mean(1)
    for t in range(num_frames):
        if clip.visible[t].sum() > 50:
            assert difference[t][clip.visible[t]].mean() < 0.06  # interpolation, soft edges
            assert difference[t][clip.visible[t]].median() < 0.03


def test_the_motion_has_the_speed_that_was_asked_for():
    clips = SampleClips(num_frames=5, size=256, speed=(30, 30))
    for i in range(6):
        distance = clips.get_clip(i).camera.norm(dim=1)
        assert distance[2] == 0
        assert distance[[1, 3]].tolist() == pytest.approx([30, 30], abs=1e-3)
        assert 50 < distance[[0, 4]].min() <= distance.max() < 60.01


def test_objects_move_on_their_own():
    clip = SampleClips(num_frames=3, size=96, speed=(20, 30), num_objects=2).get_clip(3)
    motions = {tuple(flow.tolist()) for flow in clip.flow[0].flatten(1).T.round(decimals=2)}
    assert len(motions) == 3


def test_splits_share_no_scene_and_say_the_scene():
    scenes = {split: {SampleClips(split).get_scene(i) for i in range(20)} for split in ("train", "heldout")}
    assert scenes["train"].isdisjoint(scenes["heldout"])
    clips = SampleClips("heldout", num_clips=4, size=16)
    assert len(clips) == 4
    assert clips.get_clip_info(3) == {"clip_name": "chelsea_00003", "num_frames": 5, "scene": "chelsea"}
    assert [torch.equal(a, b) for a, b in zip(clips.get_frames(1, [2, 0]), clips[1].frames[[2, 0]], strict=True)] == [
        True,
        True,
    ]
    with pytest.raises(IndexError, match="clip 4 of 4"):
        clips[4]


@pytest.mark.parametrize("arguments", [{"speed": (0, 90)}, {"speed": (5, 2)}, {"num_frames": 0}, {"size": 4}])
def test_arguments_that_make_no_clip_are_refused_by_name(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SampleClips(**arguments)
