"""The motion of every frame of a noisy burst as a whole, found by search, without anything to learn.

On the luminance, smoothed less from pass to pass. First the most likely displacement, for all whole pixels at once by
Fourier transform, with a parabola through the best; then Gauss-Newton (B. Lucas and T. Kanade, IJCAI 1981) for
translation and, if asked for, rotation. After the first pass frames are compared with the mean of the others as
aligned so far, which is far less noisy than frame 0.

:mod:`models.classical.alignment` is the same way in OpenCV, for one burst of which the noise is known; it also says
which frames show something else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

from models.layers.warp import warp


class _Pass(NamedTuple):
    smoothing: float  # deviation of the Gaussian, in pixels
    steps: int  # of Gauss-Newton; 0: a search instead


# Chosen on the training photographs: with less smoothing at the start, frames of dark scenes go astray in deep noise.
_PASSES = (_Pass(3.0, 0), _Pass(3.0, 0), _Pass(2.0, 0), _Pass(1.5, 2), _Pass(1.5, 2), _Pass(1.0, 2), _Pass(1.0, 2))
_PRIOR = 0.2  # deviation of motion, as a share of the reach: decides where the images say nothing
_LARGEST_STEP = 1.0  # pixels
_REGULARISATION = 1e-3  # of the normal equations, as a share of their trace: a flat image stays where it is
_BORDER = 2  # pixels that the interpolation needs around it
_EDGE = 1e-4  # pixels that rounding may take


class GlobalMotion:
    """What moved where: ``frame_i(p) = frame_0(p + offset_i(p))``.

    Args:
        parameters: [B, N, 2] translations (x, y) in pixels, or [B, N, 3] with a rotation about the centre as third:
            pixels at the image's corner, small against its size.
        size: (H, W) of the frames.
    """

    def __init__(self, parameters: torch.Tensor, size: tuple[int, int]) -> None:
        self.parameters = parameters
        self.size = size

    def offsets(self) -> torch.Tensor:
        """On the grid of each frame, into frame 0: [B, N, 2, H, W] in pixels."""
        # Not by einsum, which autocast would take to half precision.
        return (self.parameters[..., None, None, None] * _fields(self.parameters, self.size)).sum(dim=2)

    def onto_reference(self) -> torch.Tensor:
        """The other way round, on the grid of frame 0: ``frame_0(p) = frame_i(p + flow_i(p))``, [B, N, 2, H, W]."""
        offsets = self.offsets()
        if self.parameters.shape[-1] == 2:
            return -offsets
        # q + offset(q) = p is solved by q = p - offset(q), with p - offset(p) for the last q.
        x, y = offsets.unbind(dim=2)
        turn = self.parameters[..., 2, None, None, None] / _radius(self.size)
        return turn * torch.stack((-y, x), dim=2) - offsets


@torch.no_grad()
def find_global_motion(burst: torch.Tensor, reach: int, rotation: bool = False) -> GlobalMotion:
    """Where the frames of a burst lie.

    Args:
        burst: [B, N, C, H, W] in any brightness; noise about equally strong everywhere.
        reach: largest displacement that is searched, in pixels; less where the image is smaller than twice that.
        rotation: look for rotations too, of a few degrees at most. Costs certainty in deep noise.

    Returns:
        The motion, with frame 0 at rest.
    """
    luminance = burst.float().mean(dim=2)
    # In other units small differences of large values would be lost.
    deviation, level = torch.std_mean(luminance, dim=(1, 2, 3), keepdim=True, correction=0)
    luminance = (luminance - level) / deviation.clamp(min=torch.finfo(deviation.dtype).tiny)
    batch, count, height, width = luminance.shape
    reach = min(reach, (height - 1) // 2, (width - 1) // 2)
    parameters = luminance.new_zeros(batch, count, 3 if rotation else 2)
    if count == 1 or reach < 1:
        return GlobalMotion(parameters, (height, width))
    with torch.autocast(burst.device.type, enabled=False):
        frames = _smooth(luminance, _PASSES[0].smoothing)
        others = frames[:, :1].expand_as(frames)
        for number, (smoothing, steps) in enumerate(_PASSES):
            if number:
                frames = _smooth(luminance, smoothing)
                others = _means_of_the_others(frames, parameters)
            if steps == 0:
                parameters[..., :2] = _search(others, frames, reach, smoothing)
            for _ in range(steps):
                parameters = parameters + _step(others, frames, parameters)
            parameters = parameters - parameters[:, :1]
    return GlobalMotion(parameters, (height, width))


def _radius(size: tuple[int, int]) -> float:
    return math.hypot(*size) / 2


def _fields(parameters: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The offsets that belong to a unit of each parameter, [K, 2, H, W]."""
    height, width = size
    ones, zeros = parameters.new_ones(size), parameters.new_zeros(size)
    fields = [torch.stack((ones, zeros)), torch.stack((zeros, ones))]
    if parameters.shape[-1] == 3:
        y = torch.arange(height, device=ones.device, dtype=ones.dtype) - (height - 1) / 2
        x = torch.arange(width, device=ones.device, dtype=ones.dtype) - (width - 1) / 2
        fields.append(torch.stack((-y[:, None].expand(size), x.expand(size))) / _radius(size))
    return torch.stack(fields)


