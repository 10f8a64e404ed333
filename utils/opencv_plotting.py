"""The result viewer in a window (needs a display and an OpenCV that was built with windows)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import cv2

from utils.viewer import drawing
from utils.viewer.viewer import Answer, MouseEvent, Viewer

WINDOW = "Display"
_WAIT = 20  # milliseconds between looks at the keyboard
_X_PORT = 6000  # of display 0
_PATIENCE = 3.0  # seconds
_MOUSE: dict[int, MouseEvent] = {
    cv2.EVENT_LBUTTONDOWN: "down",
    cv2.EVENT_MOUSEMOVE: "move",
    cv2.EVENT_LBUTTONUP: "up",
}


class NoDisplay(OSError):
    """No window can be opened here; says why."""


class BurstSRVis(Viewer):
    """Images side by side with an enlarged region, in a window; see :class:`utils.viewer.viewer.Viewer`.

    What was chosen (region, panes, images) survives from one :meth:`plot` to the next.
    """

    def plot(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Answer:
        """Shows images until a key is pressed that ends it.

        Args:
            data: see :meth:`Viewer.show`.

        Returns:
            ``continue`` (n), ``save`` (y), ``back`` (b), or ``stop`` (q, and when the window is closed).

        Raises:
            NoDisplay: no window can be opened.
            ValueError: see :meth:`Viewer.show`.
        """
        self.show(data)
        open_window()
        cv2.setMouseCallback(WINDOW, self._on_mouse)
        self._draw()
        while True:
            pressed = cv2.waitKey(_WAIT)
            if pressed >= 0:
                answer = self.key(pressed & 0xFF)
                if answer is not None:
                    return answer
                self._draw()
            elif _was_closed():
                return "stop"

    def _draw(self) -> None:
        cv2.imshow(WINDOW, drawing.screen(self))

    def _on_mouse(self, event: int, x: int, y: int, flags: int, param: object) -> None:
        if event in _MOUSE and self.mouse(_MOUSE[event], x, y):
            self._draw()


def open_window() -> None:
    """Opens the window, unless it is open.

    Raises:
        NoDisplay: it cannot be opened.
    """
    reason = _why_no_display()
    if reason is not None:
        raise NoDisplay(reason)
    try:
        cv2.namedWindow(WINDOW, cv2.WINDOW_AUTOSIZE)
    except cv2.error as error:
        raise NoDisplay(
            "the installed OpenCV opens no windows (a headless build): pip install opencv-python in its place"
        ) from error


def _why_no_display() -> str | None:
    """Qt ends the whole process where it finds no display, so it is not asked."""
    if sys.platform in ("win32", "darwin") or os.environ.get("WAYLAND_DISPLAY"):
        return None
    display = os.environ.get("DISPLAY")
    if not display:
        return "there is no display (DISPLAY and WAYLAND_DISPLAY are not set)"
    if not _answers(display):
        return f"there is no display: DISPLAY is {display}, and nothing answers there"
    return None


def _answers(display: str) -> bool:
    """Whether an X server listens at `[host]:number[.screen]`."""
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdecimal():
        return False
    if host not in ("", "unix"):
        places: list[tuple[int, Any]] = [(socket.AF_INET, (host, _X_PORT + int(number)))]
    else:
        path = f"/tmp/.X11-unix/X{number}"
        places = [(socket.AF_UNIX, path), (socket.AF_UNIX, "\0" + path)]
    for family, address in places:
        with socket.socket(family) as connection, suppress(OSError):
            connection.settimeout(_PATIENCE)
            connection.connect(address)
            return True
    return False


def _was_closed() -> bool:
    try:
        return cv2.getWindowProperty(WINDOW, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:  # this kind of window does not say
        return False
