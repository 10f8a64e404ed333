"""Learned perceptual distance (Zhang et al., CVPR 2018), through the public ``lpips`` package.

The package brings its linear heads (version 0.1); the ImageNet weights of the backbone are a file of torchvision's that
it would download. Nothing is downloaded here: the file has to be there.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from admin.environment import env_settings
from models.loss.compared_images import compared_images
from utils.suggestions import unknown_name_message

_DOWNLOADS = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class _Backbone:
    name: str
    file: str


_BACKBONES = {"alex": _Backbone("AlexNet", "alexnet-owt-7be5be79.pth"), "vgg": _Backbone("VGG16", "vgg16-397923af.pth")}


class LPIPSUnavailable(FileNotFoundError):
    """LPIPS cannot be computed here; the message says what is missing and where to get it."""


def why_no_lpips(type: str = "alex") -> str | None:
    """Why LPIPS cannot be computed here, in a sentence that names the way out; None if it can."""
    if importlib.util.find_spec("lpips") is None:
        return "LPIPS needs the package lpips: pip install lpips"
    if _backbone_file(type) is not None:
        return None
    backbone = _BACKBONES[type]
    return (
        f"LPIPS needs the ImageNet weights of {backbone.name}: download {_DOWNLOADS}/{backbone.file} "
        f"into {' or '.join(str(folder) for folder in _weight_folders())}"
    )


class LPIPS(nn.Module):
    """Learned perceptual distance, mean over the batch; 0 for equal images.

    Images are passed on as they are, so 0..1 and not the -1..1 that the backbone was calibrated for: published figures
    of DBSR and DeepRep were made like that. Always in evaluation mode, never trained.

    Args:
        boundary_ignore: pixels cut at each side; None or 0 for none.
        type: backbone, ``'alex'`` or ``'vgg'``.
        bgr2rgb: reverse the order of the channels first.
        backbone: weights of the backbone under the names that the package gives them (``slice1.0.weight`` …) instead of
            torchvision's file.

    Raises:
        ValueError: the backbone is unknown.
        LPIPSUnavailable: the package or the backbone's weights are not there.
    """

    def __init__(
        self,
        boundary_ignore: int | None = None,
        type: str = "alex",
        bgr2rgb: bool = False,
        backbone: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        super().__init__()
        if type not in _BACKBONES:
            raise ValueError(unknown_name_message("LPIPS backbone", type, _BACKBONES))
        self.boundary_ignore, self.bgr2rgb = boundary_ignore, bgr2rgb
        self.loss = _build(type, backbone).requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> LPIPS:
        """Stays in evaluation mode, whatever ``mode`` says: the heads hold dropout."""
        return super().train(False)

    def forward(self, pred: torch.Tensor, gt: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """``pred``, ``gt`` [B, 3 or 1, H, W]; ``valid`` is ignored: features see across its border."""
        return self.per_image(pred, gt).mean()

    def per_image(self, pred: torch.Tensor, gt: torch.Tensor) -> torch.Tensor:
        """The distance of every pair, [B]."""
        pred, gt, _ = compared_images(pred, gt, None, self.boundary_ignore)
        if self.bgr2rgb:
            pred, gt = pred.flip(1), gt.flip(1)
        dtype = next(self.loss.parameters()).dtype
        distances: torch.Tensor = self.loss(pred.to(dtype), gt.to(dtype)).flatten()
        return distances


def _build(type: str, backbone: Mapping[str, torch.Tensor] | None) -> nn.Module:
    reason = why_no_lpips(type)
    if reason is not None and (backbone is None or importlib.util.find_spec("lpips") is None):
        raise LPIPSUnavailable(reason)

    import lpips

    # The package starts from a randomly filled backbone, which must not advance anybody's generator.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the package asks torchvision by its former arguments
        metric = lpips.LPIPS(net=type, pnet_rand=True, verbose=False)
    metric.net.load_state_dict(backbone if backbone is not None else _published_backbone(type, metric.net))
    built: nn.Module = metric
    return built


def _published_backbone(type: str, net: nn.Module) -> dict[str, torch.Tensor]:
    """torchvision's ``features.3.weight`` under the package's name, ``slice2.3.weight``."""
    file = _backbone_file(type)
    assert file is not None
    content = torch.load(file, map_location="cpu", weights_only=True)
    names = {key: "features." + key.split(".", 1)[1] for key in net.state_dict()}
    missing = [name for name in names.values() if name not in content]
    if missing:
        raise ValueError(
            f"{file} holds no ImageNet weights of {_BACKBONES[type].name}: {missing[0]} is missing. "
            f"Fetch it again from {_DOWNLOADS}/{_BACKBONES[type].file}"
        )
    return {key: content[name] for key, name in names.items()}


def _backbone_file(type: str) -> Path | None:
    files = (folder / _BACKBONES[type].file for folder in _weight_folders())
    return next((file for file in files if file.is_file()), None)


def _weight_folders() -> list[Path]:
    return [Path(env_settings().pretrained_nets_dir), Path(torch.hub.get_dir()) / "checkpoints"]
