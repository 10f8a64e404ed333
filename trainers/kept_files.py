"""Which checkpoints of a run stay, and which are out of the way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from admin.checkpoints import DamagedCheckpoint, read_checkpoint
from admin.loading import checkpoints_of, epoch_of
from admin.settings import Settings

logger = logging.getLogger(__name__)

_DIRECTIONS = {"max": 1, "min": -1}
LATER = "later"


class Best:
    """The best epoch so far by one statistic.

    Args:
        settings: ``keep_best`` is ``max`` or ``min``, the name of a loader and a tag, or None.
        loaders: names of the loaders of the run.

    Attributes:
        value: the best value, None before the first.

    Raises:
        ValueError: ``keep_best`` makes no sense.
    """

    def __init__(self, settings: Settings, loaders: list[str]) -> None:
        self.value: float | None = None
        self._of = settings.keep_best
        words = [] if settings.keep_best is None else str(settings.keep_best).split()
        if words and (len(words) != 3 or words[0] not in _DIRECTIONS or words[1] not in loaders):
            raise ValueError(
                f"keep_best = {settings.keep_best!r}: expected max or min, a loader ({', '.join(loaders)}) and a tag, "
                "for example 'max val Stat/psnr'"
            )
        self._words = words

    def improves(self, stats: Any) -> bool:
        """Whether the epoch that has just been closed is the best one; if so, its value counts from now on.

        Raises:
            ValueError: the loader does not measure the tag.
        """
        if not self._words:
            return False
        direction, loader, tag = self._words
        tags = stats[loader]
        if tags is None:
            return False  # the loader has not run yet
        if tag not in tags:
            raise ValueError(f"keep_best: loader {loader!r} has no {tag!r}, but {', '.join(tags)}")
        if not tags[tag].has_new_data:
            return False
        value = float(tags[tag].history[-1])
        better = self.value is None or _DIRECTIONS[direction] * (value - self.value) > 0
        if better:
            self.value = value
        return better

    def plain(self) -> dict[str, Any]:
        """State as plain values, for a checkpoint."""
        return {"of": self._of, "value": self.value}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`plain`; a value of another statistic does not count."""
        self.value = state.get("value") if state.get("of") == self._of else None


def first_readable(paths: list[Path]) -> Path:
    """The first of some checkpoints that is whole; each that is not is named.

    Raises:
        DamagedCheckpoint: none is; says what is wrong with the first one.
    """
    first: DamagedCheckpoint | None = None
    for path in paths:
        try:
            read_checkpoint(path)
        except DamagedCheckpoint as error:
            logger.warning("%s The one before is used, if there is one.", error)
            first = first or error
            continue
        return path
    assert first is not None
    raise first


def remove_older(folder: Path, net_type: str, keep: int | None) -> None:
    """Removes the files of all completed epochs but the last ``keep``; None keeps all."""
    if keep is None:
        return
    epochs = [path for path in checkpoints_of(folder, net_type) if epoch_of(path) >= 0]
    for path in epochs[keep:]:
        path.unlink(missing_ok=True)


def remove_unfinished(folder: Path, net_type: str) -> None:
    """Removes what a process that was killed while it saved has left."""
    for path in folder.glob(f"{net_type}_*.pth.tar.*.tmp"):
        logger.info("removing %s, which an earlier run did not finish", path)
        path.unlink(missing_ok=True)


def put_later_away(folder: Path, net_type: str, epoch: int, start: Path) -> None:
    """For a run that goes on from an earlier epoch: what came after it would count as newer than what is trained now.

    These files are moved into the folder ``later``, where no run looks for them.

    Args:
        epoch: completed epochs.
        start: the file from which the run goes on.
    """
    for path in checkpoints_of(folder, net_type):
        if path != start and (epoch_of(path) > epoch or epoch_of(path) < 0):
            place = _free(folder / LATER / path.name)
            place.parent.mkdir(exist_ok=True)
            path.rename(place)
            logger.warning("this run goes on from epoch %d: %s is now %s", epoch, path.name, place)


def _free(path: Path) -> Path:
    number, place = 1, path
    while place.exists():
        number += 1
        place = path.with_name(f"{path.name}.{number}")
    return place
