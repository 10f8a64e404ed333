"""Large hand shake taken out of a burst, so that networks trained on small shifts can take over.

Found with OpenCV at low resolution: a rigid motion of the whole frame, then a smooth flow from patch to patch
(`models.classical.flow`). Undone in whole pixels of colour images and whole 2 x 2 cells of mosaics: interpolation would
blur what a sensor measured, mix its colours and correlate its noise. What is left of the motion is half a pixel or
half a cell; where the rounded motion changes, a row or a column is shown twice or left out.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.classical.flow import Flow, find_flow
from models.classical.noise import NoiseModel
from models.classical.stabilised import StabilisedFrames
from restoration.burst import FloatImage, Noise, Progress, RawBurst
from utils.ops.mosaic import pack, unpack

logger = logging.getLogger(__name__)


def coarsely_aligned(burst: RawBurst, progress: Progress) -> RawBurst:
    """The burst with every frame on the grid of the reference, to half a pixel or half a cell.

    What a frame does not show is filled from the reference frame. Frames that show something else, or too little of the
    scene, are left out with a warning.

    Args:
        burst: frames as they lie on the sensor.
        progress: goes through the frames.
    """
    if len(burst.frames) == 1:
        return burst
    ordered = burst.reference_first()
    stabilised = StabilisedFrames(ordered.frames, noise_models(ordered.noise))
    flow = find_flow(stabilised.luminance())
    kept = without_misfits(ordered, flow.aligned)
    others = progress([int(index) for index in np.flatnonzero(flow.aligned)[1:]], "Aligning")
    moved = [_moved(ordered.frames[index], ordered.frames[0], flow, index, stabilised) for index in others]
    aligned = replace(kept, frames=(ordered.frames[0], *moved))
    in_time = sorted(range(len(aligned.names)), key=lambda index: burst.names.index(aligned.names[index]))
    return aligned.of_frames(in_time)


def without_misfits(burst: RawBurst, aligned: NDArray[np.bool_]) -> RawBurst:
    """The burst without the frames that could not be aligned, which are named."""
    for index in np.flatnonzero(~aligned):
        logger.warning("%s shows something else than the reference frame and is left out", burst.names[index])
    return burst.of_frames([int(index) for index in np.flatnonzero(aligned)])


def noise_models(noise: Noise) -> list[NoiseModel]:
    """For R, G and B."""
    return [NoiseModel(read, shot) for shot, read in zip(noise.shot, noise.read, strict=True)]


def _moved(
    frame: FloatImage, reference: FloatImage, flow: Flow, index: int, stabilised: StabilisedFrames
) -> FloatImage:
    """The frame with its pixels or cells put where the reference shows them."""
    if stabilised.is_mosaic:
        cells, filling = pack(frame).transpose(1, 2, 0), pack(reference).transpose(1, 2, 0)
        return unpack(np.ascontiguousarray(_gathered(cells, filling, flow, index, 1, 0.0).transpose(2, 0, 1)))
    return _gathered(frame, reference, flow, index, stabilised.step, stabilised.middle)


def _gathered(image: FloatImage, filling: FloatImage, flow: Flow, index: int, step: int, middle: float) -> FloatImage:
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    motion = step * flow.at(index, (x - middle) / step, (y - middle) / step)
    column, row = np.rint(x + motion[..., 0]).astype(np.intp), np.rint(y + motion[..., 1]).astype(np.intp)
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    found = image[row.clip(0, height - 1), column.clip(0, width - 1)]
    return np.where(inside[:, :, None], found, filling).astype(np.float32)
