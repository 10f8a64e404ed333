"""What a benchmark is: data, how a network is called, prediction encoding, metrics with their protocol, how to view.

A benchmark is one declarative object. The engine (`engine.py`) knows no benchmark and a benchmark knows no engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from typing import Protocol as Interface

import numpy as np
import torch
from torch import nn

from evaluation.common_utils.encoding import LINEAR_14_BIT, PredictionEncoding

if TYPE_CHECKING:
    from evaluation.common_utils.network_param import NetworkParam

# Names of properties that several benchmarks have.
FRAMES, NOISE_LEVEL, MOTION = "frames", "noise level", "motion (px)"


@dataclass(frozen=True)
class Item:
    """One burst of a benchmark.

    Attributes:
        burst: [T, C, H, W] float32 (what the frames are, the benchmark says).
        ground_truth: [C', H', W'] float32, or None where nobody knows it: then it can be saved and viewed, not scored.
        info: what belongs to it; `burst_name` always, `scene` where several bursts show the same one.
    """

    burst: torch.Tensor
    ground_truth: torch.Tensor | None
    info: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.info["burst_name"])

    @property
    def scene(self) -> str | None:
        scene = self.info.get("scene")
        return None if scene is None else str(scene)


@dataclass(frozen=True)
class Compared:
    """What a metric looks at.

    Attributes:
        prediction, ground_truth: [1, C, H, W], on the same device.
        valid: [1, 1, H, W] where the comparison makes sense; None means everywhere.
        item: the burst they belong to (metrics that compare with the input frames need it).
    """

    prediction: torch.Tensor
    ground_truth: torch.Tensor
    item: Item
    valid: torch.Tensor | None = None


@dataclass(frozen=True)
class Protocol:
    """How prediction and ground truth are made comparable. Numbers of different protocols cannot be compared.

    Attributes:
        name: short, e.g. `denoise_srgb`.
        space: what the compared values are, e.g. `sRGB-like after white level`.
        border: pixels left out at each side.
        mask: in words, which pixels count.
        prepare: given the device, gives the function that maps what is compared into that space; None: as it is.
    """

    name: str
    space: str
    border: int = 0
    mask: str = "all pixels"
    prepare: Callable[[torch.device], Callable[[Compared], Compared]] | None = None

    def describe(self) -> str:
        border = f"{self.border} px border left out" if self.border else "no border left out"
        return f"{self.space}, {border}, {self.mask}"


def always_available() -> str | None:
    """Nothing stands against this metric."""
    return None


@dataclass(frozen=True)
class Metric:
    """One number per burst.

    Attributes:
        key: name in files, e.g. `psnr`.
        label: heading in tables, e.g. `PSNR (dB)`.
        protocol: how the images are made comparable first.
        build: given the device, gives the function that measures one burst.
        higher_is_better: direction.
        decimals: digits after the point in tables.
        why_unavailable: None, or the reason why this metric cannot be computed here; the table then says so.
    """

    key: str
    label: str
    protocol: Protocol
    build: Callable[[torch.device], Callable[[Compared], torch.Tensor | float]]
    higher_is_better: bool = True
    decimals: int = 3
    why_unavailable: Callable[[], str | None] = always_available


@dataclass(frozen=True)
class Grouping:
    """A further table that splits the bursts, e.g. by the number of frames.

    Attributes:
        name: what the bursts are split by.
        of: the group of a burst, given its `info`.
    """

    name: str
    of: Callable[[Mapping[str, Any]], str]


class BurstData(Interface):
    """A data set of bursts, as those in `dataset` are."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[torch.Tensor, torch.Tensor | None, Mapping[str, Any]]:
        """`(burst, ground_truth, info)`, see `Item`."""
        ...


Call = Callable[[nn.Module, torch.Tensor, Mapping[str, Any]], torch.Tensor]
View = Callable[[torch.Tensor, Mapping[str, Any]], np.ndarray]


@dataclass(frozen=True)
class Benchmark:
    """Everything that the engine has to know.

    Attributes:
        name: identifies it in files, e.g. `denoise_color/noise_4`.
        title: heading of its tables.
        data: makes the sized sequence of `(burst, ground_truth, info)`.
        call: `call(net, burst [1, T, C, H, W], info)` gives the prediction [1, C', H', W'] in the space of
            `encoding`; tensors of `info` lie on the device of the network.
        metrics: columns, the first one leads.
        view: `view(prediction [C', H', W'], info)` gives a display image, uint8 [H', W', 3] sRGB.
        encoding: how predictions are stored. Also predictions that are scored without storing them go through it.
        baselines: training-free rows, shown first.
        per_frame_info: keys of `info` whose first axis counts frames, cut together with the burst for `burst_sz`.
        reference: which frame is restored; for `burst_sz` the frames from the first one on are kept, or those around
            the middle one.
        footnotes: what a reader of the table has to know.
        groupings: further tables.
        mean_over: `bursts`, or `scenes` for the mean of the scenes' means.
        properties: numbers that scores are plotted against, e.g. `motion (px)`, given the burst; None where unknown.
        predictions_of: the benchmark of the same bursts whose seeds and saved predictions it shares; None for its own.
        pixels_compare: whether prediction and ground truth show the same thing in the same place and the same colours.
    """

    name: str
    title: str
    data: Callable[[], BurstData]
    call: Call
    metrics: tuple[Metric, ...]
    view: View
    encoding: PredictionEncoding = LINEAR_14_BIT
    baselines: tuple[NetworkParam, ...] = ()
    per_frame_info: tuple[str, ...] = ()
    reference: Literal["first", "middle"] = "first"
    footnotes: tuple[str, ...] = ()
    groupings: tuple[Grouping, ...] = ()
    mean_over: Literal["bursts", "scenes"] = "bursts"
    properties: Mapping[str, Callable[[Item], float | None]] = field(default_factory=dict)
    predictions_of: str | None = None
    pixels_compare: bool = True

    @property
    def predicted_as(self) -> str:
        """The name that seeds and saved predictions go by."""
        return self.predictions_of or self.name

    def properties_of(self, item: Item) -> dict[str, float]:
        """What is known about a burst in numbers; always its number of `frames`."""
        known = {name: measured(item) for name, measured in self.properties.items()}
        return {
            FRAMES: float(item.burst.shape[0]),
            **{name: value for name, value in known.items() if value is not None},
        }

    def items(self) -> BenchmarkItems:
        """The bursts, made when they are asked for.

        Raises:
            ValueError: there is none.
        """
        items = BenchmarkItems(self.data())
        if not len(items):
            raise ValueError(f"{self.title}: the data set holds no bursts")
        return items

    def shorten(self, item: Item, frames: int) -> Item:
        """`item` with only its first `frames` frames, or those around the middle one.

        Raises:
            ValueError: the burst has fewer, or the middle one would not stay in the middle.
        """
        available = item.burst.shape[0]
        if frames > available:
            raise ValueError(f"burst {item.name} of {self.name} has {available} frames, burst_sz asks for {frames}")
        first = 0
        if self.reference == "middle":
            first = available // 2 - frames // 2
            if frames % 2 == 0:
                raise ValueError(f"burst_sz {frames}: {self.name} restores the middle frame; give an odd number")
        kept = slice(first, first + frames)
        info = {key: value[kept] if key in self.per_frame_info else value for key, value in item.info.items()}
        return replace(item, burst=item.burst[kept], info=info)


def name_of_folder(folder: Path | None) -> str:
    """What a folder that the user names adds to a benchmark's name, so that results of two folders are never mixed.

    Empty without one; else its own name and the start of a digest of where it lies.
    """
    if folder is None:
        return ""
    place = folder.resolve()
    return f"_{place.name}-{hashlib.sha256(str(place).encode()).hexdigest()[:6]}"


class BenchmarkItems(Sequence[Item]):
    """The items of a data set that gives tuples."""

    def __init__(self, data: BurstData) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)  # ends iteration also over data sets that accept any index
        burst, ground_truth, info = self._data[index]
        return Item(burst, ground_truth, info)
