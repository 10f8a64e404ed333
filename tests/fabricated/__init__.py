"""Tiny data sets in the layout that the published ones have on the disk, and what else has to be fetched.

Every function takes the folder (or file) that the key of the environment names and fills it. Pictures show a smooth
random scene, so that bursts can be aligned and scored; sizes are arguments, because the published ones take long.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fabricated.bursts import burstsr, synthetic_burst_val
from tests.fabricated.clips import reds, sc_burst
from tests.fabricated.denoise_test_sets import bpn_test_set, kpn_test_set
from tests.fabricated.networks import tiny_dbsr, tiny_denoiser
from tests.fabricated.photographs import image_folder, openimages, photograph, zurich
from tests.fabricated.weights import checkpoint, pwcnet_weights

__all__ = [
    "bpn_test_set",
    "burstsr",
    "checkpoint",
    "environment",
    "image_folder",
    "kpn_test_set",
    "openimages",
    "photograph",
    "pwcnet_weights",
    "reds",
    "sc_burst",
    "synthetic_burst_val",
    "tiny_dbsr",
    "tiny_denoiser",
    "zurich",
]


def environment(monkeypatch: pytest.MonkeyPatch, **places: Path) -> None:
    """Says where things lie, as a user does: ``environment(monkeypatch, burstsr_dir=folder)``."""
    for key, place in places.items():
        monkeypatch.setenv(f"BURSTLAB_{key.upper()}", str(place))
