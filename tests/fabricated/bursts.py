"""The two RAW burst data sets: BurstSR and the SyntheticBurst validation set."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data.processing import SyntheticBurstProcessing
from tests.fabricated.exif import dumps, exif_data
from tests.fabricated.photographs import photograph, scene
from utils.draws import Draws
from utils.image_io import write_png16

FRAMES = 14
_SAMSUNG_BLACK, _SAMSUNG_WHITE = 64, 1023
_CANON_BLACK, _CANON_WHITE = 2048, 16383
_DETAIL = 48  # in ground-truth pixels: what the frames can still resolve


def burstsr(
    root: Path,
    train: Sequence[str] = ("0000_0000", "0001_0000"),
    val: Sequence[str] = ("0008_0000", "0010_0000"),
    size: int = 80,
    noise: float = 0.005,
) -> Path:
    """BurstSR: bursts by their name ``<sequence>_<crop>``, whose sequence must belong to the split.

    Frames are ``size`` packed pixels wide (published: 80), the ground truth 8 times that. Frame i shows the scene moved
    by i ground-truth pixels to the right and down; exposure of phone and camera agree.
    """
    for split, names in (("train", train), ("val", val)):
        for seed, name in enumerate(names, start=0 if split == "train" else 100):
            _burstsr_burst(root / split / name, size, noise, seed)
    return root


def _burstsr_burst(folder: Path, size: int, noise: float, seed: int) -> None:
    draws = np.random.default_rng(seed)
    linear = scene(8 * size + FRAMES, 8 * size + FRAMES, seed, cell=_DETAIL) ** 2.2
    phone = exif_data(
        "Image",
        Fraction(1, 50),
        Fraction(9, 5),
        100,
        Image_Tag_0xC761=[(1e-4,), (1e-6,), (2e-4,), (2e-6,), (3e-4,), (3e-6,)],
    )
    camera = exif_data("EXIF", Fraction(1, 50), Fraction(9, 5), 100)
    for i in range(FRAMES):
        moved = linear[i : i + 8 * size, i : i + 8 * size]
        mosaic = [moved[0::8, 0::8, 0], moved[0::8, 4::8, 1], moved[4::8, 0::8, 1], moved[4::8, 4::8, 2]]
        packed = np.stack(mosaic, axis=-1)
        packed = packed + noise * draws.standard_normal(packed.shape)
        raw = _counts(packed, _SAMSUNG_BLACK, _SAMSUNG_WHITE)
        meta = _camera_meta(_SAMSUNG_BLACK, 4, phone) | {"color_matrix": np.eye(3, 4), "im_preview": None}
        _write(folder / f"samsung_{i:02d}", raw, meta)
    raw = _counts(linear[: 8 * size, : 8 * size], _CANON_BLACK, _CANON_WHITE)
    _write(folder / "canon", raw, _camera_meta(_CANON_BLACK, 4, camera) | {"rgb_xyz_matrix": np.eye(4, 3)})


def _counts(linear: NDArray[Any], black: int, white: int) -> NDArray[np.uint16]:
    return np.clip(black + linear * (white - black), 0, white).round().astype(np.uint16)


def _camera_meta(black: int, channels: int, exif: dict[str, Any]) -> dict[str, Any]:
    wb = [2.0, 1.0, 1.0, 1.5][:channels]
    return {"black_level": [black] * channels, "cam_wb": wb, "daylight_wb": wb, "exif_data": exif}


def _write(folder: Path, raw: NDArray[np.uint16], meta: dict[str, Any]) -> None:
    write_png16(folder / "im_raw.png", raw)
    (folder / "meta_info.pkl").write_bytes(dumps(meta))


def synthetic_burst_val(root: Path, bursts: Sequence[int] = (0, 1), size: int = 48) -> Path:
    """SyntheticBurst validation set, some of its 300 bursts: frames of ``size`` packed pixels (published: 48).

    Made as the published ones were, by the synthesis of RAW bursts from photographs, and encoded in 14 bits.
    """
    motion = {"max_translation": 24.0, "max_rotation": 1.0, "border_crop": 24}
    processing = SyntheticBurstProcessing(8 * size, FRAMES, 4, burst_transformation_params=motion)
    for number in bursts:
        name, frame = f"{number:04d}", photograph(8 * size + 48, 8 * size + 48, seed=4000 + number)
        sample = processing.render(frame, processing.draw(frame.shape[:2], Draws(0, 0, number)))
        for i, packed in enumerate(sample["burst"]):
            write_png16(root / "bursts" / name / f"im_raw_{i:02d}.png", _encoded(packed))
        write_png16(root / "gt" / name / "im_rgb.png", _encoded(sample["frame_gt"]))
        (root / "gt" / name / "meta_info.pkl").write_bytes(pickle.dumps(sample["meta_info"] | {"frame_num": number}))
    return root


def _encoded(image: torch.Tensor) -> NDArray[np.uint16]:
    return (image.permute(1, 2, 0).clamp(0, 1) * 2**14).numpy().astype(np.uint16)
