"""Export a network with torch.export to a .pt2 file that runs without this toolkit.

examples:
  python util_scripts/export_network.py dbsr_synthetic_default dbsr.pt2 --frames 14 --height 48 --width 48
  python util_scripts/export_network.py CHECKPOINT net.pt2 --frames 8 --height 128 --width 128

  net = torch.export.load('dbsr.pt2').module()
  image = net(burst)

The exported network takes bursts [1, frames, channels, height, width] of exactly that size (and, if it was built with
use_noise_estimate, a second argument of the same shape) and returns the image alone. Networks that add random offsets
to the reference frame also in evaluation are exported without them, so that the file always gives the same result.
It is loaded again and compared with the original before the script ends.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn

from admin.loading import load_network
from models.layers.reference_offsets import set_reference_offset_noise
from util_scripts.convert_checkpoint import find_network
from util_scripts.script import run_script
from utils.atomic_write import atomic_write
from utils.script_parser import script_parser

logger = logging.getLogger("export_network")

# Kernels may be chosen differently for a graph; float32 sums then differ in their last bits.
TOLERANCE = 1e-4


class ImageOnly(nn.Module):
    """A burst network as a plain function: burst (and noise estimate) to image."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.takes_noise_estimate = bool(getattr(net, "use_noise_estimate", False))

    def forward(self, burst: torch.Tensor, noise_estimate: torch.Tensor | None = None) -> torch.Tensor:
        """``burst`` and, if the network wants it, ``noise_estimate`` [1, N, C, H, W] → image [1, 3 or 1, sH, sW]."""
        prediction: torch.Tensor
        if self.takes_noise_estimate:
            prediction, _ = self.net(burst, noise_estimate=noise_estimate)
        else:
            prediction, _ = self.net(burst)
        return prediction


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("source", metavar="CHECKPOINT", help="a file, a folder of checkpoints, or a released name")
    parser.add_argument("target", metavar="FILE.pt2", type=Path, help="the file to write")
    parser.add_argument("--frames", type=int, required=True, help="frames of a burst")
    parser.add_argument("--height", type=int, required=True, help="rows of a frame (packed, for RAW bursts)")
    parser.add_argument("--width", type=int, required=True, help="columns of a frame (packed, for RAW bursts)")
    return run_script(parser, arguments, _export)


def _export(options: argparse.Namespace) -> None:
    net, _ = load_network(find_network(options.source))
    export_network(net, options.target, (options.frames, options.height, options.width))


def export_network(net: nn.Module, target: Path, size: tuple[int, int, int]) -> Path:
    """Writes ``net`` as ``.pt2`` and compares the loaded file with it on another burst.

    Args:
        net: a DBSR or DeepRep network; is put into evaluation mode without noise on the reference's offsets.
        target: ends in ``.pt2``.
        size: frames, height and width of the bursts.

    Returns:
        ``target``.

    Raises:
        ValueError: another ending, or the exported network does not give what the network gives.
    """
    if target.suffix != ".pt2":
        raise ValueError(f"{target}: the file to write must end in .pt2")
    net.eval()
    set_reference_offset_noise(net, 0.0)
    plain = ImageOnly(net)
    with torch.no_grad():
        program = torch.export.export(plain, _example(plain, size, seed=0), strict=False)
        with atomic_write(target) as file:
            torch.export.save(program, file)
        loaded = torch.export.load(target).module()
        other = _example(plain, size, seed=1)
        expected, found = plain(*other), loaded(*other)
    difference = float((expected - found).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        target.unlink()
        raise ValueError(f"{target}: the exported network differs by {difference:.2g}; the file is removed again")
    logger.info("Written: %s (largest difference on another burst: %.2g)", target, difference)
    return target


def _example(net: ImageOnly, size: tuple[int, int, int], seed: int) -> tuple[torch.Tensor, ...]:
    frames, height, width = size
    channels = int(getattr(net.net, "input_channels", 4))  # DBSR takes packed RAW frames only
    generator = torch.Generator().manual_seed(seed)
    burst = torch.rand((1, frames, channels, height, width), generator=generator)
    return (burst, torch.full_like(burst, 0.05)) if net.takes_noise_estimate else (burst,)


if __name__ == "__main__":
    sys.exit(main())
