"""The bundled photographs: real colour pictures, no download, no scene in both splits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dataset import SamplePhotos

REPOSITORY = Path(__file__).resolve().parent.parent


def test_no_scene_is_in_both_splits_and_together_they_are_all():
    scenes = {split: [photos.get_scene(i) for i in range(len(photos))] for split, photos in all_splits().items()}
    assert set(scenes["train"]).isdisjoint(scenes["heldout"])
    assert scenes["all"] == scenes["train"] + scenes["heldout"]
    assert set(scenes["heldout"]) == {"chelsea", "coffee", "rocket"}


def all_splits() -> dict[str, SamplePhotos]:
    return {split: SamplePhotos(split) for split in ("train", "heldout", "all")}


def test_both_views_of_the_stereo_pair_are_one_scene():
    photos = SamplePhotos("all")
    views = [i for i, name in enumerate(photos.image_list) if "motorcycle" in name]
    assert len(views) == 2
    assert len({photos.get_scene(i) for i in views}) == 1


def test_every_photograph_is_a_colour_picture_of_useful_size():
    photos = SamplePhotos("all")
    for i in range(len(photos)):
        image, info = photos.get_image(i)
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        assert min(image.shape[:2]) >= 300
        assert image.std() > 10
        assert np.abs(image[..., 0].astype(int) - image[..., 2]).mean() > 1, f"{photos.image_list[i]} is grey"
        assert info == {"scene": photos.get_scene(i)}


def test_nothing_is_fetched_and_scikit_image_is_not_imported():
    program = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from dataset.sample_photos import SamplePhotos\n"
        "[SamplePhotos('all').get_image(i) for i in range(9)]\n"
        "assert 'skimage' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=60)


def test_an_unknown_split_is_answered_with_the_nearest_one():
    with pytest.raises(ValueError, match=r"held_out.*heldout"):
        SamplePhotos("held_out")


def test_a_given_info_is_handed_back():
    _, info = SamplePhotos("heldout").get_image(0, {"mine": 1})
    assert info == {"mine": 1}
    assert SamplePhotos("heldout").get_name() == "SamplePhotos"
