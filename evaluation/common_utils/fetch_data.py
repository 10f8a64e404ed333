"""Test data of the published benchmarks: found where the environment says, else fetched."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from admin.data_locations import data_folder
from admin.environment import VARIABLE_PREFIX, env_settings

logger = logging.getLogger(__name__)


def find_or_fetch(data_key: str) -> Path:
    """The folder (or file) of a test set. What had to be fetched lies in `<workspace_dir>/datasets`.

    For the rest of the process the environment variable of the key names it.

    Raises:
        MissingDataSet: the environment names a place that is not there, or the archive was incomplete.
        utils.downloads.DownloadFailed: it cannot be fetched; names the manual way.
    """
    if getattr(env_settings(), data_key):
        return data_folder(data_key)
    place = _fetch(data_key, Path(env_settings().workspace_dir) / "datasets")
    os.environ[VARIABLE_PREFIX + data_key.upper()] = str(place)
    return place


def _fetch(data_key: str, folder: Path) -> Path:
    # Scripts are the only ones that know servers and archives; they load what most evaluations do not need.
    if data_key == "burstsr_dir":
        return _fetch_burstsr_validation(folder)
    from util_scripts.download_dataset import download_dataset

    return download_dataset(data_key, folder)


def _fetch_burstsr_validation(folder: Path) -> Path:
    """The validation part alone; the training parts are 9 more archives."""
    from util_scripts.data_sources import fetch_and_merge, folder_with
    from util_scripts.download_burstsr_dataset import SERVER

    root = folder / "burstsr_dataset"
    fetch_and_merge(
        [f"{SERVER}/val.zip"], root / "val.zip", root / "val", lambda found: folder_with(found, "val") / "val"
    )
    return root
