"""Settings of a training run: plain attributes, set by a settings file and read by the trainer."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from admin.environment import EnvironmentSettings, env_settings
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)


class Option(NamedTuple):
    """A setting that the trainer knows; ``example`` shows its kind where the default is None."""

    default: Any
    description: str
    example: Any = None


# What the trainer understands. A settings file may set any other attribute for its own use.
OPTIONS: dict[str, Option] = {
    "batch_size": Option(1, "samples per step of each process; a batch counts with this weight in the averages"),
    "num_workers": Option(0, "processes that prepare samples"),
    "multi_gpu": Option(False, "the settings file wraps the network in MultiGPU; an error where it does not"),
    "print_interval": Option(10, "batches between two printed lines"),
    "print_stats": Option(None, "tags to print, all if None"),
    "description": Option("", "what this run is about, in a sentence"),
    "module_name": Option("", "folder of the settings file, set by run_training.py"),
    "script_name": Option("", "name of the settings file, set by run_training.py"),
    "project_path": Option("", "MODULE/PARAM: where checkpoints and curves go"),
    "use_gpu": Option(True, "train on a GPU if there is one"),
    "device": Option(None, "device by name, for example cuda:1; overrides use_gpu"),
    "move_data_to_gpu": Option(True, "the trainer moves batches to the device"),
    "max_epochs": Option(None, "epochs to train; overrides the number that the settings file gives", 10),
    "max_minutes": Option(None, "training time over all resumed runs; the run then ends with a checkpoint", 60.0),
    "seed": Option(0, "seed of every random draw of the run"),
    "deterministic": Option(False, "only deterministic algorithms; slower on a GPU"),
    "cudnn_benchmark": Option(False, "let cuDNN try out algorithms; faster for constant shapes"),
    "check_only": Option(False, "build everything, run one batch, print what it costs, save nothing"),
    "mixed_precision": Option("no", "no, fp16 or bf16"),
    "grad_accumulation": Option(1, "batches whose gradients are averaged into one optimiser step"),
    "clip_grad_norm": Option(None, "largest norm of the gradient; None does not clip", 1.0),
    "ema_decay": Option(None, "keep a moving average of the weights with this decay, e.g. 0.999", 0.999),
    "sync_batchnorm": Option(False, "several processes: BatchNorm normalises by the batches of all of them"),
    "compile": Option(False, "compile the network with torch.compile"),
    "checkpoint_interval_minutes": Option(10.0, "minutes between two checkpoints inside an epoch"),
    "keep_last": Option(None, "epochs whose checkpoints stay; None keeps all", 3),
    "keep_best": Option(None, "also keep the epoch that is best in this, as <NetType>_best", "max val Stat/psnr"),
    "unreadable_samples": Option("stop", "a file of the training data cannot be read: stop, or replace it by another"),
}


class Settings:
    """Plain attributes. Those in ``OPTIONS`` have defaults; ``env`` holds the folders of this machine.

    Args:
        pinned: values that win over every later assignment (the command line's ``--set key=value``), for example
            ``{'batch_size': 2, 'max_epochs': 1}``.

    Raises:
        LocalSettingsError: ``admin/local.py`` has an error.
        ValueError: a pinned option is of another kind than its default, or cannot be pinned.
    """

    pinned: dict[str, Any]
    env: EnvironmentSettings

    def __init__(self, pinned: Mapping[str, Any] | None = None) -> None:
        _check_options(pinned or {})
        self.__dict__["pinned"] = dict(pinned or {})
        self.__dict__["_assigned"] = set()
        self.__dict__.update(self.pinned)
        self.env = env_settings()
        self.use_gpu = True

    def __setattr__(self, name: str, value: Any) -> None:
        self._assigned.add(name)
        if name in self.pinned:
            _check_kind(name, self.pinned[name], value)
            if self.pinned[name] != value:
                logger.info("%s = %r (the settings file says %r)", name, self.pinned[name], value)
            return
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        """Called for names that were never assigned: the default of the option."""
        if name in OPTIONS:
            return OPTIONS[name].default
        if name.startswith("_"):  # asked by copy and pickle
            raise AttributeError(name)
        raise AttributeError(unknown_name_message("setting", name, [*OPTIONS, *self.__dict__]))

    def below(self, folder: str) -> Settings:
        """A copy whose checkpoints and curves go into ``folder`` below those of this run, also where it is pinned."""
        own = copy.copy(self)
        own.__dict__["project_path"] = f"{self.project_path}/{folder}"
        return own

    def check_pinned(self) -> None:
        """Makes sure that every pinned name means something: an option, or a name the settings file assigned.

        Raises:
            ValueError: a name is unknown; the nearest known ones are offered.
        """
        known = sorted(set(OPTIONS) | self._assigned)
        for name in self.pinned:
            if name not in known:
                raise ValueError(unknown_name_message("setting", name, known))

    def plain(self) -> dict[str, Any]:
        """All assigned values as plain Python values for a checkpoint; ``env`` as a dict; objects as their text."""
        values = {name: value for name, value in self.__dict__.items() if name not in ("_assigned", "pinned")}
        return {name: _plain(vars(value) if name == "env" else value) for name, value in values.items()}


def _check_options(pinned: Mapping[str, Any]) -> None:
    """A settings file seldom assigns these, so their kinds are checked before it runs."""
    for name, value in pinned.items():
        if name in OPTIONS:
            default, _, example = OPTIONS[name]
            _check_kind(name, value, example if default is None else default)
        elif hasattr(Settings, name) or name in Settings.__annotations__:
            raise ValueError(f"{name} cannot be set from outside; folders are set in admin/local.py or BURSTLAB_<KEY>")


def _check_kind(name: str, pinned: Any, assigned: Any) -> None:
    """A number cannot stand for a word or a switch, nor the other way round; a pair may stand for a number."""
    kinds: dict[type, str] = {bool: "switch", int: "number", float: "number", str: "text"}
    wanted, given = kinds.get(type(assigned)), kinds.get(type(pinned))
    if wanted is not None and given is not None and wanted != given:
        raise ValueError(f"setting {name} = {pinned!r}: expected a {wanted} like {assigned!r}")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)([_plain(item) for item in value]) if type(value) in (list, tuple) else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
