"""The two burst denoising test sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.denoising_processing import NOISE_LEVELS
from tests.fabricated.photographs import scene

_FRAMES = 8
_BURSTS_PER_SLOT, _SLOTS = 73, 6
# The two weakest slots of the grey file are never scored.
_NOISE = {0: (-3.0, -3.4), 1: (-2.6, -3.0)} | NOISE_LEVELS
_GAINS = {1: 2, 2: 3, 4: 4, 8: 5}


def kpn_test_set(file: Path, size: int = 32) -> Path:
    """Grey test set (KPN): one ``.npz`` file of 6 slots with 73 bursts each; ``file`` is the key's value."""
    slots = np.repeat(np.arange(_SLOTS), _BURSTS_PER_SLOT)
    truth = np.stack([_linear(size, i % _BURSTS_PER_SLOT)[..., 0] for i in range(len(slots))])
    _save(file, truth, slots, burst_axis=-1, shot_key="sig_shot")
    return file


def bpn_test_set(folder: Path, size: int = 32, bursts: int = 2) -> Path:
    """Colour test set (BPN): ``{1,2,4,8}.npz``, with the frames before the colours."""
    for gain, slot in _GAINS.items():
        truth = np.stack([_linear(size, i) for i in range(bursts)])
        _save(folder / f"{gain}.npz", truth, np.full(bursts, slot), burst_axis=3, shot_key="sqrt_sig_shot")
    return folder


def _linear(size: int, seed: int) -> NDArray[np.float32]:
    return scene(size, size, 5000 + seed) ** 2.2


def _save(file: Path, truth: NDArray[np.float32], slots: NDArray[np.int_], burst_axis: int, shot_key: str) -> None:
    """Frames of one place: the published bursts move, which matters to no reader of the file."""
    per_burst = (-1,) + (1,) * truth.ndim
    read = np.array([10 ** _NOISE[slot][0] for slot in slots], np.float32)
    shot = np.array([10 ** _NOISE[slot][1] for slot in slots], np.float32)
    clean = np.repeat(np.expand_dims(truth, burst_axis), _FRAMES, axis=burst_axis)
    deviation = np.sqrt(read.reshape(per_burst) ** 2 + shot.reshape(per_burst) * clean)
    noisy = clean + deviation * np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    file.parent.mkdir(parents=True, exist_ok=True)
    white_level = np.ones((len(truth), 1, 1), np.float32)
    root_of_shot: dict[str, Any] = {shot_key: np.sqrt(shot)[:, None, None]}
    np.savez(file, truth=truth, noisy=noisy, white_level=white_level, sig_read=read[:, None, None], **root_of_shot)
