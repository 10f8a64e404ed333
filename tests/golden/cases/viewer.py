"""The result viewer of the original, driven by a script of keys and mouse events."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from utils.image_io import read_image
from utils.viewer import drawing, layout
from utils.viewer.viewer import Viewer

PART = "data_and_evaluation"
MODES = {"init": "idle", "click1": "corner", "drag": "drag"}


@checks(PART, names=["viewer_script*"], functions=["utils.opencv_plotting.BurstSRVis*"])
def viewer_script(case: Case, judge: Judge) -> None:
    images = case.group("in.image")
    log = case.meta["log"]
    titles = [title.split(" Score: ")[0] for title in log[0]["titles"]][: len(images)]
    data = {"images": [images[str(index)].numpy() for index in range(len(images))], "titles": titles}
    border = re.search(r"boundary_ignore=(\d+)", case.function)
    with tempfile.TemporaryDirectory() as folder:
        viewer = Viewer(
            metric=_psnr if "metric" in case.function else None,
            boundary_ignore=int(border[1]) if border else None,
            save_results_path=folder,
        )
        viewer.show(data)
        _compare_screen(judge, viewer, case["out.first_display"].numpy())
        answer = None
        for number, entry in enumerate(log):
            answer = _replay(viewer, entry["event"], data)
            _compare_state(judge, f"{number} {entry['event']}", viewer, entry)
        judge.equal("answer", answer, case.meta["returned"])
        _compare_saved(judge, Path(folder), case)
    judge.equal("answers", {key: viewer.key(key) for key in case.meta["return_values"]}, case.meta["return_values"])
    for index, expected in case.meta["buttons"].items():
        judge.equal(f"button {index}", _corners(layout.button(int(index))), expected)
    judge.equal("window", [layout.HEIGHT, layout.SCREEN_WIDTH], case.meta["window_size"])
    judge.equal("display", [layout.HEIGHT, layout.DISPLAY_WIDTH], case.meta["display_size"])


def _replay(viewer: Viewer, event: list[Any], data: dict[str, Any]) -> str | None:
    if event[0] == "mouse":
        viewer.mouse(*event[1:])
        return None
    if viewer.mode == "idle":
        viewer.show(data)  # closed and opened again: everything survives
    return viewer.key(event[1]) if event[0] == "key" else None


def _compare_state(judge: Judge, what: str, viewer: Viewer, entry: dict[str, Any]) -> None:
    judge.equal(f"{what}: mode", viewer.mode, MODES[entry["mode"]])
    forgotten = entry["pos0"][0] < 0
    corners = None if forgotten else [entry["pos0"], entry["pos1"]]
    judge.equal(f"{what}: corners", viewer.corners and [list(corner) for corner in viewer.corners], corners)
    judge.equal(f"{what}: clicked image", viewer.clicked_image, entry["clicked_image"])
    region = viewer.region and [[viewer.region.c1, viewer.region.r1], [viewer.region.c2, viewer.region.r2]]
    judge.equal(f"{what}: region", region, entry["zoom_roi"])
    judge.equal(f"{what}: selected pane", viewer.selected_pane, entry["selected_pane"])
    judge.equal(f"{what}: shown panes", viewer.pane_shown, [bool(mode) for mode in entry["pane_mode"]])
    judge.equal(f"{what}: all images", viewer.show_all, entry["show_all"])
    judge.equal(f"{what}: image", viewer.image_id, entry["image_id"])
    judge.close(f"{what}: split", np.array(viewer.display_split), np.array(entry["display_split"]), atol=1e-6)
    judge.equal(
        f"{what}: panes", {str(index): _described(pane) for index, pane in viewer.panes.items()}, entry["panes"]
    )
    shown = viewer.titles()
    if entry["titles"]:  # of the last drawing; ours has a score where one image is shown alone, theirs has none
        theirs = entry["titles"][-len(shown) :]
        judge.equal(f"{what}: titles", [_as_theirs(*pair) for pair in zip(shown, theirs, strict=True)], theirs)


def _as_theirs(ours: str, theirs: str) -> str:
    return theirs if theirs.endswith(" Score: ") and ours.startswith(theirs) else ours


def _described(pane: layout.Pane) -> dict[str, Any]:
    return {
        **_corners(pane.box),
        "num_images": pane.count,
        "padding": layout.GAP,
        "im_w": pane.width,
        "im_h": pane.height,
        "resize_factor": pane.factor,
    }


def _corners(box: layout.Box) -> dict[str, int]:
    return {"r1": box.top, "c1": box.left, "r2": box.bottom, "c2": box.right}


def _compare_screen(judge: Judge, viewer: Viewer, expected: np.ndarray) -> None:
    """Text and fine layout may differ: the images, without the rows of their titles."""
    height, width = expected.shape[:2]
    scale = layout.HEIGHT // height
    whole = drawing.screen(viewer)[: height * scale, : width * scale]
    small = whole.reshape(height, scale, width, scale, 3).mean(axis=(1, 3))
    for place in range(viewer.panes[0].count):
        box = viewer.panes[0].image_box(place)
        rows = slice(-(-(box.top + layout.TITLE_HEIGHT) // scale), box.bottom // scale)
        columns = slice(-(-box.left // scale), box.right // scale)
        judge.close(f"drawn image {place}", small[rows, columns], expected[rows, columns].astype(float), atol=1)


def _compare_saved(judge: Judge, folder: Path, case: Case) -> None:
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    judge.equal("saved files", found, sorted(case.meta["saved_files"]))
    target = folder / Path(case.meta["saved_files"][0]).parts[0]
    judge.equal("crop_info", json.loads((target / "crop_info.json").read_text()), case.meta["crop_info"])
    for key, expected in case.group("out.saved_").items():
        crop = key.startswith("crop_")
        path = target / f"{key.removeprefix('crop_')}{'_crop' if crop else ''}.png"
        judge.equal(path.name, torch.from_numpy(read_image(path)[:, :, ::-1].copy()), expected)


def _psnr(image: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    return -10 * (image - first).square().mean().log10()
