"""The networks that the original projects have released: one table, and how a file of it comes onto this machine."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from admin.checkpoints import CheckpointError, read_checkpoint
from admin.environment import env_settings
from utils.atomic_write import write_text
from utils.downloads import DriveFile, download, file_sha256
from utils.suggestions import unknown_name_message

logger = logging.getLogger(__name__)

LICENCE = "see the original project; non-commercial"

SYNTHETIC_BURST = "SyntheticBurst, 14 frames: linear sensor colours quantised to 14 bits, border 40"
BURSTSR = "BurstSR validation, 14 frames: after spatial and colour alignment, border 40"
GREY_DENOISING = "KPN grey test set, 8 frames: PSNR in the sRGB-like space, border 8"
COLOUR_DENOISING = "BPN colour test set, 8 frames: PSNR in the sRGB-like space, border 8"


@dataclass(frozen=True)
class ReleasedNetwork:
    """One released file.

    Attributes:
        file: its name in ``pretrained_nets_dir``.
        drive_id: where it lies on Google Drive.
        system: the published system.
        constructor: ``module.function`` that the file names; None for bare weights.
        protocol: data and space of the scores; empty for a network that is a part of others.
        published: score → value as the authors give it for this file.
        measured: score → value as measured here; empty means not measured.
        is_default: fetched by ``install.sh --weights``.
    """

    file: str
    drive_id: str
    system: str
    constructor: str | None = None
    protocol: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    is_default: bool = False

    @property
    def name(self) -> str:
        """The file's name without ending."""
        return self.file.removesuffix(".pth")


def _by_gain(*values: float) -> dict[str, float]:
    return {f"PSNR gain {gain}": value for gain, value in zip((1, 2, 4, 8), values, strict=True)}


_DBSR = "models.dbsr.dbsrnet.dbsrnet_cvpr2021"
_DEEPREP = "models.deeprep.deeprepnet.deeprep"

RELEASED: dict[str, ReleasedNetwork] = {
    network.name: network
    for network in (
        ReleasedNetwork(
            "pwcnet-network-default.pth", "1s11Ud1UMipk2AbZZAypLPRpnXOS9Y1KO", "PWC-Net (optical flow)", is_default=True
        ),
        ReleasedNetwork(
            "dbsr_synthetic_default.pth",
            "1bdtz_gr_m9MnypVqDigH6H1xoae82lwY",
            "DBSR",
            _DBSR,
            SYNTHETIC_BURST,
            {"PSNR": 39.17, "SSIM": 0.946, "LPIPS": 0.081},
            is_default=True,
        ),
        ReleasedNetwork(
            "dbsr_burstsr_default.pth",
            "1GyfJzqBx9st9Qdvy2fRizWvxCbNOerFe",
            "DBSR",
            _DBSR,
            BURSTSR,
            {"PSNR": 47.70, "SSIM": 0.984, "LPIPS": 0.029},
            is_default=True,
        ),
        ReleasedNetwork(
            "deeprep_sr_synthetic_default.pth",
            "1GZ0S4BKaZbgiy9WmoYH4kAsXY7zDR_ks",
            "DeepRep",
            f"{_DEEPREP}_sr_iccv21",
            SYNTHETIC_BURST,
            {"PSNR": 41.55},
            is_default=True,
        ),
        ReleasedNetwork(
            "deeprep_sr_burstsr_default.pth",
            "1qvV41jWgPShY2f-I6-xUbTzxcDWqFX_6",
            "DeepRep",
            f"{_DEEPREP}_sr_iccv21",
            BURSTSR,
        ),
        ReleasedNetwork(
            "deeprep_denoise_grayscale_pwcnet.pth",
            "1Yt6qHeAexezqGfn-l9Zz0UpihhTtuMZu",
            "DeepRep",
            f"{_DEEPREP}_denoise_iccv21",
            GREY_DENOISING,
            _by_gain(39.37, 36.51, 33.38, 29.69),
        ),
        ReleasedNetwork(
            "deeprep_denoise_grayscale_customflow.pth",
            "1KVZwVKdMvnliaA0uajJExbd9xTcdUTVJ",
            "DeepRep",
            f"{_DEEPREP}_denoise_custom_flow_iccv21",
            GREY_DENOISING,
            _by_gain(39.10, 36.14, 32.89, 28.98),
        ),
        ReleasedNetwork(
            "deeprep_denoise_color_pwcnet.pth",
            "1wk8NqoLSAZYrhRdzvMXAyRJd4txta7QZ",
            "DeepRep",
            f"{_DEEPREP}_denoise_iccv21",
            COLOUR_DENOISING,
            _by_gain(42.21, 39.13, 35.75, 32.52),
            is_default=True,
        ),
        ReleasedNetwork(
            "deeprep_denoise_color_customflow.pth",
            "1Up3k8Eb2NsaimeN3oLjp1x62owiB5fwW",
            "DeepRep",
            f"{_DEEPREP}_denoise_custom_flow_iccv21",
            COLOUR_DENOISING,
            _by_gain(41.90, 38.85, 35.48, 32.29),
        ),
    )
}


