"""Recordings of RawSR's layers, network, training steps and checkpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.loss.image_quality_v2 import PSNR, SSIM, PixelWiseError
from models.rawsr.color_correction import apply_color_transform
from models.rawsr.layers import ChannelAttention, DCABlock, HalvingConv, conv, enlarging_conv, leaky_relu
from models.rawsr.rawsrnet import RawSR, rawsr
from models.rawsr.restoration import depth_to_space
from models.rawsr.tensorflow_adam import TensorFlowAdam
from tests.golden.cases.rawsr_closed_form import closed_form_state, hashed_uniform
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from util_scripts.convert_rawsr_checkpoint import load_tensorflow, parameter_name, to_torch, variable_name
from utils.ops.mosaic import pack

PART = "rawsr"
OUT = {"rtol": 1e-4, "atol": 2e-5}
# How far gradients may be off, as a share of the tensor's largest entry.
GRADIENT = 1e-4


def outputs_of(net: RawSR, case: Case) -> dict[str, torch.Tensor]:
    """The output of the network with what the recordings keep of its inside."""
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0]}))
        for name, module in (("fin21", net.color.mix1), ("fin22", net.color.mix2))
    ]
    names = ("rgb", "fc11", "fc12")
    hooks += [
        net.restore.register_forward_hook(lambda *call: seen.update(zip(names, call[2], strict=True))),
        net.color.register_forward_hook(lambda *call: seen.update(matrix=call[2])),
    ]
    seen["srgb"], _ = net(case["in.raw"], case["in.isp"])
    for hook in hooks:
        hook.remove()
    return seen


def judge_gradients(judge: Judge, gradients: Mapping[str, torch.Tensor], net: nn.Module, floor: float) -> None:
    parameters = dict(net.named_parameters())
    judge.equal("names of the parameters", sorted(parameters), sorted(gradients))
    for name, expected in gradients.items():
        judge.relative_to_max(f"grad.{name}", parameters[name].grad, expected, GRADIENT, floor)


@checks(PART, names=["net_*"], functions=["RawSR"])
def check_network(case: Case, judge: Judge) -> None:
    net = rawsr(**case.kwargs)
    net.load_state_dict(case.group("state."))
    outputs = outputs_of(net, case)
    gt = case["in.gt"]
    loss = PixelWiseError("l1")(outputs["srgb"], gt)
    loss.backward()
    judge_gradients(judge, case.group("grad."), net, 1e-7)
    for name, expected in case.group("out.").items():
        if name == "psnr":
            judge.close(name, PSNR()(outputs["srgb"], gt), expected.squeeze(), atol=1e-3)
        elif name == "ssim":
            ssim = SSIM(use_for_loss=False, val_range=1.0)
            judge.close(name, ssim(outputs["srgb"], gt), expected.squeeze(), atol=1e-4)
        else:
            judge.close(name, loss[None] if name == "loss" else outputs[name], expected, **OUT)


@checks(PART, names=["full_*"])
def check_full_width(case: Case, judge: Judge) -> None:
    net = rawsr(**case.kwargs)
    net.load_state_dict(closed_form_state(net))
    salt = str(case.meta["salt"])
    batch, _, height, width = case["in.raw"].shape
    for name, channels, levels in (("in.raw", 1, None), ("in.isp", 3, 256)):
        values = hashed_uniform(name + salt, batch * height * width * channels)
        if levels is not None:
            values = np.floor(levels * values) / (levels - 1)
        image = torch.from_numpy(values.astype(np.float32).reshape(batch, height, width, channels))
        judge.equal(f"{name} in closed form", image.permute(0, 3, 1, 2), case[name])
    judge_variables(case, judge)
    with torch.no_grad():
        outputs = outputs_of(net, case)
    for name, expected in case.group("out.").items():
        judge.close(name, outputs[name], expected, atol=2e-5)


def judge_variables(case: Case, judge: Judge) -> None:
    """The list of variables of the default network that lies beside the recordings: names, shapes, initial ranges."""
    path = case.folder / f"tf_variables_s{case.kwargs['scale']}.json"
    listed = json.loads(path.read_text()) if path.is_file() else {}
    if listed.get("kwargs") != case.kwargs:
        return
    state = rawsr(**case.kwargs).state_dict()
    judge.equal("all parameters", sorted(variable["param"] for variable in listed["variables"]), sorted(state))
    for variable in listed["variables"]:
        name, limit = variable["param"], variable["init_limit"]
        judge.equal(f"name of {name}", (parameter_name(variable["tf"]), variable_name(name)), (name, variable["tf"]))
        judge.equal(f"shape of {name}", list(state[name].shape), variable["param_shape"])
        largest = float(state[name].abs().max())
        judge.equal(f"initial range of {name}: {largest:g} of {limit:g}", 0.9 * limit <= largest <= limit + 1e-7, True)


@checks(PART, names=["dca_block*"], functions=["DCABlock"])
def check_block(case: Case, judge: Judge) -> None:
    block = DCABlock(**case.kwargs)
    block.load_state_dict(case.group("state."))
    x = case["in.x"].requires_grad_()
    y = block(x)
    loss = (y * case["in.loss_weight"]).sum()
    loss.backward()
    judge.close("y", y, case["out.y"], **OUT)
    judge.close("loss", loss[None], case["out.loss"], **OUT)
    judge.relative_to_max("grad_x", x.grad, case["out.grad_x"], GRADIENT, 1e-7)
    judge_gradients(judge, case.group("grad."), block, 1e-7)


@checks(PART, names=["conv_ops*"])
def check_layers(case: Case, judge: Judge) -> None:
    for tag in case.meta["ops"]:
        x, expected = case[f"in.{tag}.x"], case[f"out.{tag}.y"]
        if tag.startswith("avgpool"):
            judge.close(tag, F.avg_pool2d(x, 2), expected, atol=1e-5)
            continue
        layer = _layer(tag, x.shape[1], expected.shape[1])
        state = case.group(f"state.{tag}.")
        layer.load_state_dict(state)
        y = layer(x) if tag.startswith("attn") else leaky_relu(layer(x))
        judge.close(tag, y, expected, atol=1e-5)
        for key, values in case.group(f"in.{tag}.tf_").items():
            ours = re.sub("weights$", "weight", re.sub("biases$", "bias", key))
            ours = ours.replace("next_fc0_", "fc1.").replace("next_fc1_", "fc2.")
            judge.equal(f"{tag}: {key} turned into ours", to_torch(values.numpy()), state[ours])


def _layer(tag: str, channels_in: int, channels_out: int) -> nn.Module:
    if tag.startswith("attn"):
        return ChannelAttention(channels_in)
    found = re.match(r"(conv|deconv)(\d)_s(\d)", tag)
    if found is None:
        raise KeyError(f"unknown layer {tag}")
    kind, size, stride = found[1], int(found[2]), int(found[3])
    if kind == "deconv":
        return enlarging_conv(channels_in, channels_out, stride)
    return HalvingConv(channels_in, channels_out) if stride == 2 else conv(channels_in, channels_out, size)


@checks(PART, names=["layouts*"])
def check_layouts(case: Case, judge: Judge) -> None:
    for name, features in case.group("in.features_s").items():
        judge.equal(f"rgb_s{name}", depth_to_space(features, int(name)), case[f"out.rgb_s{name}"])
    judge.equal("packed", F.pixel_unshuffle(case["in.mosaic"], 2), case["out.packed"])
    judge.equal("packed as bursts are", pack(case["in.mosaic"][:, 0]), case["out.packed"])
    judge.close("srgb", apply_color_transform(case["in.ct_rgb"], case["in.ct_matrix"]), case["out.ct_srgb"], atol=1e-6)


@checks(PART, names=["train_steps*"])
def check_training_steps(case: Case, judge: Judge) -> None:
    net = rawsr(**case.kwargs)
    net.load_state_dict(case.group("state."))
    recorded: Mapping[str, Any] = case.meta["optimizer"]
    optimizer = TensorFlowAdam(net.parameters(), lr=recorded["lr"], epsilon=recorded["epsilon"])
    judge.equal("betas", list(optimizer.defaults["betas"]), [recorded["beta1"], recorded["beta2"]])
    losses = []
    for step in range(int(case.meta["steps"]) + 1):
        optimizer.zero_grad()
        pred, _ = net(case["in.raw"], case["in.isp"])
        loss = PixelWiseError("l1")(pred, case["in.gt"])
        losses.append(loss.detach())
        if step == case.meta["steps"]:
            break
        loss.backward()
        if step == 0:
            judge_gradients(judge, case.group("grad."), net, 1e-8)
        optimizer.step()
        if step == 0:
            _judge_state(judge, "after1", net, case)
    judge.close("losses", torch.stack(losses), case["out.losses"], atol=2e-6)
    judge.close("srgb", pred, case["out.srgb"], atol=1e-5)
    _judge_state(judge, "afterN", net, case)
    checkpoint = case.folder / case.name.replace("train_steps", "tf_checkpoint")
    if checkpoint.is_dir():
        judge_conversion(case, judge, checkpoint)


def _judge_state(judge: Judge, when: str, net: nn.Module, case: Case) -> None:
    for name, expected in case.group(f"out.{when}.").items():
        judge.close(f"{when}.{name}", net.state_dict()[name], expected, atol=2e-6)


def judge_conversion(case: Case, judge: Judge, checkpoint: Path) -> None:
    """The TensorFlow checkpoint of the last step, which lies beside the recording: equal bit for bit."""
    net, step = load_tensorflow(checkpoint)
    constructor: Any = net.constructor
    judge.equal("converted arguments", {key: constructor.kwds[key] for key in case.kwargs}, case.kwargs)
    judge.equal("converted step", step, case.meta["steps"])
    state, expected = net.state_dict(), case.group("out.afterN.")
    judge.equal("converted names", sorted(state), sorted(expected))
    for name, values in expected.items():
        judge.equal(f"converted {name}", state[name], values)
