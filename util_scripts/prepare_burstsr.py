"""Make aligned crops of any size from the full images of BurstSR, in the layout of the published crops.

examples:
  python util_scripts/prepare_burstsr.py /data/burstsr_full_images /data/burstsr_160 --crop 160
  python util_scripts/prepare_burstsr.py /data/burstsr_full_images /data/try --sequences 0008 --stride 40

Reads <RAW>/{train,val}/<ssss>/ (RAW files of the phone in the order of their names, and one of the camera: a .CR2
file, or one with "canon" in its path) and writes <OUT>/{train,val}/<ssss>_<nnnn>/{samsung_00 … samsung_13,canon}/.
nnnn counts the places of the grid row by row, also those that are left out, so a crop keeps its name whatever the
limits are. Crops that are there already are left alone: a lower --min_correlation adds some, a higher one removes
none. Another --crop or --stride than <OUT>/preparation.json says is refused; where that is missing (a folder of an
older version) they are taken to be the same.

The code that made the published crops was never released. This follows the paper (CVPR 2021, section 4.2): homography
from SIFT features, local alignment of every crop, correlation of at least 0.9. The grid, the demosaicking of the
camera's image (OpenCV, edge-aware, without white balance), its resampling (bicubic) and the local motion (affine, ECC)
are choices of ours. So the crops are not the published ones, and neither are their numbers: the list of flat crops in
data_specs/ does not apply to them. None is needed, a flat crop cannot reach the correlation.
"""

import argparse
import logging
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset.base_image_dataset import visible_entries
from dataset.burstsr_dataset import BURST_SIZE
from util_scripts import camera_alignment as alignment
from util_scripts.noted_settings import note_settings
from util_scripts.raw_files import (
    NOISE_PROFILE,
    RawFile,
    read_raw_file,
    write_camera_meta,
    write_phone_meta,
)
from util_scripts.script import run_script
from utils.image_io import write_png16
from utils.ops.mosaic import pack
from utils.progress import track
from utils.raw_files import UnreadableRaw
from utils.script_parser import script_parser

logger = logging.getLogger("prepare_burstsr")

RAW_ENDINGS = {".dng", ".cr2", ".nef", ".arw"}  # those whose EXIF data lie in a TIFF structure
PHONE_WHITE, CAMERA_WHITE = 1023, 16383
LEAST_CROP = 16


@dataclass(frozen=True)
class Scene:
    """All RAW files of one scene: ``frames`` of the phone, the first is the reference, and the camera's image."""

    frames: list[RawFile]
    camera: RawFile


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("raw", metavar="RAW", type=Path, help="folder of the full images, with train/ and val/")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the crops; set burstsr_dir to it")
    parser.add_argument(
        "--crop", type=int, default=80, help="side in packed pixels; ground truth 8 times (%(default)s)"
    )
    parser.add_argument("--stride", type=int, help="packed pixels from crop to crop (default: the side)")
    parser.add_argument("--sequences", metavar="SSSS", nargs="+", help="only these sequences")
    parser.add_argument(
        "--min_correlation",
        type=float,
        default=0.9,
        help="least correlation of a crop with its ground truth (%(default)s)",
    )
    return run_script(parser, arguments, _prepare)


def _prepare(options: argparse.Namespace) -> bool:
    """Whether every sequence could be read and aligned."""
    if options.crop < LEAST_CROP:
        raise ValueError(f"--crop {options.crop} is too little to align; give {LEAST_CROP} or more")
    if options.stride is not None and options.stride < 1:
        raise ValueError(f"--stride {options.stride}; give 1 or more")
    splits = [options.raw / split for split in ("train", "val") if (options.raw / split).is_dir()]
    folders = [path for split in splits for path in visible_entries(split) if path.is_dir()]
    if options.sequences:
        folders = [path for path in folders if path.name in options.sequences]
    if not folders:
        raise FileNotFoundError(
            f"{options.raw} has no (such) sequences in train/ and val/; util_scripts/download_raw_burstsr_data.py "
            "fetches them"
        )
    stride = options.stride or options.crop
    note_settings(options.out / "preparation.json", {"crop": options.crop, "stride": stride})
    failed = []
    for folder in track(folders, "Sequences"):
        target = options.out / folder.parent.name
        try:
            counts = prepare_sequence(folder, target, options.crop, stride, options.min_correlation)
        except (UnreadableRaw, alignment.AlignmentFailed) as error:
            logger.error("%s: %s", folder, error)
            failed.append(folder.name)
        else:
            logger.info("%s: %s", folder, ", ".join(f"{count} {what}" for what, count in counts.items()) or "no crops")
    if failed:
        logger.error("%d of %d sequences gave no crops: %s", len(failed), len(folders), ", ".join(failed))
    return not failed


