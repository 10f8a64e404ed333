"""Predictions as 16-bit PNG files: `<save_data_path>/<benchmark>/<unique_name>/<burst_name>.png`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from admin.environment import env_settings
from evaluation.common_utils.benchmark import Benchmark
from evaluation.common_utils.encoding import PredictionEncoding
from utils.image_io import read_png16, write_png16
from utils.png_text import note_of

_WEIGHTS = "Weights"  # key of the note in the file
_NOTES_LIE_WITHIN = 4096  # bytes


class SavedPredictions:
    """The predictions of one network for one benchmark.

    Args:
        folder: of this network; it need not exist yet.
        encoding: how values are stored.
    """

    def __init__(self, folder: Path, encoding: PredictionEncoding) -> None:
        self.folder, self.encoding = folder, encoding

    @classmethod
    def of(cls, benchmark: Benchmark, unique_name: str) -> SavedPredictions:
        """Where the predictions of the network with that unique name belong.

        Raises:
            ValueError: `unique_name` leads out of the benchmark's folder.
        """
        root = Path(env_settings().save_data_path) / benchmark.predicted_as
        return cls(_inside(root, unique_name, "unique_name"), benchmark.encoding)

    def path(self, burst_name: str) -> Path:
        """The file of a burst. Names may hold folders (`clip/frame`).

        Raises:
            ValueError: the name leads out of the folder.
        """
        return _inside(self.folder, f"{burst_name}.png", "burst_name")

    def missing(self, burst_names: Iterable[str]) -> list[str]:
        """The bursts that have no file."""
        return [name for name in burst_names if not self.path(name).is_file()]

    def load(self, burst_name: str) -> torch.Tensor:
        """float32 [1, C, H, W] on the CPU.

        Raises:
            utils.image_io.UnreadableImage: no image, a damaged one, or one of another bit depth.
            ValueError: the values cannot have come from this encoding.
        """
        path = self.path(burst_name)
        stored = read_png16(path)
        try:
            return self.encoding.decode(stored)
        except ValueError as error:
            raise ValueError(f"{path} is no saved prediction: {error}") from error

    def made_by(self, burst_name: str) -> str | None:
        """The weights that the prediction was saved with; None where its file does not say."""
        with open(self.path(burst_name), "rb") as file:
            return note_of(file.read(_NOTES_LIE_WITHIN), _WEIGHTS)

    def save(self, burst_name: str, prediction: torch.Tensor, made_by: str | None = None) -> None:
        """Store a prediction [1, C, H, W], 0..1; the file is complete or not there.

        Args:
            burst_name: of its burst.
            prediction: it.
            made_by: the weights of the network, in words.

        Raises:
            ValueError: it is not finite, or has another shape.
        """
        notes = {} if made_by is None else {_WEIGHTS: made_by}
        write_png16(self.path(burst_name), self.encoding.encode(prediction), notes)


def _inside(folder: Path, name: str, what: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or path.resolve() == folder.resolve():
        raise ValueError(f"{what} {name!r} leads out of {folder}")
    return path
