"""The simulated camera of RawSR: kernels, centroids, alignment, noise, colours, and the files it writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.tensordict import TensorDict
from data.boxes import Box
from data.camera_pipeline import random_ccm, random_gains
from data.rawsr_camera import (
    DOWNSAMPLING,
    Colors,
    blur,
    disk_kernel,
    expose,
    linear_from_mosaic,
    motion_kernel,
    render,
    sensor_colors,
)
from data.rawsr_processing import NON_BLIND, Degradation, RawSRSynthesisProcessing, own_colors
from dataset import RawSRPairs, SamplePhotos
from tests.fabricated.photographs import photograph
from util_scripts import synthesize_rawsr
from utils.draws import Draws, standard_normal
from utils.image_io import read_image, write_image, write_jpeg
from utils.ops.mosaic import pack
from utils.ops.srgb import linear_to_srgb, srgb_to_linear
from utils.raw_files import SensorImage

NEUTRAL = Colors(1.0, 1.0, 1.0, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


def some_colors(seed: int = 1) -> Colors:
    draws = Draws(seed)
    rgb2cam = tuple(tuple(row) for row in random_ccm(draws).tolist())
    return Colors(*random_gains(draws), rgb2cam)


def ramp(height: int, width: int) -> torch.Tensor:
    """A linear ramp of other slopes in every colour, 0.2 to 0.8."""
    rows, columns = torch.arange(float(height))[:, None] / height, torch.arange(float(width)) / width
    return 0.2 + 0.6 * torch.stack((rows + 0 * columns, (rows + columns) / 2, 0 * rows + columns))


@settings(max_examples=15, deadline=None)
@given(radius=st.floats(0, 6), side=st.sampled_from([1, 3, 7, 11]), seed=st.integers(0, 999))
def test_kernels_keep_the_energy_and_shift_nothing(radius: float, side: int, seed: int) -> None:
    for kernel in (disk_kernel(radius), motion_kernel(side, seed)):
        assert kernel.min() >= 0
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        places = np.arange(len(kernel)) - len(kernel) // 2
        assert float((kernel.sum(axis=1) * places).sum()) == pytest.approx(0, abs=1e-4)
        assert float((kernel.sum(axis=0) * places).sum()) == pytest.approx(0, abs=1e-4)
    assert motion_kernel(side, seed).shape == (side, side)


@pytest.mark.parametrize("radius", [1.0, 2.5, 5.0])
def test_a_disk_has_the_spread_of_its_radius(radius: float) -> None:
    kernel = disk_kernel(radius).astype(np.float64)
    places = np.arange(len(kernel)) - len(kernel) // 2
    variance = (kernel.sum(axis=0) * places**2).sum()
    assert variance == pytest.approx(radius**2 / 4 + 1 / 12, abs=0.06)  # of a disk, and of a pixel


def test_blur_convolves() -> None:
    point = torch.zeros(1, 9, 9)
    point[0, 4, 4] = 1
    kernel = motion_kernel(5, seed=3)
    assert not np.allclose(kernel, kernel[::-1, ::-1], atol=1e-3)
    np.testing.assert_allclose(blur(point, kernel)[0, 2:7, 2:7].numpy(), kernel, atol=1e-6)


@pytest.mark.parametrize("stride", [2, 4])
def test_centroids_of_all_colours_coincide(stride: int) -> None:
    rows, columns = torch.arange(16.0)[:, None], torch.arange(20.0)
    linear = linear_from_mosaic(3 * rows + columns, stride)
    assert linear.shape == (3, (16 - 4) // stride + 1, (20 - 4) // stride + 1)
    centres = [torch.arange(float(size)) * stride + 1.5 for size in linear.shape[1:]]
    expected = 3 * centres[0][:, None] + centres[1]
    torch.testing.assert_close(linear, expected.expand(3, -1, -1))


def test_colours_come_from_their_own_sites() -> None:
    mosaic = torch.zeros(8, 8)
    mosaic[0::2, 0::2], mosaic[0::2, 1::2], mosaic[1::2, 0::2], mosaic[1::2, 1::2] = 0.1, 0.2, 0.4, 0.8
    torch.testing.assert_close(linear_from_mosaic(mosaic)[:, 0, 0], torch.tensor([0.1, 0.3, 0.8]))
    with pytest.raises(ValueError, match="stride 3"):
        linear_from_mosaic(mosaic, 3)


@pytest.mark.parametrize("name", ["mean", "bicubic"])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_ramp_stays_a_ramp_at_the_same_place(name: str, factor: int) -> None:
    height, width = 48, 64
    small = DOWNSAMPLING[name](blur(ramp(height, width), disk_kernel(2.0)), factor)
    centres = [(torch.arange(float(size // factor)) * factor + (factor - 1) / 2) / size for size in (height, width)]
    expected = 0.2 + 0.6 * torch.stack(
        (
            centres[0][:, None] + 0 * centres[1],
            (centres[0][:, None] + centres[1]) / 2,
            0 * centres[0][:, None] + centres[1],
        )
    )
    inner = slice(3, -3)
    torch.testing.assert_close(small[:, inner, inner], expected[:, inner, inner], atol=1e-4, rtol=0)


def test_nearest_takes_the_pixel_beside_the_middle() -> None:
    image = torch.arange(16.0).reshape(1, 4, 4)
    assert DOWNSAMPLING["nearest"](image, 2).flatten().tolist() == [5, 7, 13, 15]


def test_the_mosaic_has_red_first_and_noise_of_the_stated_variance() -> None:
    linear = torch.stack([torch.full((200, 300), value) for value in (0.16, 0.36, 0.64)])
    raw = expose(linear, 0.05, 0.02, standard_normal((1, 200, 300), seed=1))
    for channel, value in zip(pack(raw[0]), (0.16, 0.36, 0.36, 0.64), strict=True):
        assert float(channel.mean()) == pytest.approx(value, abs=1e-3)
        assert float(channel.var()) == pytest.approx(0.05**2 * value + 0.02**2, rel=0.05)
    assert float(expose(linear, 9.0, 9.0, standard_normal((1, 200, 300), seed=1)).abs().max()) == 1


def test_a_photograph_is_rendered_again_with_its_colours() -> None:
    colors = some_colors()
    photo = 0.1 + 0.6 * torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    photo = photo.mean(dim=0, keepdim=True) + 0.2 * (photo - photo.mean(dim=0, keepdim=True))
    torch.testing.assert_close(render(sensor_colors(photo, colors), colors), photo, atol=2e-3, rtol=0)
    grey = sensor_colors(torch.full((3, 2, 2), 0.5), colors)[:, 0, 0]
    assert grey[0] < grey[1] > grey[2], "a sensor sees less red and blue of a grey card"


def test_the_srgb_curve_has_an_inverse_and_its_known_values() -> None:
    values = torch.linspace(0, 1, 101)
    torch.testing.assert_close(srgb_to_linear(linear_to_srgb(values)), values, atol=1e-5, rtol=0)
    assert float(linear_to_srgb(torch.tensor(0.2140))) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_sample_shows_the_same_place_in_all_its_images(scale: int) -> None:
    photo = (linear_to_srgb(ramp(160, 176)).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    processing = RawSRSynthesisProcessing(16, scale, Degradation((1.0, 2.0), (3, 5), (0.0, 0.0), (0.0, 0.0)))
    crop = Box(40, 56, 16 * scale, 16 * scale)  # away from the border, at which blur mirrors the ramp
    params = {**processing.draw((160, 176), Draws(5)), "colors": NEUTRAL, "crop": crop}
    sample = processing.render(photo, params)
    assert {name: tuple(image.shape) for name, image in sample.items()} == {
        "raw": (1, 16, 16),
        "isp": (3, 16, 16),
        "frame_gt": (3, 16 * scale, 16 * scale),
    }
    truth = srgb_to_linear(sample["frame_gt"]).unflatten(1, (16, scale)).unflatten(3, (16, scale)).mean(dim=(2, 4))
    red, green1, green2, blue = pack(sample["raw"][0])
    places = ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1))
    for seen, (colour, row, column) in zip((red, green1, green2, blue), places, strict=True):
        torch.testing.assert_close(seen, truth[colour, row::2, column::2], atol=4e-3, rtol=0)
    torch.testing.assert_close(srgb_to_linear(sample["isp"]), truth, atol=1e-2, rtol=0)


def test_a_sample_depends_on_its_draws_alone_and_not_on_the_crops_surroundings() -> None:
    frame, _ = SamplePhotos("train").get_image(0)
    processing = RawSRSynthesisProcessing(16, 2)
    first, again, other = (processing(TensorDict(frame=frame.copy(), draws=Draws(7, number))) for number in (0, 0, 1))
    assert torch.equal(first["raw"], again["raw"])
    assert not torch.equal(first["raw"], other["raw"])
    assert float(first["raw"].min()) >= 0
    assert float(first["raw"].max()) <= 1
    steps = first["isp"] * 255
    assert torch.equal(steps, steps.round()), "the reference has 8 bits"


def test_non_blind_samples_have_one_kernel() -> None:
    params = [RawSRSynthesisProcessing(16, 2, NON_BLIND).draw((100, 100), Draws(number)) for number in range(4)]
    assert {(entry["radius"], entry["motion"]) for entry in params} == {(3.0, None)}
    blind = [RawSRSynthesisProcessing(16, 2).draw((100, 100), Draws(number)) for number in range(40)]
    assert all(1 <= entry["radius"] <= 5 for entry in blind)
    assert {entry["motion"][0] for entry in blind} <= {1, 3, 5, 7, 9, 11}
    assert all(entry["sigma1"] <= 1e-2 and entry["sigma2"] <= 1e-3 for entry in blind)


def test_a_raw_image_gives_a_sample_with_its_own_colours() -> None:
    rows, columns = np.arange(120.0)[:, None], np.arange(140.0)
    mosaic = (0.2 + 0.5 * (rows / 120 + columns / 140) / 2).astype(np.float32)
    image = SensorImage(mosaic, 2.0, 1.5, np.eye(3))
    processing = RawSRSynthesisProcessing(None, 2, Degradation((0.0, 0.0), None, (0.0, 0.0), (0.0, 0.0)))
    sample = processing(TensorDict(frame=image, draws=Draws(1)))
    assert sample["raw"].shape == (1, 28, 34)  # of a scene of 59 x 69 pixels
    assert own_colors(image)[:3] == (1.0, 2.0, 1.5)
    expected = linear_to_srgb(torch.tensor([min(float(mosaic[30, 40]) * gain, 1) for gain in (2.0, 1.0, 1.5)]))
    near = sample["frame_gt"][:, 13:17, 18:22].mean(dim=(1, 2))
    torch.testing.assert_close(near, expected, atol=0.05, rtol=0)


def test_what_cannot_be_synthesised_is_refused() -> None:
    with pytest.raises(ValueError, match="even sides"):
        RawSRSynthesisProcessing(15, 2)
    with pytest.raises(ValueError, match=r"mena.*mean"):
        Degradation(downsampling="mena")
    with pytest.raises(ValueError, match="image too small: 20 x 90"):
        RawSRSynthesisProcessing(16, 2).draw((20, 90), Draws(0))


def test_the_script_writes_the_published_layout(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for seed, name in enumerate(("a", "b")):
        photos.mkdir(exist_ok=True)
        write_image(photos / f"{name}.png", photograph(50, 61, seed))
    command = [str(tmp_path / "x2"), "--photos", str(photos), "--versions", "2", "--crop", "16", "--split", "Testing"]
    assert synthesize_rawsr.main(command) == 0
    pairs = RawSRPairs(root=tmp_path / "x2", split="test")
    assert pairs.image_list == ["a0000", "a0001", "b0000", "b0001"]
    first, second = (pairs.get_image(number)[0] for number in (0, 1))
    assert first["raw"].shape == (16, 16)
    assert first["gt"].shape == (32, 32, 3)
    assert np.array_equal(first["gt"], second["gt"])
    assert not np.array_equal(first["raw"], second["raw"])
    assert json.loads((tmp_path / "x2" / "Testing" / "synthesis.json").read_text())["crop"] == 16
    stamp = (tmp_path / "x2/Testing/GT/a.npy").stat().st_mtime_ns
    assert synthesize_rawsr.main(command) == 0
    assert (tmp_path / "x2/Testing/GT/a.npy").stat().st_mtime_ns == stamp, "what is there is left alone"
    assert synthesize_rawsr.main([*command, "--seed", "3"]) == 1, "other settings need another folder"


def test_the_same_set_goes_on_from_a_relative_path_and_to_more_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "photos" / "a.png", photograph(50, 61, 0))
    monkeypatch.chdir(tmp_path)
    rest = ["--photos", str(tmp_path / "photos"), "--crop", "16", "--versions"]
    assert synthesize_rawsr.main([str(tmp_path / "x2"), *rest, "1"]) == 0
    stamp = (tmp_path / "x2/Training/TrainingSet/a0000.npy").stat().st_mtime_ns
    assert synthesize_rawsr.main(["x2", "--photos", "photos", *rest[2:], "3"]) == 0
    assert RawSRPairs(root=tmp_path / "x2").image_list == ["a0000", "a0001", "a0002"]
    assert (tmp_path / "x2/Training/TrainingSet/a0000.npy").stat().st_mtime_ns == stamp
    assert synthesize_rawsr.main([str(tmp_path / "at_once"), *rest, "3"]) == 0
    for number in range(3):
        found, expected = (tmp_path / out / f"Training/TrainingSet/a000{number}.npy" for out in ("x2", "at_once"))
        assert found.read_bytes() == expected.read_bytes()
    (tmp_path / "x2/Training/GT/a.npy").unlink()
    assert synthesize_rawsr.main(["x2", *rest, "3"]) == 0
    assert (tmp_path / "x2/Training/GT/a.npy").read_bytes() == (tmp_path / "at_once/Training/GT/a.npy").read_bytes()


def test_two_photographs_of_one_name_are_refused_before_the_first_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "a.jpg", "b.png"):
        write_image(tmp_path / "photos" / name, photograph(50, 61, 0))
    assert synthesize_rawsr.main([str(tmp_path / "x2"), "--photos", str(tmp_path / "photos"), "--crop", "16"]) == 1
    assert "has two images named a: a.jpg and a.png; rename one of them" in capsys.readouterr().err
    assert not (tmp_path / "x2").exists()


def test_jpeg_files_keep_the_colours_and_refuse_nonsense(tmp_path: Path) -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, ::2] = (200, 30, 90)
    sizes = {}
    for subsampling in ("4:4:4", "4:2:0"):
        write_jpeg(tmp_path / "a.jpeg", picture, 95, subsampling)
        sizes[subsampling] = float(np.abs(read_image(tmp_path / "a.jpeg").astype(int) - picture).mean())
    assert sizes["4:4:4"] < 8 < sizes["4:2:0"]
    with pytest.raises(ValueError, match="4:1:1"):
        write_jpeg(tmp_path / "a.jpeg", picture, 95, "4:1:1")
    with pytest.raises(ValueError, match="must be named"):
        write_jpeg(tmp_path / "a.png", picture)
