"""The burst deblurring network, its loss and its optimiser against their recordings."""

from __future__ import annotations

import ast
import math
import re
import zlib
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import nn

from models.burst_deblur.unet import UNet
from models.loss.burst_loss import BurstLoss
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "burst_deblur"

# Which tensors get values from which range, in this order of precedence.
RANGES: dict[str, tuple[float, float]] = {
    "conv_encode1.0.weight_g": (0.01, 0.03),
    "final_layer.3.weight_g": (15, 30),
    "bottleneck.9.weight_g": (1.5, 2.5),
    "conv_decode[321].6.weight_g": (1.5, 2.5),
    "*.weight_g": (0.8, 1.6),
    "*.weight_v": (-1, 1),
    "final_layer.3.bias": (90, 160),
    "*.bias": (-0.25, 0.25),
    "*.weight": (0.6, 1.4),
    "*.running_mean": (-0.3, 0.3),
    "*.running_var": (0.5, 1.5),
}
IMAGE_ATOL = 5e-3
TRAIN_IMAGE_ATOL = 2e-2
BUFFER_SHARE = 1e-4
GRADIENT_SHARE = 2e-3
NORM_RTOL = 1e-3
LOSS_RTOL = 1e-5
# Statistics of a stage are as exact as the image relative to its deviation of about 45 grey levels, and a little more.
STAGE_SHARE = 2e-4
# Some gradients are sums that nearly cancel: rounding is then relative to the largest of all.
GRADIENT_FLOOR = 1e-6


def filled_value(key: str, shape: tuple[int, ...], salt: str) -> torch.Tensor:
    """The recorded value of a weight: a hash of salt, name and index, mapped to the range of its kind."""
    low, high = next(limits for glob, limits in RANGES.items() if fnmatchcase(key, glob))
    x = np.arange(math.prod(shape), dtype=np.uint32) * np.uint32(2654435761)
    x += np.uint32(zlib.crc32(f"{salt}:{key}".encode()))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return torch.from_numpy((low + (high - low) * (x / 2.0**32)).astype(np.float32).reshape(shape))


def recorded_net(case: Case) -> UNet:
    """The network with the recorded weights, in the recorded mode."""
    named = re.findall(r"(\w+)=([^,)]+)", case.meta["constructor"])
    net = UNet(**{name: ast.literal_eval(value) for name, value in named}, **case.kwargs)
    state = net.state_dict()
    net.load_state_dict(
        {
            key: filled_value(key, tuple(value.shape), case.meta["salt"]) if value.is_floating_point() else value
            for key, value in state.items()
        }
    )
    return net.train(case.meta.get("mode") == "train")


@checks(PART, names=["net_*"], functions=["UNet(*"])
def check_network(case: Case, judge: Judge) -> None:
    net = recorded_net(case)
    weights = net.state_dict()
    for key, expected in case.group("check.").items():
        judge.equal(f"filled {key}", weights[key].flatten()[: expected.numel()], expected.flatten())
    seen: dict[str, torch.Tensor] = {}
    for name, stage in net.named_children():
        stage.register_forward_hook(lambda _stage, _inputs, output, name=name: seen.update({name: output.detach()}))
    burst = case["in.burst"].float()
    with_gradient = bool(case.group("grad.") or case.group("grad_norm."))
    with torch.set_grad_enabled(with_gradient):
        image, aux = net(burst)
    judge.equal("aux", aux, {})
    judge.close("out.image", image, case["out.image"], atol=TRAIN_IMAGE_ATOL if net.training else IMAGE_ATOL)
    _judge_stages(case, judge, seen)
    if "out.loss" in case:
        loss = BurstLoss()(image, case["in.target"].float())
        # What an image within its tolerance may change the loss by, plus rounding of the loss itself.
        judge.close("out.loss", loss, case["out.loss"], rtol=LOSS_RTOL, atol=0.0 if net.training else IMAGE_ATOL)
        if with_gradient:
            loss.backward()
            _judge_gradients(case, judge, net)
    after = net.state_dict()
    for key, expected in case.group("out.after.").items():
        judge.relative_to_max(f"out.after.{key}", after[key], expected, BUFFER_SHARE)
    with torch.no_grad():
        if "out.image_eval_after" in case:
            judge.close("out.image_eval_after", net.eval()(burst)[0], case["out.image_eval_after"], atol=IMAGE_ATOL)
        if "in.perm" in case:
            permuted, _ = net.eval()(burst[:, case["in.perm"]])
            judge.close("out.image_perm", permuted, case["out.image_perm"], atol=IMAGE_ATOL)
            judge.equal("permuted burst, bit for bit", permuted, image.detach())


