"""Turn an options file (YAML) of the original two-stage alignment program into a settings file.

examples:
  python util_scripts/import_two_stage_options.py options/train/train_burst_JDD_2stage.yml
  python util_scripts/import_two_stage_options.py my_options.yml --name my_experiment

Writes train_settings/two_stage_align/NAME.py, which python run_training.py two_stage_align NAME runs. Options that the
original program reads and this one cannot follow are refused; those that it never read are ignored.
"""

from __future__ import annotations

import pprint
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util_scripts.settings_import import following, given, import_main, in_docstring, part

SETTINGS_FOLDER = Path(__file__).resolve().parents[1] / "train_settings" / "two_stage_align"
_NETWORK = "JDDB_BiGRU_Dconv_wInter"
_TEMPLATE = '''"""Two-stage alignment, imported from {source}.

Command: python run_training.py two_stage_align {name}
Data: {data}
"""

from typing import Any

from admin.settings import Settings
from train_settings.two_stage import train_on_reds
from trainers.restarts import {schedule_class}

NETWORK: dict[str, Any] = {network}
SCHEDULE = {schedule_class}(
{schedule}
)


def run(settings: Settings) -> None:
    """Builds and trains the network."""
{assignments}
    train_on_reds(settings, NETWORK, SCHEDULE)
'''


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    return import_main(
        __doc__,
        arguments,
        SETTINGS_FOLDER,
        "YAML",
        lambda stem: re.sub(r"\W", "_", stem),
        lambda path, name: settings_file(read_options(path), name, path.name),
    )


def read_options(path: Path) -> dict[str, Any]:
    """The content of an options file. Tags that would build objects are refused.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no YAML mapping; names line and cause.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply for an options file") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected a mapping with datasets, network_G, train")
    return content


def settings_file(options: Mapping[str, Any], name: str, source: str) -> str:
    """The text of the settings file.

    Raises:
        ValueError: an option is missing, or cannot be followed.
    """
    with following(source):
        schedule_class, schedule = schedule_of(options)
        assignments, network = settings_of(options), network_of(options)
    root = assignments["reds_root"]
    return _TEMPLATE.format(
        source=in_docstring(source),
        name=name,
        data="reds_dir" if root is None else in_docstring(root),
        network=pprint.pformat(network, width=110, sort_dicts=False),
        schedule_class=schedule_class,
        schedule="\n".join(f"    {key}={value!r}," for key, value in schedule.items()),
        assignments="\n".join(f"    settings.{key} = {value!r}" for key, value in assignments.items()),
    )


def network_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``models.two_stage_align.two_stage_net.two_stage_align``.

    Raises:
        ValueError: another network, or another scale of the features.
    """
    network = part(options, "network_G")
    which = network.get("which_model_G", _NETWORK)
    if which != _NETWORK:
        raise ValueError(f"network_G.which_model_G is {which!r}; only {_NETWORK} can be imported")
    scale = given(network, "align_scale", 4)
    if scale != 4:
        raise ValueError(f"network_G.align_scale is {scale}; features have a quarter of the packed resolution")
    return {
        "channels": int(given(network, "nf", 64)),
        "deformable_groups": int(given(network, "groups", 8)),
        "interpolation": bool(given(network, "w_Inter", True)),
        "noise_map": "variance",
        "patch": int(given(part(options, "datasets", "train"), "LQ_size", 64)),
        "margin": 0,
        "search_window": int(given(network, "search_window", 64)),
    }


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings file assigns to ``settings``.

    Raises:
        ValueError: an option cannot be followed.
    """
    data, training = part(options, "datasets", "train"), part(options, "train")
    paths, log = options.get("path") or {}, options.get("logger") or {}
    if given(data, "mode", "REDS_Joint") != "REDS_Joint":
        raise ValueError(f"datasets.train.mode is {data['mode']!r}; only REDS_Joint can be imported")
    if data.get("border_mode"):
        raise ValueError("datasets.train.border_mode is true: the ground truth is then another frame than the restored")
    if paths.get("resume_state"):
        raise ValueError("path.resume_state: training states of the original cannot be resumed; name the networks")
    steps = int(training["niter"])
    every = min(int(given(training, "val_freq", steps)), steps)
    gpus = options.get("gpu_ids") or [0]
    return {
        "description": f"Two-stage alignment: {options.get('name', 'imported options')}",
        "batch_size": int(data["batch_size"]),
        "num_workers": int(given(data, "n_workers", 4)) * len(gpus),
        "multi_gpu": len(gpus) > 1,
        "print_interval": int(given(log, "print_freq", 20)),
        "seed": int(given(training, "manual_seed", 0)),
        "burst_sz": int(given(data, "N_frames", 5)),
        "crop_sz": 720,
        "patch_sz": int(given(data, "LQ_size", 64)),
        "search_window": network_of(options)["search_window"],
        "intervals": tuple(given(data, "interval_list", [1])),
        "random_reverse": bool(data.get("random_reverse")),
        "use_flip": bool(data.get("use_flip")),
        "use_rot": bool(data.get("use_rot")),
        "reds_root": data.get("dataroot_GT"),
        "frame_sz": (720, 1280),
        "steps_per_epoch": every,
        "epochs": -(-steps // every),
        "learning_rate": float(training["lr_G"]),
        "learning_rate_features": float(given(training, "lr_DSNet", training["lr_G"])),
        "betas": (float(given(training, "beta1", 0.9)), float(given(training, "beta2", 0.99))),
        "weight_decay": float(given(training, "weight_decay_G", 0.0)),
        "patch_matching": True,
        "initial_reconstruction": paths.get("pretrain_model_G"),
        "initial_features": paths.get("pretrain_model_DSNet"),
        "strict_load": bool(paths.get("strict_load")),
    }


def schedule_of(options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class of ``trainers.restarts`` and its arguments.

    Raises:
        ValueError: an unknown schedule, a warm-up, or cleared states of the optimiser.
    """
    training = part(options, "train")
    if int(given(training, "warmup_iter", -1)) > 0:
        raise ValueError(f"train.warmup_iter is {training['warmup_iter']}: a warm-up is not supported; set it to -1")
    if training.get("clear_state"):
        raise ValueError("train.clear_state is true: the optimiser keeps its state at restarts; set it to false")
    restarts = [int(step) for step in training.get("restarts") or []]
    common = {"restarts": restarts, "weights": [float(w) for w in training.get("restart_weights") or []]}
    scheme = training.get("lr_scheme")
    if scheme == "CosineAnnealingLR_Restart":
        periods = [int(steps) for steps in training["T_period"]]
        return "CosineRestarts", {"periods": periods, **common, "eta_min": float(given(training, "eta_min", 0.0))}
    if scheme == "MultiStepLR":
        milestones = [int(step) for step in training["lr_steps"]]
        return "StepRestarts", {"milestones": milestones, "gamma": float(training["lr_gamma"]), **common}
    raise ValueError(f"train.lr_scheme is {scheme!r}; known are CosineAnnealingLR_Restart and MultiStepLR")


if __name__ == "__main__":
    sys.exit(main())
