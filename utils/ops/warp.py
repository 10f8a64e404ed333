"""Warping by a field of displacements, and the adjoint of bilinear warping."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

# What the kernels call bilinear interpolation and zero padding.
_BILINEAR, _ZEROS = 0, 0


def warp(feat: torch.Tensor, flow: torch.Tensor, mode: str = "bilinear", padding_mode: str = "zeros") -> torch.Tensor:
    """Samples ``feat`` at the pixels that ``flow`` points to.

    Output pixel (row i, column j) is ``feat`` at column ``j + flow_x(i, j)`` and row ``i + flow_y(i, j)``, with pixel
    centres at whole numbers: a flow of exactly (1, 0) shifts by exactly one column whatever the size.

    Args:
        feat: [B, C, H, W].
        flow: [B, 2, h, w] in pixels of ``feat``; channel 0 is x (to the right), channel 1 is y (downwards). It lives on
            the output grid and points into ``feat``.
        mode: ``'bilinear'``, ``'nearest'`` or ``'bicubic'``.
        padding_mode: ``'zeros'`` (samples that lie partly outside are partial sums), ``'border'`` or ``'reflection'``.

    Returns:
        [B, C, h, w], differentiable in both arguments.

    Raises:
        ValueError: the shapes do not fit.
    """
    _check(feat, flow)
    return sample(feat, sampling_grid(flow, (feat.shape[-2], feat.shape[-1])), mode, padding_mode)


def sampling_grid(flow: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The normalised positions [B, h, w, 2] that ``flow`` [B, 2, h, w] points to in an image of ``size`` (H, W).

    Worth computing once where the same flow is used for several samplings.
    """
    flow = _wide(flow)  # half precision would misplace the samples by an eighth of a pixel
    height, width = size
    columns = torch.arange(flow.shape[-1], device=flow.device, dtype=flow.dtype) + 0.5
    rows = torch.arange(flow.shape[-2], device=flow.device, dtype=flow.dtype) + 0.5
    x = 2.0 * (flow[:, 0] + columns) / width - 1.0
    y = 2.0 * (flow[:, 1] + rows[:, None]) / height - 1.0
    return torch.stack((x, y), dim=-1)


def sample(feat: torch.Tensor, grid: torch.Tensor, mode: str = "bilinear", padding_mode: str = "zeros") -> torch.Tensor:
    """``feat`` [B, C, H, W] at the normalised positions ``grid`` [B, h, w, 2]; see :func:`sampling_grid`."""
    sampled = F.grid_sample(_wide(feat), grid, mode=mode, padding_mode=padding_mode, align_corners=False)
    return sampled.to(feat.dtype)


def sample_adjoint(
    values: torch.Tensor, grid: torch.Tensor, size: tuple[int, int], grid_gradient: bool = False
) -> torch.Tensor:
    """The exact adjoint A of bilinear :func:`sample` with zero padding: ``<sample(f, g), v> = <f, A(v, g)>``.

    Needs no graph to compute, so it works under ``no_grad`` and ``inference_mode``.

    Args:
        values: [B, C, h, w], values on the sampled grid.
        grid: [B, h, w, 2] as made by :func:`sampling_grid`.
        size: (H, W) of the image that was sampled.
        grid_gradient: by default the positions get no gradient: the rule by which DeepRep's optimiser was trained.
            True gives the full derivative.

    Returns:
        [B, C, H, W]; the gradient to ``values`` is ``sample`` of the incoming gradient.
    """
    spread: torch.Tensor = _SampleAdjoint.apply(_wide(values), grid, size, grid_gradient).to(values.dtype)
    return spread


def warp_adjoint(
    values: torch.Tensor, flow: torch.Tensor, size: tuple[int, int] | None = None, flow_gradient: bool = False
) -> torch.Tensor:
    """The exact adjoint of ``warp(·, flow)`` (bilinear, zeros) applied to ``values`` [B, C, h, w].

    ``size`` (H, W) is that of the warped image if it differs from the flow's. See :func:`sample_adjoint`.
    """
    _check(values, flow)
    if values.shape[-2:] != flow.shape[-2:]:
        raise ValueError(f"values {tuple(values.shape)} do not lie on the grid of the flow {tuple(flow.shape)}")
    size = size or (flow.shape[-2], flow.shape[-1])
    return sample_adjoint(values, sampling_grid(flow, size), size, flow_gradient)


class _SampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, grid: torch.Tensor, size: tuple[int, int], grid_gradient: bool
    ) -> torch.Tensor:
        ctx.grid_gradient = grid_gradient
        ctx.save_for_backward(values if grid_gradient else None, grid)
        # The sampled image only lends its shape here: sampling is linear in it.
        image = values.new_zeros(1).expand(*values.shape[:2], *size)
        return _sampler_backward(values, image, grid, (True, False))[0]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        values, grid = ctx.saved_tensors
        grad_values = sample(grad, grid) if ctx.needs_input_grad[0] else None
        grad_grid = None
        if ctx.grid_gradient and ctx.needs_input_grad[1]:
            # <grad, adjoint(values)> = <sample(grad), values>, whose derivative to the grid the sampler knows.
            grad_grid = _sampler_backward(values, grad, grid, (False, True))[1]
        return grad_values, grad_grid, None, None


def _sampler_backward(
    grad: torch.Tensor, image: torch.Tensor, grid: torch.Tensor, wanted: tuple[bool, bool]
) -> tuple[torch.Tensor, torch.Tensor]:
    gradients: tuple[torch.Tensor, torch.Tensor] = torch.ops.aten.grid_sampler_2d_backward(
        grad, image, grid, _BILINEAR, _ZEROS, False, list(wanted)
    )
    return gradients


def _wide(x: torch.Tensor) -> torch.Tensor:
    """Half precision as float32; other types as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _check(feat: torch.Tensor, flow: torch.Tensor) -> None:
    if feat.ndim != 4 or flow.ndim != 4 or flow.shape[1] != 2 or flow.shape[0] != feat.shape[0]:
        raise ValueError(
            f"expected features [B, C, H, W] and a flow [B, 2, h, w], got {tuple(feat.shape)} and {tuple(flow.shape)}"
        )
