"""TensorBoard curves of a training run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from admin.stats import AverageMeter, StatValue

logger = logging.getLogger(__name__)


class TensorboardWriter:
    """Writes scalars to ``<folder>/<loader name>`` and texts to ``<folder>/info``. Files appear with a first value.

    Curves are never a reason to end a training: where the folder has gone or the disk is full, that is said, what was
    to be written is lost, and the next epoch tries with a new file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._writers: dict[str, Any] = {}

    def _writer(self, name: str) -> Any:
        if name not in self._writers:
            from torch.utils.tensorboard import SummaryWriter  # seconds to import

            self._writers[name] = SummaryWriter(str(self.folder / name))
        return self._writers[name]

    def write_info(self, module_name: str, script_name: str, description: str) -> None:
        """What the run is. The first tag is spelled as in the original system, so that old and new runs compare."""
        with self._surviving("info"):
            info = self._writer("info")
            info.add_text("Modulet_name", module_name)
            info.add_text("Script_name", script_name)
            info.add_text("Description", description)
            info.flush()

    def write_epoch(self, stats: Mapping[str, Mapping[str, AverageMeter | StatValue] | None], epoch: int) -> None:
        """The last history entry of every value that is new in this epoch."""
        for loader, tags in stats.items():
            with self._surviving(loader):
                for tag, meter in (tags or {}).items():
                    if meter.has_new_data:
                        self._writer(loader).add_scalar(tag, meter.history[-1], epoch)
                if loader in self._writers:
                    self._writers[loader].flush()

    def write_pictures(self, loader: str, pictures: Mapping[str, torch.Tensor], epoch: int) -> None:
        """Tag → uint8 [3, H, W] RGB."""
        with self._surviving(loader):
            for tag, picture in pictures.items():
                self._writer(loader).add_image(tag, picture.cpu(), epoch)

    def close(self) -> None:
        for name in list(self._writers):
            with self._surviving(name):
                self._writers.pop(name).close()

    @contextmanager
    def _surviving(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            logger.warning("curves of %s in %s cannot be written: %s. Training goes on", name, self.folder, error)
            writer = self._writers.pop(name, None)
            if writer is not None:
                with suppress(OSError):
                    writer.close()
