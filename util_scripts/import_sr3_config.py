"""Turn a JSON configuration of the original SR3 program into a settings file.

examples:
  python util_scripts/import_sr3_config.py config/sr3_frames_16_128.json
  python util_scripts/import_sr3_config.py my_config.json --name my_experiment

Writes train_settings/sr3/NAME.py, which python run_training.py sr3 NAME runs. Comments (// to the end of the line) may
stand anywhere outside strings. Folders of data that are not absolute are seen from sr3_frames_dir.
"""

from __future__ import annotations

import json
import pprint
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from util_scripts.settings_import import following, given, import_main, in_docstring, part

SETTINGS_FOLDER = Path(__file__).resolve().parents[1] / "train_settings" / "sr3"

# A string, or a comment: strings are found first, so that a comment cannot begin inside one.
_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*')

_TEMPLATE = '''"""SR3, imported from {source}.

Command: python run_training.py sr3 {name}
Data: folders of prepared frames, seen from sr3_frames_dir.
"""

from typing import Any

from admin.settings import Settings
from train_settings.sr3_frames import train_on_frames

NETWORK: dict[str, Any] = {network}


def run(settings: Settings) -> None:
    """Builds and trains the network."""
{assignments}
    train_on_frames(settings, NETWORK)
'''


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    return import_main(
        __doc__,
        arguments,
        SETTINGS_FOLDER,
        "JSON",
        lambda stem: stem.removeprefix("sr3_"),
        lambda path, name: settings_file(read_config(path), name, path.name),
    )


def read_config(path: Path) -> dict[str, Any]:
    """A configuration file, without its comments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON object; names line and cause.
    """
    text = _STRING_OR_COMMENT.sub(
        lambda found: found.group() if found.group().startswith('"') else "", path.read_text(encoding="utf-8")
    )
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply for a configuration") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, expected an object with model, datasets and train")
    return content


def network_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``models.sr3.constructors.sr3``.

    Raises:
        ValueError: the configuration is of another model, or lacks a part.
    """
    model = part(config, "model")
    which = model.get("which_model_G", "sr3")
    if which != "sr3":
        raise ValueError(f"model.which_model_G is {which!r}; only sr3 can be imported")
    unet, diffusion, schedules = (part(model, name) for name in ("unet", "diffusion", "beta_schedule"))
    if not given(diffusion, "conditional", True):
        raise ValueError("model.diffusion.conditional is false: such a model makes images, it does not enlarge any")
    channels = int(given(diffusion, "channels", 3))
    n_frames = frames_of(config)
    expected = channels * (n_frames + 1)
    if given(unet, "in_channel", expected) != expected:
        raise ValueError(
            f"model.unet.in_channel is {unet['in_channel']}; {n_frames} frames and the noisy image have {expected}"
        )
    train, val = (_schedule(part(schedules, phase)) for phase in ("train", "val"))
    network = {
        "schedule": train,
        "n_frames": n_frames,
        "channels": channels,
        "inner_channel": int(given(unet, "inner_channel", 32)),
        "norm_groups": int(given(unet, "norm_groups", 32)),
        "channel_mults": tuple(unet["channel_multiplier"]),
        "attn_res": tuple(given(unet, "attn_res", (8,))),
        "res_blocks": int(given(unet, "res_blocks", 3)),
        "dropout": float(given(unet, "dropout", 0.0)),
        "image_size": int(diffusion["image_size"]),
        "loss_type": given(diffusion, "loss_type", "l1"),
    }
    return network if val == train else network | {"sampling_schedule": val}


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings file assigns to ``settings``.

    Raises:
        ValueError: the configuration lacks a part, or asks for another optimiser than Adam.
    """
    datasets, training = part(config, "datasets"), part(config, "train")
    train, val, optimizer = part(datasets, "train"), part(datasets, "val"), part(training, "optimizer")
    if str(given(optimizer, "type", "adam")).lower() != "adam":
        raise ValueError(f"train.optimizer.type is {optimizer['type']!r}; sr3 is trained with adam")
    steps = int(training["n_iter"])
    every = min(int(given(training, "val_freq", steps)), steps)
    average = training.get("ema_scheduler") or {}
    return {
        "description": str(given(config, "name", "SR3")),
        "low": int(train["l_resolution"]),
        "high": int(train["r_resolution"]),
        "n_frames": frames_of(config),
        "train_frames": str(train["dataroot"]),
        "val_frames": str(val["dataroot"]),
        "datatype": str(given(train, "datatype", "img")),
        "train_videos": int(given(train, "data_len", -1)),
        "val_videos": 3,  # as the original, whatever data_len says
        "batch_size": int(train["batch_size"]),
        "num_workers": int(given(train, "num_workers", 0)),
        "print_interval": int(given(training, "print_freq", 1000)),
        "epochs": -(-steps // every),
        "steps_per_epoch": every,
        "learning_rate": float(optimizer["lr"]),
        "ema_decay": average.get("ema_decay"),
    }


def frames_of(config: Mapping[str, Any]) -> int:
    """Frames of the condition: 1 where ``multiframes`` is not set."""
    diffusion = part(part(config, "model"), "diffusion")
    return int(given(diffusion, "n_frames", 3)) if config.get("multiframes") else 1


def settings_file(config: Mapping[str, Any], name: str, source: str) -> str:
    """The text of ``train_settings/sr3/<name>.py``.

    Raises:
        ValueError: a key is missing.
    """
    with following(source):
        network, assigned = network_of(config), settings_of(config)
    lines = "\n".join(f"    settings.{key} = {value!r}" for key, value in assigned.items())
    text = pprint.pformat(network, sort_dicts=False, width=110)
    return _TEMPLATE.format(source=in_docstring(source), name=name, network=text, assignments=lines)


def _schedule(options: Mapping[str, Any]) -> dict[str, Any]:
    names = {"schedule": str, "n_timestep": int, "linear_start": float, "linear_end": float}
    return {name: kind(options[name]) for name, kind in names.items() if options.get(name) is not None}


if __name__ == "__main__":
    sys.exit(main())
