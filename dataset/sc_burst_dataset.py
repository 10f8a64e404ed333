"""SC_burst: real RAW bursts of smartphones, without ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_image_dataset import visible_entries
from utils.commands import MissingPackage
from utils.image_io import PathLike, UnreadableImage
from utils.ops.mosaic import pack

KEY = "sc_burst_dir"
BURST_SIZE = 5
_MOST_PER_STORED_BYTE = 1100  # deflate reaches 1032
_NOISE_TAG = 7  # which of the unknown tags of the DNG file is the noise profile


class SCBurst:
    """The smartphone bursts of Guo et al. (GCP-Net, TIP 2021): ``<root>/Scene*/*.mat``, MATLAB 7.3 files.

    A burst are the first five files of a scene. Meta-data is that of its middle frame.

    Args:
        root: the folder; None takes ``sc_burst_dir`` of the environment.

    Raises:
        MissingDataSet: the folder is not set, not there, or has no scene with five files.
    """

    burst_size = BURST_SIZE

    def __init__(self, root: PathLike | None = None) -> None:
        self.root = data_folder(KEY, root)
        scenes = [folder for folder in sorted(self.root.glob("Scene*")) if folder.is_dir()]
        found = {folder.name: [path for path in visible_entries(folder) if path.suffix == ".mat"] for folder in scenes}
        self._files = {scene: files[:BURST_SIZE] for scene, files in found.items() if len(files) >= BURST_SIZE}
        self.burst_list = list(self._files)
        if not self._files:
            raise MissingDataSet(
                f"{self.root} has no folder Scene* with at least {BURST_SIZE} .mat files.\n{how_to_get(KEY)}"
            )

    def __len__(self) -> int:
        return len(self.burst_list)

    def get_name(self) -> str:
        return "SCBurst"

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, Any]]:
        """Burst [5, 4, h, w], packed RGGB, linear, clipped to 0..1, and what its middle file says.

        Info: ``burst_name``, ``xyz2cam`` (float32 [3, 3]), ``red_gain``, ``blue_gain``, ``shot`` (noise variance per
        unit of signal), ``read_variance`` (noise variance of black).

        Raises:
            IndexError: there is no such burst.
            UnreadableImage: a file is damaged, of another kind, lacks something, or the frames differ in size.
            utils.commands.MissingPackage: the package h5py is not installed.
        """
        scene = self.burst_list[index]
        files = self._files[scene]
        frames = [_read_frame(path) for path in files]
        sizes = {frame.shape for frame in frames}
        if len(sizes) > 1:
            raise UnreadableImage(f"the frames of {files[0].parent} differ in size: {sorted(sizes)}")
        burst = torch.from_numpy(np.stack(frames)).clamp_(0.0, 1.0)
        return burst, {"burst_name": scene, **_read_meta(files[BURST_SIZE // 2])}


def _read_frame(path: Path) -> np.ndarray:
    """float32 [4, h, w]; a last odd row or column is left out."""
    with _opened(path) as file:
        stored = _entry(file, "im", path)
        if getattr(stored, "ndim", 0) != 2:
            raise UnreadableImage(f"{path}: im is no single plane of a mosaic; is it an SC_burst file?")
        mosaic = _values(stored, np.float32, path).T  # MATLAB stores columns first
    height, width = (side // 2 * 2 for side in mosaic.shape)
    return pack(mosaic[:height, :width])


def _read_meta(path: Path) -> dict[str, Any]:
    with _opened(path) as file:
        meta = _entry(file, "meta", path)
        matrix = _numbers(_entry(meta, "ColorMatrix2", path), 9, path)
        neutral = _numbers(_entry(meta, "AsShotNeutral", path), 3, path)
        references = _entry(_entry(meta, "UnknownTags", path), "Value", path)
        try:
            profile = _numbers(file[references[0, _NOISE_TAG]], 2, path)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise UnreadableImage(
                f"{path}: the noise profile (unknown tag {_NOISE_TAG}) is missing: {error}"
            ) from error
    if min(neutral) <= 0:
        raise UnreadableImage(f"{path}: AsShotNeutral is {neutral}, expected positive numbers")
    return {
        "xyz2cam": torch.tensor(matrix, dtype=torch.float32).view(3, 3),
        "red_gain": 1.0 / neutral[0],
        "blue_gain": 1.0 / neutral[2],
        "shot": profile[0],
        "read_variance": profile[1],
    }


def _opened(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingPackage("The .mat files of SC_burst need the package h5py: pip install h5py") from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UnreadableImage(f"{path} is no MATLAB 7.3 file (HDF5), or is damaged: {error}") from error


def _entry(group: Any, name: str, path: Path) -> Any:
    try:
        return group[name]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableImage(f"{path} lacks {name}; is it an SC_burst file?") from error


def _values(entry: Any, dtype: type, path: Path) -> np.ndarray:
    try:
        # Where nothing is stored HDF5 fills in: a small file may claim any size.
        if entry.nbytes > _MOST_PER_STORED_BYTE * path.stat().st_size:
            raise UnreadableImage(f"{path}: {entry.name} claims {entry.nbytes} bytes, too many for a file of this size")
        return np.asarray(entry[()], dtype=dtype)
    except UnreadableImage:
        raise
    # What h5py and numpy raise for groups, unknown number formats and damaged blocks.
    except (AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise UnreadableImage(f"{path}: {entry.name} does not hold numbers, or is damaged: {error}") from error


def _numbers(entry: Any, count: int, path: Path) -> list[float]:
    """The first ``count`` numbers of an entry in row-major order."""
    values = _values(entry, np.float64, path).reshape(-1)
    if len(values) < count or not np.isfinite(values[:count]).all():
        raise UnreadableImage(f"{path}: {entry.name} holds {len(values)} numbers, expected {count} finite ones")
    return [float(value) for value in values[:count]]
