"""A loss of one's own: an actor that also compares gradients, and a short training with it.

python -m examples.own_actor
"""

from typing import Any

import torch
from torch import nn

from actors.base_actor import BaseActor, Stats, WeightedTerms
from admin.settings import Settings
from data.processing import DenoisingProcessing
from train_settings.bundled_photos import photo_loader, train_in_one_cycle
from utils.log import output


class WithGradients(BaseActor):
    """L1 error of the image, and a tenth of that of its differences from pixel to pixel."""

    def __call__(self, data: Any) -> tuple[torch.Tensor, Stats]:
        """``burst`` [B, N, 3, H, W] and ``frame_gt`` [B, 3, H, W], linear → loss, and what is logged."""
        error, terms = self.net(data["burst"].flatten(1, 2)) - data["frame_gt"], WeightedTerms()
        terms.add("image", 1.0, lambda: error.abs().mean())
        terms.add("gradient", 0.1, lambda: error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean())
        return terms.total()


if __name__ == "__main__":
    settings = Settings()
    settings.project_path, settings.batch_size, settings.print_interval = "examples/own_actor", 4, 10
    settings.epochs, settings.steps_per_epoch, settings.learning_rate = 2, 20, 1e-2
    loader = photo_loader(settings, lambda transform: DenoisingProcessing(32, 4, 2, 1, 4, transform=transform))
    net = nn.Sequential(nn.Conv2d(12, 32, 5, padding=2), nn.ReLU(), nn.Conv2d(32, 3, 5, padding=2))
    train_in_one_cycle(WithGradients(net, {}), loader, settings)
    output("The same command again goes on from the checkpoint, which is finished; delete it to train anew.")
