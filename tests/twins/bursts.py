"""Burst synthesis step by step as it was published: every pixel of every frame warped, and where it came from."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from data.boxes import Box
from data.burst_motion import Motion
from data.processing import SyntheticBurstProcessing
from data.synthetic_burst_generation import mosaic_with_noise, render_frames


def positions_map(shape: tuple[int, int], motion: Motion, factor: int, border: int) -> np.ndarray:
    """Where the pixels of a frame lie in the photograph, [h, w, 2], in pixels of the mosaic."""
    return positions_maps(shape, [motion], factor, border)[0]


def positions_maps(shape: tuple[int, int], motions: list[Motion], factor: int, border: int) -> np.ndarray:
    """Those of all frames, [T, h, w, 2]: a map of the positions of all pixels, cut and resized as the frames are."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    pixels = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    maps = []
    for motion in motions:
        matrix = np.vstack([motion.matrix(shape), [0, 0, 1]])
        source = (np.linalg.inv(matrix)[:2] @ pixels).astype(np.float32).reshape(2, height, width)
        inside = np.ascontiguousarray(source[:, border : height - border, border : width - border].transpose(1, 2, 0))
        small = cv2.resize(inside, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_LINEAR)
        maps.append(small / factor)
    return np.stack(maps)


def plain_crop(processing: SyntheticBurstProcessing, frame: Any, params: Any) -> torch.Tensor:
    """The transformed crop, enlarged if the photograph is small."""
    crop = processing._transformed_crop(frame, Box(*params["box"]), params["transform"])
    return F.interpolate(crop[None], size=processing._padded_size, mode="bilinear", align_corners=False)[0]


def plain_unprocess(image: torch.Tensor, params: Any) -> torch.Tensor:
    """Inverse tone curve, gamma, colour matrix and gains, formula by formula."""
    rgb_gain, red_gain, blue_gain = params["gains"]
    image = 0.5 - torch.sin(torch.asin(1.0 - 2.0 * image.clamp(0.0, 1.0)) / 3.0)
    image = image.clamp(min=1e-8) ** 2.2
    image = (params["rgb2cam"] @ image.reshape(3, -1)).view(image.shape)
    gains = torch.tensor([1.0 / red_gain, 1.0, 1.0 / blue_gain])[:, None, None] / rgb_gain
    highlight = ((image.mean(dim=0, keepdim=True) - 0.9).clamp(min=0.0) / 0.1) ** 2
    return (image * torch.maximum(highlight + (1.0 - highlight) * gains, gains)).clamp(0.0, 1.0)


def published_burst(processing: SyntheticBurstProcessing, frame: Any, params: Any) -> dict[str, torch.Tensor]:
    """``burst``, ``frame_gt`` and ``flow_vectors`` of a photograph, by the published steps."""
    linear = plain_unprocess(plain_crop(processing, frame, params), params)
    border, factor, motions = processing._border, processing.downsample_factor, params["motions"]
    burst_rgb = render_frames(linear, motions, factor, border, processing.interpolation_type)
    size = (linear.shape[-2], linear.shape[-1])
    maps = positions_maps(size, motions, factor, border)
    return {
        "burst": mosaic_with_noise(burst_rgb, params),
        "frame_gt": linear[:, border : size[0] - border, border : size[1] - border].contiguous(),
        "flow_vectors": torch.from_numpy(maps - maps[:1]).permute(0, 3, 1, 2),
    }
