"""Which device a run uses, and how strictly it repeats itself."""

from __future__ import annotations

import os

import torch

from admin.settings import Settings


def choose_device(settings: Settings) -> torch.device:
    """``settings.device`` if given, else the first GPU if there is one and ``use_gpu`` is set, else the CPU.

    Raises:
        ValueError: the device asked for does not exist here.
    """
    if settings.device is None:
        return torch.device("cuda:0" if settings.use_gpu and torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(settings.device)
    except RuntimeError as error:
        raise ValueError(f"device = {settings.device!r}: no such device; use cpu, cuda or cuda:<number>") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ValueError(
                f"device = {settings.device!r}: this machine has {count} usable GPUs; leave it out, or use cpu"
            )
    return device


def apply_reproducibility(settings: Settings) -> None:
    """Sets torch's switches from ``settings.deterministic`` and ``settings.cudnn_benchmark``."""
    torch.backends.cudnn.benchmark = bool(settings.cudnn_benchmark) and not settings.deterministic
    torch.use_deterministic_algorithms(bool(settings.deterministic))
    if settings.deterministic:
        # cuBLAS repeats itself only with a fixed workspace, and reads this when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