def _judge_stages(case: Case, judge: Judge, seen: dict[str, torch.Tensor]) -> None:
    for name, shape in case.group("out.stage_shape.").items():
        judge.equal(f"{name}: shape", list(seen[name].shape), shape.tolist())
    for name, expected in case.group("out.stage_stats.").items():
        values = seen[name].double()
        actual = torch.stack((values.mean(), values.std(correction=0), values.min(), values.max()))
        judge.relative_to_max(f"{name}: statistics", actual, expected, STAGE_SHARE)
    for name, expected in case.group("out.stage_sample.").items():
        judge.relative_to_max(f"{name}: sample", _sample(seen[name]), expected, STAGE_SHARE)


def _judge_gradients(case: Case, judge: Judge, net: nn.Module) -> None:
    gradients = {name: parameter.grad for name, parameter in net.named_parameters() if parameter.grad is not None}
    expected_ones = {**case.group("grad."), **case.group("grad_sample.")}
    floor = GRADIENT_FLOOR * max(float(value.abs().max()) for value in expected_ones.values())
    for name, expected in case.group("grad.").items():
        judge.relative_to_max(f"grad.{name}", gradients[name], expected, GRADIENT_SHARE, floor)
    for name, expected in case.group("grad_sample.").items():
        # The tolerance is relative to the largest gradient of the whole tensor, which the recorded sample may lack.
        atol = GRADIENT_SHARE * float(gradients[name].abs().max()) + floor
        judge.close(f"grad_sample.{name}", _sample(gradients[name]), expected, atol=atol)
    for name, expected in case.group("grad_norm.").items():
        judge.close(f"grad_norm.{name}", gradients[name].double().norm(), expected, rtol=NORM_RTOL)


def _sample(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.flatten()[:: max(1, tensor.numel() // 64)][:64]


@checks(PART, names=["burst_loss_*"], functions=["BurstLoss*"])
def check_burst_loss(case: Case, judge: Judge) -> None:
    loss = BurstLoss(**case.kwargs)
    pred, target = case["in.pred"].clone().requires_grad_(), case["in.target"]
    value = loss(pred, target)
    judge.close("out.loss_mean", value, case["out.loss_mean"], rtol=LOSS_RTOL)
    judge.close("out.l1_term", (pred - target).abs().mean(), case["out.l1_term"], rtol=LOSS_RTOL)
    derivatives = loss.gradients(pred)
    grad_term = (derivatives - loss.gradients(target)).abs().mean()
    judge.close("out.grad_term", grad_term, case["out.grad_term"], rtol=LOSS_RTOL)
    judge.close("out.gradients_pred", derivatives, case["out.gradients_pred"], atol=1e-4)
    judge.close("out.loss_sum", BurstLoss(reduction="sum")(pred, target), case["out.loss_sum"], rtol=LOSS_RTOL)
    value.backward()
    assert pred.grad is not None
    judge.close("grad.pred", pred.grad, case["grad.pred"], atol=1e-7)


@checks(PART, names=["radam_*"], functions=["RAdam*"])
def check_radam(case: Case, judge: Judge) -> None:
    """Torch's own optimiser, which the settings use, with the recorded step schedule."""
    options: dict[str, Any] = case.kwargs
    schedule = options.pop("steplr")
    names = sorted(key.removeprefix("in.p") for key in case.tensors if re.fullmatch(r"in\.p\d+", key))
    parameters = [nn.Parameter(case[f"in.p{name}"].clone()) for name in names]
    optimizer = torch.optim.RAdam(parameters, **options, decoupled_weight_decay=True)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, **schedule)
    for step, rate in enumerate(case["out.lr"]):
        judge.close(f"out.lr[{step}]", optimizer.param_groups[0]["lr"], rate, rtol=1e-6)
        for name, parameter in zip(names, parameters, strict=True):
            parameter.grad = case[f"in.grads{name}"][step].clone()
        optimizer.step()
        scheduler.step()
        for name, parameter in zip(names, parameters, strict=True):
            judge.close(f"out.traj{name}[{step}]", parameter, case[f"out.traj{name}"][step], atol=1e-6)
