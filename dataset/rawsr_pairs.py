"""Mosaics with their rendered references and enlarged ground truth, in the layout of the published RawSR set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_image_dataset import folder_entries
from dataset.npz_rows import ARRAY_ERRORS
from utils.image_io import PathLike, read_image
from utils.suggestions import unknown_name_message

_KEY = "rawsr_dir"
_FOLDERS = {"train": "Training", "test": "Testing"}
_RAW, _GROUND_TRUTH, _REFERENCE = "TrainingSet", "GT", "ISP"
_REFERENCE_ENDINGS = (".jpeg", ".jpg", ".png")
VERSION_LENGTH = 4  # the last characters of a name say which of the degraded versions of a ground truth it is


class DamagedPair(ValueError):
    """A file of a pair is missing, damaged, or does not fit to the others; names the file."""


class Pair(TypedDict):
    """One sample: float arrays are as stored, and read from the disk only where they are used."""

    raw: NDArray[Any]  # [H, W], RGGB, linear, 0..1
    isp: NDArray[np.uint8]  # [H, W, 3], rendered, RGB
    gt: NDArray[Any]  # [S H, S W, 3], gamma-encoded RGB, 0..1


class RawSRPairs:
    """The pairs of one split, sorted by name.

    ``<root>/{Training,Testing}/TrainingSet/<stem><4 characters>.npy`` are mosaics, ``ISP/<same name>.jpeg`` (or .png)
    their references, and ``GT/<stem>.npy`` the ground truth that several of them share.

    Args:
        name: of the set, a folder of ``rawsr_dir``: ``x2`` and ``x4`` by scale, ``x2_nonblind`` and ``x4_nonblind``
            with one fixed blur kernel.
        split: ``train`` or ``test``.
        root: the set's folder itself; None looks in ``rawsr_dir`` of the environment.

    Raises:
        MissingDataSet: the folder is not set, not there, or holds no mosaics.
        ValueError: another split.
    """

    def __init__(self, name: str = "x2", split: str = "train", root: PathLike | None = None) -> None:
        if split not in _FOLDERS:
            raise ValueError(unknown_name_message("split of RawSRPairs", split, _FOLDERS))
        self.split = split
        self.folder = (data_folder(_KEY) / name if root is None else data_folder(_KEY, root)) / _FOLDERS[split]
        names = [Path(name) for name in folder_entries(self.folder / _RAW, _KEY)]
        self.image_list = [name.stem for name in names if name.suffix == ".npy"]
        if not self.image_list:
            raise MissingDataSet(f"{self.folder / _RAW} holds no .npy mosaics.\n{how_to_get(_KEY)}")

    def __len__(self) -> int:
        return self.get_num_images()

    def get_num_images(self) -> int:
        return len(self.image_list)

    def get_name(self) -> str:
        return "RawSRPairs"

    def get_image_info(self, im_id: int) -> dict[str, str]:
        """``name`` of the pair and ``scene``, the name of its ground truth."""
        return {"name": self.image_list[im_id], "scene": self.get_scene(im_id)}

    def get_scene(self, im_id: int) -> str:
        return self.image_list[im_id][:-VERSION_LENGTH]

    def get_image(self, im_id: int, info: dict[str, Any] | None = None) -> tuple[Pair, dict[str, Any]]:
        """Pair ``im_id``; its arrays of floats are mapped, not read.

        Raises:
            DamagedPair: a file is missing or damaged, or the sizes do not fit: mosaic and reference the same, the
                ground truth 2 or 4 times as large.
            utils.image_io.UnreadableImage: the reference is.
        """
        name = self.image_list[im_id]
        raw = _mapped(self.folder / _RAW / f"{name}.npy", axes=2)
        gt = _mapped(self.folder / _GROUND_TRUTH / f"{self.get_scene(im_id)}.npy", axes=3)
        isp = read_image(self._reference(name))
        scales = {long / short for long, short in zip(gt.shape[:2], raw.shape, strict=True)}
        if isp.shape[:2] != raw.shape or len(scales) != 1 or scales.pop() not in (2, 4) or gt.shape[2] != 3:
            raise DamagedPair(
                f"{name} in {self.folder}: mosaic {raw.shape}, reference {isp.shape} and ground truth {gt.shape} do not"
                " fit; expected [H, W], [H, W, 3] and [S H, S W, 3] with S 2 or 4"
            )
        return Pair(raw=raw, isp=isp, gt=gt), self.get_image_info(im_id) if info is None else info

    def _reference(self, name: str) -> Path:
        candidates = [self.folder / _REFERENCE / f"{name}{ending}" for ending in _REFERENCE_ENDINGS]
        return next((path for path in candidates if path.is_file()), candidates[0])


def _mapped(path: Path, axes: int) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DamagedPair(f"{path} does not exist") from error
    except ARRAY_ERRORS as error:
        raise DamagedPair(f"{path} cannot be read as an array: {error}") from error
    if array.ndim != axes or array.dtype.kind != "f":
        raise DamagedPair(f"{path} holds {array.dtype} {array.shape}, expected floats with {axes} axes")
    return array
