"""What both engines of burst deblurring share: from a photograph to a sample."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data.base_processing import PhotographProcessing
from data.transforms import TransformBase
from utils.draws import Draws

Levels = tuple[float, float, float]  # noise deviation of red, green and blue in grey levels

_FIRST_NOISE = (2.0, 5.0)  # of the noise level
_SECOND_NOISE = (0.1, 0.5)  # of the first noise


@dataclass(eq=False)
class DeblurBursts(PhotographProcessing):
    """Blurred, noisy frames of one photograph; see the two engines for how, and for what each takes besides this.

    Args:
        size: side of the frames in pixels.
        burst_size: number of frames T.
        kernel_lvl: how strong the blur is.
        noise_lvl: how strong the noise is; 1 is a deviation of 2 to 5 grey levels.
        motion_blur: camera shake; else Gaussian blur.
        align: move the frames onto each other.
        render_on: see :class:`BaseProcessing`.
        transform: applied to the photograph first.

    Raises:
        ValueError: sizes or levels that make no burst.
    """

    size: int = 160
    burst_size: int = 8
    kernel_lvl: float = 1.0
    noise_lvl: float = 1.0
    motion_blur: bool = True
    align: bool = False
    render_on: str = "worker"
    transform: TransformBase | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__init__(self.transform, self.render_on)
        if min(self.size, self.burst_size) < 1 or self.kernel_lvl <= 0 or self.noise_lvl < 0:
            raise ValueError(
                f"size={self.size} and burst_size={self.burst_size} must be at least 1, kernel_lvl={self.kernel_lvl}"
                f" above 0 and noise_lvl={self.noise_lvl} not negative"
            )

    @abstractmethod
    def draw(self, shape: tuple[int, int], draws: Draws) -> dict[str, Any]:
        """Everything random about one burst of a photograph of ``shape`` (height, width)."""

    @abstractmethod
    def render(self, frame: Any, params: dict[str, Any]) -> dict[str, Any]:
        """The burst that belongs to the drawn parameters.

        Returns:
            ``burst`` [T, 3, size, size] and ``frame_gt`` [3, size, size]: float32 grey levels 0..255 in display (gamma)
            space, whole numbers. Where frames are aligned also ``unaligned``, the number of those that could not be.
        """


def draw_noise_levels(level: Levels, draws: Draws) -> tuple[Levels, Levels]:
    """The deviations of the two noises of a frame: 2 to 5 times ``level``, and 0.1 to 0.5 times that."""
    first = _scaled(level, _FIRST_NOISE, draws)
    return first, _scaled(first, _SECOND_NOISE, draws)


def _scaled(level: Levels, factors: tuple[float, float], draws: Draws) -> Levels:
    red, green, blue = (draws.uniform(factors[0] * channel, factors[1] * channel) for channel in level)
    return red, green, blue


def sample(target: NDArray[Any], frames: list[NDArray[Any]]) -> dict[str, Any]:
    """The keys of a sample of images [H, W, 3]."""
    planes = [
        torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32))
        for image in (target, *frames)
    ]
    return {"burst": torch.stack(planes[1:]), "frame_gt": planes[0]}
