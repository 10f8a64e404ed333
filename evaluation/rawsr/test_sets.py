"""The images that RawSR is tried on: stored pairs, pairs made from bundled photographs, RAW files of cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from admin.tensordict import TensorDict
from data.processing import RawSRSynthesisProcessing
from data.rawsr_processing import DEGRADATIONS, pair_tensors
from dataset import CameraFiles, RawSRPairs, SamplePhotos
from utils.draws import Draws

VERSIONS_OF_PHOTO = 4
DRAWS_KEY = 2019_06_16  # fixed for ever: another key would be another test set

# `(burst [1, 1, H, W], ground truth [3, S H, S W] or None, info)`: the burst is one mosaic. `info` has `burst_name`,
# `isp` [3, H, W] and `quarter_turns`.
Sample = tuple[torch.Tensor, torch.Tensor | None, Mapping[str, Any]]


class StoredPairs(Sequence[Sample]):
    """The test split of stored pairs, cut to even sides.

    Args:
        name: of the set in `rawsr_dir`, e.g. `x2_nonblind`.
        scale: the one that the pairs must have.
        folder: the set's own folder; None looks in `rawsr_dir`.
    """

    def __init__(self, name: str, scale: int, folder: Path | None = None) -> None:
        self._pairs, self._scale = RawSRPairs(name, "test", folder), scale

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: Any) -> Any:
        """A `Sample`; raises `ValueError` for a pair of another scale or values outside 0..1."""
        pair, known = self._pairs.get_image(_checked(index, len(self)))
        height, width = (size // 2 * 2 for size in pair["raw"].shape)
        sample = pair_tensors(pair, self._scale, (0, 0, height, width))
        info = {"burst_name": known["name"], "scene": known["scene"], "isp": sample["isp"], "quarter_turns": 0}
        return sample["raw"][None], sample["frame_gt"], info


class PhotoPairs(Sequence[Sample]):
    """The held-out bundled photographs through the simulated camera: always the same pairs, without a download.

    Args:
        scale: 2 or 4.
        kernels: `blind` or `nonblind`.
        split: of `SamplePhotos`.
    """

    def __init__(self, scale: int, kernels: str = "blind", split: str = "heldout") -> None:
        self._photos = SamplePhotos(split)
        self._processing = RawSRSynthesisProcessing(None, scale, DEGRADATIONS[kernels])

    def __len__(self) -> int:
        return len(self._photos) * VERSIONS_OF_PHOTO

    def __getitem__(self, index: Any) -> Any:
        """A `Sample` of a whole photograph, less what is not a multiple of twice the scale."""
        photo, version = divmod(_checked(index, len(self)), VERSIONS_OF_PHOTO)
        frame, known = self._photos.get_image(photo)
        sample = self._processing(TensorDict(frame=frame, draws=Draws(DRAWS_KEY, photo, version)))
        scene = known["scene"]
        info = {"burst_name": f"{scene}_{version}", "scene": scene, "isp": sample["isp"], "quarter_turns": 0}
        return sample["raw"][None], sample["frame_gt"], info


class RealPhotos(Sequence[Sample]):
    """RAW files of cameras; nobody knows their ground truth.

    Args:
        rendering: of the reference, see `utils.raw_files`; stands in `info` too.
        folder: with the files; None takes `rawsr_real_dir`.
    """

    def __init__(self, rendering: str, folder: Path | None = None) -> None:
        self._files, self._rendering = CameraFiles(folder), rendering

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: Any) -> Any:
        """A `Sample` with the sensor's own mosaic, whatever its Bayer order; `quarter_turns` bring it upright."""
        photo = self._files.get_photo(_checked(index, len(self)), self._rendering)
        info = {
            "burst_name": self._files.get_image_info(index)["name"],
            "isp": torch.from_numpy(photo.reference).permute(2, 0, 1).contiguous(),
            "quarter_turns": photo.quarter_turns,
            "rendering": photo.rendering,
        }
        return torch.from_numpy(photo.mosaic)[None, None], None, info


def _checked(index: int, length: int) -> int:
    if not 0 <= index < length:
        raise IndexError(f"image {index} of {length}")
    return index
