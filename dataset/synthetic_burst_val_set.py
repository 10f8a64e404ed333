"""SyntheticBurst: the validation set of RAW burst super-resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from admin.data_locations import data_folder, how_to_get
from dataset.base_image_dataset import folder_entries, report_missing
from utils.image_io import PathLike, UnreadableImage, read_png16
from utils.safe_pickle import UnreadablePickle, read_pickle

NUM_BURSTS = 300
BURST_SIZE = 14
_WHITE = 2**14
_KEY = "synburstval_dir"
# What the post-processing to a picture needs.
_META_KEYS = ("cam2rgb", "rgb_gain", "red_gain", "blue_gain", "smoothstep", "gamma")


class SyntheticBurstVal:
    """The 300 bursts of 14 frames of the SyntheticBurst validation set (G. Bhat et al., CVPR 2021).

    The list is fixed; bursts that are not on the disk are said once, in the log, and fail only when they are read.

    Args:
        root: the data set's folder; None takes ``synburstval_dir`` of the environment.
        initialize: False leaves the list empty and the disk alone.

    Raises:
        MissingDataSet: the folder is not set, not there, not readable or holds none of the bursts.
    """

    burst_size = BURST_SIZE

    def __init__(self, root: PathLike | None = None, initialize: bool = True) -> None:
        self.root = data_folder(_KEY, root)
        self.burst_list: list[str] = []
        if initialize:
            self.burst_list = [f"{i:04d}" for i in range(NUM_BURSTS)]
            none_there = f"{self.root} holds none of the bursts 0000 … 0299.\n{how_to_get(_KEY)}"
            report_missing(self.missing_bursts(), NUM_BURSTS, self.root, "bursts", none_there)

    def __len__(self) -> int:
        return len(self.burst_list)

    def get_name(self) -> str:
        return "SyntheticBurstVal"

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Burst ``[14, 4, h, w]`` (packed R, G, G, B), ground truth ``[3, 8h, 8w]`` and meta-data with ``burst_name``.

        Both are float32 linear sensor values, 0..1 (published set: h = w = 48).

        Raises:
            IndexError: there is no such burst.
            utils.image_io.UnreadableImage: a frame is missing, cut off, of another size or of the wrong bit depth or
                channels.
            utils.safe_pickle.UnreadablePickle: meta-data is missing, damaged, or names anything but data.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"burst {index} of {len(self)}")
        burst = self.read_burst(index)
        truth = _read_linear(self.root / "gt" / self.burst_list[index] / "im_rgb.png", channels=3)
        return burst, truth, self.read_meta_info(index)

    def read_burst(self, index: int) -> torch.Tensor:
        """The frames alone, ``[14, 4, h, w]``."""
        folder = self.root / "bursts" / self.burst_list[index]
        frames = []
        for i in range(BURST_SIZE):
            path = folder / f"im_raw_{i:02d}.png"
            frames.append(_read_linear(path, channels=4))
            if frames[-1].shape != frames[0].shape:
                expected, found = tuple(frames[0].shape), tuple(frames[-1].shape)
                raise UnreadableImage(f"{path} has the shape {found}, frame 0 of the burst has {expected}")
        return torch.stack(frames)

    def read_meta_info(self, index: int) -> dict[str, Any]:
        """The parameters of the synthesis (colour matrices, gains, noise levels) and ``burst_name``."""
        path = self.root / "gt" / self.burst_list[index] / "meta_info.pkl"
        meta = read_pickle(path)
        if not isinstance(meta, dict):
            raise UnreadablePickle(f"{path} holds {type(meta).__name__}, expected a dictionary of meta-data")
        missing = [key for key in _META_KEYS if key not in meta]
        if missing:
            raise UnreadablePickle(f"{path} lacks {', '.join(missing)}; it holds {', '.join(map(str, meta))}")
        return meta | {"burst_name": self.burst_list[index]}

    def missing_bursts(self) -> list[str]:
        """Names of the bursts of the list whose folders are not on the disk.

        Raises:
            MissingDataSet: the folder is not there or not readable.
        """
        there = set(folder_entries(self.root / "bursts", _KEY)) & set(folder_entries(self.root / "gt", _KEY))
        return [name for name in self.burst_list if name not in there]


def _read_linear(path: PathLike, channels: int) -> torch.Tensor:
    """``[channels, H, W]`` of a 16-bit PNG whose value 2^14 is 1."""
    image = read_png16(path, channels, white=_WHITE)
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32)) / _WHITE
