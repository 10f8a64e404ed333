"""Convert a checkpoint to one .safetensors file: the weights, and constructor and notes as JSON in its metadata.

examples:
  python util_scripts/convert_checkpoint.py workspace/checkpoints/deeprep/quickstart quickstart.safetensors
  python util_scripts/convert_checkpoint.py deeprep_sr_synthetic_default sr.safetensors
  python util_scripts/convert_checkpoint.py DeepRepNet_ep0100.pth.tar averaged.safetensors --use_ema

Takes checkpoints of this toolkit and of the original DBSR and DeepRep projects, and names of released networks.
The written file is loaded again and compared before the script ends.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from admin.loading import find_checkpoint, load_network
from admin.released_weights import find_released, released_file
from admin.verified_weights import check_ending, save_and_verify
from util_scripts.script import run_script
from utils.downloads import file_sha256
from utils.script_parser import script_parser

logger = logging.getLogger("convert_checkpoint")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("source", metavar="CHECKPOINT", help="a file, a folder of checkpoints, or a released name")
    parser.add_argument("target", metavar="FILE.safetensors", type=Path, help="the file to write")
    parser.add_argument("--epoch", type=int, help="of a folder, the checkpoint of this epoch; else the newest")
    parser.add_argument("--use_ema", action="store_true", help="take the moving average of the weights")
    parser.add_argument("--half", action="store_true", help="store kernels in 16 bits: half the size, rounded weights")
    parser.add_argument("--notes", type=_json_object, default={}, help="more notes as a JSON object: '{\"score\": 1}'")
    return run_script(
        parser,
        arguments,
        lambda options: convert(
            options.source, options.target, options.epoch, options.use_ema, options.notes, options.half
        ),
    )


def convert(
    source: str | Path,
    target: Path,
    epoch: int | None = None,
    use_ema: bool = False,
    notes: dict[str, Any] | None = None,
    half: bool = False,
) -> Path:
    """Writes the network of a checkpoint as ``.safetensors`` and makes sure that it loads with the same weights.

    Args:
        source: a file, a folder of checkpoints, or the name of a released network.
        target: ends in ``.safetensors``.
        epoch: of a folder; None takes the newest.
        use_ema: the moving average of the weights.
        notes: kept in the file beside where it comes from.
        half: store kernels in 16 bits.

    Returns:
        ``target``.

    Raises:
        ValueError: ``target`` has another ending, or does not load with the same weights; it is not written then.
        admin.checkpoints.CheckpointError, FileNotFoundError: as ``admin.loading.load_network``.
    """
    check_ending(target)
    path = find_network(source, epoch)
    net, content = load_network(path, use_ema=use_ema)
    origin = {"converted_from": path.name, "sha256": file_sha256(path)}
    origin |= {"epoch": content["epoch"]} if isinstance(content.get("epoch"), int) else {}
    save_and_verify(target, net, (content.get("notes") or {}) | origin | (notes or {}), half)
    logger.info("Written: %s (%d tensors, %.1f MB)", target, len(net.state_dict()), target.stat().st_size / 1e6)
    return target


def find_network(source: str | Path, epoch: int | None = None) -> Path:
    """The file of a network: a path if something is there, else a released name, fetched if need be."""
    if not Path(source).exists() and find_released(str(source)) is not None:
        return released_file(str(source))
    return find_checkpoint(source, epoch)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object")
    return value


if __name__ == "__main__":
    sys.exit(main())
