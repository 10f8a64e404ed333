"""Burst synthesis step by step as it was published: every pixel of every frame warped, and where it came from."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch

from data.burst_motion import Motion
from data.processing import SyntheticBurstProcessing
from data.synthetic_burst_generation import mosaic_with_noise, render_frames, unprocess


def positions_map(shape: tuple[int, int], motion: Motion, factor: int, border: int) -> np.ndarray:
    """Where the pixels of a frame lie in the photograph, [h, w, 2], in pixels of the mosaic."""
    matrix = np.vstack([motion.matrix(shape), [0, 0, 1]])
    y, x = np.mgrid[: shape[0], : shape[1]]
    source = np.einsum("ij,jhw->hwi", np.linalg.inv(matrix)[:2], np.stack([x, y, np.ones_like(x)]))
    inside = source[border : shape[0] - border, border : shape[1] - border].astype(np.float32)
    return cv2.resize(inside, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_LINEAR) / factor


def published_burst(
    processing: SyntheticBurstProcessing, frame: Any, params: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """``burst``, ``frame_gt`` and ``flow_vectors`` of a photograph, by the published steps."""
    linear = unprocess(processing._crop(frame, params), params)
    border, factor, motions = processing._border, processing.downsample_factor, params["motions"]
    burst_rgb = render_frames(linear, motions, factor, border, processing.interpolation_type)
    size = (linear.shape[-2], linear.shape[-1])
    maps = np.stack([positions_map(size, motion, factor, border) for motion in motions])
    return {
        "burst": mosaic_with_noise(burst_rgb, params),
        "frame_gt": linear[:, border : size[0] - border, border : size[1] - border].contiguous(),
        "flow_vectors": torch.from_numpy(maps - maps[:1]).permute(0, 3, 1, 2),
    }
