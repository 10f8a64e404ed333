"""RAW files go through the benchmark without errors of colour or place, whatever the Bayer order and the orientation.

The scene is known at every place: its linear sRGB colours are a function of the coordinates on the sensor.
"""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import rawpy
import torch
from numpy.typing import NDArray
from torch import nn

from evaluation.common_utils import engine
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.rawsr.benchmark import rawsr_benchmark
from tests.fabricated.dng import NEUTRAL, write_dng
from utils.ops.demosaic import demosaic
from utils.ops.mosaic import pack
from utils.ops.srgb import linear_to_srgb
from utils.raw_files import (
    UnreadableRaw,
    _red_corner,
    encoded_reference,
    read_raw_as_original,
    read_raw_photo,
    read_sensor_image,
)

PATTERNS = ("RGGB", "GRBG", "BGGR", "GBRG")
HEIGHT, WIDTH = 61, 83
TILE = 32


def scene(rows: NDArray[np.floating], columns: NDArray[np.floating]) -> NDArray[np.float64]:
    """Linear sRGB at places of the sensor; its steepest parts change by 0.03 per pixel."""
    y, x = rows[:, None] / 10, columns / 10
    red = 0.4 + 0.3 * np.sin(1.1 * x) * np.cos(0.7 * y)
    green = 0.4 + 0.3 * np.sin(0.6 * x + y)
    blue = 0.35 + 0.3 * np.cos(0.9 * y - 0.4 * x)
    return np.stack([red, green, blue], axis=-1)


def first_red(pattern: str, margins: tuple[int, int]) -> tuple[int, int]:
    """Where on the sensor the first mosaic of the file starts: LibRaw cuts what makes a margin odd."""
    red = divmod(pattern.index("R"), 2)
    return tuple(start if start >= margin % 2 else 2 for start, margin in zip(red, margins, strict=True))  # type: ignore[return-value]


def on_display(linear: NDArray[np.floating]) -> NDArray[np.float64]:
    return linear_to_srgb(torch.from_numpy(linear)).numpy()


class DemosaickingOnly(nn.Module):
    """Restores the scene from the mosaic alone, so that errors of its phase show."""

    def forward(self, raw: torch.Tensor, isp: torch.Tensor) -> tuple[torch.Tensor, dict]:
        linear = demosaic(pack(raw[0, 0].numpy())) / np.array(NEUTRAL, np.float32)
        size = (2 * linear.shape[1], 2 * linear.shape[0])
        enlarged = cv2.resize(np.asarray(linear, np.float32), size, interpolation=cv2.INTER_CUBIC)
        return linear_to_srgb(torch.from_numpy(enlarged)).permute(2, 0, 1)[None], {}


@pytest.fixture
def saved_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path / "saved"))
    return tmp_path / "saved"


