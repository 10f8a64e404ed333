"""TensorBoard curves of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from admin.stats import AverageMeter, StatValue


class TensorboardWriter:
    """Writes scalars to ``<folder>/<loader name>`` and texts to ``<folder>/info``. Files appear with a first value."""

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
        info = self._writer("info")
        info.add_text("Modulet_name", module_name)
        info.add_text("Script_name", script_name)
        info.add_text("Description", description)
        info.flush()

    def write_epoch(self, stats: Mapping[str, Mapping[str, AverageMeter | StatValue] | None], epoch: int) -> None:
        """The last history entry of every value that is new in this epoch."""
        for loader, tags in stats.items():
            for tag, meter in (tags or {}).items():
                if meter.has_new_data:
                    self._writer(loader).add_scalar(tag, meter.history[-1], epoch)
            if loader in self._writers:
                self._writers[loader].flush()

    def write_pictures(self, loader: str, pictures: Mapping[str, torch.Tensor], epoch: int) -> None:
        """Tag → uint8 [3, H, W] RGB."""
        for tag, picture in pictures.items():
            self._writer(loader).add_image(tag, picture.cpu(), epoch)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
