"""From files to a burst: order, frames that do not belong, reference, noise."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import cv2
import numpy as np

from restoration.burst import FloatImage, Noise, Progress, RawBurst, RestorationError
from restoration.exif import exposure_value
from restoration.frames import Frame, read_frame
from restoration.noise import estimate, from_profile
from restoration.sources import is_raw, natural_order
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)

_SMOOTHING = 1.0  # pixels: without it noise would count as sharpness
_SAME_EXPOSURE = 0.05  # relative; cameras round what they note
_SAME_BRIGHTNESS = 1.5  # as a factor, of frames that note no exposure


def read_burst(
    files: Sequence[Path],
    progress: Progress,
    reference: str | None = None,
    leave_out: bool = False,
    least_frames: int = 2,
) -> RawBurst:
    """Reads frames, orders them by capture time (by name where one notes none), and checks that they are one burst.

    Args:
        files: as `restoration.sources.find_files` gives them.
        reference: name of the frame that the result is to show, with or without its ending; None takes the sharpest.
        leave_out: go on without frames that cannot be read or do not belong, instead of refusing the burst.
        least_frames: how many must remain.

    Raises:
        RestorationError: a frame cannot be read or does not belong, there are too few, or none is named `reference`.
    """
    frames = []
    for path in progress(files, "Reading"):
        try:
            frames.append(read_frame(path))
        except RestorationError as error:
            _refuse(f"{error}", leave_out)
    frames = _ordered(_belonging(frames, leave_out))
    if len(frames) < least_frames:
        raise RestorationError(_too_few(files, frames, least_frames))
    names = tuple(frame.path.name for frame in frames)
    chosen = _named(reference, frames) if reference is not None else _sharpest(frames)
    logger.info("%d frames, reference %s", len(frames), names[chosen])
    return RawBurst(
        tuple(frame.pixels for frame in frames), names, chosen, _noise(frames[chosen]), frames[chosen].capture
    )


def _refuse(message: str, leave_out: bool) -> None:
    if not leave_out:
        raise RestorationError(f"{message} (--leave-out goes on without such frames)")
    logger.warning("left out: %s", message)


def _too_few(files: Sequence[Path], frames: Sequence[Frame], least: int) -> str:
    place = files[0].parent if len(files) != 1 else files[0]
    left = f"{len(frames)} of {len(files)} frames are left" if len(frames) < len(files) else f"{len(frames)} frame"
    advice = " (for a single frame there is --task rawsr)" if is_raw(files[0]) else ""
    return f"{place}: {left}; a burst has at least {least}{advice}"


def _ordered(frames: Sequence[Frame]) -> list[Frame]:
    if all(frame.taken for frame in frames):
        return sorted(frames, key=lambda frame: (frame.taken, natural_order(frame.path)))
    return sorted(frames, key=lambda frame: natural_order(frame.path))


def _belonging(frames: list[Frame], leave_out: bool) -> list[Frame]:
    """The frames that agree with most in size, camera and exposure."""
    checks: tuple[tuple[str, Callable[[Frame], Hashable | None], Callable[[Frame], str]], ...] = (
        ("size", lambda frame: frame.pixels.shape, _size_in_words),
        ("camera", lambda frame: frame.capture.camera or None, lambda frame: frame.capture.camera),
    )
    for what, key, words in checks:
        known = Counter(value for frame in frames if (value := key(frame)) is not None)
        if len(known) < 2:
            continue
        most = known.most_common(1)[0][0]
        usual = next(frame for frame in frames if key(frame) == most)
        frames = _kept(
            frames,
            [key(frame) in (most, None) for frame in frames],
            what,
            lambda frame, words=words: words(frame),  # type: ignore[misc]
            f"{words(usual)} as of {usual.path.name}",
            leave_out,
        )
    return _of_one_exposure(frames, leave_out)


def _of_one_exposure(frames: list[Frame], leave_out: bool) -> list[Frame]:
    if len(frames) < 2:
        return frames
    noted = [exposure_value(frame.capture.exposure) for frame in frames]
    if all(value is not None for value in noted):
        values, factor = [float(value or 0) for value in noted], 1 + _SAME_EXPOSURE
    else:
        values, factor = [_brightness(frame.pixels) for frame in frames], _SAME_BRIGHTNESS
    agreeing = [[usual / factor <= value <= usual * factor for value in values] for usual in values]
    belongs = max(agreeing, key=sum)
    usual = frames[agreeing.index(belongs)]
    return _kept(
        frames, belongs, "exposure", _exposure_in_words, f"{_exposure_in_words(usual)} of {usual.path.name}", leave_out
    )


def _kept(
    frames: list[Frame],
    belongs: Sequence[bool],
    what: str,
    words: Callable[[Frame], str],
    usual: str,
    leave_out: bool,
) -> list[Frame]:
    for frame, belonging in zip(frames, belongs, strict=True):
        if not belonging:
            _refuse(f"{frame.path} does not belong: its {what} is {words(frame)}, not {usual}", leave_out)
    return [frame for frame, belonging in zip(frames, belongs, strict=True) if belonging]


def _size_in_words(frame: Frame) -> str:
    return f"{frame.pixels.shape[1]} x {frame.pixels.shape[0]} pixels"


def _exposure_in_words(frame: Frame) -> str:
    exposure = frame.capture.exposure
    if exposure_value(exposure) is None:
        return f"a brightness of {_brightness(frame.pixels):.3g}"
    seconds = exposure.seconds or 0.0
    time = f"1/{1 / seconds:.0f} s" if seconds < 0.5 else f"{seconds:g} s"
    aperture = f" f/{exposure.f_number:g}" if exposure.f_number else ""
    return f"{time}{aperture} ISO {exposure.iso:g}"


def _brightness(pixels: FloatImage) -> float:
    return max(float(pixels[::8, 1::8].mean()), 1e-6)


def _named(name: str, frames: Sequence[Frame]) -> int:
    names = [frame.path.name for frame in frames]
    for index, frame in enumerate(frames):
        if name in (frame.path.name, frame.path.stem, str(frame.path)):
            return index
    raise RestorationError(unknown_name_message("reference", name, names))


def _sharpest(frames: Sequence[Frame]) -> int:
    """The frame with the strongest gradients of green after a little smoothing; the noise is alike in all."""
    return int(np.argmax([_sharpness(frame.pixels) for frame in frames]))


def _sharpness(pixels: FloatImage) -> float:
    green = (pixels[0::2, 1::2] + pixels[1::2, 0::2]) / 2 if pixels.ndim == 2 else pixels[:, :, 1]
    smooth = cv2.GaussianBlur(green, (0, 0), _SMOOTHING)
    return float(np.square(np.diff(smooth, axis=0)).mean() + np.square(np.diff(smooth, axis=1)).mean())


def _noise(frame: Frame) -> Noise:
    if frame.noise_profile is not None:
        stated = from_profile(frame.noise_profile)
        if stated is not None:
            return stated
        logger.warning("%s: its noise profile %s is not used", frame.path.name, list(frame.noise_profile))
    return estimate(frame.pixels)
