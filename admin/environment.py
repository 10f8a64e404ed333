"""Where things lie on this machine: workspace, released networks, data sets.

Defaults lie under ``./workspace`` of the repository. ``admin/local.py`` (class ``EnvironmentSettings`` with plain
attributes) is honoured when present and never overwritten; environment variables ``BURSTLAB_<KEY>``, for example
``BURSTLAB_WORKSPACE_DIR``, override single keys.
"""

from __future__ import annotations

import logging
import os
import runpy
import traceback
from functools import cache
from pathlib import Path

from utils.atomic_write import write_text
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parent.parent
LOCAL_FILE = Path(__file__).resolve().with_name("local.py")
VARIABLE_PREFIX = "BURSTLAB_"

# Key -> what it is. Keys that end a data set's folder are empty until the user names one.
KEYS = {
    "workspace_dir": "checkpoints, curves and predictions of your runs",
    "tensorboard_dir": "TensorBoard curves",
    "pretrained_nets_dir": "released networks",
    "save_data_path": "predictions saved by the evaluation scripts",
    "zurichraw2rgb_dir": "Zurich RAW to RGB data set",
    "burstsr_dir": "BurstSR data set",
    "synburstval_dir": "SyntheticBurst validation set",
    "openimages_dir": "OpenImages data set",
    "kpn_testset_path": "grey burst denoising test set (KPN)",
    "bpn_color_testset_dir": "colour burst denoising test set (BPN)",
    "reds_dir": "REDS video data set, folder or LMDB file",
    "videezy_dir": "Videezy 4K test clips",
    "sc_burst_dir": "SC_burst, real bursts of smartphones",
    "imagenet_dir": "ImageNet, or photographs in its layout",
    "imagefolder_dir": "a folder of your own images",
    "sr3_frames_dir": "prepared frames of videos for SR3",
    "rawsr_dir": "RawSR training and test pairs",
    "rawsr_real_dir": "RAW files of cameras for RawSR",
}


class LocalSettingsError(Exception):
    """``admin/local.py`` cannot be used; says in which line and why."""


class EnvironmentSettings:
    """Folders of this machine as plain attributes (text), one for every key of ``KEYS``."""

    workspace_dir: str
    tensorboard_dir: str
    pretrained_nets_dir: str
    save_data_path: str
    zurichraw2rgb_dir: str
    burstsr_dir: str
    synburstval_dir: str
    openimages_dir: str
    kpn_testset_path: str
    bpn_color_testset_dir: str
    imagenet_dir: str
    imagefolder_dir: str
    sr3_frames_dir: str
    rawsr_dir: str
    rawsr_real_dir: str
    reds_dir: str
    videezy_dir: str
    sc_burst_dir: str

    def __init__(self, **values: str) -> None:
        """Takes over non-empty ``values``; everything else gets its default, seen from ``workspace_dir``."""
        given = {key: value for key, value in values.items() if value}
        workspace = given.get("workspace_dir", str(REPOSITORY / "workspace"))
        defaults = dict.fromkeys(KEYS, "") | {
            "workspace_dir": workspace,
            "tensorboard_dir": os.path.join(workspace, "tensorboard", ""),
            "pretrained_nets_dir": str(REPOSITORY / "pretrained_networks"),
            "save_data_path": os.path.join(workspace, "saved_predictions"),
        }
        self.__dict__.update(defaults | given)


def env_settings(local_file: Path | None = None) -> EnvironmentSettings:
    """The folders of this machine: environment variables before ``admin/local.py`` before defaults.

    Args:
        local_file: another file than ``admin/local.py``; it need not exist.

    Raises:
        LocalSettingsError: the file has an error; it names file, line and cause. The file is left as it is.
    """
    values = _read_local_file(local_file or LOCAL_FILE)
    for key in KEYS:
        variable = os.environ.get(VARIABLE_PREFIX + key.upper())
        if variable:
            values[key] = variable
    for variable in os.environ:
        if variable.startswith(VARIABLE_PREFIX) and variable.removeprefix(VARIABLE_PREFIX).lower() not in KEYS:
            known = [VARIABLE_PREFIX + key.upper() for key in KEYS]
            _warn_once(f"{unknown_name_message('environment variable', variable, known)} It is not used.")
    return EnvironmentSettings(**{key: os.path.expanduser(value) for key, value in values.items()})


def create_default_local_file(local_file: Path | None = None) -> Path:
    """Writes ``admin/local.py`` with the defaults, one commented line for each key, unless it is there already."""
    local_file = local_file or LOCAL_FILE
    if local_file.exists():
        return local_file
    defaults = EnvironmentSettings()
    lines = ["class EnvironmentSettings:", "    def __init__(self):"]
    lines += [f"        self.{key} = {getattr(defaults, key)!r}  # {what}" for key, what in KEYS.items()]
    write_text(local_file, "\n".join(lines) + "\n")
    return local_file


@cache
def _warn_once(text: str) -> None:
    logger.warning(text)


def _read_local_file(path: Path) -> dict[str, str]:
    """The attributes of an instance of the file's ``EnvironmentSettings``; empty if there is no file."""
    if not path.is_file():
        return {}
    try:
        settings = runpy.run_path(str(path))["EnvironmentSettings"]()
        values = {
            name: getattr(settings, name)
            for name in dir(settings)
            if not name.startswith("_") and not callable(getattr(settings, name))
        }
    except Exception as error:  # the file is the user's program: whatever it raises is worded with its line
        raise LocalSettingsError(_worded(path, error)) from error
    for name, value in values.items():
        if name not in KEYS:
            _warn_once(f"{path}: {unknown_name_message('key', name, KEYS)} It is not used.")
        if not isinstance(value, (str, os.PathLike)):
            raise LocalSettingsError(f"{path}: {name} is {value!r}, but must be a path ('' if you do not have it)")
    return {name: os.fspath(value) for name, value in values.items()}


def _worded(path: Path, error: Exception) -> str:
    way_out = "Correct the line, or move the file away and call admin.environment.create_default_local_file()."
    if isinstance(error, KeyError) and error.args == ("EnvironmentSettings",):
        return f"{path} defines no class EnvironmentSettings. {way_out}"
    if isinstance(error, SyntaxError):
        line: int | None = error.lineno
    else:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = lines[-1] if lines else None
    place = f"{path}, line {line}" if line else str(path)
    return f"{place}: {type(error).__name__}: {error}. {way_out}"
