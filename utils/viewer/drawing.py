"""Draws the viewer's screen; all colours BGR."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.viewer import layout
from utils.viewer.viewer import SCORE, Shown, Viewer

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_RED: Colour = (0, 0, 255)
_FRAME: Colour = (192, 240, 208)
_BUTTON_ON: Colour = (152, 251, 152)
_BUTTON_OFF: Colour = (127, 127, 255)
_FRAME_WIDTH = 10
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT_SCALE = 0.5
_SPACE = 6  # pixels between words
_LINE = 18  # pixels from line to line

HELP = (
    "n  next burst",
    "b  go back",
    "y  save, next",
    "q  quit",
    "space  all/one",
    "a d  image",
    "w s  pane",
    "click twice:",
    "  zoom region",
    "drag in zoom:",
    "  move region",
    "r  forget click",
    "p  save",
)


def screen(viewer: Viewer) -> Picture:
    """The whole screen, uint8 [960, 1700, 3]."""
    canvas: Picture = np.full((layout.HEIGHT, layout.SCREEN_WIDTH, 3), 255, np.uint8)
    shown = viewer.shown()
    if viewer.selected_pane in shown:
        _frame(canvas, *layout.stripe(viewer.display_split, viewer.selected_pane))
    for index, pane in shown.items():
        _draw_pane(canvas, viewer, index, pane)
    for index, title in enumerate(viewer.pane_titles):
        _button(canvas, layout.button(index), title, viewer.pane_shown[index])
    top = layout.button(len(viewer.pane_titles)).top
    for line, text in enumerate(HELP):
        _text(
            canvas, text, layout.DISPLAY_WIDTH, top + _LINE * line, _BLACK, layout.SCREEN_WIDTH - layout.DISPLAY_WIDTH
        )
    if viewer.message:
        _text(canvas, viewer.message, 20, layout.HEIGHT - 6, _BLACK, layout.DISPLAY_WIDTH - 20)
    return canvas


def _draw_pane(canvas: Picture, viewer: Viewer, index: int, shown: Shown) -> None:
    for place, (image, title, caption) in enumerate(zip(shown.images, shown.titles, shown.captions, strict=True)):
        box = shown.pane.image_box(place)
        size = (box.right - box.left, box.bottom - box.top)
        enlarged = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        if index == viewer.prediction_block_id:
            _rectangles(enlarged, viewer, shown, place)
        canvas[box.top : box.bottom, box.left : box.right] = enlarged
        for line, text in enumerate(_title_lines(title, size[0])):
            _outlined(canvas, text, box.left, box.top + 20 + _LINE * line, size[0])
        _outlined(canvas, caption, box.left, box.bottom - 8, size[0])


def _title_lines(title: str, width: int) -> list[str]:
    """A title in one line, or where it is too long with its score in a second one."""
    title = title.removesuffix(SCORE)
    if _text_width(title) <= width - 6:
        return [title]
    name, mark, score = title.rpartition(SCORE)
    return [name, mark.strip() + " " + score] if mark else [title]


def _rectangles(image: Picture, viewer: Viewer, shown: Shown, place: int) -> None:
    """The region on every image, or while it is being chosen the two corners on the clicked one."""
    if viewer.corners is None:
        return
    factor = shown.pane.factor
    if viewer.mode == "corner":
        if shown.indices[place] == viewer.clicked_image:
            first, opposite = (tuple(int(value * factor) for value in corner) for corner in viewer.corners)
            cv2.rectangle(image, first, opposite, _RED, 1)
    elif viewer.region is not None:
        region = viewer.region
        first = (int(region.c1 * factor), int(region.r1 * factor))
        cv2.rectangle(image, first, (int(region.c2 * factor), int(region.r2 * factor)), _RED, 3)


def _frame(canvas: Picture, top: int, height: int) -> None:
    stripe = canvas[top : top + height, : layout.DISPLAY_WIDTH]
    stripe[:_FRAME_WIDTH] = stripe[-_FRAME_WIDTH:] = _FRAME
    stripe[:, :_FRAME_WIDTH] = stripe[:, -_FRAME_WIDTH:] = _FRAME


def _button(canvas: Picture, box: layout.Box, title: str, shown: bool) -> None:
    canvas[box.top : box.bottom, box.left : box.right] = _BUTTON_ON if shown else _BUTTON_OFF
    _text(canvas, title, box.left + 6, box.top + 25, _BLACK, box.right - box.left - 12)


def _outlined(canvas: Picture, text: str, left: int, baseline: int, width: int) -> None:
    """White text that can be read on white."""
    for right, down in ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, 2), (2, 0)):
        _text(canvas, text, left + 3 + right, baseline + down, _BLACK, width - 6)
    _text(canvas, text, left + 3, baseline, _WHITE, width - 6)


def _text(canvas: Picture, text: str, left: int, baseline: int, colour: Colour, width: int) -> None:
    """Text from a point on, smaller if it would be wider than ``width``."""
    words = text.split(" ")
    scale = _TEXT_SCALE * min(1.0, width / max(_text_width(text), 1))
    x = float(left)
    for word in words:
        if word:
            cv2.putText(canvas, word, (round(x), baseline), _FONT, scale, colour, 1, cv2.LINE_AA)
        x += (_word_width(word) + _SPACE) * scale / _TEXT_SCALE


def _text_width(text: str) -> float:
    """Of text in its full size, in pixels; the spaces of OpenCV's own fonts differ, and are hardly seen in some."""
    words = text.split(" ")
    return sum(_word_width(word) for word in words) + _SPACE * (len(words) - 1)


def _word_width(word: str) -> int:
    return cv2.getTextSize(word, _FONT, _TEXT_SCALE, 1)[0][0] if word else 0
