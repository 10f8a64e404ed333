"""The grey burst denoising test set of the kernel prediction networks (KPN)."""

from __future__ import annotations

from typing import Any

import torch

from admin.data_locations import data_folder
from dataset.denoise_test_file import BURST_LENGTH, DenoiseTestFile
from dataset.npz_rows import WrongArrays
from utils.image_io import PathLike

_BURSTS_PER_SLOT = 73
_SLOTS = {1: 2, 2: 3, 4: 4, 8: 5}  # sensor gain → slot of the file; slots 0 and 1 have weaker noise


class GrayscaleDenoiseTestSet:
    """Test set of B. Mildenhall et al., Burst Denoising with Kernel Prediction Networks, CVPR 2018.

    One ``.npz`` file with slots of 73 bursts each; a slot is a noise level. One slot at a time is held in memory.

    Args:
        root: the ``.npz`` file; None takes ``kpn_testset_path`` of the environment.
        noise_level: sensor gain 1, 2, 4 or 8 (slots 2 to 5); None means every slot of the file.
        initialize: False leaves the file unopened and the set empty.

    Raises:
        ValueError: another noise level.
        MissingDataSet: the file is not set or not there.
        dataset.npz_rows.WrongArrays: arrays are missing, of unexpected shape, or too short for the noise level.
    """

    def __init__(self, root: PathLike | None = None, noise_level: int | None = None, initialize: bool = True) -> None:
        if noise_level is not None and noise_level not in _SLOTS:
            raise ValueError(f"noise_level is {noise_level!r}, expected one of {list(_SLOTS)}, or None for all slots")
        self.root = data_folder("kpn_testset_path", root)
        self.noise_level = noise_level
        self.slots: list[int] = []
        if initialize:
            self._file = DenoiseTestFile(self.root, shot_key="sig_shot", is_color=False)
            available = len(self._file) // _BURSTS_PER_SLOT
            self.slots = list(range(available)) if noise_level is None else [_SLOTS[noise_level]]
            needed = (max(self.slots, default=0) + 1) * _BURSTS_PER_SLOT
            if len(self._file) < needed:
                raise WrongArrays(
                    f"{self.root} holds {len(self._file)} bursts, noise_level={noise_level} needs at least {needed}; "
                    "fetch the whole file"
                )

    def __len__(self) -> int:
        return len(self.slots) * _BURSTS_PER_SLOT

    def get_name(self) -> str:
        return "GrayscaleDenoiseTestSet"

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Burst ``[8, 1, H, W]``, ground truth ``[1, H, W]`` (float32, linear) and info.

        Info: that of :meth:`DenoiseTestFile.burst`, ``burst_length``, ``burst_name`` (``<slot>_<number>``) and
        ``noise_level``, which is the slot.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        position, number = divmod(index, _BURSTS_PER_SLOT)
        slot = self.slots[position]
        start = slot * _BURSTS_PER_SLOT
        burst, truth, info = self._file.burst(start + number, range(start, start + _BURSTS_PER_SLOT))
        info |= {"burst_length": BURST_LENGTH, "burst_name": f"{slot}_{number:02d}", "noise_level": slot}
        return burst, truth, info
