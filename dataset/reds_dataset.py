"""REDS: clips of 100 sharp frames for video restoration, as folders of frames or as one LMDB file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_clip_dataset import BaseClipDataset
from dataset.base_image_dataset import image_files
from dataset.clip_folder import clip_folders
from dataset.lmdb_file import LmdbFile
from utils.image_io import PathLike, UnreadableImage, read_image
from utils.safe_pickle import UnreadablePickle, read_pickle
from utils.suggestions import unknown_name_message

KEY = "reds_dir"
REDS4 = ("000", "011", "015", "020")
"""The clips of the training part that the literature tests on."""
NUM_TRAIN_CLIPS = 240
META_FILE = "meta_info.pkl"

_SPLITS = ("train", "reds4", "all")
# Where the clips of either part of the published archives may lie.
_TRAIN_FOLDERS = ("train_sharp", "train/train_sharp")
_VALIDATION_FOLDERS = ("val_sharp", "val/val_sharp")


class REDS(BaseClipDataset):
    """REDS (S. Nah et al., NTIRE 2019), sharp frames of 1280 x 720, regrouped as is usual for video restoration.

    The 30 validation clips go on where the 240 training clips end (validation clip 000 is clip 240); of these 270,
    four (:data:`REDS4`) are for testing.

    Args:
        root: a folder with ``train_sharp/<clip>/<frame>.png`` and ``val_sharp/…`` (also below ``train`` and ``val``, as
            the archives unpack), or with ``<clip>/<frame>.png`` that is regrouped already; or an LMDB file, named
            ``.lmdb``, as ``util_scripts/create_lmdb.py`` writes it. None takes ``reds_dir`` of the environment.
        split: ``train``: all but REDS4, ``reds4``, or ``all``.

    Raises:
        ValueError: another split.
        MissingDataSet: the place is not set, not there, or holds no clips of this split.
        utils.safe_pickle.UnreadablePickle: the list of keys of an LMDB file is damaged.
    """

    def __init__(self, root: PathLike | None = None, split: str = "train") -> None:
        if split not in _SPLITS:
            raise ValueError(unknown_name_message("split of REDS", split, _SPLITS))
        super().__init__("REDS")
        self.root = data_folder(KEY, root)
        self._store: _Frames = _LmdbFrames(self.root) if self.root.suffix == ".lmdb" else _FolderFrames(self.root)
        wanted: dict[str, Callable[[str], bool]] = {
            "train": lambda clip: clip not in REDS4,
            "reds4": lambda clip: clip in REDS4,
            "all": lambda clip: True,
        }
        self.clip_list = [clip for clip in sorted(self._store.frames) if wanted[split](clip)]
        if not self.clip_list:
            found = ", ".join(sorted(self._store.frames)[:8]) or "none"
            raise MissingDataSet(f"{self.root} has no clips for split={split!r}, but {found}.\n{how_to_get(KEY)}")

    def get_num_frames(self, clip_id: int) -> int:
        return len(self._store.frames[self.clip_list[clip_id]])

    def frame_names(self, clip_id: int) -> list[str]:
        """Names of the frames of a clip, without an ending."""
        return self._store.frames[self.clip_list[clip_id]]

    def get_frames(self, clip_id: int, frame_ids: Sequence[int]) -> list[NDArray[np.uint8]]:
        """As in the base class.

        Raises:
            UnreadableImage: a frame is missing or damaged.
        """
        clip = self.clip_list[clip_id]
        return [self._store.read(clip, self._store.frames[clip][i]) for i in frame_ids]


class _Frames:
    """Frames by clip and name; ``frames`` maps a clip to the names of its frames in the order of time."""

    frames: dict[str, list[str]]

    def read(self, clip: str, frame: str) -> NDArray[np.uint8]:
        """uint8 [H, W, 3] RGB."""
        raise NotImplementedError


class _FolderFrames(_Frames):
    def __init__(self, root: Path) -> None:
        self._folders = regrouped_folders(root)
        self._endings = {}
        self.frames = {}
        for clip, folder in self._folders.items():
            files = [Path(file) for file in image_files(folder, KEY)]
            self.frames[clip] = [file.stem for file in files]
            self._endings[clip] = files[0].suffix

    def read(self, clip: str, frame: str) -> NDArray[np.uint8]:
        return read_image(self._folders[clip] / f"{frame}{self._endings[clip]}")


def regrouped_folders(root: Path) -> dict[str, Path]:
    """Clip (000 ... 269) → its folder, with the validation clips after the training clips.

    Raises:
        MissingDataSet: there are no clips.
    """
    train, validation = (_first_folder(root, names) for names in (_TRAIN_FOLDERS, _VALIDATION_FOLDERS))
    if train is None and validation is None:
        return clip_folders(root, KEY)
    clips = clip_folders(train, KEY) if train is not None else {}
    if validation is not None:
        for clip, folder in clip_folders(validation, KEY).items():
            if not clip.isdecimal():
                raise MissingDataSet(f"{folder}: the clips of REDS are named by numbers.\n{how_to_get(KEY)}")
            clips[f"{int(clip) + NUM_TRAIN_CLIPS:03d}"] = folder
    return clips


def _first_folder(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


class _LmdbFrames(_Frames):
    """Keys ``<clip>_<frame>``, values raw BGR bytes; ``meta_info.pkl`` beside the data lists keys and the size."""

    def __init__(self, path: Path) -> None:
        self._file = LmdbFile(path)
        meta = read_pickle(path / META_FILE)
        if not isinstance(meta, dict) or not {"keys", "resolution"} <= set(meta):
            raise UnreadablePickle(f"{path / META_FILE} lacks the keys or the resolution; write the LMDB file again")
        self._shape = _shape_of(meta["resolution"], path / META_FILE)
        self.frames = {}
        for key in meta["keys"]:
            clip, _, frame = str(key).rpartition("_")
            self.frames.setdefault(clip, []).append(frame)
        for names in self.frames.values():
            names.sort()

    def read(self, clip: str, frame: str) -> NDArray[np.uint8]:
        key = f"{clip}_{frame}"
        content = self._file.get(key)
        if content is None or len(content) != np.prod(self._shape):
            found = "no such key" if content is None else f"{len(content)} bytes, expected {np.prod(self._shape)}"
            raise UnreadableImage(f"{self._file.path}, key {key}: {found}; write the LMDB file again")
        bgr = np.frombuffer(content, dtype=np.uint8).reshape(self._shape)
        return np.ascontiguousarray(bgr[:, :, ::-1])


def _shape_of(resolution: object, path: Path) -> tuple[int, int, int]:
    """(H, W, C) of a text ``C_H_W``; a list with one text for every key must have one size."""
    texts = {str(text) for text in resolution} if isinstance(resolution, (list, tuple)) else {str(resolution)}
    numbers = [int(part) for part in "".join(texts).split("_") if part.isdecimal()]
    if len(texts) != 1 or len(numbers) != 3 or numbers[0] != 3:
        raise UnreadablePickle(f"{path}: the resolution is {resolution!r}, expected one like 3_720_1280")
    return numbers[1], numbers[2], numbers[0]
