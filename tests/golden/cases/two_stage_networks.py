"""Networks of two-stage alignment against their recordings, gradients included."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from admin.environment import env_settings
from admin.loading import load_weights
from models.two_stage_align.blocks import AttentionBlock, SimpleBlock
from models.two_stage_align.deformable import BurstAlignment, ModulatedDeformConv, Pyramid, PyramidAlignment
from models.two_stage_align.features import FeatureDownsampler
from models.two_stage_align.reconstruction import BurstReconstruction
from models.two_stage_align.recurrent import BidirectionalGRU
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from utils.downloads import file_sha256

logger = logging.getLogger(__name__)

PART = "two_stage_align"
GRADIENT_SHARE = 2e-3  # of the largest gradient of a tensor, as the README states
WITHOUT_GRADIENT = "simple_block.6.bias"  # analytically zero before an instance norm

Inputs = dict[str, torch.Tensor]


def reconstruction(kwargs: dict[str, Any]) -> BurstReconstruction:
    """The reconstruction network that a recording names by the original arguments."""
    return BurstReconstruction(
        kwargs["nf"], kwargs["groups"], kwargs.get("wInter", True), kwargs.get("output_channel", 3)
    )


def _deformable(kwargs: dict[str, Any]) -> ModulatedDeformConv:
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
    chosen = {name: kwargs[name] for name in names if name in kwargs}
    return ModulatedDeformConv(**chosen, deformable_groups=kwargs.get("deformable_groups", 1))


def _aligned(net: nn.Module, inputs: Inputs) -> torch.Tensor:
    frame, reference = (Pyramid(*(inputs[f"{name}_L{i}"] for i in (1, 2, 3))) for name in ("nbr", "ref"))
    return net(frame, reference)


BUILDERS: dict[str, tuple[Callable[[dict[str, Any]], nn.Module], Callable[[nn.Module, Inputs], torch.Tensor]]] = {
    "SimpleBlock": (
        lambda k: SimpleBlock(k["input_channels"], k["n_channels"], k["output_channel"], k["depth"]),
        lambda net, inputs: net(inputs["x"]),
    ),
    "ACNSeBlock": (lambda k: AttentionBlock(k["n_channels"]), lambda net, inputs: net(inputs["x"])),
    "ModulatedDeformConvPack": (_deformable, lambda net, inputs: net(inputs["x"], inputs.get("fea"))),
    "PCD_Align": (lambda k: PyramidAlignment(k["nf"], k["groups"]), _aligned),
    "Self_Easy_PCD": (lambda k: BurstAlignment(k["nf"], k["groups"]), lambda net, inputs: net(inputs["x"])),
    "BiGRU": (lambda k: BidirectionalGRU(k["input_dim"], k["wInter"]), lambda net, inputs: net(inputs["x"])),
    "JDDB_BiGRU": (reconstruction, lambda net, inputs: net(inputs["x"], inputs["nmap"])),
    "CNN_downsampling": (
        lambda k: FeatureDownsampler(k["input_channels"]),
        lambda net, inputs: net(inputs["x"]),
    ),
}


@checks(PART, functions=[*BUILDERS])
def check_network(case: Case, judge: Judge) -> None:
    build, call = BUILDERS[case.meta["constructor"]]
    net = build(case.kwargs)
    weights = case.group("state.")
    if weights:
        net.load_state_dict(weights)
    elif not _load_released(net, case):
        _judge_without_weights(judge, net, case)
        return
    net.train(bool(case.meta.get("training")))
    inputs = {name: tensor.clone().requires_grad_() for name, tensor in case.group("in.").items() if name != "probe"}
    output = call(net, inputs)
    tolerance = case.meta["tolerance"]
    judge.close("y", output, case["out.y"], tolerance["rtol"], tolerance["atol"])
    if "in.probe" not in case:
        return
    (output * case["in.probe"]).sum().backward()
    judge_gradients(judge, net, case.group("grad."))
    for name, expected in case.group("grad_in.").items():
        judge.relative_to_max(f"grad_in.{name}", _gradient(inputs[name], expected), expected, GRADIENT_SHARE)


def judge_gradients(judge: Judge, net: nn.Module, expected: dict[str, torch.Tensor], prefix: str = "") -> None:
    """Gradients of the network's parameters, each within the README's share of its largest value."""
    parameters = dict(net.named_parameters())
    for name, gradient in expected.items():
        if not name.endswith(WITHOUT_GRADIENT):
            actual = _gradient(parameters[name], gradient)
            judge.relative_to_max(f"grad.{prefix}{name}", actual, gradient, GRADIENT_SHARE)


def _gradient(tensor: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    return tensor.grad if tensor.grad is not None else torch.full_like(expected, torch.nan)


def _load_released(net: nn.Module, case: Case) -> bool:
    """Loads the released file that lies beside the recording or among the pretrained networks; False without one."""
    name = re.search(r"\S+\.pth", case.meta["weights"])
    assert name is not None
    for folder in (case.folder, Path(env_settings().pretrained_nets_dir)):
        path = folder / name[0]
        if path.is_file():
            if file_sha256(path) != case.meta["weights_sha256"]:
                raise ValueError(f"{path} is not the file that the recording was made with")
            load_weights(net, path)
            return True
    return False


def _judge_without_weights(judge: Judge, net: nn.Module, case: Case) -> None:
    """What any weights must agree in: the shape, and standardised channels."""
    logger.warning("%s: %s is not at hand, so only shape and statistics are compared", case.name, case.meta["weights"])
    for name, output in (("ours", net(case["in.x"])), ("recorded", case["out.y"])):
        judge.equal(f"{name}: shape", tuple(output.shape), tuple(case["out.y"].shape))
        judge.close(f"{name}: mean", output.mean(dim=(-2, -1)), torch.zeros(output.shape[:2]), atol=1e-5)
        judge.close(
            f"{name}: deviation", output.std(dim=(-2, -1), correction=0), torch.ones(output.shape[:2]), atol=1e-2
        )
