"""Short clips with known large motion, made from the bundled photographs: videos without any download."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dataset.base_clip_dataset import BaseClipDataset
from dataset.sample_photos import SamplePhotos
from utils.draws import Draws

Position = tuple[float, float]  # (x, y) in pixels

_TURN = 0.3  # standard deviation in radians by which a step leaves the main direction of a path
_KEY_OF_SPLIT = {"train": 1, "heldout": 2, "all": 3}
_CUBIC = -0.5  # parameter of the cubic kernel (Catmull-Rom)


@dataclass(frozen=True)
class Clip:
    """A clip and what is known about it. T frames, the centre frame is ``T // 2``.

    Attributes:
        frames: [T, 3, H, W] float32 RGB in 0..1, display gamma. The centre frame consists of untouched pixels of the
            photographs; content that is moved by a fraction of a pixel is interpolated (cubic).
        flow: [T, 2, H, W] float32, (x, y) in pixels: what the centre frame shows at p lies at p + flow[t](p) in frame
            t, so ``warp(frames[t], flow[t])`` is the centre frame wherever it is visible.
        visible: [T, H, W] bool: whether what the centre frame shows at p is inside frame t and not hidden there.
        camera: [T, 2] float32, (x, y): how far the view has moved over the photograph since the centre frame.
        name: name of the clip.
        scene: the photograph behind it.
    """

    frames: torch.Tensor
    flow: torch.Tensor
    visible: torch.Tensor
    camera: torch.Tensor
    name: str
    scene: str


@dataclass(frozen=True)
class _Object:
    """An ellipse with the texture of a photograph, at its place in the centre frame."""

    photo: int
    corner: Position  # the pixel of the photograph that lies on pixel (0, 0) of the centre frame
    centre: Position
    half_axes: Position
    path: list[Position]  # how far it has moved in the image since the centre frame


class SampleClips(BaseClipDataset):
    """Clips of `SamplePhotos`: a camera that moves over a photograph, and objects that move on their own.

    Clip i is always the same one, on every machine. It shows photograph i (modulo their number) from a random place;
    every step of the camera, and of every object in the image, goes a random distance from ``speed``, roughly in one
    direction. Photographs go on mirrored beyond their border, so motion and frames may be larger than they are.

    Args:
        split: ``train``, ``heldout`` or ``all`` photographs (scenes) of `SamplePhotos`.
        num_frames: frames T of a clip.
        size: side of the frames in pixels, or (height, width).
        speed: least and largest motion in pixels per frame, up to 60. With (30, 30) and five frames, the neighbours
            of the centre frame are about 30 and 60 pixels away.
        num_objects: moving objects in every clip.
        num_clips: number of clips. Those of a shorter data set are the first ones of a longer one.

    Raises:
        ValueError: sizes or speeds that make no clip; another split.
        FileNotFoundError: scikit-image is not installed or comes without its photographs.
    """

    def __init__(
        self,
        split: str = "train",
        num_frames: int = 5,
        size: int | tuple[int, int] = 128,
        speed: tuple[float, float] = (0.0, 60.0),
        num_objects: int = 2,
        num_clips: int = 10_000,
    ) -> None:
        super().__init__("SampleClips")
        self.size = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        if num_frames < 1 or min(self.size) < 8 or num_objects < 0 or num_clips < 1:
            raise ValueError(
                f"num_frames={num_frames}, num_clips={num_clips} must be at least 1, num_objects={num_objects} not"
                f" negative and size={self.size} at least 8 x 8 pixels"
            )
        if not 0 <= speed[0] <= speed[1] <= 60:
            raise ValueError(
                f"speed={speed} is to be (least, largest) pixels per frame with 0 <= least <= largest <= 60"
            )
        self.num_frames, self.speed, self.num_objects = num_frames, speed, num_objects
        self._photos = SamplePhotos(split)
        self._key = _KEY_OF_SPLIT[split]
        self._decoded: dict[int, torch.Tensor] = {}
        self._latest: tuple[int, torch.Tensor] | None = None
        self.clip_list = _Names(num_clips, [self._photos.get_scene(i) for i in range(len(self._photos))])

    def get_num_frames(self, clip_id: int) -> int:
        return self.num_frames

    def get_scene(self, clip_id: int) -> str:
        """The scene behind the moving objects."""
        return self._photos.get_scene(clip_id % len(self._photos))

    def get_clip_info(self, clip_id: int) -> dict[str, Any]:
        return {**super().get_clip_info(clip_id), "scene": self.get_scene(clip_id)}

    def get_frames(self, clip_id: int, frame_ids: Sequence[int]) -> list[torch.Tensor]:
        """As in the base class: float32 [3, H, W] RGB in 0..1."""
        # Kept for those who ask for one frame after another.
        if self._latest is None or self._latest[0] != clip_id:
            self._latest = (int(clip_id), self.get_clip(clip_id).frames)
        return [self._latest[1][i].clone() for i in frame_ids]

    def __getitem__(self, clip_id: int) -> Clip:
        return self.get_clip(clip_id)

    def get_clip(self, clip_id: int) -> Clip:
        """Clip ``clip_id`` with its true motion.

        Raises:
            IndexError: there is no such clip.
        """
        name = self.clip_list[clip_id]
        draws = Draws(self._key, clip_id)
        photo = clip_id % len(self._photos)
        corner = self._draw_corner(photo, draws)
        camera = self._draw_path(draws)
        objects = [self._draw_object(draws) for _ in range(self.num_objects)]
        layers = [self._layers(objects, t) for t in range(self.num_frames)]
        frames = torch.stack([self._render(photo, corner, camera[t], objects, t) for t in range(self.num_frames)])
        flow, visible = self._motion(camera, objects, layers)
        return Clip(frames, flow, visible, torch.tensor(camera, dtype=torch.float32), name, self.get_scene(clip_id))

    def _draw_path(self, draws: Draws) -> list[Position]:
        """Positions in every frame, relative to the centre frame."""
        direction = draws.uniform(0, 2 * math.pi)
        steps = []
        for _ in range(self.num_frames - 1):
            distance, angle = draws.uniform(*self.speed), direction + draws.normal(0, _TURN)
            steps.append((distance * math.cos(angle), distance * math.sin(angle)))
        positions = np.cumsum([(0.0, 0.0), *steps], axis=0)
        return [(float(x), float(y)) for x, y in positions - positions[self.num_frames // 2]]

    def _draw_corner(self, photo: int, draws: Draws) -> Position:
        """A whole pixel from which the frame lies inside the photograph, if it is not larger."""
        _, height, width = self._photo(photo).shape
        x = draws.integer(0, max(0, width - self.size[1]))
        return x, draws.integer(0, max(0, height - self.size[0]))

    def _draw_object(self, draws: Draws) -> _Object:
        photo = draws.integer(0, len(self._photos) - 1)
        height, width = self.size
        half_axes = (draws.uniform(1 / 12, 1 / 5) * min(self.size), draws.uniform(1 / 12, 1 / 5) * min(self.size))
        centre = (draws.uniform(0.15, 0.85) * width, draws.uniform(0.15, 0.85) * height)
        return _Object(photo, self._draw_corner(photo, draws), centre, half_axes, self._draw_path(draws))

    def _render(self, photo: int, corner: Position, camera: Position, objects: list[_Object], t: int) -> torch.Tensor:
        image = _window(self._photo(photo), (corner[0] + camera[0], corner[1] + camera[1]), self.size)
        for thing in objects:
            (x, y), (left, top) = thing.path[t], thing.corner
            texture = _window(self._photo(thing.photo), (left - x, top - y), self.size)
            image = torch.lerp(image, texture, self._coverage(thing, t).clamp(0, 1))
        return image.clamp_(0, 1)

    def _coverage(self, thing: _Object, t: int) -> torch.Tensor:
        """[H, W]: how far inside the object a pixel lies, in pixels, plus a half; so its edge is one pixel soft."""
        (x, y), (motion_x, motion_y), (a, b) = thing.centre, thing.path[t], thing.half_axes
        columns = (torch.arange(self.size[1], dtype=torch.float32) - x - motion_x) / a
        rows = (torch.arange(self.size[0], dtype=torch.float32) - y - motion_y) / b
        radius = (columns**2 + rows[:, None] ** 2).sqrt()
        return (1 - radius) * min(a, b) + 0.5

    def _layers(self, objects: list[_Object], t: int) -> torch.Tensor:
        """[H, W]: 0 where frame t shows the photograph, i where it shows object i - 1."""
        layers = torch.zeros(self.size, dtype=torch.int64)
        for number, thing in enumerate(objects, start=1):
            layers[self._coverage(thing, t) > 0.5] = number
        return layers

    def _motion(
        self, camera: list[Position], objects: list[_Object], layers: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = self.size
        shown = layers[self.num_frames // 2]
        columns, rows = torch.arange(width), torch.arange(height)[:, None]
        flows, visible = [], []
        for t, (x, y) in enumerate(camera):
            of_layer = torch.tensor([(-x, -y), *(thing.path[t] for thing in objects)], dtype=torch.float32)
            flow = of_layer[shown].permute(2, 0, 1).contiguous()
            to_x, to_y = (columns + flow[0]).round().long(), (rows + flow[1]).round().long()
            inside = (to_x >= 0) & (to_x < width) & (to_y >= 0) & (to_y < height)
            there = layers[t][to_y.clamp(0, height - 1), to_x.clamp(0, width - 1)]
            flows.append(flow)
            visible.append(inside & (there == shown))
        return torch.stack(flows), torch.stack(visible)

    def _photo(self, photo: int) -> torch.Tensor:
        """uint8 [3, H, W]; kept, as decoding takes longer than making a clip."""
        if photo not in self._decoded:
            image, _ = self._photos.get_image(photo)
            self._decoded[photo] = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        return self._decoded[photo]


class _Names(Sequence[str]):
    """The names of all clips, made when they are asked for."""

    def __init__(self, count: int, scenes: list[str]) -> None:
        self._count, self._scenes = count, scenes

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._count:
            raise IndexError(f"clip {index} of {self._count}")
        return f"{self._scenes[index % len(self._scenes)]}_{index:05d}"


def _window(photo: torch.Tensor, corner: Position, size: tuple[int, int]) -> torch.Tensor:
    """The part [3, H, W] of a photograph (uint8 [3, h, w]) from ``corner`` (x, y) on, float32 in 0..1, mirrored on."""
    columns, across = _taps(corner[0], size[1], photo.shape[2])
    rows, down = _taps(corner[1], size[0], photo.shape[1])
    patch = photo[:, rows[:, None], columns].to(torch.float32) / 255.0
    patch = torch.stack([weight * patch[:, :, i : i + size[1]] for i, weight in enumerate(across)]).sum(0)
    return torch.stack([weight * patch[:, i : i + size[0]] for i, weight in enumerate(down)]).sum(0)


def _taps(start: float, count: int, available: int) -> tuple[torch.Tensor, list[float]]:
    """Pixels of one axis that are needed for ``count`` positions from ``start`` on, and the weights of neighbours."""
    whole = math.floor(start)
    weights = _cubic_weights(start - whole)
    index = torch.arange(whole - 1, whole - 1 + count + 3) if len(weights) > 1 else torch.arange(whole, whole + count)
    period = max(1, 2 * (available - 1))
    index = index.remainder(period)
    return torch.minimum(index, period - index), weights


def _cubic_weights(fraction: float) -> list[float]:
    """Weights of pixels -1, 0, 1, 2 for a position ``fraction`` behind pixel 0; a single one for a whole pixel."""
    if fraction == 0:
        return [1.0]
    weights = []
    for distance in (1 + fraction, fraction, 1 - fraction, 2 - fraction):
        if distance < 1:
            weights.append(((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1)
        else:
            weights.append(((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC)
    return weights
