"""Write the frames of a video data set into one LMDB file, in the layout of the original two-stage alignment.

examples:
  python util_scripts/create_lmdb.py /data/REDS /data/REDS_GT_wval.lmdb
  python util_scripts/create_lmdb.py /data/clips /data/clips.lmdb --name my_clips

The source holds train_sharp/<clip>/<frame>.png and val_sharp/... (regrouped on the way: the validation clips go on
where the training clips end), or <clip>/<frame>.png. Keys are <clip>_<frame>, values raw BGR bytes; meta_info.pkl
beside the data lists the keys and comes last. An interrupted run goes on when the same command is given again. Nothing
is compressed: all of REDS takes 75 GB.
"""

import logging
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dataset.lmdb_file import import_lmdb
from dataset.reds_dataset import META_FILE, REDS
from util_scripts.script import run_script
from utils.atomic_write import write_bytes
from utils.image_io import UnreadableImage
from utils.progress import track
from utils.script_parser import script_parser

logger = logging.getLogger("create_lmdb")

COMMIT_EVERY = 1000  # images
_NAME = "REDS_GT_wval"
_PAGE = 4096  # LMDB rounds values up to pages


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("source", metavar="PATH", type=Path, help="folder of the frames")
    parser.add_argument("target", metavar="FILE.lmdb", type=Path, help="what to write")
    parser.add_argument("--name", default=_NAME, help="name noted in the meta-data (default: %(default)s)")
    return run_script(parser, arguments, lambda options: create_lmdb(options.source, options.target, options.name))


def create_lmdb(source: Path, target: Path, name: str = _NAME, commit_every: int = COMMIT_EVERY) -> None:
    """Writes all frames below ``source``; frames that ``target`` has already stay as they are.

    Args:
        source: see the text of the script.
        target: the LMDB file; its name must end in ``.lmdb``.
        name: noted in the meta-data.
        commit_every: number of images after which everything so far is safe on the disk.

    Raises:
        ValueError: ``target`` is named otherwise, or is complete but holds other keys.
        UnreadableImage: a frame is damaged or has another size than the first one.
        MissingDataSet: there are no frames.
        OSError: ``target`` cannot be written.
    """
    if target.suffix != ".lmdb":
        raise ValueError(f"{target} must end in .lmdb, by which data sets tell such files from folders")
    clips = REDS(source, split="all")
    places = [(clip, frame) for clip in range(len(clips)) for frame in range(clips.get_num_frames(clip))]
    keys = [f"{clips.clip_list[clip]}_{clips.frame_names(clip)[frame]}" for clip, frame in places]
    first = clips.get_frames(*_one(places[0]))[0]
    if (target / META_FILE).is_file():
        _check_complete(target, keys)
        return
    lmdb = import_lmdb()
    size = len(keys) * (first.nbytes + 2 * _PAGE)
    target.mkdir(parents=True, exist_ok=True)
    try:
        with lmdb.open(str(target), map_size=size + size // 8 + 2**24) as environment:
            _write(environment, clips, dict(zip(keys, places, strict=True)), first.shape, commit_every)
    except lmdb.Error as error:
        raise OSError(f"{target}: {error}") from error
    height, width, channels = first.shape
    meta = {"name": name, "resolution": f"{channels}_{height}_{width}", "keys": keys}
    write_bytes(target / META_FILE, pickle.dumps(meta, protocol=2))
    logger.info("%s is complete: %d frames of %d x %d", target, len(keys), height, width)


def _write(
    environment: Any, clips: REDS, places: dict[str, tuple[int, int]], shape: tuple[int, ...], commit_every: int
) -> None:
    with environment.begin() as transaction:
        there = {bytes(key).decode("ascii") for key in transaction.cursor().iternext(values=False)}
    missing = [key for key in places if key not in there]
    if there:
        logger.info("%d of %d frames are there already", len(places) - len(missing), len(places))
    transaction = environment.begin(write=True)
    try:
        for count, key in enumerate(track(missing, "Frames"), start=1):
            image = clips.get_frames(*_one(places[key]))[0]
            if image.shape != shape:
                raise UnreadableImage(
                    f"frame {key} has {image.shape[0]} x {image.shape[1]} pixels, the first one {shape[0]} x"
                    f" {shape[1]}; an LMDB file holds frames of one size"
                )
            transaction.put(key.encode("ascii"), np.ascontiguousarray(image[:, :, ::-1]).tobytes())
            if count % commit_every == 0:
                transaction.commit()
                transaction = environment.begin(write=True)
    finally:
        transaction.commit()  # also what an interrupted run has written since


def _check_complete(target: Path, keys: list[str]) -> None:
    """Says that nothing is to be done.

    Raises:
        ValueError: the complete file holds other keys.
    """
    stored = REDS(target, split="all")
    found = {f"{clip}_{frame}" for i, clip in enumerate(stored.clip_list) for frame in stored.frame_names(i)}
    if found != set(keys):
        raise ValueError(
            f"{target} is complete and holds {len(found)} other frames than the {len(keys)} of the source;"
            " remove it, or name another file"
        )
    logger.info("%s is complete already", target)


def _one(place: tuple[int, int]) -> tuple[int, list[int]]:
    clip, frame = place
    return clip, [frame]


if __name__ == "__main__":
    sys.exit(main())
