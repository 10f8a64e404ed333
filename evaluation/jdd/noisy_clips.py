"""Test bursts of joint denoising and demosaicking: frames of clips, made RAW and noisy as in the published tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

from data.clip_sampler import window_around
from data.jdd_camera import Camera, NoiseLevel, add_noise, develop, photo_to_linear, published_test_noise
from data.jdd_processing import frame_tensor
from dataset.base_clip_dataset import BaseClipDataset
from utils.ops.mosaic import mosaic

_KEPT_FRAMES = 9  # neighbouring windows share frames


class NoisyClips(Sequence[tuple[torch.Tensor, torch.Tensor, Mapping[str, Any]]]):
    """Every frame of every clip once in the middle of a noisy packed burst (Guo et al., CVPR 2022).

    The camera is always the same one, and frame k of every clip gets the same noise field.

    Args:
        clips: frames in display colours; a last odd row or column is left out.
        level: of the noise.
        num_frames: frames T of a burst, odd. Beyond the ends of a clip frames from further away on the other side are
            taken.
        only_middle: take the middle frame of every clip alone.

    Raises:
        ValueError: an even number of frames, or a clip too short for it; says which.
    """

    def __init__(
        self, clips: BaseClipDataset, level: NoiseLevel, num_frames: int = 5, only_middle: bool = False
    ) -> None:
        self._clips, self._level, self._camera = clips, level, Camera.fixed()
        self._windows: list[tuple[int, int, list[int]]] = []
        for clip in range(len(clips)):
            count = clips.get_num_frames(clip)
            for centre in [count // 2] if only_middle else range(count):
                self._windows.append((clip, centre, self._window(clip, centre, count, num_frames)))
        self._frame = lru_cache(_KEPT_FRAMES)(self._made_frame)

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: Any) -> Any:
        """`(burst [T, 4, h, w] noisy packed RGGB, ground truth [3, 2h, 2w] sRGB of the middle frame, info)`.

        `info`: `burst_name` (clip/frame), `scene`, `noise_level`, `place` (`centre` of a clip, or its `border` where
        the window leaves it), and the camera's `cam2rgb`, `rgb_gain`, `red_gain`, `blue_gain`.
        """
        clip, centre, window = self._windows[index]
        known = self._clips.get_clip_info(clip)
        metadata = self._camera.metadata()
        linear, _ = self._frame(clip, centre)
        gains = (metadata[name][None] for name in ("cam2rgb", "rgb_gain", "red_gain", "blue_gain"))
        info = {
            **metadata,
            "burst_name": f"{known['clip_name']}/{centre:08d}",
            "scene": known.get("scene", known["clip_name"]),
            "noise_level": self._level,
            "place": "centre" if window == list(range(window[0], window[0] + len(window))) else "border",
        }
        burst = torch.stack([self._frame(clip, frame)[1] for frame in window])
        return burst, develop(linear[None], *gains)[0], info

    def _window(self, clip: int, centre: int, count: int, num_frames: int) -> list[int]:
        try:
            return window_around(centre, count, num_frames)
        except ValueError as error:
            raise ValueError(f"clip {self._clips.clip_list[clip]} of {self._clips.get_name()}: {error}") from error

    def _made_frame(self, clip: int, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
        photo = frame_tensor(self._clips.get_frames(clip, [frame])[0])
        return noisy_frame(photo, self._level, frame + 1, self._camera)


def noisy_frame(
    photo: torch.Tensor, level: NoiseLevel, number: int, camera: Camera | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Linear sensor RGB [3, H, W] of a photograph, and its noisy packed mosaic [4, H/2, W/2].

    Args:
        photo: RGB [3, H, W] in 0..1, display gamma; a last odd row or column is left out.
        level: of the noise.
        number: of the frame in its clip, the first one is 1; says which noise field.
        camera: that of the test sets if None.
    """
    height, width = (side // 2 * 2 for side in photo.shape[-2:])
    linear = photo_to_linear(photo[:, :height, :width], camera or Camera.fixed())
    clean = mosaic(linear)
    return linear, add_noise(clean, level, published_test_noise((height // 2, width // 2), number))
