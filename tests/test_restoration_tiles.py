"""Tiles join without a seam, stay within their memory, and what is finished is never made again or lost."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration.burst import Capture, Noise, RawBurst, RestorationError
from restoration.tiles import join_tiles, restore_in_tiles
from utils.parts import Cutting
from utils.progress import track

NOISE = Noise((1e-3,) * 3, (1e-5,) * 3)


def burst(height, width, frames=1):
    values = np.random.default_rng(0).random((frames, height, width), np.float32)
    return RawBurst(tuple(values), tuple(map(str, range(frames))), 0, NOISE, Capture())


def blurred(part):
    """Looks 2 pixels far: the mean of 5 x 5 pixels in three colours."""
    import cv2

    return np.repeat(cv2.blur(part.frames[0], (5, 5))[:, :, None], 3, axis=2)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 40),
    st.integers(0, 5),
    st.integers(1, 3),
)
def test_parts_cover_an_image_with_weights_that_add_up_to_one(height, width, core, margin, scale):
    margin = min(4 * margin, core // 2 // 4 * 4)
    cutting = Cutting(core, margin)
    total = np.zeros((scale * height, scale * width))
    for part in cutting.parts((height, width)):
        place = part.enlarged(scale)
        total[place.top : place.bottom, place.left : place.right] += cutting.weights(part, (height, width), scale)
    assert total == pytest.approx(np.ones_like(total), abs=1e-5)


def test_margins_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="margins of 24"):
        Cutting(40, 24)


def test_tiles_give_what_the_whole_image_gives(tmp_path):
    whole = burst(600, 340)
    joined = restore_in_tiles(blurred, whole, 1, track, 1, tmp_path, margin=32)
    assert len(list(tmp_path.iterdir())) > 1
    assert joined == pytest.approx(blurred(whole), abs=1e-6)


def test_an_image_that_fits_is_one_tile(tmp_path):
    restore_in_tiles(blurred, burst(300, 340), 1, track, 4 << 30, tmp_path)
    assert not list(tmp_path.iterdir())


@dataclass
class Breaks:
    """Restores so many tiles and is then interrupted."""

    tiles: int
    made: list[object] = field(default_factory=list)

    def __call__(self, part):
        if len(self.made) == self.tiles:
            raise KeyboardInterrupt
        self.made.append(part)
        return np.full((*part.size, 3), len(self.made), np.float32)


def test_a_run_that_was_broken_off_goes_on_at_the_next_tile(tmp_path):
    cutting, size = Cutting(16), (32, 48)
    first, second = Breaks(4), Breaks(2)
    with pytest.raises(KeyboardInterrupt):
        join_tiles(first, cutting, size, 1, track, tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".npy"] * 4
    image = join_tiles(second, cutting, size, 1, track, tmp_path)
    assert second.made == list(cutting.parts(size))[4:]
    assert np.unique(image[:16]).tolist() == [1, 2, 3]
    assert np.unique(image[16:]).tolist() == [1, 2, 4]


def test_a_damaged_tile_is_made_again(tmp_path, caplog):
    cutting, size = Cutting(16), (32, 16)
    join_tiles(Breaks(2), cutting, size, 1, track, tmp_path)
    damaged = sorted(tmp_path.iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:200])
    again = Breaks(1)
    join_tiles(again, cutting, size, 1, track, tmp_path)
    assert len(again.made) == 1
    assert damaged.name in caplog.text


def test_a_work_folder_that_cannot_be_written_is_named(tmp_path):
    gone = tmp_path / "file"
    gone.write_text("")
    with pytest.raises(RestorationError, match="file"):
        join_tiles(Breaks(2), Cutting(16), (32, 16), 1, track, gone)


def test_less_memory_makes_smaller_tiles(tmp_path, monkeypatch):
    monkeypatch.setattr("restoration.tiles._bytes_per_pixel", lambda restore, burst: 1000.0)
    seen = []

    def restore(part):
        seen.append(part.size)
        return np.zeros((*part.size, 3), np.float32)

    largest = []
    for memory in (400 << 20, 1000 << 20):
        seen.clear()
        folder = tmp_path / str(memory)
        folder.mkdir()
        restore_in_tiles(restore, burst(1400, 900), 1, track, memory, folder)
        largest.append(max(height * width for height, width in seen))
        assert largest[-1] * 1000 <= memory
    assert largest[0] < largest[1]
