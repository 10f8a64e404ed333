"""Bursts as users have them become mosaics on one scale, with the right frames, reference and noise."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from restoration.burst import Noise, RawBurst, RestorationError
from restoration.noise import estimate, from_profile
from restoration.reading import read_burst
from restoration.sources import find_files
from restoration.tiff_output import dng_bytes
from tests.fabricated.dng import NEUTRAL, Notes, write_dng
from tests.fabricated.raw_bursts import noise_of_iso, write_raw_burst
from tests.test_rawsr_real import first_red, scene

PATTERNS = ("RGGB", "GRBG", "BGGR", "GBRG")
X_TRANS = "GBGGRGRGRBGBGBGGRGGRGGBGBGBRGRGRGGBG"
Item = TypeVar("Item")


def silently(iterable: Iterable[Item], description: str) -> Iterator[Item]:
    return iter(iterable)


def read(folder: Path, reference: str | None = None, leave_out: bool = False) -> RawBurst:
    return read_burst(find_files([folder]), silently, reference, leave_out)


def smooth_scene(height: int = 64, width: int = 72) -> np.ndarray:
    return scene(np.arange(float(height)), np.arange(float(width)))


@pytest.mark.parametrize(
    ("pattern", "orientation", "margins"),
    [*((pattern, 1, (0, 0)) for pattern in PATTERNS), ("GRBG", 6, (3, 5)), ("BGGR", 8, (2, 1))],
)
def test_frames_are_what_the_sensor_measured_from_the_first_red_pixel_on(
    pattern: str, orientation: int, margins: tuple[int, int], tmp_path: Path
) -> None:
    view = smooth_scene()
    for number in range(2):
        write_dng(tmp_path / f"{number}.dng", view, pattern, orientation, margins)
    burst = read(tmp_path)
    top, left = first_red(pattern, margins)
    height, width = burst.size
    assert (height, width) == tuple((side - start) // 2 * 2 for side, start in ((64, top), (72, left)))
    part = view[top : top + height, left : left + width] * NEUTRAL
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        np.testing.assert_allclose(burst.frames[0][row::2, column::2], part[row::2, column::2, colour], atol=1e-4)
    assert burst.capture.orientation == orientation
    np.testing.assert_allclose(burst.capture.white_balance, 1 / np.array(NEUTRAL), rtol=1e-5)
    np.testing.assert_allclose(burst.capture.camera_to_srgb, np.eye(3), atol=1e-5)


def test_every_pixel_of_the_cell_has_its_own_black_level(tmp_path: Path) -> None:
    view = smooth_scene()
    for number in range(2):
        write_dng(tmp_path / f"{number}.dng", view, "GRBG", black=(400, 600, 800, 1000))
    frame, part = read(tmp_path).frames[1], (view * NEUTRAL)[:, 1:71]
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        np.testing.assert_allclose(frame[row::2, column::2], part[row::2, column::2, colour], atol=1e-4)


def test_noise_goes_below_black_so_that_the_mean_of_dark_frames_is_black(tmp_path: Path) -> None:
    for number in range(2):
        write_dng(tmp_path / f"{number}.dng", np.zeros((64, 64, 3)), noise=(0.0, 1e-4, number))
    frames = read(tmp_path).frames
    assert frames[0].min() < -0.02
    assert abs(np.mean(frames)) < 5e-4


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (("09", "08", "10"), ["frame_2.dng", "frame_1.dng", "frame_10.dng"]),
        (("09", None, "10"), ["frame_1.dng", "frame_2.dng", "frame_10.dng"]),
    ],
)
def test_frames_are_ordered_by_time_or_by_the_numbers_in_their_names(
    times: tuple[str | None, ...], expected: list[str], tmp_path: Path
) -> None:
    for number, time in zip((1, 2, 10), times, strict=True):
        notes = Notes(taken=("2024:05:06 07:08:09" if time else "", time or ""))
        write_dng(tmp_path / f"frame_{number}.dng", smooth_scene(), notes=notes)
    assert list(read(tmp_path).names) == expected


def test_the_sharpest_frame_is_the_reference_unless_one_is_named(tmp_path: Path) -> None:
    sharp = np.random.default_rng(0).uniform(0.2, 0.8, (8, 9, 1)).repeat(8, 0).repeat(8, 1).repeat(3, 2)
    for number, blur in enumerate((2.0, 0.5, 3.0)):
        write_dng(tmp_path / f"{number}.dng", gaussian_filter(sharp, (blur, blur, 0)), noise=(1e-4, 1e-5, number))
    assert read(tmp_path).reference == 1
    assert read(tmp_path, "2").reference == read(tmp_path, "2.dng").reference == 2
    with pytest.raises(RestorationError, match=r"Unknown reference '3\.dng'.*2\.dng"):
        read(tmp_path, "3.dng")


@pytest.mark.parametrize(
    ("size", "notes", "reason"),
    [
        ((64, 68), Notes(), "size is 68 x 64 pixels, not 72 x 64 pixels"),
        ((64, 72), Notes(seconds=0.04), "exposure is 1/25 s f/1.8 ISO 400, not 1/100 s f/1.8 ISO 400"),
        ((64, 72), Notes(model="Another camera"), "camera is Made up Another camera, not Made up Made-up camera"),
    ],
)
def test_a_frame_that_does_not_belong_is_named_and_refused_or_left_out(
    size: tuple[int, int], notes: Notes, reason: str, tmp_path: Path
) -> None:
    for number in range(4):
        strange = number == 0
        view = smooth_scene(*(size if strange else (64, 72)))
        write_dng(tmp_path / f"{number}.dng", view, notes=notes if strange else Notes())
    with pytest.raises(RestorationError, match=rf"0\.dng does not belong: its {reason} .*1\.dng"):
        read(tmp_path)
    assert read(tmp_path, leave_out=True).names == ("1.dng", "2.dng", "3.dng")


def test_without_notes_a_frame_of_another_brightness_does_not_belong(tmp_path: Path) -> None:
    for number in range(3):
        write_dng(tmp_path / f"{number}.dng", smooth_scene() * (0.4 if number == 1 else 1.0))
    with pytest.raises(RestorationError, match=r"1\.dng does not belong: its exposure is a brightness of"):
        read(tmp_path)


def test_a_file_that_cannot_be_read_is_left_out_on_request(tmp_path: Path) -> None:
    for number in range(3):
        write_dng(tmp_path / f"{number}.dng", smooth_scene())
    (tmp_path / "1.dng").write_bytes((tmp_path / "1.dng").read_bytes()[:3000])
    with pytest.raises(RestorationError, match=r"1\.dng is cut off after 3000 bytes"):
        read(tmp_path)
    assert read(tmp_path, leave_out=True).names == ("0.dng", "2.dng")


def test_pictures_beside_raw_files_are_passed_over(tmp_path: Path) -> None:
    for number in range(2):
        write_dng(tmp_path / f"{number}.dng", smooth_scene())
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.zeros((64, 72, 3), np.uint8))
    assert read(tmp_path).names == ("0.dng", "1.dng")


@pytest.mark.parametrize(
    ("ending", "advice"), [(".dng", r" \(for a single frame there is --task rawsr\)"), (".png", "")]
)
def test_a_single_frame_gets_the_advice_that_it_can_follow(ending: str, advice: str, tmp_path: Path) -> None:
    if ending == ".dng":
        write_dng(tmp_path / "0.dng", smooth_scene())
    else:
        cv2.imwrite(str(tmp_path / "0.png"), np.full((64, 72, 3), 90, np.uint8))
    with pytest.raises(RestorationError, match=rf"0{ending}: 1 frame; a burst has at least 2{advice}$"):
        read(tmp_path)


def test_sensors_without_a_bayer_mosaic_are_refused_by_name(tmp_path: Path) -> None:
    for number in range(2):
        write_dng(tmp_path / f"{number}.dng", smooth_scene(72, 72), X_TRANS)
    with pytest.raises(RestorationError, match=r"0\.dng .*X-Trans"):
        read(tmp_path)
    burst = write_raw_burst(tmp_path / "burst", frames=2, size=(64, 64))
    whole = dng_bytes(np.full((64, 64, 3), 9000, np.uint16), replace(read(tmp_path / "burst").capture), "test")
    burst.paths[0].write_bytes(whole)
    with pytest.raises(RestorationError, match=r"frame_0\.dng .*linear DNG"):
        read(tmp_path / "burst")


def test_the_noise_profile_of_the_file_is_taken(tmp_path: Path) -> None:
    profile = (1e-3, 1e-6, 2e-3, 2e-6, 3e-3, 3e-6)
    for number in range(2):
        write_dng(tmp_path / f"{number}.dng", smooth_scene(), notes=Notes(noise_profile=profile))
    assert read(tmp_path).noise == Noise((1e-3, 2e-3, 3e-3), (1e-6, 2e-6, 3e-6))
    assert from_profile(profile[:2]) == Noise((1e-3,) * 3, (1e-6,) * 3)


@pytest.mark.parametrize("values", [(1e-3,), (1e-3, -1.0), (float("nan"), 1e-6), (0.0, 0.0), (1e-3, 1e-6) * 2])
def test_a_noise_profile_that_cannot_be_is_not_taken(values: tuple[float, ...]) -> None:
    assert from_profile(values) is None


@pytest.mark.parametrize("iso", [400, 1600, 6400])
def test_without_a_profile_the_noise_is_seen_in_the_burst(iso: int, tmp_path: Path) -> None:
    burst = write_raw_burst(tmp_path, frames=2, size=(288, 288), iso=iso, with_profile=False)
    found, (shot, read_variance) = read(tmp_path).noise, noise_of_iso(iso)
    for signal in (0.05, 0.2, 0.5):
        truth = shot * signal + read_variance
        assert 0.6 < (found.shot[1] * signal + found.read[1]) / truth < 2.0
    assert burst.noise == (shot, read_variance)


def test_estimated_noise_of_a_plain_wall_is_right() -> None:
    rng = np.random.default_rng(0)
    clean = np.linspace(0.02, 0.8, 384, dtype=np.float32)[None].repeat(384, 0)
    shot, read_variance = 2e-3, 1e-4
    noisy = clean + np.sqrt(shot * clean + read_variance) * rng.standard_normal(clean.shape)
    found = estimate(noisy.astype(np.float32))
    assert found.shot[0] == pytest.approx(shot, rel=0.1)
    assert found.read[0] == pytest.approx(read_variance, rel=0.25)


@given(gain=st.floats(0.25, 8.0), channel=st.integers(0, 2))
def test_variance_scales_with_the_square_of_the_gain(gain: float, channel: int) -> None:
    noise = Noise((1e-3, 2e-3, 4e-3), (1e-5, 2e-5, 4e-5))
    signal = np.array([0.0, 0.1, 0.7], np.float32)
    gains = [1.0, 1.0, 1.0]
    gains[channel] = gain
    after = noise.scaled(gains).variance((gain * signal).astype(np.float32), channel)
    np.testing.assert_allclose(after, gain**2 * noise.variance(signal, channel), rtol=1e-5)


def test_noise_carried_through_gains_is_that_of_the_values() -> None:
    rng = np.random.default_rng(0)
    noise = Noise((2e-3,) * 3, (1e-4,) * 3)
    clean = np.full(200_000, 0.3, np.float32)
    noisy = clean + np.sqrt(noise.variance(clean, 0)) * rng.standard_normal(clean.size)
    assert np.var(2.5 * noisy) == pytest.approx(float(noise.scaled((2.5, 1, 1)).variance(2.5 * clean, 0)[0]), rel=0.02)


@pytest.mark.parametrize(("ending", "bits"), [(".png", 8), (".png", 16), (".tif", 16), (".jpg", 8)])
def test_rendered_pictures_become_linear(ending: str, bits: int, tmp_path: Path) -> None:
    grey = 0.5  # of the display
    value = round(grey * (2**bits - 1))
    picture = np.full((65, 70, 3), value, np.uint8 if bits == 8 else np.uint16)
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}{ending}"), picture)
    burst = read(tmp_path)
    assert not burst.is_mosaic
    assert burst.size == (64, 70)
    np.testing.assert_allclose(burst.frames[0], ((0.5 + 0.055) / 1.055) ** 2.4, atol=5e-3)
    assert burst.capture.white_balance == (1.0, 1.0, 1.0)


def test_the_orientation_of_pictures_is_noted_and_not_applied(tmp_path: Path) -> None:
    for number in range(2):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(np.full((64, 80, 3), 90, np.uint8)).save(tmp_path / f"{number}.jpg", exif=exif)
    burst = read(tmp_path)
    assert burst.size == (64, 80)
    assert burst.capture.orientation == 6
