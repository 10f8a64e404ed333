"""Convert a released RawSR checkpoint (TensorFlow 1) to one .safetensors file, without TensorFlow.

examples:
  python util_scripts/convert_rawsr_checkpoint.py log_dir rawsr_x2.safetensors
  python util_scripts/convert_rawsr_checkpoint.py log_dir/model.ckpt-89134.index rawsr_x2.safetensors

The source is a folder (its newest checkpoint is taken), the prefix of a checkpoint, or one of its files; NAME.index and
NAME.data-00000-of-00001 are needed. Checksums are verified, scale and widths are read from the shapes. The written file
is loaded again and compared before the script ends.
"""

import argparse
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from admin.model_constructor import building_from_checkpoint
from admin.verified_weights import check_ending, save_and_verify
from models.rawsr.rawsrnet import RawSR, rawsr
from util_scripts.script import run_script
from util_scripts.tensorflow_bundle import TensorBundle
from utils.script_parser import script_parser

logger = logging.getLogger("convert_rawsr_checkpoint")

ROOT = "main_model/"
# TensorFlow scope → ours. Leaf scopes repeat under different branches, so only full names are matched.
SCOPES = {
    "branch_1_0/conv_1_0_low": "restore.stem",
    "branch_1_0/dense_1_0": "restore.enc",
    "branch_1_0/pool_in_0": "restore.down",
    "branch_1_0/dense_1_1": "restore.mid1",
    "branch_1_0/dense_1_2": "restore.mid2",
    "branch_1_0/bottle_1_0": "restore.bottleneck",
    "branch_1_0/deconv_1_1_0": "restore.up",
    "branch_1_0/conv_1_1_0": "restore.up_conv",
    "branch_1_0/dense_1_3": "restore.dec",
    "branch_1_0/bottle_1_1": "restore.merge",
    "branch_1_0/conv_1_1_1": "restore.to_rgb",
    "branch_2_0/conv_2_0_0": "color.conv1",
    "branch_2_0/conv_2_0_1": "color.conv2",
    "branch_2_0/conv_2_0_2": "color.conv3",
    "w_fin21": "color.fuse1",
    "branch_2_1/conv_2_1_2_nFF": "color.mix1",
    "branch_2_1/deconv_2_0_0": "color.up1",
    "branch_2_1/conv_2_0_3": "color.up1_conv",
    "w_fin22": "color.fuse2",
    "branch_2_2/conv_2_1_3_nFF": "color.mix2",
    "branch_2_2/deconv_2_0_1": "color.up2",
    "branch_2_2/deconv_2_0_4": "color.up2_conv",  # an ordinary convolution, whatever it is called
    "branch_2_2/deconv_2_0_2": "color.up3",
    "branch_2_2/conv_2_0_5": "color.to_matrix",
}
_BLOCK_PARTS = {"conv_bottle": "fuse", "next_fc0": "attn.fc1", "next_fc1": "attn.fc2"}
_LEAVES = {"weights": "weight", "biases": "bias"}
_LEFT_OUT = re.compile(r".*/Adam(_1)?|beta[12]_power|Variable")  # optimiser and global step


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    parser.add_argument("source", metavar="CHECKPOINT", type=Path, help="folder, prefix or file of the checkpoint")
    parser.add_argument("target", metavar="FILE.safetensors", type=Path, help="the file to write")
    return run_script(parser, arguments, _convert)


def _convert(options: argparse.Namespace) -> None:
    convert(options.source, options.target)


def convert(source: Path, target: Path) -> Path:
    """Writes the network of a TensorFlow checkpoint as ``.safetensors``.

    Args:
        source: folder, prefix or file of the checkpoint.
        target: ends in ``.safetensors``.

    Returns:
        ``target``.

    Raises:
        ValueError: ``target`` has another ending; the checkpoint holds something else or is damaged; the file does not
            load with the same weights, and is not written then.
        FileNotFoundError: there is no such checkpoint.
    """
    check_ending(target)
    net, step = load_tensorflow(source)
    notes = {"converted_from": source.name} | ({"step": step} if step is not None else {})
    save_and_verify(target, net, notes)
    logger.info("Written: %s (scale %d, %d tensors, step %s)", target, net.scale, len(net.state_dict()), step)
    return target


