"""Small image transforms whose random part (the roll) is apart from their effect.

A transform is called as ``transform(image=x)``; ``x`` may be a list, whose elements get the same roll unless
``joint=False``. Processing classes use :meth:`TransformBase.apply_to_crop`, which touches only the pixels it needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from data.boxes import Box, image_size
from utils.draws import Draws

ImageLike = np.ndarray | torch.Tensor


class TransformBase:
    """One transform: draw with :meth:`roll`, then :meth:`apply` deterministically."""

    _last_roll: Any = None

    def roll(self, draws: Draws) -> Any:
        """The random parameters of one application; plain values."""
        return None

    def apply(self, image: Any, roll: Any) -> Any:
        """The transformed image; depends on nothing but the arguments."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to an image")

    def source_box(self, box: Box, size: tuple[int, int], roll: Any) -> Box | None:
        """The box of an input of ``size`` (height, width) that becomes ``box`` of the output.

        None, the default, says that the whole input is needed.
        """
        return None

    def apply_to_crop(self, image: Any, box: Box, roll: Any) -> Any:
        """``box`` of the transformed image, at the cost of the box where the transform allows it."""
        source = self.source_box(box, image_size(image), roll)
        return box.cut(self.apply(image, roll)) if source is None else self.apply(source.cut(image), roll)

    @property
    def takes_batches(self) -> bool:
        """Whether :meth:`apply_batch` can be used."""
        return False

    def apply_batch(self, images: torch.Tensor, rolls: list[Any]) -> torch.Tensor:
        """:meth:`apply` of every image of a batch on any device: [B, C, H, W], or uint8 [B, H, W, C] for arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not work on batches")

    def __call__(self, *, image: Any, joint: bool = True, new_roll: bool = True, draws: Draws | None = None) -> Any:
        """``{'image': transformed}``.

        Args:
            image: array (HWC or HW), tensor (CHW), or a list of them.
            joint: one roll for all images of a list; False gives each its own.
            new_roll: False repeats the previous roll.
            draws: where the roll comes from; fresh draws if not given.
        """
        return {"image": self._transformed(image, joint, new_roll, draws or Draws())}

    def _transformed(self, image: Any, joint: bool, new_roll: bool, draws: Draws) -> Any:
        if isinstance(image, (list, tuple)) and not joint:
            return [self._transformed(one, True, new_roll, draws) for one in image]
        if new_roll:
            self._last_roll = self.roll(draws)
        if isinstance(image, (list, tuple)):
            return [self.apply(one, self._last_roll) for one in image]
        return self.apply(image, self._last_roll)


class PointwiseTransform(TransformBase):
    """A transform in which every output pixel depends on the input pixel at the same place only."""

    def source_box(self, box: Box, size: tuple[int, int], roll: Any) -> Box | None:
        return box


class Transform(TransformBase):
    """Transforms one after the other, given one by one or as one list. A call returns the image itself."""

    def __init__(self, *transforms: TransformBase | list[TransformBase] | tuple[TransformBase, ...]) -> None:
        if len(transforms) == 1 and isinstance(transforms[0], (list, tuple)):
            transforms = tuple(transforms[0])
        for transform in transforms:
            if not isinstance(transform, TransformBase):
                raise TypeError(f"a Transform is made of transforms of data.transforms, not of {transform!r}")
        self.transforms: list[TransformBase] = list(transforms)  # type: ignore[arg-type]

    def roll(self, draws: Draws) -> list[Any]:
        return [transform.roll(draws) for transform in self.transforms]

    def apply(self, image: Any, roll: list[Any]) -> Any:
        for transform, own_roll in zip(self.transforms, roll, strict=True):
            image = transform.apply(image, own_roll)
        return image

    @property
    def takes_batches(self) -> bool:
        return all(transform.takes_batches for transform in self.transforms)

    def apply_batch(self, images: torch.Tensor, rolls: list[Any]) -> torch.Tensor:
        for number, transform in enumerate(self.transforms):
            images = transform.apply_batch(images, [roll[number] for roll in rolls])
        return images

    def source_box(self, box: Box, size: tuple[int, int], roll: list[Any]) -> Box | None:
        # Transforms that know their source box keep the size of the image, so one size serves the whole chain.
        source: Box | None = box
        for transform, own_roll in zip(reversed(self.transforms), reversed(roll), strict=True):
            if source is None:
                return None
            source = transform.source_box(source, size, own_roll)
        return source

    def __call__(self, *, image: Any, joint: bool = True, new_roll: bool = True, draws: Draws | None = None) -> Any:
        """The transformed image, or the list of them. Arguments as in :meth:`TransformBase.__call__`."""
        return self._transformed(image, joint, new_roll, draws or Draws())


class ToTensor(PointwiseTransform):
    """HWC or HW uint8 array to CHW float32 tensor; divided by 255 if ``normalize``."""

    def __init__(self, normalize: bool = True) -> None:
        self.normalize = normalize

    def apply(self, image: np.ndarray, roll: None) -> torch.Tensor:
        tensor = _channels_first(image)
        return tensor / 255 if self.normalize else tensor

    takes_batches = True

    def apply_batch(self, images: torch.Tensor, rolls: list[None]) -> torch.Tensor:
        tensors = _planes(images)
        return tensors.div_(255) if self.normalize else tensors


class ToTensorAndJitter(PointwiseTransform):
    """As :class:`ToTensor`, times a random brightness factor from [max(0, 1 - jitter), 1 + jitter).

    The result is clamped to [0, 1], or without ``normalize`` to [0, 255].
    """

    def __init__(self, brightness_jitter: float = 0.0, normalize: bool = True) -> None:
        self.brightness_jitter = brightness_jitter
        self.normalize = normalize

    def roll(self, draws: Draws) -> float:
        return draws.uniform(max(0.0, 1 - self.brightness_jitter), 1 + self.brightness_jitter)

    def apply(self, image: np.ndarray, roll: float) -> torch.Tensor:
        return self._normalised(_channels_first(image) * roll)

    takes_batches = True

    def apply_batch(self, images: torch.Tensor, rolls: list[float]) -> torch.Tensor:
        return self._normalised(_planes(images).mul_(per_sample(rolls, images.device)))

    def _normalised(self, brightened: torch.Tensor) -> torch.Tensor:
        return brightened.div_(255).clamp_(0.0, 1.0) if self.normalize else brightened.clamp_(0.0, 255.0)


class Normalize(PointwiseTransform):
    """Subtracts a mean and divides by a standard deviation per channel of a CHW tensor."""

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        self.mean, self.std, self.inplace = mean, std, inplace

    def apply(self, image: torch.Tensor, roll: None) -> torch.Tensor:
        from torchvision.transforms.functional import normalize

        normalised: torch.Tensor = normalize(image, self.mean, self.std, self.inplace)
        return normalised


class ToGrayscale(PointwiseTransform):
    """With the given probability an RGB uint8 array becomes grey (OpenCV's weights) in three equal channels."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def roll(self, draws: Draws) -> bool:
        return draws.chance(self.probability)

    def apply(self, image: np.ndarray, roll: bool) -> np.ndarray:
        if not roll:
            return image
        import cv2

        grey = cv2.cvtColor(np.ascontiguousarray(_array_only(self, image)), cv2.COLOR_RGB2GRAY)
        return np.stack([grey] * 3, axis=2)


class ToBGR(PointwiseTransform):
    """Reverses the channels of an HWC array."""

    def apply(self, image: np.ndarray, roll: None) -> np.ndarray:
        return np.ascontiguousarray(_array_only(self, image)[..., ::-1])


class RandomColors(PointwiseTransform):
    """Shuffles the channels of a CHW tensor and multiplies each by a factor from [least, 1).

    For trainings on few photographs, which would else learn that the world has their colours.
    """

    def __init__(self, least: float) -> None:
        self.least = least

    def roll(self, draws: Draws) -> tuple[list[float], list[float]]:
        return [draws.uniform(0.0, 1.0) for _ in range(3)], [draws.uniform(self.least, 1.0) for _ in range(3)]

    def apply(self, image: torch.Tensor, roll: tuple[list[float], list[float]]) -> torch.Tensor:
        ranks, factors = roll
        order = sorted(range(3), key=ranks.__getitem__)
        return image[order] * image.new_tensor(factors)[:, None, None]

    takes_batches = True

    def apply_batch(self, images: torch.Tensor, rolls: list[tuple[list[float], list[float]]]) -> torch.Tensor:
        ranks, factors = (per_sample([roll[part] for roll in rolls], images.device) for part in (0, 1))
        order = ranks.argsort(dim=1).expand_as(images)
        return images.gather(1, order) * factors


class RandomHorizontalFlip(TransformBase):
    """With the given probability mirrors an array (HW or HWC) or a tensor (CHW) left-right."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def roll(self, draws: Draws) -> bool:
        return draws.chance(self.probability)

    def apply(self, image: ImageLike, roll: bool) -> ImageLike:
        if not roll:
            return image
        return image.flip(-1) if isinstance(image, torch.Tensor) else np.fliplr(image).copy()

    takes_batches = True

    def apply_batch(self, images: torch.Tensor, rolls: list[bool]) -> torch.Tensor:
        return torch.where(per_sample(rolls, images.device), images.flip(-1), images)

    def source_box(self, box: Box, size: tuple[int, int], roll: bool) -> Box | None:
        return box.mirrored(size[1]) if roll else box


def per_sample(values: list[Any], device: torch.device) -> torch.Tensor:
    """A number, or a row of C numbers, for every image of a batch: [B, 1 or C, 1, 1] on ``device``, without waiting."""
    numbers = torch.tensor(values).reshape(len(values), -1, 1, 1)
    if device.type == "cuda":
        numbers = numbers.pin_memory()
    return numbers.to(device, non_blocking=True)


def _planes(images: torch.Tensor) -> torch.Tensor:
    return images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def _channels_first(image: np.ndarray) -> torch.Tensor:
    image = np.ascontiguousarray(image if image.ndim == 3 else image[:, :, None])
    return torch.from_numpy(image).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format)


def _array_only(transform: TransformBase, image: Any) -> np.ndarray:
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"{type(transform).__name__} works on HWC arrays, not on {type(image).__name__}: place it before ToTensor"
        )
    return image
