"""Synthetic RAW bursts from one sRGB photograph, exactly as the published training and validation data were made.

Bhat et al., *Deep Burst Super-Resolution*, CVPR 2021, arXiv 2101.10997. The photograph is brought to linear sensor
colours, moved and downsampled once per frame with OpenCV on 8-bit values, mosaicked, and noise is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from data import camera_pipeline as camera
from data.burst_motion import Motion, draw_motions, flow_vectors, get_tmat
from utils.draws import Draws, standard_normal

__all__ = [
    "Motion",
    "border_crop_of",
    "camera_meta_info",
    "draw_camera",
    "draw_motions",
    "draw_raw_burst",
    "flow_vectors",
    "get_tmat",
    "mosaic_with_noise",
    "render_frames",
    "rgb2rawburst",
    "single2lrburst",
    "unprocess",
    "with_noise",
]

Params = Mapping[str, Any]

_CAMERA_STEPS = ("random_ccm", "random_gains", "smoothstep", "gamma", "add_noise")
_PIXELS_AT_ONCE = 2**16
_INTERPOLATIONS = ("bilinear", "lanczos")


def draw_camera(image_processing_params: Params | None, draws: Draws) -> dict[str, Any]:
    """Colour matrix, gains and noise levels of one burst.

    ``image_processing_params`` switches steps off: ``random_ccm``, ``random_gains``, ``smoothstep``, ``gamma``,
    ``add_noise``, all True where absent; other keys are ignored.

    Returns:
        ``rgb2cam`` [3, 3], ``gains`` (rgb, red, blue), ``smoothstep``, ``gamma``, ``noise_levels`` (shot, read; zeros
        without noise) and ``noise_seed``.
    """
    on = {step: bool((image_processing_params or {}).get(step, True)) for step in _CAMERA_STEPS}
    return {
        "rgb2cam": camera.random_ccm(draws) if on["random_ccm"] else torch.eye(3),
        "gains": camera.random_gains(draws) if on["random_gains"] else (1.0, 1.0, 1.0),
        "smoothstep": on["smoothstep"],
        "gamma": on["gamma"],
        "noise_levels": camera.random_noise_levels(draws) if on["add_noise"] else (0.0, 0.0),
        "noise_seed": draws.seed(),
    }


def unprocess(image: torch.Tensor, params: Params) -> torch.Tensor:
    """An sRGB photograph as linear sensor colours: inverse tone curve, gamma, colour matrix and gains.

    Args:
        image: sRGB [3, H, W] in 0..1, or a batch [B, 3, H, W].
        params: see :func:`draw_camera`; of a batch ``rgb2cam`` is [B, 3, 3] and ``gains`` are three tensors [B].

    Returns:
        Of the same shape, in 0..1.
    """
    if image.dim() > 3 or image.device.type != "cpu":
        return _unprocessed(image, params)
    # In strips that stay in the processor's memory from the first step to the last.
    linear = torch.empty_like(image)
    rows = max(1, _PIXELS_AT_ONCE // image.shape[-1])
    for strip, part in zip(linear.split(rows, dim=-2), image.split(rows, dim=-2), strict=True):
        strip.copy_(_unprocessed(part, params))
    return linear


def _unprocessed(image: torch.Tensor, params: Params) -> torch.Tensor:
    if params["smoothstep"]:
        image = camera.invert_smoothstep(image)
    if params["gamma"]:
        image = camera.gamma_expansion(image)
    image = camera.apply_ccm(image, torch.as_tensor(params["rgb2cam"]))
    return camera.safe_invert_gains(image, *params["gains"]).clamp_(0.0, 1.0)


def mosaic_with_noise(burst_rgb: torch.Tensor, params: Params) -> torch.Tensor:
    """Packed noisy RAW frames [T, 4, h/2, w/2] in 0..1 of linear frames [T, 3, h, w]; see :func:`with_noise`."""
    return with_noise(camera.mosaic(burst_rgb), params)


def with_noise(burst: torch.Tensor, params: Params) -> torch.Tensor:
    """Noisy RAW frames in 0..1 of noise-free ones, packed [T, 4, h, w].

    ``params`` as of :func:`draw_camera`; ``noise``, a normal sample, may stand for ``noise_seed``.
    """
    shot, read = params["noise_levels"]
    if shot or read:
        noise = params.get("noise")
        if noise is None:
            noise = standard_normal(burst.shape, params["noise_seed"], burst.device)
        burst = camera.add_noise(burst, shot, read, noise=noise)
    return burst.clamp(0.0, 1.0)


def camera_meta_info(params: Params) -> dict[str, Any]:
    """The ``meta_info`` of a burst: what post-processing needs to show it."""
    rgb2cam = torch.as_tensor(params["rgb2cam"])
    rgb_gain, red_gain, blue_gain = params["gains"]
    shot, read = params["noise_levels"]
    return {
        "rgb2cam": rgb2cam,
        "cam2rgb": rgb2cam.inverse(),
        "rgb_gain": rgb_gain,
        "red_gain": red_gain,
        "blue_gain": blue_gain,
        "smoothstep": params["smoothstep"],
        "gamma": params["gamma"],
        "shot_noise_level": shot,
        "read_noise_level": read,
    }


def rgb2rawburst(
    image: torch.Tensor,
    burst_size: int,
    downsample_factor: int = 1,
    burst_transformation_params: Params | None = None,
    image_processing_params: Params | None = None,
    interpolation_type: str = "bilinear",
    draws: Draws | None = None,
    params: Params | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, dict[str, Any]]:
    """A synthetic RAW burst of one photograph.

    Args:
        image: sRGB float [3, H, W] in 0..1.
        burst_size: number of frames T.
        downsample_factor: photograph pixels per mosaic pixel and axis.
        burst_transformation_params: see :func:`draw_motions`, and ``border_crop`` of :func:`single2lrburst`.
        image_processing_params: see :func:`draw_camera`.
        interpolation_type: ``bilinear`` or ``lanczos``.
        draws: source of randomness; fresh draws if not given.
        params: what :func:`draw_raw_burst` returned, instead of drawing it here.

    Returns:
        ``burst`` [T, 4, h/2, w/2] noisy packed RGGB in 0..1; the linear image [3, H, W] before 8-bit rounding and
        border crop; ``burst_rgb`` [T, 3, h, w]; ``flow_vectors`` [T, 2, h, w], (x, y) in pixels of the full mosaic,
        with frame_i(p) = frame_0(p + flow_i(p)); ``meta_info``.
    """
    if params is None:
        params = draw_raw_burst(
            burst_size, downsample_factor, burst_transformation_params, image_processing_params, draws or Draws()
        )
    linear = unprocess(image, params)
    border = border_crop_of(burst_transformation_params)
    motions, shape = params["motions"], (image.shape[-2], image.shape[-1])
    burst_rgb = render_frames(linear, motions, downsample_factor, border, interpolation_type)
    flow = flow_vectors(shape, motions, downsample_factor, border)
    return mosaic_with_noise(burst_rgb, params), linear, burst_rgb, flow, camera_meta_info(params)


def draw_raw_burst(
    burst_size: int,
    downsample_factor: int,
    burst_transformation_params: Params | None,
    image_processing_params: Params | None,
    draws: Draws,
) -> dict[str, Any]:
    """Everything random about one burst: the entries of :func:`draw_camera`, and ``motions``."""
    params = draw_camera(image_processing_params, draws)
    params["motions"] = draw_motions(burst_size, downsample_factor, burst_transformation_params, draws)
    return params


def single2lrburst(
    image: np.ndarray | torch.Tensor,
    burst_size: int,
    downsample_factor: int = 1,
    transformation_params: Params | None = None,
    interpolation_type: str = "bilinear",
    draws: Draws | None = None,
    motions: Sequence[Motion] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Moved and downsampled copies of one image.

    Args:
        image: uint8 HWC array, or float CHW tensor in 0..1 or, if its maximum is at least 2, in 0..255. A tensor is
            truncated to 8 bits first, so frames are half a level darker than the image on average.
        burst_size: number of frames T.
        downsample_factor: f.
        transformation_params: see :func:`draw_motions`; ``border_crop`` pixels (none if absent, None or 0) are cut from
            each side of the moved image.
        interpolation_type: ``bilinear`` or ``lanczos``.
        draws: source of randomness; fresh draws if not given.
        motions: what :func:`draw_motions` returned, instead of drawing it here.

    Returns:
        Frames [T, C, h, w] in the range of the input, and flow [T, 2, h, w] as in :func:`rgb2rawburst`.
    """
    if motions is None:
        motions = draw_motions(burst_size, downsample_factor, transformation_params, draws or Draws())
    border = border_crop_of(transformation_params)
    shape = image.shape[:2] if isinstance(image, np.ndarray) else image.shape[-2:]
    frames = render_frames(image, motions, downsample_factor, border, interpolation_type)
    return frames, flow_vectors((int(shape[0]), int(shape[1])), motions, downsample_factor, border)


