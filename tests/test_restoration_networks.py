"""Every kind of network gets what it was trained on, and what it returns comes back in the camera's colours."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import nn

from admin.weights_file import save_weights_file
from data.camera_pipeline import rgb_to_camera
from data.jdd_camera import NoiseLevel, noise_map
from models.burst_deblur.identity_start import start_as_midrange
from models.burst_deblur.unet import burst_deblur_eccv18
from models.classical import RenderedUpsampling
from models.classical.super_resolution import DemosaicUpsampling
from models.rawsr.enlarging_start import start_as_enlarged_reference
from models.rawsr.rawsrnet import rawsr
from models.sr3.constructors import sr3
from models.two_stage_align.identity_start import start_as_demosaicked_reference
from models.two_stage_align.two_stage_net import two_stage_align
from restoration.adapters import ADAPTERS, chosen_frames
from restoration.burst import Capture, FloatImage, Noise, RawBurst, RestorationError
from restoration.develop import demosaiced, linear_srgb
from restoration.networks import LearnedMethod, load_method, shipped_networks
from tests.fabricated.networks import tiny_denoiser
from tests.fabricated.raw_bursts import linear_photograph, seen
from utils.ops.mosaic import pack
from utils.ops.srgb import srgb_to_linear

SIDE = 64
INNER = slice(8, -8)
NOISE = Noise((1e-3, 2e-3, 3e-3), (1e-5, 2e-5, 3e-5))
Item = TypeVar("Item")


def silently(iterable: Iterable[Item], description: str) -> Iterator[Item]:
    return iter(iterable)


def camera() -> Capture:
    back = np.linalg.inv(np.asarray(rgb_to_camera(), np.float64))
    rows = [tuple(float(value) for value in row) for row in back]
    return Capture("made up", (2.0, 1.0, 1.6), (rows[0], rows[1], rows[2]))  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def scene() -> FloatImage:
    """Linear sRGB, without the darkest and the brightest."""
    return 0.1 + 0.6 * seen(linear_photograph(), (SIDE, SIDE), (0.0, 0.0), 0.0)


def as_camera_rgb(srgb: FloatImage) -> FloatImage:
    capture = camera()
    back = np.linalg.inv(np.array(capture.camera_to_srgb)).astype(np.float32)
    return np.asarray(srgb @ back.T / np.array(capture.white_balance, np.float32), np.float32)


def mosaicked(rgb: FloatImage) -> FloatImage:
    frame = np.empty(rgb.shape[:2], np.float32)
    for row, column, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        frame[row::2, column::2] = rgb[row::2, column::2, colour]
    return frame


def burst(frames: int = 3, is_mosaic: bool = True, noise: float = 0.0, reference: int = 1) -> RawBurst:
    rgb = as_camera_rgb(scene())
    clean = mosaicked(rgb) if is_mosaic else rgb
    rng = np.random.default_rng(0)
    noisy = tuple((clean + noise * rng.standard_normal(clean.shape)).astype(np.float32) for _ in range(frames))
    return RawBurst(noisy, tuple(f"{number}.dng" for number in range(frames)), reference, NOISE, camera())


def difference(image: FloatImage, expected: FloatImage) -> float:
    return float(np.abs(image - expected)[INNER, INNER].max())


class Recording(nn.Module):
    """Remembers what it was given, and answers with the mean of the frames."""

    input_channels = 3

    def forward(self, frames: torch.Tensor, *more: torch.Tensor, **named: torch.Tensor) -> tuple[torch.Tensor, dict]:
        self.frames, self.more, self.named = frames, more, named
        return frames.mean(dim=1), {}


class Grey(Recording):
    input_channels = 1


@pytest.mark.parametrize("net", [Recording(), Grey()])
def test_denoisers_of_pictures_keep_the_resolution_of_a_mosaic(net: Recording) -> None:
    given = burst(noise=0.01)
    image = ADAPTERS["denoise"].restore(net, given)
    np.testing.assert_allclose(image, demosaiced(pack(np.mean(given.frames, axis=0)), given.capture), atol=1e-5)


def test_denoisers_are_told_the_noise_of_every_colour() -> None:
    net, given = Recording(), burst(noise=0.01)
    ADAPTERS["denoise"].restore(net, given)
    sigma = net.named["noise_estimate"]
    assert sigma.shape == net.frames.shape == (1, 3, 3, SIDE // 2, SIDE // 2)
    for channel in range(3):
        signal = net.frames[0, :, channel].clamp(min=0).numpy()
        np.testing.assert_allclose(sigma[0, :, channel].numpy() ** 2, given.noise.variance(signal, channel), rtol=1e-4)


def test_denoisers_take_rendered_pictures_as_they_are() -> None:
    net, given = Recording(), burst(is_mosaic=False, noise=0.01)
    image = ADAPTERS["denoise"].restore(net, given)
    np.testing.assert_allclose(image, np.mean(given.frames, axis=0), atol=1e-6)
    assert net.named["noise_estimate"].shape == (1, 3, 3, SIDE, SIDE)


def test_super_resolution_keeps_the_colours_of_the_sensor() -> None:
    given = burst()
    image = ADAPTERS["sr"].restore(DemosaicUpsampling(sr_factor=2), given.reference_first())
    assert image.shape == (2 * SIDE, 2 * SIDE, 3)
    assert difference(image[::2, ::2], as_camera_rgb(scene())) < 0.06
    assert abs(float((image[::2, ::2] - as_camera_rgb(scene())).mean())) < 1e-3


class ToldTheNoise(Recording):
    noise_map_mode = "deviation"

    def forward(self, frames: torch.Tensor, *more: torch.Tensor, **named: torch.Tensor) -> tuple[torch.Tensor, dict]:
        super().forward(frames, *more)
        return torch.zeros(1, 3, 2 * frames.shape[-2], 2 * frames.shape[-1]), {}


@pytest.mark.parametrize("mode", ["deviation", "variance"])
def test_joint_demosaicking_gets_the_noise_map_that_it_was_trained_with(mode: str) -> None:
    net = ToldTheNoise()
    net.noise_map_mode = mode
    ADAPTERS["jdd"].restore(net, burst(noise=0.01))
    for channel, colour in enumerate((0, 1, 1, 2)):
        level = NoiseLevel(NOISE.shot[colour], NOISE.read[colour] ** 0.5)
        expected = noise_map(net.frames[:, :, channel], level, mode)
        torch.testing.assert_close(net.more[0][:, :, channel], expected)


@pytest.mark.parametrize("is_mosaic", [True, False])
def test_deblurring_sees_pictures_and_its_answer_becomes_camera_colours_again(is_mosaic: bool) -> None:
    net, given = Recording(), burst(is_mosaic=is_mosaic)
    image = ADAPTERS["deblur"].restore(net, given)
    assert 30 < net.frames.mean() < 225, "grey levels of the display"
    single = demosaiced(pack(given.frames[0]), given.capture) if is_mosaic else given.frames[0]
    assert difference(image, single) < 1e-3


def test_rawsr_gets_the_mosaic_and_the_picture_of_the_reference() -> None:
    given = chosen_frames(burst(noise=0.01), 1, False)
    assert given.names == ("1.dng",)
    net = RenderedUpsampling(2, "bicubic")
    image = ADAPTERS["rawsr"].restore(net, given)
    assert image.shape == (2 * SIDE, 2 * SIDE, 3)
    back = linear_srgb(image, given.capture)
    pairs = back.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3))
    assert abs(float((pairs - scene()).mean())) < 5e-3


class MiddleOfThree(nn.Module):
    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, dict]:
        return frames[:, frames.shape[1] // 2], {}


def test_diffusion_gets_enlarged_pictures() -> None:
    given = burst(is_mosaic=False)
    image = ADAPTERS["sr3"].restore(MiddleOfThree(), given)
    assert image.shape == (4 * SIDE, 4 * SIDE, 3)
    pooled = image.reshape(SIDE, 4, SIDE, 4, 3).mean(axis=(1, 3))
    assert difference(pooled, given.frames[1]) < 0.05


@pytest.mark.parametrize(
    ("frames", "reference", "most", "middle", "names"),
    [
        (5, 0, None, False, "01234"),
        (5, 3, None, False, "30124"),
        (5, 0, None, True, "12034"),
        (6, 5, None, True, "34512"),
        (4, 1, 3, True, "012"),
        (2, 1, None, True, "1"),
        (5, 2, 1, False, "2"),
    ],
)
def test_the_reference_stands_where_the_network_expects_it(
    frames: int, reference: int, most: int | None, middle: bool, names: str
) -> None:
    chosen = chosen_frames(burst(frames, reference=reference), most, middle)
    assert chosen.names[chosen.reference] == f"{reference}.dng"
    assert chosen.reference == (len(chosen.names) // 2 if middle else 0)
    assert sorted(chosen.names) == sorted(f"{number}.dng" for number in names)


def deblurrer() -> nn.Module:
    net = burst_deblur_eccv18(width=6)
    start_as_midrange(net)
    return net


def enlarger() -> nn.Module:
    net = rawsr(scale=2, width=8, growth=4, layers=2, bottle=8)
    start_as_enlarged_reference(net)
    return net


def joint_demosaicker() -> nn.Module:
    net = two_stage_align(12, 2, interpolation=False, patch_matching=False, noise_map="deviation", patch=16)
    start_as_demosaicked_reference(net.reconstruction)
    return net


def diffusion() -> nn.Module:
    schedule: dict[str, Any] = {"schedule": "linear", "n_timestep": 10, "linear_start": 1e-4, "linear_end": 0.048}
    return sr3(
        schedule=schedule, n_frames=3, inner_channel=8, norm_groups=1, channel_mults=(1, 2), attn_res=(), res_blocks=1,
        dropout=0.0, image_size=32, shared_time=False, sampler="ancestral", steps=1, begin=0.1,
    )  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "denoise": (tiny_denoiser, 1),
    "deblur": (deblurrer, 1),
    "rawsr": (enlarger, 2),
    "jdd": (joint_demosaicker, 1),
    "sr3": (diffusion, 4),
}


@pytest.mark.parametrize("task", NETWORKS)
def test_real_networks_are_found_by_file_and_restore_a_burst(task: str, tmp_path: Path) -> None:
    path, (build, scale) = tmp_path / "net.safetensors", NETWORKS[task]
    save_weights_file(path, build())
    method, found = load_method(str(path))
    assert found == task
    work = tmp_path / "work"
    work.mkdir()
    side = SIDE // 2
    restored = method(burst().part(0, 0, side, side), silently, 1 << 30, work)
    assert restored.image.shape == (scale * side, scale * side, 3)
    assert restored.image.dtype == np.float32
    assert "1.dng" in restored.used
    if task in ("deblur", "rawsr", "jdd"):  # they start as something like the reference
        whole = restored.image.reshape(side, scale, side, scale, 3).mean(axis=(1, 3))
        assert np.abs(whole - as_camera_rgb(scene())[:side, :side])[INNER, INNER].mean() < 0.03


def test_a_network_without_sound_answers_is_named() -> None:
    class Broken(nn.Module):
        def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, dict]:
            return frames.mean(dim=1) * torch.nan, {}

    with pytest.raises(RestorationError, match="not finite"):
        LearnedMethod(Broken(), ADAPTERS["deblur"]).restore(burst())


def test_a_network_of_ones_own_restores_what_it_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.safetensors"
    save_weights_file(path, tiny_denoiser())
    monkeypatch.setattr("restoration.networks.TASKS", {})
    with pytest.raises(RestorationError, match=r"say what it is made for, --task sr, denoise, jdd"):
        load_method(str(path))
    method, found = load_method(str(path), "denoise")
    assert found == "denoise"
    (tmp_path / "work").mkdir()
    restored = method(burst().part(0, 0, 32, 32), silently, 1 << 30, tmp_path / "work")
    assert restored.image.shape == (32, 32, 3)
    method, _ = load_method(str(path), "deblur")
    with pytest.raises(RestorationError, match=r"cannot be called as --task deblur calls networks .*noise_estimate"):
        method(burst().part(0, 0, 32, 32), silently, 1 << 30, tmp_path / "work")


def test_a_network_of_ones_own_that_needs_too_much_memory_is_not_said_to_be_called_wrongly() -> None:
    class Greedy(nn.Module):
        def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, dict]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(RuntimeError, match="can't allocate"):
        LearnedMethod(Greedy(), ADAPTERS["deblur"], own_task="deblur").restore(burst())


def test_networks_that_are_shipped_can_be_named() -> None:
    with pytest.raises(RestorationError, match=r"Unknown network 'classicl': did you mean 'classical'"):
        load_method("classicl")
    assert all(name == name.removesuffix(".safetensors") for name in shipped_networks())


def test_srgb_goes_to_the_camera_and_back() -> None:
    encoded = torch.rand(8, 8, 3) * 0.5 + 0.2
    linear = srgb_to_linear(encoded).numpy()
    np.testing.assert_allclose(linear_srgb(as_camera_rgb(linear), camera()), linear, atol=1e-5)
