"""The networks of the toolkit as methods: found by name, given the whole burst tile by tile."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from admin.checkpoints import CheckpointError
from admin.devices import own_device
from admin.loading import find_checkpoint, load_network
from evaluation.common_utils.network_param import SHIPPED_NETWORKS, find_network_file
from restoration.adapters import ADAPTERS, Adapter, chosen_frames
from restoration.burst import FloatImage, Progress, RawBurst, RestorationError, Restored
from restoration.geometry import coarsely_aligned
from restoration.memory import is_out_of_memory
from restoration.sources import FileState, file_state
from restoration.tasks import CLASSICAL
from restoration.tiles import restore_in_tiles
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)

# What the constructors of networks are made for.
TASKS = {
    "deeprep_sr_iccv21": "sr",
    "deeprep_sr_own_flow": "sr",
    "dbsrnet_cvpr2021": "sr",
    "deeprep_denoise_iccv21": "denoise",
    "deeprep_denoise_custom_flow_iccv21": "denoise",
    "deeprep_denoise_small": "denoise",
    "two_stage_align": "jdd",
    "burst_deblur_eccv18": "deblur",
    "rawsr": "rawsr",
    "sr3": "sr3",
}
_ENDING = ".safetensors"
_PROBE = 64


@dataclass(frozen=True)
class LearnedMethod:
    """A network as a method.

    Attributes:
        net: in evaluation mode, on its device.
        adapter: how it is asked.
        own_task: what the command line says that a network of one's own is made for; None for those of the toolkit.
        weights: path, size and time of the file that it comes from, as it was before it was read; empty where it comes
            from none.
    """

    net: nn.Module
    adapter: Adapter
    weights: tuple[FileState, ...] = ()
    own_task: str | None = None

    def __call__(self, burst: RawBurst, progress: Progress, memory_bytes: int, work_folder: Path) -> Restored:
        """Restores the reference frame; see `restoration.burst`."""
        if self.adapter.most_frames != 1:
            burst = coarsely_aligned(burst, progress)
        burst = chosen_frames(burst, self.adapter.most_frames, self.adapter.middle)
        image = restore_in_tiles(self.restore, burst, self._scale(burst), progress, memory_bytes, work_folder)
        return Restored(image, burst.capture, burst.names)

    def restore(self, part: RawBurst) -> FloatImage:
        """A tile, or a whole image: [S h, S w, 3], linear camera RGB.

        Raises:
            RestorationError: the network gives values that are not finite; it is one's own and cannot be called so.
        """
        try:
            with torch.no_grad():  # not inference_mode: some published networks differentiate in their forward pass
                image = self.adapter.restore(self.net, part)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            if self.own_task is None or isinstance(error, RestorationError) or is_out_of_memory(error):
                raise
            raise RestorationError(
                f"{type(self.net).__name__} cannot be called as --task {self.own_task} calls networks "
                f"(restoration/adapters.py): {error}"
            ) from error
        if not np.isfinite(image).all():
            raise RestorationError(f"{type(self.net).__name__} gives values that are not finite; is it trained?")
        return image

    def _scale(self, burst: RawBurst) -> int:
        """How much the network enlarges, tried on a corner where the task leaves it open."""
        if self.adapter.scale is not None:
            return self.adapter.scale
        corner = burst.part(0, 0, *(min(_PROBE, side) for side in burst.size))
        return int(self.restore(corner).shape[0]) // corner.size[0]


def load_method(name: str, task: str | None = None) -> tuple[LearnedMethod, str]:
    """A network and its task.

    Args:
        name: of a network that comes with the toolkit or is released, with or without ending; or a file, or the folder
            of a training.
        task: what it has to be made for; None takes what it is. Of networks that are not the toolkit's own it is
            believed.

    Raises:
        RestorationError: there is no such network, it cannot be loaded, it is made for something else, or what it is
            made for is neither known nor said.
    """
    try:
        file = find_checkpoint(_find(name))
        weights = file_state(file)
        net, content = load_network(file)
    except (CheckpointError, OSError, ValueError) as error:
        raise RestorationError(f"--network {name}: {error}") from error
    function = str((content.get("constructor") or {}).get("function"))
    made_for = TASKS.get(function, task)
    if made_for is None:
        tasks = ", ".join(ADAPTERS)
        raise RestorationError(f"--network {name} is built by {function}: say what it is made for, --task {tasks}")
    if task is not None and task != made_for:
        raise RestorationError(f"--network {name} is made for --task {made_for}, not {task}")
    own_task = None if function in TASKS else made_for
    return LearnedMethod(net.eval().to(own_device()), ADAPTERS[made_for], (weights,), own_task), made_for


def shipped_networks() -> list[str]:
    """Names of the networks that come with the toolkit."""
    return sorted(path.stem for path in SHIPPED_NETWORKS.glob(f"*{_ENDING}"))


def _find(name: str) -> Path:
    place = Path(name).expanduser()
    if place.exists():
        return place
    for candidate in (name, name + _ENDING):
        try:
            return find_network_file(candidate)
        except FileNotFoundError:
            continue
    raise RestorationError(unknown_name_message("network", name, [CLASSICAL, *shipped_networks()]))