def border_crop_of(transformation_params: Params | None) -> int:
    """``border_crop`` of the burst parameters in pixels; None and absence mean none."""
    return int((transformation_params or {}).get("border_crop") or 0)


def render_frames(
    image: np.ndarray | torch.Tensor,
    motions: Sequence[Motion],
    downsample_factor: int,
    border_crop: int = 0,
    interpolation_type: str = "bilinear",
) -> torch.Tensor:
    """The frames of :func:`single2lrburst`: 8-bit warp, border crop and resize by OpenCV, to the bit.

    The resize has no antialiasing: for an even factor a pixel is the mean of the 2 x 2 pixels in the middle of its
    block. OpenCV 4.x and 5.x round bilinear warps differently, by at most one level after the resize.

    Raises:
        ValueError: unknown interpolation; nothing is left of the image; an array that is not uint8.
    """
    import cv2

    if interpolation_type not in _INTERPOLATIONS:
        raise ValueError(f"interpolation_type={interpolation_type!r}: choose one of {', '.join(_INTERPOLATIONS)}")
    interpolation = cv2.INTER_LINEAR if interpolation_type == "bilinear" else cv2.INTER_LANCZOS4
    pixels, peak = _to_8_bits(image)
    height, width = pixels.shape[:2]
    _check_remaining((height, width), border_crop, downsample_factor)
    inside = slice(border_crop, height - border_crop), slice(border_crop, width - border_crop)
    factor = 1.0 / downsample_factor
    frames = []
    for motion in motions:
        warped = cv2.warpAffine(pixels, motion.matrix((height, width)), (width, height), flags=interpolation)
        small = cv2.resize(warped[inside], None, fx=factor, fy=factor, interpolation=interpolation)
        frames.append(small.reshape(*small.shape[:2], -1))
    burst = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float().contiguous()
    return burst if peak == 255 else burst.div_(255.0)


def _to_8_bits(image: np.ndarray | torch.Tensor) -> tuple[np.ndarray, float]:
    """uint8 HWC, and what counts as white in the input: 1 or 255."""
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8:
            raise ValueError(f"an array must be uint8, not {image.dtype}; hand floats in as a tensor [C, H, W]")
        return image, 255.0
    peak = 1.0 if float(image.max()) < 2.0 else 255.0
    levels = (image * (255.0 / peak)).clamp(0.0, 255.0)
    return np.ascontiguousarray(levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()), peak


def _check_remaining(shape: tuple[int, int], border_crop: int, downsample_factor: int) -> None:
    if border_crop < 0 or min(shape) - 2 * border_crop < downsample_factor:
        raise ValueError(
            f"nothing is left of an image of {shape[0]} x {shape[1]} after border_crop={border_crop} on each side and"
            f" downsampling by {downsample_factor}: lower border_crop or take a larger crop"
        )
