"""Where everything lies on the viewer's screen; all lengths in screen pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SCREEN_WIDTH, HEIGHT = 1700, 960
DISPLAY_WIDTH = 1600  # the rest holds the buttons
MOST_IMAGES = 6  # side by side in a pane
GAP = 10
TITLE_HEIGHT = 24
_SIDE, _ABOVE_AND_BELOW = 40, 40

_BUTTON_TOP, _BUTTON_HEIGHT, _BUTTON_WIDTH, _BUTTON_PITCH = 50, 40, 90, 60


@dataclass(frozen=True)
class Box:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the latter ones not included."""

    top: int
    left: int
    bottom: int
    right: int

    def holds(self, x: int, y: int) -> bool:
        """Whether the point lies inside."""
        return self.left <= x < self.right and self.top <= y < self.bottom


@dataclass(frozen=True)
class Pane:
    """Images of one size side by side.

    Attributes:
        box: around all of them.
        count: of images.
        width, height: of each on the screen.
        factor: screen pixels for a pixel of an image.
    """

    box: Box
    count: int
    width: int
    height: int
    factor: float

    def image_box(self, place: int) -> Box:
        """Of the image that stands there, counted from the left."""
        left = self.box.left + place * (self.width + GAP)
        return Box(self.box.top, left, self.box.top + self.height, left + self.width)

    def place_at(self, x: int, y: int) -> int | None:
        """Which image lies under the point; None between and beside them."""
        return next((place for place in range(self.count) if self.image_box(place).holds(x, y)), None)


def pane(count: int, image_height: int, image_width: int, top: int, height: int) -> Pane:
    """Images in the middle of a stripe of the display, as large as fits.

    Args:
        count: of images, at least 1.
        image_height, image_width: of each, in its own pixels.
        top, height: rows of the stripe.
    """
    factor = min(
        (DISPLAY_WIDTH - _SIDE) / (count * image_width + GAP * (count - 1)),
        (height - _ABOVE_AND_BELOW - TITLE_HEIGHT) / image_height,
    )
    shown_width, shown_height = max(1, int(factor * image_width)), max(1, int(factor * image_height))
    total = count * shown_width + GAP * (count - 1)
    left, upper = (DISPLAY_WIDTH - total) // 2, top + (height - shown_height + TITLE_HEIGHT) // 2
    return Pane(Box(upper, left, upper + shown_height, left + total), count, shown_width, shown_height, factor)


def stripe(shares: Sequence[float], index: int) -> tuple[int, int]:
    """First row and height of a pane's stripe, given which share of the height every pane has."""
    return int(HEIGHT * sum(shares[:index])), int(HEIGHT * shares[index])


def shares_of_shown(split: Sequence[float], shown: Sequence[bool]) -> tuple[float, ...]:
    """The shares after panes were hidden: the others keep their proportions.

    They sum to a hair less than 1, as in the published viewer: stripes end one row early rather than one late.
    """
    kept = [share if visible else 0.0 for share, visible in zip(split, shown, strict=True)]
    total = sum(kept) + 1e-12
    return tuple(share / total for share in kept)


def button(index: int) -> Box:
    """The button that hides or shows a pane."""
    top = _BUTTON_TOP + index * _BUTTON_PITCH
    return Box(top, DISPLAY_WIDTH, top + _BUTTON_HEIGHT, DISPLAY_WIDTH + _BUTTON_WIDTH)
