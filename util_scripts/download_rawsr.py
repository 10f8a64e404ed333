"""Fetch what is left of the published RawSR files, and bring published result pictures to where they can be scored.

examples:
  python util_scripts/download_rawsr.py list
  python util_scripts/download_rawsr.py fetch weights_x2 /data/rawsr_release
  python util_scripts/download_rawsr.py import /data/rawsr_release/results_blind RawSR-published --data pairs --scale 2

`list` says what was published where. `fetch` tries to get it and says so when it is gone. Weights are TensorFlow
checkpoints; convert_rawsr_checkpoint.py turns them into ours. `import` copies pictures that are named after the samples
of a test set to the saved predictions of that benchmark; NetworkParam(unique_name="RawSR-published") then is a row.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.rawsr.benchmark import SCALES, SCORED, rawsr_benchmark
from util_scripts.script import run_script
from utils.downloads import DownloadFailed, DriveFile, download, download_drive_folder
from utils.image_io import read_image
from utils.log import output
from utils.script_parser import script_parser
from utils.suggestions import unknown_name_message

logger = logging.getLogger("download_rawsr")


@dataclass(frozen=True)
class Published:
    """Something that the authors have put on Google Drive.

    Attributes:
        what: in words.
        drive_id: of the file or folder.
        is_folder: which of them it is.
        is_gone: reported to be handed out no more; it is tried all the same.
        way_out: what to do without it, or with it.
    """

    what: str
    drive_id: str
    is_folder: bool = True
    is_gone: bool = False
    way_out: str = ""


_MAKE = "make pairs of your own: python util_scripts/synthesize_rawsr.py OUT"
_CONVERT = "then: python util_scripts/convert_rawsr_checkpoint.py FOLDER rawsr_x{}.safetensors"
_IMPORT = "then: python util_scripts/download_rawsr.py import FOLDER NAME --data {}"
PUBLISHED = {
    "pairs_x2": Published("training and validation pairs", "1U0EvzwAB7Dq7bLeit595gNpEKU4ya0wl", False, True, _MAKE),
    "pairs_x4": Published("training and validation pairs", "1JQN8rKEHiq19RFxzNGOa4SiasFR1vb4g", True, True, _MAKE),
    "test_x2": Published("synthetic test pairs", "1hoXGO_4vWRmRFoMIiQ32KwN_12kgNn7j", False, way_out=_MAKE),
    "test_x4": Published("synthetic test pairs", "1GB1QdPOQaW9iU-zdDXaTeesfEGvCpPj4", way_out=_MAKE),
    "weights_x2": Published("TensorFlow weights", "1l91w51ou-p_2cVVbUCWDLGRUv_twnWcd", way_out=_CONVERT.format(2)),
    "weights_x4": Published("TensorFlow weights", "1ZCp22cjZrKrQEoLC70YGnf8JbOGyw53P", way_out=_CONVERT.format(4)),
    "real": Published("RAW files of cameras", "1EfRQV0Cvn1JFl1XGG3r3r9iHPvplmB7L", way_out="any RAW file will do"),
    "results_blind": Published("result pictures", "1BBCe157U3pBJWagJmTSYcvWzA5Iz2B1P", way_out=_IMPORT.format("pairs")),
    "results_nonblind": Published(
        "result pictures", "1Atrstf9pLvezvs3iHWZXGDsTi74YTOYQ", way_out=_IMPORT.format("pairs_nonblind")
    ),
    "results_real": Published("result pictures of RAW files", "17ldDW-CIiOXVh3lCwg4bIkVDmLNnp2r2"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="say what was published, and what of it is gone")
    listing.set_defaults(work=_list)
    fetching = actions.add_parser("fetch", help="fetch a part")
    fetching.add_argument("part", metavar="PART", help=f"one of: {', '.join(PUBLISHED)}")
    fetching.add_argument("path", metavar="PATH", type=Path, help="folder in which a folder PART is made")
    fetching.set_defaults(work=lambda options: fetch(options.part, options.path))
    importing = actions.add_parser("import", help="take published result pictures as saved predictions")
    importing.add_argument("folder", metavar="FOLDER", type=Path, help="with the pictures")
    importing.add_argument("name", metavar="NAME", help="unique name of the row")
    importing.add_argument("--data", choices=SCORED, default="pairs", help="test set (default: %(default)s)")
    importing.add_argument("--scale", type=int, choices=SCALES, default=2, help="(default: %(default)s)")
    importing.set_defaults(
        work=lambda options: import_results(options.folder, options.name, options.data, options.scale)
    )
    return run_script(parser, arguments, lambda options: options.work(options))


def _list(options: argparse.Namespace) -> None:
    for name, part in PUBLISHED.items():
        kind = "folder" if part.is_folder else "file"
        state = "reported to be handed out no more" if part.is_gone else "not checked"
        output(f"{name}: {part.what} (Google Drive {kind} {part.drive_id}); {state}; {part.way_out}".rstrip("; "))


def fetch(name: str, path: Path) -> Path:
    """Fetches a published part into ``path/name``.

    Raises:
        ValueError: there is no such part; offers the nearest.
        utils.downloads.DownloadFailed: it is not handed out; says what to do instead.
    """
    if name not in PUBLISHED:
        raise ValueError(unknown_name_message("part of the published RawSR files", name, PUBLISHED))
    part, folder = PUBLISHED[name], path / name
    if part.is_gone:
        logger.warning("%s: the %s are reported to be handed out no more; trying all the same", name, part.what)
    try:
        if part.is_folder:
            download_drive_folder(part.drive_id, folder)
        else:
            download([DriveFile(part.drive_id)], folder / f"{name}.zip")
    except DownloadFailed as error:
        instead = f"\nWithout it: {part.way_out}" if part.way_out == _MAKE else ""
        raise DownloadFailed(f"{error}{instead}") from error
    logger.info("%s is in %s; %s", part.what, folder, part.way_out)
    return folder


def import_results(folder: Path, name: str, data: str = "pairs", scale: int = 2) -> SavedPredictions:
    """Stores 8-bit result pictures as predictions of a benchmark, so that they can be scored under ``name``.

    Args:
        folder: with pictures named after the samples of the test set, anywhere in it.
        name: unique name of the row.
        data, scale: the benchmark, see `evaluation.rawsr.benchmark`.

    Raises:
        FileNotFoundError: a sample of the test set has no picture.
        ValueError: a picture has another size than its ground truth.
    """
    benchmark = rawsr_benchmark(data, scale)
    saved = SavedPredictions.of(benchmark, name)
    pictures = {path.stem.rstrip("."): path for path in sorted(folder.rglob("*.png"))}
    items = benchmark.items()
    for item in items:
        if item.name not in pictures:
            raise FileNotFoundError(f"{folder} has no picture {item.name}.png, a sample of {benchmark.title}")
        picture = torch.from_numpy(read_image(pictures[item.name])).permute(2, 0, 1) / 255
        if item.ground_truth is not None and picture.shape != item.ground_truth.shape:
            raise ValueError(
                f"{pictures[item.name]} has {tuple(picture.shape[1:])} pixels, its ground truth"
                f" {tuple(item.ground_truth.shape[1:])}"
            )
        saved.save(item.name, picture)
    logger.info("%d pictures are in %s; score them with NetworkParam(unique_name=%r)", len(items), saved.folder, name)
    return saved


if __name__ == "__main__":
    sys.exit(main())
