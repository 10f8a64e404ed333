"""Photographs in packed shards: the same pixels, clear errors, the same training samples."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from dataset import ImageFolder, PackedImages
from dataset.packed_images import pack_images
from util_scripts.pack_images import main
from utils.image_io import UnreadableImage, write_image

SIZES = [(20, 30), (24, 18), (8, 8), (40, 40)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(SIZES):
        write_image(folder / f"{number}.png", rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return folder


def test_packed_images_are_the_images_in_as_many_files_as_asked_for(photos: Path, tmp_path: Path):
    plain, out = ImageFolder(root=photos), tmp_path / "packed"
    images = ((plain.image_list[i], plain.get_image(i)[0]) for i in range(len(plain)))
    assert pack_images(images, out, "photos", shard_bytes=2000) == len(plain)
    assert len(list(out.glob("shard_*.npy"))) == 2
    packed = pickle.loads(pickle.dumps(PackedImages(out)))  # as workers get it
    assert (packed.get_name(), packed.image_list, len(packed)) == ("photos", plain.image_list, len(plain))
    for number in range(len(plain)):
        assert np.array_equal(packed.get_image(number)[0], plain.get_image(number)[0])
    shard = np.load(out / "shard_00000.npy")
    assert np.array_equal(shard[: 20 * 30 * 3].reshape(20, 30, 3), plain.get_image(0)[0]), "any program can read that"


def test_writing_to_an_image_does_not_change_the_file(photos: Path, tmp_path: Path):
    assert main([str(photos), str(tmp_path / "packed")]) == 0
    packed = PackedImages(tmp_path / "packed")
    before = packed.get_image(1)[0].copy()
    packed.get_image(1)[0][:] = 0
    assert np.array_equal(PackedImages(tmp_path / "packed").get_image(1)[0], before)


def test_tiles_lie_side_by_side_around_the_middle_and_small_photographs_stay_whole(photos: Path, tmp_path: Path):
    assert main([str(photos), str(tmp_path / "packed"), "--tile", "16"]) == 0
    packed, plain = PackedImages(tmp_path / "packed"), ImageFolder(root=photos)
    assert packed.image_list == [
        "0.png 2,7",
        "1.png 4,1",
        "2.png",
        *(f"3.png {y},{x}" for y in (4, 20) for x in (4, 20)),
    ]
    assert np.array_equal(packed.get_image(0)[0], plain.get_image(0)[0][2:18, 7:23])
    assert packed.get_image(2)[0].shape == (8, 8, 3)


def test_folders_that_are_no_packed_images_or_damaged_say_so(photos: Path, tmp_path: Path):
    with pytest.raises(UnreadableImage, match="pack_images"):
        PackedImages(photos)
    out = tmp_path / "packed"
    assert main([str(photos), str(out)]) == 0
    assert main([str(photos), str(out)]) == 1, "packed images are not written over"
    shard = out / "shard_00000.npy"
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(UnreadableImage, match=r"shard_00000.npy .* pack the images again"):
        PackedImages(out).get_image(0)
    np.save(shard, np.zeros(2000, np.uint8))
    with pytest.raises(UnreadableImage, match=r"too short for image 1\.png"):
        PackedImages(out).get_image(1)
    index = json.loads((out / "index.json").read_text())
    (out / "index.json").write_text(json.dumps(index | {"version": 2}))
    with pytest.raises(UnreadableImage, match="version 2"):
        PackedImages(out)
