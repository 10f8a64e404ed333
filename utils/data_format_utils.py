"""Between arrays (HWC) and tensors (CHW), and between display images (uint8 BGR) and float RGB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def numpy_to_torch(a: np.ndarray) -> torch.Tensor:
    """HWC array to float32 CHW tensor of the same values."""
    return torch.from_numpy(np.ascontiguousarray(a)).permute(2, 0, 1).to(torch.float32).contiguous()


def torch_to_numpy(a: torch.Tensor) -> np.ndarray:
    """CHW tensor to HWC array of the same values and type."""
    return a.detach().permute(1, 2, 0).cpu().numpy()


def torch_to_npimage(a: torch.Tensor, unnormalize: bool = True, input_bgr: bool = False) -> np.ndarray:
    """Display image, uint8 HWC BGR, of a tensor [C, H, W] with one or three channels.

    Args:
        a: in 0..1 if ``unnormalize``, else in 0..255; clamped, fractions are cut off.
        unnormalize: multiply by 255.
        input_bgr: the tensor is BGR already.
    """
    peak = 1.0 if unnormalize else 255.0
    image = torch_to_numpy(a.float().clamp(0.0, peak) * (255.0 / peak)).astype(np.uint8)
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    return image if input_bgr else np.ascontiguousarray(image[..., ::-1])


def npimage_to_torch(a: np.ndarray, normalize: bool = True, input_bgr: bool = True) -> torch.Tensor:
    """RGB tensor float32 [3, H, W] of a display image, uint8 HWC; the inverse of :func:`torch_to_npimage`.

    Args:
        a: BGR if ``input_bgr``, else RGB.
        normalize: divide by 255.
    """
    image = numpy_to_torch(a[..., ::-1] if input_bgr else a)
    return image / 255.0 if normalize else image


def rggb_to_rgb(image: torch.Tensor) -> torch.Tensor:
    """RGB [..., 3, h, w] of packed RGGB [..., 4, h, w], with the green of the red rows."""
    return image[..., [0, 1, 3], :, :]


def convert_dict(base_dict: Mapping[str, Any], batch_sz: int) -> list[dict[str, Any]]:
    """One dict per item of a collated dict: element i of every tensor and list; other values are dropped."""
    return [
        {key: value[i] for key, value in base_dict.items() if isinstance(value, (torch.Tensor, list))}
        for i in range(batch_sz)
    ]
