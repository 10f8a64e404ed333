"""Real RAW bursts as test bursts: there is no ground truth, so they are restored and looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from data.camera_pipeline import rgb_to_camera
from data.jdd_camera import Camera, NoiseLevel
from dataset import SCBurst
from utils.image_io import PathLike


class RealBursts(Sequence[tuple[torch.Tensor, None, Mapping[str, Any]]]):
    """The bursts of SC_burst with the camera and the noise that their files state.

    Args:
        root: folder of the data set; None takes ``sc_burst_dir`` of the environment.
    """

    def __init__(self, root: PathLike | None = None) -> None:
        self._bursts = SCBurst(root)

    def __len__(self) -> int:
        return len(self._bursts)

    def __getitem__(self, index: Any) -> Any:
        """`(burst [5, 4, h, w] packed RGGB, None, info)`; `info` as of `NoisyClips`, without `place`."""
        burst, known = self._bursts[index]
        camera = Camera(rgb_to_camera(known["xyz2cam"]), 1.0, known["red_gain"], known["blue_gain"])
        level = NoiseLevel(known["shot"], math.sqrt(max(known["read_variance"], 0.0)))
        name = known["burst_name"]
        return burst, None, {**camera.metadata(), "burst_name": name, "scene": name, "noise_level": level}
