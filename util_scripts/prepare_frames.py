"""Make low- and high-resolution frames of videos for SR3, in the published layout.

examples:
  python util_scripts/prepare_frames.py --frames_path frames --size 16,128 --out data/celebvhq --split train
  python util_scripts/prepare_frames.py --frames_path videos --n_frames 3 --interval 0.5 --size 64,512 --lmdb

--frames_path holds videos: sub-folders of extracted frames (jpg, jpeg, png, ppm, bmp), or video files (anything that
OpenCV decodes). From each video one clip is taken from its middle: --n_frames frames, --interval seconds apart. How
far apart that is follows from the frame rate: video files know theirs; for extracted frames give it with --fps, without
it neighbouring files count as one interval apart.

--split takes the videos of one part: a share (--val_share) of them, chosen by their names, is for validation, the
others for training, so the two commands never share a video. --all_videos takes all, where the folder holds one part.

Writes {OUT}_{n_frames}_frames_{interval}_seconds_{low}_{high}_{split}/ with lr_{low}/, hr_{high}/ and sr_{low}_{high}/,
in each a folder for every video; or with --lmdb the same names as keys of a store there. Pictures that are there
already are left alone: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data.sr3_resizing import Filter, prepared_frame
from util_scripts.frame_sinks import FolderSink, LmdbSink, Sink
from util_scripts.script import run_script
from util_scripts.video_frames import UnreadableVideo, Video, find_videos
from utils.image_io import UnreadableImage, encode_png
from utils.progress import track
from utils.script_parser import script_parser

logger = logging.getLogger("prepare_frames")

SPLITS = ("train", "val")
NAME_LENGTH = 5


@dataclass(frozen=True)
class Selection:
    """Which frames are taken and how they are resized; see the options of the same names."""

    n_frames: int
    interval: float
    fps: float | None
    low: int
    high: int
    resample: Filter


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    add = parser.add_argument
    add("--frames_path", type=Path, default=Path("sample_frames"), help="folder with one entry per video (%(default)s)")
    add("--n_frames", type=int, default=3, help="frames of a clip, odd (%(default)s)")
    add("--interval", type=float, default=1.0, help="seconds between two frames (%(default)s)")
    add("--split", choices=SPLITS, default="train", help="which part of the videos (%(default)s)")
    add("--out", "-o", default="./dataset/celebvhq", help="beginning of the output folder (%(default)s)")
    add("--size", default="64,512", help="low and high resolution (%(default)s)")
    add("--n_worker", type=int, default=3, help="processes (%(default)s)")
    add("--resample", choices=get_args(Filter), default="bicubic", help="filter (%(default)s)")
    add("--lmdb", "-l", action="store_true", help="a key-value store instead of files")
    add("--fps", type=float, help="frame rate of extracted frames")
    add("--val_share", type=float, default=0.1, help="share of the videos for validation (%(default)s)")
    add("--all_videos", action="store_true", help="the folder holds the videos of this split only")
    return run_script(parser, arguments, _prepare)


def _prepare(options: argparse.Namespace) -> bool:
    """Whether every video gave its frames."""
    low, high = sizes(options.size)
    if options.n_frames < 1 or options.n_frames % 2 == 0:
        raise ValueError(f"--n_frames {options.n_frames}: the middle frame is restored, so their number must be odd")
    if options.interval <= 0 or (options.fps is not None and options.fps <= 0) or options.n_worker < 1:
        given = f"--interval {options.interval}, --fps {options.fps}, --n_worker {options.n_worker}"
        raise ValueError(f"{given}: all must be positive")
    selection = Selection(options.n_frames, options.interval, options.fps, low, high, options.resample)
    videos = find_videos(options.frames_path)
    if not options.all_videos:
        videos = [video for video in videos if split_of(video.name, options.val_share) == options.split]
    if not videos:
        raise FileNotFoundError(f"{options.frames_path} holds no videos for --split {options.split}")
    target = output_folder(options.out, options.n_frames, options.interval, low, high, options.split)
    failed = prepare_videos(videos, target, selection, options.n_worker, options.lmdb)
    logger.info("%s: %d videos of %d frames", target, len(videos) - len(failed), options.n_frames)
    if failed:
        logger.error("%d of %d videos gave no frames: %s", len(failed), len(videos), ", ".join(failed[:10]))
    return not failed


def prepare_videos(
    videos: Sequence[Video], target: Path, selection: Selection, n_worker: int = 1, lmdb: bool = False
) -> list[str]:
    """Writes the clips of videos; returns the names of those that failed, which are logged with the reason."""
    sink: Sink = LmdbSink(target) if lmdb else FolderSink(target)
    failed = []
    for name, error in track(_results(videos, selection, sink, n_worker), "Videos", total=len(videos)):
        if error is not None:
            logger.error("%s", error)
            failed.append(name)
    sink.close()
    return failed


def _results(
    videos: Sequence[Video], selection: Selection, sink: Sink, n_worker: int
) -> Iterator[tuple[str, Exception | None]]:
    """The videos as they are done, with what went wrong; only this process writes."""
    waiting = []
    for video in videos:
        try:
            keys = _keys(video, selection)
        except UnreadableVideo as error:
            yield video.name, error
            continue
        if all(key in sink for clip in keys.values() for key in clip):
            yield video.name, None
        else:
            waiting.append((video, keys))
    if n_worker == 1 or len(waiting) < 2:
        for video, keys in waiting:
            yield _written(video.name, sink, _pictures(video, keys, selection))
        return
    with ProcessPoolExecutor(min(n_worker, len(waiting)), multiprocessing.get_context("spawn")) as workers:
        futures = {workers.submit(_pictures, video, keys, selection): video.name for video, keys in waiting}
        for future in as_completed(futures):
            yield _written(futures[future], sink, future.result())


def _written(
    name: str, sink: Sink, pictures: dict[str, bytes] | UnreadableVideo | UnreadableImage
) -> tuple[str, Exception | None]:
    if isinstance(pictures, Exception):
        return name, pictures
    sink.write(pictures)
    return name, None


def _keys(video: Video, selection: Selection) -> dict[str, list[str]]:
    """Name of each frame of the clip → keys of its pictures in low, high and enlarged resolution."""
    low, high = selection.low, selection.high
    names = video.clip(selection.n_frames, selection.interval, selection.fps)
    folders = (f"lr_{low}", f"hr_{high}", f"sr_{low}_{high}")
    return {name: [f"{folder}/{video.name}/{frame_name(name)}" for folder in folders] for name in names}


def _pictures(
    video: Video, keys: dict[str, list[str]], selection: Selection
) -> dict[str, bytes] | UnreadableVideo | UnreadableImage:
    """Key → bytes of the PNG file; or the reason why there are none."""
    try:
        frames = video.read(list(keys))
    except (UnreadableVideo, UnreadableImage) as error:
        return error
    pictures: dict[str, bytes] = {}
    for frame, frame_keys in zip(frames, keys.values(), strict=True):
        prepared = prepared_frame(frame, selection.low, selection.high, selection.resample)
        pictures |= {key: encode_png(image, key) for key, image in zip(frame_keys, prepared, strict=True)}
    return pictures


def output_folder(prefix: str | Path, n_frames: int, interval: float, low: int, high: int, split: str) -> Path:
    """Where the clips go, e.g. ``celebvhq_3_frames_0.5_seconds_16_128_train``."""
    return Path(f"{prefix}_{n_frames}_frames_{interval}_seconds_{low}_{high}_{split}")


def frame_name(file: str) -> str:
    """Name of a written frame: that of its file up to the first dot, with zeros in front up to five characters."""
    return f"{file.partition('.')[0].zfill(NAME_LENGTH)}.png"


def split_of(video: str, val_share: float) -> str:
    """``train`` or ``val``, by the name alone: it does not change when videos are added."""
    digest = hashlib.sha256(video.encode()).digest()
    return "val" if int.from_bytes(digest[:8], "big") / 2**64 < val_share else "train"


def sizes(text: str) -> tuple[int, int]:
    """``16,128`` as numbers.

    Raises:
        ValueError: something else.
    """
    try:
        low, high = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"--size {text}: expected low,high, for example 16,128") from error
    if not 0 < low <= high:
        raise ValueError(f"--size {text}: expected low,high with 0 < low <= high")
    return low, high


if __name__ == "__main__":
    sys.exit(main())
