"""PWC-Net as DBSR and DeepRep use it (D. Sun, X. Yang, M.-Y. Liu, J. Kautz, CVPR 2018, arXiv 1709.02371)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from admin.environment import env_settings
from admin.model_constructor import weights_will_follow
from models.alignment.flow_images import flow_in_pixels, prepare
from models.alignment.pwcnet_layers import Network

WEIGHTS_FILE = "pwcnet-network-default.pth"


class PWCNet(nn.Module):
    """Optical flow between two RGB images of any size, in pure PyTorch.

    Values are used as they are, without mean subtraction, and in RGB order although the published weights were trained
    on BGR: the published systems do it this way.

    Args:
        load_pretrained: load the published weights (left out while a network is rebuilt from a checkpoint).
        weights_path: their file; None means ``pwcnet-network-default.pth`` in the directory of pretrained networks.
        rgb2bgr: reverse the order of the channels first.

    Raises:
        FileNotFoundError: the weights are wanted and not there.
        ValueError: the file holds something else.
    """

    # One image may be given for several consecutive ones on the other side: its features are then computed once.
    shares_source = shares_target = True

    def __init__(
        self, load_pretrained: bool = True, weights_path: str | Path | None = None, rgb2bgr: bool = False
    ) -> None:
        super().__init__()
        self.net = Network()
        self.rgb2bgr = rgb2bgr
        if load_pretrained and not weights_will_follow():
            self.net.load_state_dict(_published_weights(weights_path, self.net.state_dict()))

    def forward(self, source_img: torch.Tensor, target_img: torch.Tensor) -> torch.Tensor:
        """The flow from ``target_img`` into ``source_img``: ``warp(source_img, flow)`` resembles ``target_img``.

        Args:
            source_img, target_img: [B, 3, H, W]; either may hold one image for k consecutive ones of the other.

        Returns:
            [B, 2, H, W] in pixels, on the grid of the target.
        """
        source = prepare(source_img, 3, self.rgb2bgr, "source_img")
        target = prepare(target_img, 3, self.rgb2bgr, "target_img")
        return flow_in_pixels(self.net(target, source), (target_img.shape[-2], target_img.shape[-1]))


def _published_weights(path: str | Path | None, expected: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    path = Path(env_settings().pretrained_nets_dir) / WEIGHTS_FILE if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no PWC-Net weights at {path}. Download the file 'network-default' (docs/model_zoo.md says from where) "
            f"and put it there as {WEIGHTS_FILE}, or pass weights_path= or load_pretrained=False"
        )
    content = torch.load(path, map_location="cpu", weights_only=True)
    weights = {str(key).replace("module", "net"): value for key, value in content.items()}
    wrong = sorted(weights.keys() ^ expected.keys()) or sorted(
        key for key, value in expected.items() if weights[key].shape != value.shape
    )
    if wrong:
        raise ValueError(f"{path} is no weight file of PWC-Net: {len(wrong)} entries differ, for example {wrong[0]}")
    return weights
