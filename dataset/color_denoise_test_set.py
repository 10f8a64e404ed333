"""The colour burst denoising test set of the basis prediction networks (BPN)."""

from __future__ import annotations

from typing import Any

import torch

from admin.data_locations import data_folder
from dataset.denoise_test_file import BURST_LENGTH, DenoiseTestFile
from utils.image_io import PathLike

_NOISE_LEVELS = (1, 2, 4, 8)


class ColorDenoiseTestSet:
    """Test set of Z. Xia et al., Basis Prediction Networks for Effective Burst Denoising with Large Kernels, CVPR 2020.

    ``<root>/<noise_level>.npz``, one file for each noise level; it is read into memory at the first access.

    Args:
        root: the folder; None takes ``bpn_color_testset_dir`` of the environment.
        noise_level: sensor gain 1, 2, 4 or 8.
        initialize: False leaves the file unopened and the set empty.

    Raises:
        ValueError: another noise level.
        MissingDataSet: the folder is not set or not there, or lacks the file.
        dataset.npz_rows.WrongArrays: arrays are missing or of unexpected shape.
    """

    def __init__(self, root: PathLike | None = None, noise_level: int = 1, initialize: bool = True) -> None:
        if noise_level not in _NOISE_LEVELS:
            raise ValueError(f"noise_level is {noise_level!r}, expected one of {list(_NOISE_LEVELS)}")
        self.root = data_folder("bpn_color_testset_dir", root)
        self.noise_level = noise_level
        self._bursts = range(0)
        if initialize:
            path = data_folder("bpn_color_testset_dir", self.root / f"{noise_level}.npz")
            self._file = DenoiseTestFile(path, shot_key="sqrt_sig_shot", is_color=True)
            self._bursts = range(len(self._file))

    def __len__(self) -> int:
        return len(self._bursts)

    def get_name(self) -> str:
        return "ColorDenoiseTestSet"

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Burst ``[8, 3, H, W]``, ground truth ``[3, H, W]`` (float32, linear RGB) and info.

        Info: that of :meth:`DenoiseTestFile.burst`, ``burst_size`` and ``burst_name`` (``<level>_<number>``).
        """
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        burst, truth, info = self._file.burst(index, self._bursts)
        info |= {"burst_size": BURST_LENGTH, "burst_name": f"{self.noise_level}_{index:02d}"}
        return burst, truth, info
