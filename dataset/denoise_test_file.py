"""What the two burst denoising test sets have in common: one ``.npz`` file of bursts with known noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from dataset.npz_rows import NpzRows, WrongArrays

BURST_LENGTH = 8
_DISPLAY_GAMMA = 2.4


class DenoiseTestFile:
    """Bursts of 8 noisy frames with their ground truth and noise parameters in an ``.npz`` file.

    Arrays: ``truth [N,H,W(,3)]``, ``noisy [N,H,W,8(,3)]``, ``white_level``, ``sig_read`` and the square root of the
    shot factor, one value for each burst. Values are linear.

    Args:
        path: the file.
        shot_key: name of the array with the square roots of the shot factor.
        is_color: whether the arrays have a last axis of 3 colours.

    Raises:
        WrongArrays: the file is damaged, or an array is missing or of unexpected shape.
    """

    def __init__(self, path: Path, shot_key: str, is_color: bool) -> None:
        self.path = path
        self._shot_key = shot_key
        self._is_color = is_color
        self._rows = NpzRows(path, ("truth", "noisy", "white_level", shot_key, "sig_read"))
        self._loaded: tuple[range, dict[str, torch.Tensor]] | None = None
        self._check_shapes()

    def __len__(self) -> int:
        return len(self._rows)

    def burst(self, index: int, block: range) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Burst ``index`` of the file: ``[8, C, H, W]``, ground truth ``[C, H, W]``, and info (float32 tensors).

        Info: ``sig_shot`` (square root of the shot factor), ``sig_read``, ``white_level`` in their stored shapes,
        ``gamma``, and ``sigma_estimate [8, C, H, W]`` = sqrt(sig_read² + sig_shot² max(burst, 0)), the deviation of
        the noise.

        Args:
            block: the bursts that are read from the file together with this one; the last block stays in memory.
        """
        if self._loaded is None or self._loaded[0] != block:
            self._loaded = (
                block,
                {key: torch.from_numpy(self._rows.read(key, block.start, block.stop)) for key in self._rows.shapes},
            )
        arrays = {key: values[index - block.start] for key, values in self._loaded[1].items()}
        truth, noisy = arrays["truth"], arrays["noisy"]
        if not self._is_color:
            truth, noisy = truth[..., None], noisy[..., None]
        burst = noisy.permute(2, 3, 0, 1).contiguous()
        shot, read = arrays[self._shot_key], arrays["sig_read"]
        info = {
            "sig_shot": shot,
            "sig_read": read,
            "white_level": arrays["white_level"],
            "gamma": torch.tensor([_DISPLAY_GAMMA]),
            "sigma_estimate": (read.reshape(()) ** 2 + shot.reshape(()) ** 2 * burst.clamp(min=0)).sqrt(),
        }
        return burst, truth.permute(2, 0, 1).contiguous(), info

    def _check_shapes(self) -> None:
        shapes = dict(self._rows.shapes)
        truth, noisy = shapes.pop("truth"), shapes.pop("noisy")
        colors = (3,) if self._is_color else ()
        if len(truth) != 3 + len(colors) or noisy != (*truth[:3], BURST_LENGTH, *colors) or truth[3:] != colors:
            expected = (
                "truth [N,H,W,3] and noisy [N,H,W,8,3]" if self._is_color else "truth [N,H,W] and noisy [N,H,W,8]"
            )
            raise WrongArrays(f"{self.path}: truth is {list(truth)} and noisy {list(noisy)}, expected {expected}")
        for key, shape in shapes.items():
            if np.prod(shape[1:]) != 1:
                raise WrongArrays(
                    f"{self.path}: {key} is {list(shape)}, expected one value for each of {len(self)} bursts"
                )