def load_tensorflow(source: Path) -> tuple[RawSR, int | None]:
    """The network of a checkpoint, and the optimiser's step if it is noted.

    Raises:
        ValueError: it holds no RawSR, or not all of it; `DamagedBundle` where a checksum does not agree.
        FileNotFoundError: there is no such checkpoint.
    """
    bundle = TensorBundle(source)
    state, unknown = {}, []
    for name in bundle.entries:
        parameter = parameter_name(name)
        if parameter is not None:
            state[parameter] = to_torch(bundle.read(name))
        elif not _LEFT_OUT.fullmatch(name):
            unknown.append(name)
    if unknown:
        raise ValueError(f"{bundle.prefix} holds variables that RawSR does not have: {', '.join(unknown[:5])}")
    try:
        arguments = constructor_arguments(state)
    except KeyError as error:
        raise ValueError(f"{bundle.prefix} holds no RawSR network: there is no {error.args[0]}") from error
    with building_from_checkpoint():
        net = rawsr(**arguments)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{bundle.prefix} does not hold all of a RawSR network: {error}") from error
    step = int(bundle.read("Variable")) if "Variable" in bundle.entries else None
    return net, step


def parameter_name(variable: str) -> str | None:
    """Our name of a TensorFlow variable, e.g. ``main_model/w_fin21/weights``; None for what is not the network's."""
    scope, _, leaf = variable.removeprefix(ROOT).rpartition("/")
    if not variable.startswith(ROOT) or leaf not in _LEAVES:
        return None
    if scope in SCOPES:
        return f"{SCOPES[scope]}.{_LEAVES[leaf]}"
    block, _, part = scope.rpartition("/")
    dense = re.fullmatch(r"conv_(\d+)", part)
    inner = f"convs.{int(dense[1]) - 1}" if dense else _BLOCK_PARTS.get(part)
    return None if inner is None or block not in SCOPES else f"{SCOPES[block]}.{inner}.{_LEAVES[leaf]}"


def variable_name(parameter: str) -> str:
    """The TensorFlow variable of a parameter of the network; the inverse of :func:`parameter_name`."""
    module, _, leaf = parameter.rpartition(".")
    leaf = {ours: theirs for theirs, ours in _LEAVES.items()}[leaf]
    scopes = {ours: theirs for theirs, ours in SCOPES.items()}
    if module in scopes:
        return f"{ROOT}{scopes[module]}/{leaf}"
    block, inner = module.split(".", 2)[:2], module.split(".", 2)[2]
    dense = re.fullmatch(r"convs\.(\d+)", inner)
    part = f"conv_{int(dense[1]) + 1}" if dense else {ours: theirs for theirs, ours in _BLOCK_PARTS.items()}[inner]
    return f"{ROOT}{scopes['.'.join(block)]}/{part}/{leaf}"


def to_torch(values: np.ndarray) -> torch.Tensor:
    """TensorFlow's layout to torch's: all axes of a kernel in the order (3, 2, 0, 1), no flip; matrices transposed.

    That turns (row, column, in, out) of a convolution into (out, in, row, column), and (row, column, out, in) of a
    transposed convolution into (in, out, row, column).
    """
    if values.ndim == 4:
        values = values.transpose(3, 2, 0, 1)
    elif values.ndim == 2:
        values = values.T
    return torch.from_numpy(np.array(values, order="C"))


def constructor_arguments(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Scale and widths of the network with these parameters.

    Raises:
        KeyError: a parameter that says it is not there.
        ValueError: the number of output channels belongs to no scale.
    """
    channels = state["restore.to_rgb.weight"].shape[0]
    scales = {12 * scale**2: scale for scale in (2, 4)}
    if channels not in scales:
        raise ValueError(f"the restoration branch ends in {channels} channels; 48 (scale 2) or 192 (scale 4) are known")
    return {
        "scale": scales[channels],
        "feature_fusion": "color.fuse1.weight" in state,
        "width": state["restore.stem.weight"].shape[0],
        "growth": state["restore.enc.convs.0.weight"].shape[0],
        "layers": sum(re.fullmatch(r"restore\.enc\.convs\.\d+\.bias", name) is not None for name in state),
        "bottle": state["restore.to_rgb.weight"].shape[1],
    }


if __name__ == "__main__":
    sys.exit(main())
