"""Which device a run uses, and how strictly it repeats itself."""

from __future__ import annotations

import os

import torch

from admin import distributed
from admin.settings import Settings


def choose_device(settings: Settings) -> torch.device:
    """``settings.device`` if given, else a GPU if there is one and ``use_gpu`` is set, else the CPU.

    Of several processes on one machine every one has its own GPU, by its number there.

    Raises:
        ValueError: the device asked for does not exist here, or several processes would share a GPU.
    """
    if settings.device is None:
        return own_device() if settings.use_gpu else torch.device("cpu")
    device = _named_device(settings)
    if device == torch.device("cuda"):
        return own_device()
    if device.type == "cuda" and distributed.count() > 1:
        raise ValueError(
            f"device = {settings.device!r} names one GPU for {distributed.count()} processes; leave it out, and each "
            "takes its own (CUDA_VISIBLE_DEVICES chooses among them)"
        )
    return device


def own_device() -> torch.device:
    """The GPU of this process, the first one where it is alone; the CPU if there is none.

    Raises:
        ValueError: there are fewer GPUs than processes on this machine.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    index, gpus = distributed.local_number(), torch.cuda.device_count()
    if index >= gpus:
        raise ValueError(
            f"process {index + 1} on this machine has no GPU of its own, there are {gpus}: start torchrun with "
            f"--nproc_per_node={gpus}, or hide the GPUs (CUDA_VISIBLE_DEVICES=) to work on the CPU"
        )
    return torch.device("cuda", index)


def _named_device(settings: Settings) -> torch.device:
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