@pytest.mark.parametrize(
    ("pattern", "orientation", "margins"),
    [
        *((pattern, 1, (0, 0)) for pattern in PATTERNS),
        ("RGGB", 6, (0, 0)),
        ("GRBG", 8, (0, 0)),
        ("BGGR", 3, (3, 5)),
        ("GBRG", 6, (2, 1)),
        ("GRBG", 1, (1, 2)),
    ],
)
def test_a_raw_file_becomes_an_enlarged_picture_of_its_scene(
    pattern: str, orientation: int, margins: tuple[int, int], tmp_path: Path, saved_in: Path
) -> None:
    sensor = scene(np.arange(float(HEIGHT)), np.arange(float(WIDTH)))
    (tmp_path / "files").mkdir()
    write_dng(tmp_path / "files" / "shot.one.dng", sensor, pattern, orientation, margins)
    benchmark = rawsr_benchmark("real", 2, TILE, tmp_path / "files")
    networks = [NetworkParam(network=DemosaickingOnly, unique_name="mosaic"), benchmark.baselines[0]]
    engine.save_predictions(benchmark, networks)

    top, left = first_red(pattern, margins)
    height, width = ((size - start) // 2 * 2 for size, start in ((HEIGHT, top), (WIDTH, left)))
    fine = [start + (np.arange(2.0 * size) - 0.5) / 2 for size, start in ((height, top), (width, left))]
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    expected = np.rot90(on_display(scene(*fine)), turns)
    inner = slice(12, -12)
    for network in networks:
        path = saved_in / benchmark.name / network.get_unique_name() / "shot.one.png"
        stored = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        assert stored.dtype == np.uint16
        picture = stored[:, :, ::-1] / 65535  # as any other program reads it
        assert picture.shape == expected.shape
        error = np.abs(picture - expected)[inner, inner]
        shifted = min(np.abs(picture - np.roll(expected, 1, axis))[inner, inner].mean() for axis in (0, 1))
        assert error.max() < 0.03  # interpolation; a wrong colour would be off by 0.3
        assert error.mean() < shifted / 3, "closer than half a pixel of the mosaic"
        loaded = SavedPredictions.of(benchmark, network.get_unique_name()).load("shot.one")[0]
        np.testing.assert_allclose(loaded.permute(1, 2, 0).numpy(), picture, atol=1e-6)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("margins", [(0, 0), (3, 5), (2, 1)])
def test_the_mosaic_is_what_the_sensor_measured(pattern: str, margins: tuple[int, int], tmp_path: Path) -> None:
    sensor = scene(np.arange(float(HEIGHT)), np.arange(float(WIDTH)))
    photo = read_raw_photo(write_dng(tmp_path / "a.dng", sensor, pattern, 6, margins))
    top, left = first_red(pattern, margins)
    part = sensor[top:, left:]
    assert photo.mosaic.shape == tuple(size // 2 * 2 for size in part.shape[:2])
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        seen = photo.mosaic[row::2, column::2]
        expected = part[row::2, column::2, colour][: seen.shape[0], : seen.shape[1]] * NEUTRAL[colour]
        np.testing.assert_allclose(seen, expected, atol=1e-4)
    assert photo.reference.shape == (*photo.mosaic.shape, 3)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_picture_is_turned_as_libraw_turns_it(orientation: int, tmp_path: Path) -> None:
    sensor = scene(np.arange(40.0), np.arange(52.0))
    path = write_dng(tmp_path / "a.dng", sensor, orientation=orientation)
    photo = read_raw_photo(path)
    with rawpy.imread(str(path)) as raw:
        turned = raw.postprocess(
            gamma=(1, 1), output_bps=16, use_camera_wb=True, no_auto_bright=True, adjust_maximum_thr=0.0
        )
    np.testing.assert_allclose(
        np.rot90(photo.reference, photo.quarter_turns), encoded_reference(turned, 65535), atol=1e-6
    )


def test_white_is_the_sensors_and_not_the_images(tmp_path: Path) -> None:
    bright = np.full((24, 24, 3), 0.9)
    path = write_dng(tmp_path / "a.dng", bright)
    assert read_raw_photo(path).mosaic[0, 1] == pytest.approx(0.9, abs=1e-3)
    np.testing.assert_allclose(read_raw_photo(path).reference, on_display(bright), atol=5e-3)
    original = read_raw_as_original(path)
    assert original.mosaic[12, 13] == pytest.approx(1, abs=1e-3), "the published reading scales to the largest value"
    assert (original.rendering, original.quarter_turns) == ("original", 0)


def test_dark_images_are_brightened_only_where_asked(tmp_path: Path) -> None:
    dark = 0.3 * scene(np.arange(40.0), np.arange(40.0))
    path = write_dng(tmp_path / "a.dng", dark)
    camera, daylight = read_raw_photo(path), read_raw_photo(path, "daylight")
    np.testing.assert_array_equal(camera.mosaic, daylight.mosaic)
    assert daylight.reference.mean() > 1.2 * camera.reference.mean()
    assert (camera.rendering, daylight.rendering) == ("camera", "daylight")
    levels = len(np.unique(camera.reference))
    assert levels > 1000, "shadows are not posterised"


def test_the_cameras_colours_are_read_for_synthesis(tmp_path: Path) -> None:
    image = read_sensor_image(write_dng(tmp_path / "a.dng", scene(np.arange(30.0), np.arange(30.0)), "GBRG"))
    assert image.red_gain == pytest.approx(2, rel=1e-3)
    assert image.blue_gain == pytest.approx(1 / 0.6, rel=1e-3)
    np.testing.assert_allclose(image.rgb2cam, np.eye(3), atol=5e-3)  # this camera sees linear sRGB


def test_files_that_are_no_bayer_images_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.dng"
    broken.write_bytes(b"II*\0 nothing else")
    for read in (read_raw_photo, read_sensor_image, read_raw_as_original):
        with pytest.raises(UnreadableRaw, match=r"broken\.dng"):
            read(broken)
    with pytest.raises(ValueError, match=r"dayligth.*daylight"):
        read_raw_photo(broken, "dayligth")


def test_a_colour_that_a_damaged_file_does_not_describe_is_no_bayer_sensor():
    raw = SimpleNamespace(color_desc=b"RGB", raw_pattern=np.zeros((2, 2)))
    with pytest.raises(UnreadableRaw, match=r"shot\.dng is not from a Bayer sensor \(pattern RG\?B\)"):
        _red_corner(Path("shot.dng"), raw, np.array([[0, 1], [3, 2]]))
