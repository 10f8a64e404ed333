"""Large hand shake is found and undone without touching a pixel's value; misfits are left out by name."""

import numpy as np
import pytest

from data.handheld_bursts import handheld_burst
from dataset import SamplePhotos
from models.classical.flow import bilinear, find_flow
from models.classical.noise import Array, NoiseModel
from models.classical.stabilised import StabilisedFrames
from restoration.burst import Capture, Noise, RawBurst
from restoration.geometry import coarsely_aligned
from utils.draws import Draws
from utils.ops.mosaic import pack
from utils.progress import track

SIZE = (256, 320)


def shaken(iso, misfit=False, frames=4, **changes):
    photos = SamplePhotos("train")
    other = photos.get_image(0)[0] if misfit else None
    return handheld_burst(photos.get_image(1)[0], SIZE, iso, frames, misfit=other, draws=Draws(4), **changes)


def as_burst(made):
    names = tuple(f"frame{index}.dng" for index in range(len(made.mosaics)))
    noise = Noise((made.shot,) * 3, (made.read,) * 3)
    return RawBurst(tuple(made.mosaics), names, 0, noise, Capture())


@pytest.mark.parametrize("iso", [100, 6400])
def test_shifts_of_60_pixels_and_2_degrees_are_found_to_a_fraction_of_a_pixel(iso):
    made = shaken(iso)
    stabilised = StabilisedFrames(made.mosaics, [NoiseModel(made.read, made.shot)] * 3)
    flow = find_flow(stabilised.luminance())
    assert flow.aligned.all()
    x, y = np.meshgrid(np.arange(SIZE[1] // 2), np.arange(SIZE[0] // 2))
    place = np.stack([2 * x + 0.5, 2 * y + 0.5], axis=-1)
    for index in range(1, 4):
        matrix = made.matrices[index]
        true = place @ matrix[:, :2].T + matrix[:, 2] - place
        there = place + true
        seen = ((there > 4) & (there < np.array(SIZE[::-1]) - 4)).all(axis=-1)
        error = np.linalg.norm(2 * flow.at(index, x.astype(np.float32), y.astype(np.float32)) - true, axis=-1)[seen]
        assert np.median(error) < 0.3, index
        assert np.quantile(error, 0.95) < 1.0, index
    assert np.abs(made.matrices[1][:, 2]).max() >= 55


def test_frames_come_onto_the_reference_in_whole_cells():
    made = shaken(100)
    aligned = coarsely_aligned(as_burst(made), track)
    for before, after in zip(made.mosaics, aligned.frames, strict=True):
        assert np.isin(pack(after)[0], [*pack(before)[0].ravel(), *pack(made.mosaics[0])[0].ravel()]).all()
    reference = aligned.frames[0]
    assert np.array_equal(reference, made.mosaics[0])
    for before, after in zip(made.mosaics[1:], aligned.frames[1:], strict=True):
        assert np.abs(after - reference).mean() < 0.5 * np.abs(before - reference).mean()


def test_what_is_left_of_the_motion_is_half_a_cell():
    made = shaken(100, max_rotation=0.0)
    aligned = coarsely_aligned(as_burst(made), track)
    left = find_flow(StabilisedFrames(aligned.frames, [NoiseModel(made.read, made.shot)] * 3).luminance())
    assert np.abs(np.median(left.grids[1:], axis=(1, 2))).max() < 0.65


def test_a_frame_of_another_scene_is_left_out_with_a_word(caplog):
    aligned = coarsely_aligned(as_burst(shaken(800, misfit=True)), track)
    assert aligned.names == ("frame0.dng", "frame1.dng", "frame2.dng")
    assert "frame3.dng shows something else" in caplog.text


def test_order_and_reference_stay():
    given = as_burst(shaken(100))
    turned = coarsely_aligned(given.of_frames([2, 0, 1, 3]), track)
    assert turned.names == ("frame2.dng", "frame0.dng", "frame1.dng", "frame3.dng")
    assert turned.reference == 1
    assert np.array_equal(turned.frames[1], given.frames[0])


def test_noise_alone_is_not_moved():
    noise = np.random.default_rng(0).normal(size=(4, 120, 150)).astype(np.float32)
    flow = find_flow(noise)
    assert np.abs(flow.grids).max() < 15


def test_colour_images_are_moved_by_whole_pixels():
    photo: Array = np.asarray(SamplePhotos("train").get_image(0)[0][:300, :300] / 255, np.float32)
    frames = (photo[20:220, 20:240], photo[35:235, 47:267])
    burst = RawBurst(frames, ("a.png", "b.png"), 0, Noise((0.0,) * 3, (1e-4,) * 3), Capture())
    moved = coarsely_aligned(burst, track).frames[1]
    assert np.array_equal(moved[20:190, 30:200], frames[0][20:190, 30:200])


def test_bilinear_keeps_values_at_grid_points():
    grid = np.random.default_rng(1).random((4, 5, 2), np.float32)
    x, y = np.meshgrid(np.arange(5.0), np.arange(4.0))
    assert bilinear(grid, x, y) == pytest.approx(grid)