def _smooth(images: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Gaussian filter of [B, N, H, W]."""
    radius = round(3 * smoothing)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=images.device) / smoothing) ** 2)
    taps = taps / taps.sum()
    flat = F.pad(images.flatten(0, 1)[:, None], (radius,) * 4, mode="replicate")
    flat = F.conv2d(F.conv2d(flat, taps[None, None, :, None]), taps[None, None, None, :])
    smoothed: torch.Tensor = flat[:, 0].unflatten(0, images.shape[:2])
    return smoothed


def _search(reference: torch.Tensor, frames: torch.Tensor, reach: int, smoothing: float) -> torch.Tensor:
    """The most likely shifts [B, N, 2] of ``frames`` against ``reference``, both [B, N, H, W].

    Likelihood of the mean squared difference d² over the overlap with the noise left open, n/2 · log d² for n
    independent pixels, and a normal prior around no motion.
    """
    size = [side + reach for side in frames.shape[-2:]]
    level = reference.mean(dim=(2, 3), keepdim=True)

    def spectrum(x: torch.Tensor) -> torch.Tensor:
        transformed: torch.Tensor = torch.fft.rfft2(x, s=size)
        return transformed

    # Sum over p of (first(p) - second(p + d))² where both exist, as correlations.
    first, second, one = reference - level, frames - level, torch.ones_like(reference)
    a, b, ones = spectrum(first), spectrum(second), spectrum(one)
    squares = spectrum(first.square()).conj() * ones + ones.conj() * spectrum(second.square())
    total = torch.fft.irfft2(squares - 2 * a.conj() * b, s=size)
    overlap = torch.fft.irfft2(ones.conj() * ones, s=size)
    window = torch.arange(-reach, reach + 1, device=frames.device)
    difference = (total / overlap.clamp(min=1.0))[..., window[:, None], window]
    independent = frames[0, 0].numel() / (4 * math.pi * smoothing**2)
    prior = (window[:, None] ** 2 + window**2) / (2 * (_PRIOR * reach) ** 2)
    cost = 0.5 * independent * difference.clamp(min=torch.finfo(difference.dtype).tiny).log() + prior
    side = 2 * reach + 1
    row, column = torch.unravel_index(cost.flatten(2).argmin(dim=2), (side, side))
    # A parabola needs both neighbours.
    row, column = row.clamp(1, side - 2), column.clamp(1, side - 2)
    near = torch.arange(-1, 2, device=frames.device)
    flat = cost.flatten(2)
    along_x = flat.gather(2, row[..., None] * side + column[..., None] + near)
    along_y = flat.gather(2, (row[..., None] + near) * side + column[..., None])
    # second(p + d) = first(p), so the shift is -d.
    return -torch.stack((column - reach + _vertex(along_x), row - reach + _vertex(along_y)), dim=-1)


def _vertex(values: torch.Tensor) -> torch.Tensor:
    """Where the parabola through three values [..., 3] at -1, 0 and 1 has its minimum, within ±1."""
    before, here, after = values.unbind(dim=-1)
    bend = (before - 2 * here + after).clamp(min=torch.finfo(values.dtype).tiny)
    return (0.5 * (before - after) / bend).clamp(-1.0, 1.0)


def _moved(frames: torch.Tensor, parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames [B, N, H, W] on the grid of frame 0, and 1 where they are seen with what is around, else 0."""
    height, width = frames.shape[-2:]
    flow = GlobalMotion(parameters, (height, width)).onto_reference()
    moved = warp(frames.flatten(0, 1)[:, None], flow.flatten(0, 1), mode="bicubic")[:, 0].unflatten(0, frames.shape[:2])
    column = torch.arange(width, device=frames.device) + flow[:, :, 0]
    row = torch.arange(height, device=frames.device)[:, None] + flow[:, :, 1]
    least = _BORDER - _EDGE
    inside = (column >= least) & (column <= width - 1 - least) & (row >= least) & (row <= height - 1 - least)
    return moved, inside.to(frames.dtype)


def _means_of_the_others(frames: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """For every frame the mean of the other ones on the grid of frame 0, [B, N, H, W]; 0 where there is none."""
    moved, seen = _moved(frames, parameters)
    moved = moved * seen
    return (moved.sum(dim=1, keepdim=True) - moved) / (seen.sum(dim=1, keepdim=True) - seen).clamp(min=1.0)


def _step(others: torch.Tensor, frames: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """One step of Gauss-Newton for every frame against ``others``, [B, N, K]."""
    slopes = torch.stack(
        (
            F.pad((others[..., 2:] - others[..., :-2]) / 2, (1, 1)),
            F.pad((others[..., 2:, :] - others[..., :-2, :]) / 2, (0, 0, 1, 1)),
        ),
        dim=2,
    )
    moved, seen = _moved(frames, parameters)
    weight = seen * _without_rim((others != 0).to(frames.dtype))
    effects = torch.einsum("bnchw,kchw->bnkhw", slopes, _fields(parameters, (frames.shape[-2], frames.shape[-1])))
    weighted = effects * weight[:, :, None]
    normal = torch.einsum("bnkhw,bnlhw->bnkl", weighted, effects)
    found = torch.einsum("bnkhw,bnhw->bnk", weighted, moved - others)
    trace = normal.diagonal(dim1=-2, dim2=-1).sum(dim=-1)[..., None, None]
    little = _REGULARISATION * trace + torch.finfo(normal.dtype).tiny ** 0.5
    step = torch.linalg.solve(normal + little * torch.eye(normal.shape[-1], device=normal.device), found)
    limited: torch.Tensor = step.clamp(-_LARGEST_STEP, _LARGEST_STEP)
    return limited


def _without_rim(mask: torch.Tensor) -> torch.Tensor:
    """1 where a pixel and all its neighbours are in the mask [B, N, H, W]."""
    return 1 - F.max_pool2d(F.pad(1 - mask, (1, 1, 1, 1), value=1.0), 3, stride=1)
