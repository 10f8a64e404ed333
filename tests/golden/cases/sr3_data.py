"""Prepared frames, data set and pictures of SR3 for several frames against their recordings."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from data.sr3_resizing import prepared_frame
from dataset.sr3_frames import LRHRFramesDataset
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from util_scripts.prepare_frames import frame_name, output_folder
from utils.image_io import write_image

PART = "sr3_multiframe"


@checks(PART, names=["prepare_*"], functions=["frame preparation*"])
def check_preparation(case: Case, judge: Judge) -> None:
    meta, kwargs = case.meta, case.kwargs
    low, high = (int(side) for side in str(kwargs["size"]).split(","))
    name = meta["output_folder_name"]
    prefix = name.split("_")[0] if "out" not in kwargs else kwargs["out"]
    made = output_folder(prefix, kwargs["n_frames"], kwargs["interval"], low, high, kwargs["split"])
    judge.equal("name of the folder", made.name, name)
    folders = {"lr": f"lr_{low}", "hr": f"hr_{high}", "sr": f"sr_{low}_{high}"}
    expected = {key: value for key, value in case.group("out.").items() if not key.startswith("item")}
    written = set()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for source, image in case.group("in.").items():
            video, file = source.split("/")
            prepared = prepared_frame(image.numpy(), low, high, kwargs.get("resample", "bicubic"))
            for size, directory in folders.items():
                key = f"{directory}/{video}/{frame_name(file)}"
                written.add(key)
                picture = getattr(prepared, size)
                _judge_picture(judge, key, picture, expected[key].numpy(), meta)
                write_image(root / key, expected[key].numpy())
        judge.equal("written files", sorted(written), sorted(expected))
        frames = kwargs["n_frames"]
        legacy = LRHRFramesDataset(root, low, high, need_LR=True, n_frames=frames, legacy_listing=True)
        judge.equal("length as in the original", len(legacy), meta["length_original"])
        listing = [[f"{folders['hr']}/{video.video}/{name}" for name in video.hr] for video in legacy.videos]
        judge.equal("order as in the original", listing, meta["listing_original"])
        for index in range(len(legacy)):
            item = legacy[index] or {}
            for key, tensor in case.group(f"out.item{index}.").items():
                judge.equal(f"item {index} {key}", item[key], tensor)
        videos = [video.video for video in LRHRFramesDataset(root, low, high, n_frames=frames).videos]
        judge.equal("every video once", videos, sorted({video.video for video in legacy.videos}))


def _judge_picture(judge: Judge, what: str, ours: np.ndarray, expected: np.ndarray, meta: dict) -> None:
    """Equal with the recorded release of Pillow, else at most one grey level off."""
    import PIL

    if PIL.__version__ == meta.get("pillow"):
        judge.equal(what, ours, expected)
    else:
        judge.close(what, ours, expected, atol=1)
