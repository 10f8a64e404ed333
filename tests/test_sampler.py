"""Samplers: which image or burst, and in which order its frames."""

import logging
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import sampler
from data.sampler import natural_frame_ids, random_frame_ids
from tests.golden.cases.sampling import StandInDataset, stand_ins
from utils.draws import Draws, SampleKey
from utils.safe_pickle import UnreadablePickle


def test_random_image_follows_the_weights_and_reaches_every_image():
    made = sampler.RandomImage(stand_ins(), [3, 1], 2000)
    count = Counter(made[i]["dataset"] for i in range(len(made)))
    assert count["a"] / 2000 == pytest.approx(0.75, abs=0.04)
    assert len({tuple(made[i]["frame"]) for i in range(500)}) == 13


def test_without_weights_every_image_is_equally_likely():
    made = sampler.RandomImage(stand_ins(), None, 2000)
    assert sum(made[i]["dataset"] == "a" for i in range(2000)) / 2000 == pytest.approx(10 / 13, abs=0.04)


def test_sample_depends_on_its_key_only():
    def keyed(data):
        return {"value": data["draws"].integer(0, 10**9), "frame": data["frame"]}

    made = sampler.RandomImage(stand_ins(), [1, 1], 10, processing=keyed)
    once = [made[SampleKey(i, seed=1, epoch=2)] for i in range(10)]
    assert [made[SampleKey(i, seed=1, epoch=2)] for i in reversed(range(10))][::-1] == once
    assert [made[SampleKey(i, seed=1, epoch=3)] for i in range(10)] != once
    assert made[3] == made[SampleKey(3)]


def test_every_sample_says_where_it_comes_from():
    image = sampler.IndexedImage(stand_ins()[1])[SampleKey(2, seed=5, epoch=7)]
    assert image["sample"] == "b, image 2 (index 2 of epoch 7, seed 5)"
    burst = sampler.IndexedBurst(stand_ins()[0], 3)[SampleKey(4)]
    assert "a_4" in burst["sample"]
    assert "[0, 1, 2]" in burst["sample"]


def test_evaluation_takes_frames_in_their_natural_order():
    made = sampler.IndexedBurst(stand_ins()[0], 14)
    assert made[0]["frames"] == list(range(14))
    assert [made[i]["burst_name"] for i in range(len(made))] == [f"a_{i}" for i in range(10)]


def test_indexed_samplers_take_a_list_of_one_data_set_and_no_other():
    assert len(sampler.IndexedBurst([stand_ins()[0]], 4)) == 10
    assert len(sampler.IndexedImage(stand_ins()[:1])) == 10
    for count in (0, 2):
        with pytest.raises(ValueError, match=f"{count} were given"):
            sampler.IndexedBurst(stand_ins()[:count], 4)


def test_indexed_samplers_end():
    made: Any = sampler.IndexedImage(stand_ins()[1])
    assert [item["frame"][1] for item in made] == [0, 1, 2]
    with pytest.raises(IndexError, match="3 of 3"):
        made[3]


@given(count=st.integers(2, 20), burst_size=st.integers(1, 30), any_first=st.booleans(), seed=st.integers(0, 10**6))
def test_random_frames_are_drawn_without_replacement_until_all_are_used(count, burst_size, any_first, seed):
    ids = random_frame_ids(count, burst_size, any_first, Draws(seed))
    assert len(ids) == burst_size
    assert set(ids) <= set(range(count))
    if not any_first:
        assert ids[0] == 0
        assert 0 not in ids[1:]
    if burst_size <= count:
        assert len(set(ids)) == burst_size


@given(count=st.integers(2, 20), burst_size=st.integers(1, 30))
def test_natural_frames_start_with_all_in_order(count, burst_size):
    ids = natural_frame_ids(count, burst_size)
    assert len(ids) == burst_size
    assert ids[:count] == list(range(count))[:burst_size]


def test_random_reference_image_may_start_with_any_frame():
    made = sampler.RandomBurst(stand_ins(), [1, 1], 4, 50, random_reference_image=True)
    assert len({made[i]["frames"][0] for i in range(50)}) > 5


def test_a_burst_of_one_frame_is_refused_by_name():
    with pytest.raises(ValueError, match=r"c_0 of c has 1 frames, burst_size=4"):
        sampler.IndexedBurst(StandInDataset("c", 1, 1), 4)[0]


def test_what_the_processing_cannot_use_is_named():
    def choosy(data):
        raise ValueError("the frames must have one size")

    def damaged(data):
        raise UnreadablePickle("meta_info.pkl has no EXIF tag")

    image = sampler.IndexedImage(stand_ins()[1], choosy)
    with pytest.raises(ValueError, match=r"^b, image 2 \(index 2 of epoch 0, seed 5\): the frames must have one size$"):
        image[SampleKey(2, seed=5)]
    with pytest.raises(ValueError, match=r"^a, burst a_4, frames \[0, 1, 2\].*: the frames must have one size$"):
        sampler.IndexedBurst(stand_ins()[0], 3, choosy)[4]
    with pytest.raises(UnreadablePickle, match=r"^meta_info\.pkl"):
        sampler.IndexedBurst(stand_ins()[0], 3, damaged)[4]


def test_fail_safe_goes_on_to_other_images_and_logs_each_failure(caplog):
    dataset = stand_ins()[0]
    dataset.failures_left = 3
    with caplog.at_level(logging.WARNING):
        item = sampler.RandomImage([dataset], [1], 1, fail_safe=True)[0]
    assert item["dataset"] == "a"
    assert [record.getMessage().count("failed to load") for record in caplog.records] == [1, 1, 1]


def test_fail_safe_gives_up_and_passes_on_what_is_no_bad_image():
    dataset = stand_ins()[0]
    dataset.failures_left = 10**6
    with pytest.raises(RuntimeError, match="failed to load"):
        sampler.RandomImage([dataset], [1], 1, fail_safe=True)[0]

    def broken(data):
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        sampler.RandomImage(stand_ins(), [1, 1], 1, processing=broken, fail_safe=True)[0]


def test_without_fail_safe_the_first_failure_stops():
    dataset = stand_ins()[0]
    dataset.failures_left = 1
    with pytest.raises(OSError, match="failed to load"):
        sampler.RandomImage([dataset], [1], 1)[0]


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0]])
def test_weights_that_cannot_be_drawn_from_are_refused(weights):
    with pytest.raises(ValueError, match="one weight for each"):
        sampler.RandomImage(stand_ins(), weights, 1)