def prepare_sequence(folder: Path, target: Path, side: int, stride: int, min_correlation: float = 0.9) -> Counter[str]:
    """Writes the crops of one sequence as ``<target>/<name of folder>_<nnnn>``.

    Args:
        folder: its RAW files, at any depth.
        target: folder of the split.
        side, stride: of the grid of crops, in packed pixels.
        min_correlation: crops that agree less with their ground truth are left out.

    Returns:
        How many crops were written, were there, or were left out and why.

    Raises:
        UnreadableRaw: files are missing or cannot be read.
        AlignmentFailed: the camera's image does not match the phone's.
    """
    sequence = read_sequence(folder)
    packed = [pack(frame.mosaic) for frame in sequence.frames]
    phone = _grey(packed[0])
    camera = _grey(pack(sequence.camera.mosaic))
    rgb = demosaic(sequence.camera.mosaic)
    to_camera = alignment.find_homography(phone, camera)
    counts: Counter[str] = Counter()
    for number, row, column in grid(phone.shape, side, stride):
        place = target / f"{folder.name}_{number:04d}"
        if place.is_dir():
            counts["already there"] += 1
            continue
        try:
            gt_to_half = alignment.refine_crop(phone, camera, to_camera, row, column, side)
        except alignment.AlignmentFailed as error:
            counts["left out: outside" if "outside" in str(error) else "left out: not aligned"] += 1
            continue
        matrix = alignment.half_to_full() @ gt_to_half
        truth = alignment.render_ground_truth(rgb, matrix, side, CAMERA_WHITE)
        crop = phone[row : row + side, column : column + side]
        found = alignment.correlation(crop, alignment.reduce_to_packed(truth[:, :, 1].astype(np.float32)))
        if found < min_correlation:
            counts["left out: too different"] += 1
            continue
        frames = [image[:, row : row + side, column : column + side] for image in packed]
        crop_info = {"row": row, "column": column, "side": side, "correlation": found, "to_camera": matrix.tolist()}
        _write_crop(place, sequence, frames, truth, crop_info)
        counts["written"] += 1
    return counts


def read_sequence(folder: Path) -> Scene:
    """The 14 first frames of the phone and the camera's image.

    Raises:
        UnreadableRaw: too few frames, none or several images of the camera, a damaged file, frames of different sizes,
            values that do not fit the sensors, or no noise profile.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in RAW_ENDINGS)
    files = [path for path in files if not _is_hidden(path.relative_to(folder))]
    cameras = [path for path in files if _is_camera(path.relative_to(folder))]
    phones = [path for path in files if path not in cameras][:BURST_SIZE]
    if len(cameras) != 1 or len(phones) < BURST_SIZE:
        raise UnreadableRaw(
            f"found {len(phones)} RAW files of the phone and {len(cameras)} of the camera, "
            f"expected {BURST_SIZE} and 1 (a .CR2 file, or one with 'canon' in its path)"
        )
    sequence = Scene([read_raw_file(path) for path in phones], read_raw_file(cameras[0]))
    for raw, white in [*((frame, PHONE_WHITE) for frame in sequence.frames), (sequence.camera, CAMERA_WHITE)]:
        if raw.mosaic.max() > white:
            raise UnreadableRaw(f"{raw.path} has values up to {raw.mosaic.max()}, expected at most {white}")
    for frame in sequence.frames:
        if frame.mosaic.shape != sequence.frames[0].mosaic.shape:
            raise UnreadableRaw(f"{frame.path} is of another size than frame 0")
        if len(frame.exif.get(NOISE_PROFILE, [])) != 6:
            raise UnreadableRaw(f"{frame.path} has no noise profile of 6 values")
    return sequence


def grid(shape: Sequence[int], side: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """Running number, row and column of all crops that lie inside ``shape``, row by row."""
    rows = range(0, shape[0] - side + 1, stride)
    columns = range(0, shape[1] - side + 1, stride)
    for number, (row, column) in enumerate((row, column) for row in rows for column in columns):
        yield number, row, column


def demosaic(mosaic: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """RGB [2h, 2w, 3] of an RGGB mosaic [2h, 2w]: edge-aware interpolation of the stored values."""
    return np.asarray(cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB_EA), np.uint16)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_camera(path: Path) -> bool:
    return path.suffix.lower() == ".cr2" or "canon" in str(path).lower()


def _grey(packed: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The mean of both greens: of all colours the least noisy, and sensors agree on it best."""
    return np.asarray(packed[1:3].mean(axis=0, dtype=np.float32))


def _write_crop(
    place: Path,
    sequence: Scene,
    frames: Sequence[NDArray[np.uint16]],
    truth: NDArray[np.uint16],
    crop_info: dict[str, object],
) -> None:
    """Whole or not at all: the folder gets its name when everything is in it."""
    partial = place.with_name(f"{place.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    for index, (raw, frame) in enumerate(zip(sequence.frames, frames, strict=True)):
        folder = partial / f"samsung_{index:02d}"
        write_png16(folder / "im_raw.png", np.ascontiguousarray(frame.transpose(1, 2, 0)))
        write_phone_meta(folder / "meta_info.pkl", raw, crop_info)
    write_png16(partial / "canon" / "im_raw.png", truth)
    write_camera_meta(partial / "canon" / "meta_info.pkl", sequence.camera, crop_info)
    partial.rename(place)


if __name__ == "__main__":
    sys.exit(main())
