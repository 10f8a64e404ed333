"""Bursts of RAW files from bundled photographs: a shaking hand, noise of an ISO speed, a frame of something else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dataset import SamplePhotos
from tests.fabricated.dng import Notes, write_dng
from utils.ops.srgb import srgb_to_linear

Scene = NDArray[np.float32]


@dataclass(frozen=True)
class RawBurstFiles:
    """What lies in the folder, and the truth.

    Attributes:
        paths: of the frames, in the order of their capture; the reference is the first.
        scene: linear sRGB [H, W, 3] of frame 0 as it lies on the sensor.
        noise: shot and read variance.
    """

    paths: tuple[Path, ...]
    scene: Scene
    noise: tuple[float, float]


def noise_of_iso(iso: float) -> tuple[float, float]:
    """Shot and read variance like those of a phone's sensor."""
    return 1.5e-4 * iso / 100, 4e-7 * (iso / 100) ** 2


def linear_photograph(index: int = 0, split: str = "heldout") -> Scene:
    """A bundled photograph in linear sRGB [H, W, 3]."""
    photo, _ = SamplePhotos(split).get_image(index)
    encoded = torch.as_tensor(np.asarray(photo), dtype=torch.float32)
    encoded = encoded if encoded.shape[-1] == 3 else encoded.permute(1, 2, 0)
    return srgb_to_linear(encoded / (255.0 if encoded.max() > 1 else 1.0)).numpy()


def seen(photo: Scene, size: tuple[int, int], shift: tuple[float, float], degrees: float) -> Scene:
    """The middle of a photograph, `size` (height, width), by a camera that has moved by `shift` (x, y) and turned."""
    height, width = size
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    margins = ((photo.shape[1] - width) / 2, (photo.shape[0] - height) / 2)
    matrix[:, 2] += [margin + moved for margin, moved in zip(margins, shift, strict=True)]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(photo, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(turned, 0, 1).astype(np.float32)


def write_raw_burst(
    folder: Path,
    frames: int = 4,
    size: tuple[int, int] = (128, 160),
    pattern: str = "RGGB",
    orientation: int = 1,
    max_shift: float = 6.0,
    max_degrees: float = 0.5,
    iso: int = 400,
    with_profile: bool = True,
    misfit: int | None = None,
    photo: int = 0,
    seed: int = 0,
) -> RawBurstFiles:
    """Writes `frame_0.dng` ... into `folder`.

    Args:
        max_shift, max_degrees: how far, in pixels and degrees, the frames after the first have moved and turned.
        iso: speed that the files note, and whose noise they have.
        with_profile: whether the files state their noise.
        misfit: number of a frame that shows another photograph.
    """
    rng = np.random.default_rng(seed)
    noise = noise_of_iso(iso)
    image, other = linear_photograph(photo), linear_photograph(photo + 1)
    scene = seen(image, size, (0.0, 0.0), 0.0)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(frames):
        shift, degrees = rng.uniform(-max_shift, max_shift, 2), float(rng.uniform(-max_degrees, max_degrees))
        if number == 0:
            view = scene
        else:
            view = seen(other if number == misfit else image, size, (shift[0], shift[1]), degrees)
        notes = Notes(
            iso=iso, taken=("2024:05:06 07:08:09", f"{number:03d}"), noise_profile=noise if with_profile else ()
        )
        path = folder / f"frame_{number}.dng"
        paths.append(write_dng(path, view, pattern, orientation, notes=notes, noise=(*noise, seed * 1000 + number)))
    return RawBurstFiles(tuple(paths), scene, noise)
