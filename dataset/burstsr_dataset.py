"""BurstSR: real bursts of a phone with ground truth of a camera."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from admin.data_locations import MissingDataSet, data_folder, how_to_get
from dataset.base_image_dataset import folder_entries
from dataset.base_raw_burst_dataset import BaseRawBurstDataset
from dataset.raw_images import CanonImage, SamsungRAWImage
from utils.image_io import PathLike
from utils.suggestions import unknown_name_message

__all__ = ["BurstSRDataset", "CanonImage", "SamsungRAWImage", "get_burstsr_val_set", "load_txt"]

BURST_SIZE = 14
_SPECS = Path(__file__).resolve().parent.parent / "data_specs"
_SPLITS = ("train", "val", "test")


def load_txt(path: PathLike) -> list[str]:
    """The lines of a text file without white space at their ends."""
    return [line.rstrip() for line in Path(path).read_text(encoding="utf-8").splitlines()]


class BurstSRDataset(BaseRawBurstDataset):
    """BurstSR (G. Bhat et al., Deep Burst Super-Resolution, CVPR 2021): aligned crops of bursts of 14 frames.

    Burst ``<ssss>_<nnnn>`` is crop ``nnnn`` of sequence ``ssss``; ``data_specs/burstsr_<split>.txt`` says which
    sequences belong to a split, others in the folder are ignored.

    Args:
        root: the data set's folder; None takes ``burstsr_dir`` of the environment.
        split: ``train``, ``val`` or ``test``.
        seq_ids: only these sequences of the split; None takes all.
        initialize: False leaves the list empty.
        exclude_flat: leave out the crops of ``data_specs/burstsr_flat_crops.txt``, whose ground truth is flat. Off by
            default, because published results were trained with them.

    Raises:
        ValueError: another split, or sequences that do not belong to it.
        MissingDataSet: the folder is not set, not there, not readable or holds no burst of the split.
    """

    def __init__(
        self,
        root: PathLike | None = None,
        split: str = "train",
        seq_ids: Sequence[str] | None = None,
        initialize: bool = True,
        exclude_flat: bool = False,
    ) -> None:
        if split not in _SPLITS:
            raise ValueError(unknown_name_message("split of BurstSRDataset", str(split), _SPLITS))
        super().__init__("BurstSRDataset", data_folder("burstsr_dir", root))
        self.split = split
        self.seq_ids = _sequences(split, seq_ids)
        self.excluded = set(load_txt(_SPECS / "burstsr_flat_crops.txt")) if exclude_flat else set()
        self.split_folder = self.root / split
        if initialize:
            self.burst_list = self._find_bursts()

    def get_scene(self, burst_id: int) -> str:
        """The sequence: all crops of one sequence show the same scene."""
        return self.burst_list[burst_id][:4]

    def get_burst_info(self, burst_id: int) -> dict[str, Any]:
        """``burst_size`` (14) and ``burst_name``."""
        return {"burst_size": BURST_SIZE, "burst_name": self.burst_list[burst_id]}

    def get_burst(
        self, burst_id: int, im_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> tuple[list[SamsungRAWImage], CanonImage, dict[str, Any]]:
        """Frames ``im_ids`` in that order, the camera's image, and info (``info`` if given, else ``get_burst_info``).

        Only the frames asked for are read.

        Raises:
            IndexError: there is no such burst.
            utils.image_io.UnreadableImage: an image is missing, cut off or of the wrong bit depth or channels.
            utils.safe_pickle.UnreadablePickle: meta-data is missing, damaged, or names anything but data.
        """
        folder = self.split_folder / self.burst_list[burst_id]
        frames = [SamsungRAWImage.load(folder / f"samsung_{i:02d}") for i in im_ids]
        truth = CanonImage.load(folder / "canon")
        return frames, truth, self.get_burst_info(burst_id) if info is None else info

    def _find_bursts(self) -> list[str]:
        names = folder_entries(self.split_folder, "burstsr_dir")
        wanted = set(self.seq_ids)
        bursts = [name for name in names if name[:4] in wanted and name not in self.excluded]
        if not bursts:
            raise MissingDataSet(
                f"The folder {self.split_folder} holds no burst of the {len(wanted)} sequences asked for "
                f"({len(names)} entries).\n{how_to_get('burstsr_dir')}"
            )
        return bursts


def get_burstsr_val_set() -> Any:
    """The validation set as the published scores use it: 14 frames, black level subtracted, crops of 80 packed
    pixels."""
    # The one place where this room looks to its right: settings of the original toolkits import the name from here.
    from data.processing import BurstSRProcessing
    from data.sampler import IndexedBurst

    processing = BurstSRProcessing(transform=None, random_flip=False, substract_black_level=True, crop_sz=80)
    return IndexedBurst(BurstSRDataset(split="val"), burst_size=BURST_SIZE, processing=processing)


def _sequences(split: str, seq_ids: Sequence[str] | None) -> list[str]:
    of_split = load_txt(_SPECS / f"burstsr_{split}.txt")
    if seq_ids is None:
        return of_split
    unknown = [sequence for sequence in seq_ids if sequence not in of_split]
    if unknown:
        raise ValueError(f"the sequences {', '.join(unknown)} do not belong to the split {split!r} of BurstSR")
    return list(seq_ids)
