"""What the viewer shows, and how keys and mouse change it. No window is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from utils.viewer import layout, saving

logger = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
Metric = Callable[[Any, Any], Any]
MouseEvent = Literal["down", "move", "up"]
Answer = Literal["continue", "save", "stop", "back"]

ZOOM_TITLE = "Zoom"
SCORE = " Score: "
"""Between a title and its score."""
ANSWERS: dict[str, Answer] = {"n": "continue", "y": "save", "q": "stop", "b": "back"}
ARROWS = {81: "a", 83: "d", 82: "w", 84: "s"}  # left, right, up, down, as cv2.waitKey gives them


@dataclass(frozen=True)
class Block:
    """The images of one pane, uint8 [H, W, 3] BGR of one size, with their titles and further text below each."""

    images: tuple[Picture, ...]
    titles: tuple[str, ...]
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Region:
    """Rows r1 to r2 and columns c1 to c2 of an image, r2 and c2 not included; never empty."""

    r1: int
    r2: int
    c1: int
    c2: int

    def cut(self, image: Picture) -> Picture:
        """That part of an image."""
        return image[self.r1 : self.r2, self.c1 : self.c2]


@dataclass(frozen=True)
class Shown:
    """One pane as it is on the screen."""

    pane: layout.Pane
    images: tuple[Picture, ...]
    titles: tuple[str, ...]
    captions: tuple[str, ...]
    indices: tuple[int, ...]


class Viewer:
    """Panes of images above one another, the last one an enlarged region; what was chosen survives new images.

    Args:
        data_block_titles: on the button of each pane.
        prediction_block_id: the pane whose images the zoom pane enlarges.
        display_split: share of the height of every pane, the zoom pane last.
        metric: ``metric(image, first image)``, RGB tensors [1, 3, H, W] in 0..1; shown beside the titles.
        boundary_ignore: pixels that are cut off at each side.
        save_results_path: folder for key p.

    Raises:
        ValueError: ``display_split`` has not one entry more than there are titles, or no such prediction pane.
    """

    def __init__(
        self,
        data_block_titles: Sequence[str] = ("Prediction",),
        prediction_block_id: int = 0,
        display_split: Sequence[float] = (0.5, 0.5),
        metric: Metric | None = None,
        boundary_ignore: int | None = None,
        save_results_path: str | Path | None = None,
    ) -> None:
        if len(display_split) != len(data_block_titles) + 1:
            raise ValueError(
                f"display_split has {len(display_split)} entries for {len(data_block_titles)} panes; give one for each "
                "and one for the zoom pane"
            )
        if not 0 <= prediction_block_id < len(data_block_titles):
            raise ValueError(f"prediction_block_id {prediction_block_id}: there are {len(data_block_titles)} panes")
        self.pane_titles = (*data_block_titles, ZOOM_TITLE)
        self.prediction_block_id, self.metric, self.boundary_ignore = prediction_block_id, metric, boundary_ignore
        self.save_results_path = None if save_results_path is None else Path(save_results_path)
        self._split = tuple(display_split)
        self.display_split = self._split
        """Share of the height of every pane now."""
        count = len(self.pane_titles)
        self.pane_shown = [True] * count
        self.show_all = [True] * count
        self.image_id = [0] * count
        """Of the image that is visible when a pane shows one."""
        self.selected_pane = count - 1
        self.region: Region | None = None
        """What the zoom pane enlarges."""
        self.mode: Literal["idle", "corner", "drag"] = "idle"
        """`corner`: one corner of a region is chosen; `drag`: the region follows the mouse."""
        self.corners: tuple[tuple[int, int], tuple[int, int]] | None = None
        """The two chosen ones, (x, y) in pixels of the image; None after they were forgotten."""
        self.clicked_image: int | None = None
        self.panes: dict[int, layout.Pane] = {}
        """Where each pane lies, or lay when it was last shown."""
        self.message = ""
        self._grasped: tuple[int, int, Region] | tuple[int, int] | None = None
        self._blocks: tuple[Block, ...] = ()

    @property
    def zoom_pane(self) -> int:
        """Number of the zoom pane."""
        return len(self.pane_titles) - 1

    def show(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """New images.

        Args:
            data: for every pane ``images`` (uint8 [H, W, 3] BGR of one size, the first one the ground truth) and
                ``titles``; ``captions`` (text below each image) if there are any. Nothing is changed in it.

        Raises:
            ValueError: another number of panes; no images, not one title for each, or images of several sizes.
        """
        blocks = [data] if isinstance(data, Mapping) else list(data)
        if len(blocks) != self.zoom_pane:
            raise ValueError(f"data has {len(blocks)} blocks, data_block_titles has {self.zoom_pane}")
        self._blocks = tuple(self._block(block) for block in blocks)
        self.mode, self._grasped, self.message = "idle", None, ""
        counts = [len(block.images) for block in self._blocks]
        counts.append(counts[self.prediction_block_id])
        self.image_id = [min(index, count - 1) for index, count in zip(self.image_id, counts, strict=True)]
        self._keep_region_inside()
        self._lay_out()

    def shown(self) -> dict[int, Shown]:
        """What every visible pane shows now."""
        return {index: self._shown(index) for index in range(len(self.pane_titles)) if self._is_visible(index)}

    def titles(self) -> list[str]:
        """The titles on the screen, pane by pane, with their scores."""
        return [title for pane in self.shown().values() for title in pane.titles]

    def key(self, key: str | int) -> Answer | None:
        """What a key does; the answer if it ends the viewing of these images, else None. Unknown keys do nothing.

        Args:
            key: the character, or the code of an arrow as ``cv2.waitKey`` gives it.
        """
        if isinstance(key, int):
            key = ARROWS.get(key, chr(key))
        if key in ANSWERS:
            return ANSWERS[key]
        self.message = ""
        pane = self.selected_pane
        if key == " ":
            self.show_all[pane] = not self.show_all[pane]
        elif key in ("d", "a"):
            block = self._blocks[self._block_of(pane)]
            self.image_id[pane] = (self.image_id[pane] + (1 if key == "d" else -1)) % len(block.images)
        elif key in ("w", "s"):
            count = self.zoom_pane + (self.region is not None)
            self.selected_pane = (pane + (1 if key == "s" else -1)) % count
        elif key == "r":
            self.mode, self.corners, self.clicked_image, self._grasped = "idle", None, None, None
        elif key == "p":
            self.message = self._save()
        self._lay_out()
        return None

    def mouse(self, event: MouseEvent, x: int, y: int) -> bool:
        """What the left button and moves do, at a point of the screen; returns whether the screen has changed."""
        before = (self.mode, self.corners, self.region, tuple(self.pane_shown))
        if self.mode == "drag":
            if event == "move":
                self._drag(x, y)
            elif event == "up":
                self.mode, self._grasped = "idle", None
        elif event == "down":
            self._press(x, y)
        elif event == "move" and self.mode == "corner":
            self._choose_opposite_corner(x, y)
        self._lay_out()
        return before != (self.mode, self.corners, self.region, tuple(self.pane_shown))

    def _press(self, x: int, y: int) -> None:
        for index in range(len(self.pane_titles)):
            if layout.button(index).holds(x, y):
                self.pane_shown[index] = not self.pane_shown[index]
                self.display_split = layout.shares_of_shown(self._split, self.pane_shown)
                return
        if self.mode == "corner":
            self._choose_opposite_corner(x, y)
            self._take_region()
            return
        for index, shown in self.shown().items():
            place = shown.pane.place_at(x, y)
            if place is None or index not in (self.prediction_block_id, self.zoom_pane):
                continue
            self.clicked_image = shown.indices[place]
            if index == self.zoom_pane and self.region is not None:
                self.mode, self._grasped = "drag", (x, y, self.region)
            else:
                box, factor = shown.pane.image_box(place), shown.pane.factor
                corner = (int((x - box.left) / factor), int((y - box.top) / factor))
                self.corners = (corner, (corner[0] + 1, corner[1] + 1))
                self.mode, self._grasped = "corner", (x, y)

    def _choose_opposite_corner(self, x: int, y: int) -> None:
        """Counted from the first click, and limited to the image."""
        assert self.corners is not None and self._grasped is not None  # noqa: PT018 - one state
        (column, row), factor = self.corners[0], self.panes[self.prediction_block_id].factor
        height, width = self._prediction_size()
        opposite = (column + int((x - self._grasped[0]) / factor), row + int((y - self._grasped[1]) / factor))
        self.corners = (self.corners[0], (_limited(opposite[0], width), _limited(opposite[1], height)))

    def _take_region(self) -> None:
        """The region between two corners, in whichever order they were clicked; at least one pixel."""
        assert self.corners is not None
        (c1, c2), (r1, r2) = (sorted(ends) for ends in zip(*self.corners, strict=True))
        height, width = self._prediction_size()
        c1, r1 = min(c1, width - 1), min(r1, height - 1)
        self.region = Region(r1, max(r2, r1 + 1), c1, max(c2, c1 + 1))
        self.mode, self._grasped = "idle", None

    def _drag(self, x: int, y: int) -> None:
        """The region moves against the mouse, each axis only while it stays strictly inside the image."""
        assert self._grasped is not None and len(self._grasped) == 3  # noqa: PT018 - one state
        from_x, from_y, start = self._grasped
        factor = self.panes[self.zoom_pane].factor
        right, down = int((from_x - x) / factor), int((from_y - y) / factor)
        height, width = self._prediction_size()
        region = self.region
        assert region is not None
        if start.c1 + right > 0 and start.c2 + right < width:
            region = replace(region, c1=start.c1 + right, c2=start.c2 + right)
        if start.r1 + down > 0 and start.r2 + down < height:
            region = replace(region, r1=start.r1 + down, r2=start.r2 + down)
        self.region = region

    def _save(self) -> str:
        if self.save_results_path is None:
            return "nothing saved: save_results_path is not given"
        block = self._blocks[self.prediction_block_id]
        folder = saving.save_images(self.save_results_path, block.titles, block.images, self.region)
        logger.info("Saved %d images in %s", len(block.images), folder)
        return f"saved in {folder}"

    def _block(self, data: Mapping[str, Any]) -> Block:
        images, titles = data["images"], [str(title) for title in data["titles"]]
        captions = data.get("captions") or [""] * len(titles)
        if not images or len(images) != len(titles) or len(captions) != len(titles):
            raise ValueError(f"{len(images)} images with {len(titles)} titles; give at least one, and each its title")
        border = self.boundary_ignore or 0
        cut = [
            np.asarray(image)[border : image.shape[0] - border, border : image.shape[1] - border] for image in images
        ]
        sizes = {image.shape[:2] for image in cut}
        if len(sizes) > 1 or 0 in next(iter(sizes)):
            raise ValueError(f"images {', '.join(titles)} of sizes {sizes} after cutting {border} pixels at each side")
        colour = [np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image for image in cut]
        return Block(tuple(colour), tuple(titles), tuple(captions))

    def _keep_region_inside(self) -> None:
        """Bursts may have images of another size."""
        height, width = self._prediction_size()
        region = self.region
        if region is not None and (region.r2 > height or region.c2 > width):
            self.region = self.corners = None

    def _prediction_size(self) -> tuple[int, int]:
        height, width = self._blocks[self.prediction_block_id].images[0].shape[:2]
        return height, width

    def _block_of(self, pane: int) -> int:
        return self.prediction_block_id if pane == self.zoom_pane else pane

    def _is_visible(self, pane: int) -> bool:
        return self.pane_shown[pane] and (pane != self.zoom_pane or self.region is not None)

    def _indices(self, pane: int) -> tuple[int, ...]:
        """The images that a pane shows: one, or those six among which that one is."""
        count = len(self._blocks[self._block_of(pane)].images)
        current = self.image_id[pane]
        if not self.show_all[pane]:
            return (current,)
        first = current // layout.MOST_IMAGES * layout.MOST_IMAGES
        return tuple(range(first, min(first + layout.MOST_IMAGES, count)))

    def _lay_out(self) -> None:
        for index in range(len(self.pane_titles)):
            if self._is_visible(index):
                top, height = layout.stripe(self.display_split, index)
                indices = self._indices(index)
                size = self._images(index)[indices[0]].shape
                self.panes[index] = layout.pane(len(indices), size[0], size[1], top, height)

    def _images(self, pane: int) -> tuple[Picture, ...]:
        images = self._blocks[self._block_of(pane)].images
        if pane != self.zoom_pane:
            return images
        assert self.region is not None
        return tuple(self.region.cut(image) for image in images)

    def _shown(self, pane: int) -> Shown:
        block, images, indices = self._blocks[self._block_of(pane)], self._images(pane), self._indices(pane)
        titles = tuple(block.titles[index] + self._score(images[index], images[0], index) for index in indices)
        captions = tuple("" if pane == self.zoom_pane else block.captions[index] for index in indices)
        return Shown(self.panes[pane], tuple(images[index] for index in indices), titles, captions, indices)

    def _score(self, image: Picture, first: Picture, index: int) -> str:
        if self.metric is None:
            return ""
        if index == 0:
            return SCORE
        return f"{SCORE}{float(self.metric(_as_tensor(image), _as_tensor(first))):.3f}"


def _limited(value: int, size: int) -> int:
    return min(max(value, 0), size)


def _as_tensor(image: Picture) -> Any:
    """RGB [1, 3, H, W] in 0..1 of a BGR picture."""
    import torch  # only needed for scores

    rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
    return torch.from_numpy(rgb)[None].float() / 255