def find_released(name: str) -> ReleasedNetwork | None:
    """The entry of the table with this name or file name; None if there is none."""
    return RELEASED.get(name.removesuffix(".pth"))


def released_file(name: str) -> Path:
    """The file of a released network in ``pretrained_nets_dir``, fetched from Google Drive if it is not there.

    A fetched file gets its name only after it was opened by the safe reader and holds the network that the table says.
    Its checksum is noted in ``<workspace_dir>/released_checksums.json``: fetched again later, it must be the same.

    Args:
        name: name in ``RELEASED``, with or without ``.pth``.

    Raises:
        ValueError: no released network has this name; offers the nearest.
        utils.downloads.DownloadFailed: it cannot be fetched; names the page and where the file belongs.
    """
    network = find_released(name)
    if network is None:
        raise ValueError(unknown_name_message("released network", name, RELEASED))
    path = Path(env_settings().pretrained_nets_dir) / network.file
    if path.is_file():
        return path
    logger.info("%s: %s (%s)", network.file, network.system, LICENCE)
    download(
        [DriveFile(network.drive_id)],
        path,
        sha256=_known_checksums().get(network.file),
        check=lambda file: check_released(network, file),
    )
    _note_checksum(path)
    return path


def check_released(network: ReleasedNetwork, path: Path) -> None:
    """Opens a file and makes sure that it holds this network. Runs no code from the file.

    Raises:
        ValueError: it is damaged, something else (e.g. a web page) or another network.
    """
    try:
        content = read_checkpoint(path)
    except CheckpointError as error:
        raise ValueError(str(error)) from error
    if network.constructor is None:
        if not content or not all(isinstance(value, torch.Tensor) for value in content.values()):
            raise ValueError(f"{network.file} should hold bare weights, found {', '.join(list(content)[:5])}")
        return
    stored = content.get("constructor")
    stored = stored if isinstance(stored, Mapping) else {}
    found = f"{stored.get('module')}.{stored.get('function')}"
    if "net" not in content or found != network.constructor:
        raise ValueError(f"{network.file} should hold a network built by {network.constructor}, found {found}")


def checksum_file() -> Path:
    """Where the checksums of fetched networks are noted."""
    return Path(env_settings().workspace_dir) / "released_checksums.json"


def _known_checksums() -> dict[str, str]:
    path = checksum_file()
    if not path.is_file():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in known.items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it, checksums are then noted anew") from error


def _note_checksum(path: Path) -> None:
    known = _known_checksums() | {path.name: file_sha256(path)}
    write_text(checksum_file(), json.dumps(known, indent=1, sort_keys=True) + "\n")
    logger.info("%s is here; SHA-256 %s, noted in %s", path, known[path.name], checksum_file())
