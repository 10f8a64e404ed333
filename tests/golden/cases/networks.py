"""Networks and layers of DBSR and DeepRep against their recordings, gradients included."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import torch
from torch import nn

from admin.model_constructor import building_from_checkpoint
from models.alignment.pwcnet import PWCNet
from models.alignment.pwcnet_layers import backwarp
from models.alignment.pyrcorr import PyrCorr
from models.dbsr.dbsrnet import dbsrnet_cvpr2021
from models.deeprep import decoders, deeprepnet, degradation_layers, encoders, initializers, weight_predictors
from models.deeprep.optimizer import SteepestDescentOptimizer
from models.layers import filtering, reference_offsets
from models.layers.correlation import CostVolume, pwc_correlation
from models.layers.upsampling import ICNR, PixShuffleUpsampler
from models.layers.warp import warp
from tests.golden.closed_form import fill_published, fill_pwcnets
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "deeprep_dbsr_models"
NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "dbsrnet_cvpr2021": dbsrnet_cvpr2021,
    "deeprep_sr_iccv21": deeprepnet.deeprep_sr_iccv21,
    "deeprep_denoise_iccv21": deeprepnet.deeprep_denoise_iccv21,
    "deeprep_denoise_custom_flow_iccv21": deeprepnet.deeprep_denoise_custom_flow_iccv21,
}


def recorded_inputs(case: Case) -> dict[str, torch.Tensor]:
    """The recorded inputs, ready to gather gradients; random draws and cotangents are no inputs."""
    return {
        name: tensor.clone().requires_grad_()
        for name, tensor in case.group("in.").items()
        if not name.startswith(("cotangent", "ref_offset_rand"))
    }


@contextlib.contextmanager
def recorded_draws(case: Case) -> Iterator[None]:
    """Puts the recorded draw, if there is one, in the place of the random reference offsets."""
    if "in.ref_offset_rand" not in case:
        yield
        return
    with mock.patch.object(reference_offsets, "draw_reference_offsets", return_value=case["in.ref_offset_rand"]):
        yield


def load_recorded_weights(net: nn.Module, case: Case) -> None:
    """Closed-form weights into every PWC-Net, the recorded state into the rest, or closed form everywhere."""
    filled = fill_pwcnets(net)
    state = case.group("state.")
    if not state and str(case.meta.get("weights", "")).startswith("closed form"):
        if filled != set(net.state_dict()):
            fill_published(net)
        return
    expected = set(net.state_dict()) - filled
    if expected != set(state):
        raise KeyError(f"state keys differ from the recording: {sorted(expected ^ set(state))[:6]}")
    net.load_state_dict(state, strict=False)


def judge_results(
    case: Case,
    judge: Judge,
    outputs: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    net: nn.Module | None = None,
) -> None:
    """Compares outputs, the recorded loss, and the gradients of that loss."""
    tolerance = case.meta["tolerance"]
    for name, expected in case.group("out.").items():
        judge.close(f"out.{name}", _output(outputs, name), expected, **tolerance["out"])
    gradients = case.group("grad.")
    if not gradients:
        return

    cotangents = case.group("in.cotangent.") or {"pred": case["in.cotangent"]}
    loss = torch.stack([(outputs[name] * cotangent).mean() for name, cotangent in cotangents.items()]).sum()
    loss.backward()
    parameters = dict(net.named_parameters()) if net is not None else {}
    largest = max((float(g.abs().max()) for name, g in gradients.items() if not name.startswith("in.")), default=0.0)
    for name, expected in gradients.items():
        tensor = inputs[name[3:]] if name.startswith("in.") else parameters[name]
        actual = tensor.grad if tensor.grad is not None else torch.full_like(expected, torch.nan)
        share = tolerance["grad"].get("rtol_of_tensor_max", tolerance["grad"].get("rtol"))
        floor = tolerance["grad"].get("rtol_of_largest_gradient_in_file", 1e-5) * largest
        judge.relative_to_max(f"grad.{name}", actual, expected, share, floor)
    for name in case.meta.get("parameters_without_gradient", []):
        judge.equal(f"{name} has a gradient", parameters[name].grad is not None, False)


def _output(outputs: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    first = re.fullmatch(r"(.+)_first(\d+)", name)  # recorded only the first channels
    return outputs[first[1]][:, :, : int(first[2])] if first else outputs[name]


def check_module(
    case: Case,
    judge: Judge,
    net: nn.Module,
    call: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]],
) -> None:
    """Loads the recorded weights into ``net``, calls it on the recorded inputs, and judges what comes out."""
    load_recorded_weights(net, case)
    net.train("evaluation mode" not in str(case.meta.get("description", "")))
    inputs = recorded_inputs(case)
    with recorded_draws(case):
        outputs = call(inputs)
    judge_results(case, judge, outputs, inputs, net)


@checks(PART, functions=[*NETWORKS])
def check_network(case: Case, judge: Judge) -> None:
    with building_from_checkpoint():
        net = NETWORKS[case.meta["constructor"]](**case.kwargs)
    if "num_parameters" in case.meta:
        judge.equal("number of parameters", sum(p.numel() for p in net.parameters()), case.meta["num_parameters"])

    def call(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        pred, aux = net(**inputs, **case.meta.get("call_kwargs", {}))
        flow_all = (aux.pop("offsets_aux", None) or {}).get("flow_all") or []
        return {"pred": pred, **aux, **{f"flow_all.{i}": flow for i, flow in enumerate(flow_all)}}

    check_module(case, judge, net, call)


@checks(PART, functions=["PWCNet(*"])
def check_pwcnet(case: Case, judge: Judge) -> None:
    net = PWCNet(**{**case.kwargs, "load_pretrained": False})
    check_module(case, judge, net, lambda inputs: {"flow": net(inputs["source"], inputs["target"])})


@checks(PART, functions=["PyrCorr(*"])
def check_pyrcorr(case: Case, judge: Judge) -> None:
    net = PyrCorr(**case.kwargs)

    def call(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        flow, aux = net(inputs["source"], inputs["target"])
        return {"flow": flow, **{f"flow_all.{i}": level for i, level in enumerate(aux["flow_all"] or [])}}

    check_module(case, judge, net, call)


@checks(PART, functions=["SteepestDescentOptimizer(*"])
def check_steepest_descent(case: Case, judge: Judge) -> None:
    kwargs = case.kwargs
    degradation = degradation_layers.Conv(**kwargs.pop("degradation"))
    predictor = kwargs.pop("weight_predictor")
    weights: Any = weight_predictors.Identity()
    if predictor != "Identity":
        weights = weight_predictors.SimpleWeightPredictor(**predictor)
    net = SteepestDescentOptimizer(degradation, weights, **kwargs)

    def call(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        y, losses = net(**inputs)
        return {"y": y, "losses": torch.stack(losses) if losses else torch.zeros(0)}

    check_module(case, judge, net, call)


@checks(PART, functions=["SimpleWeightPredictor(*"])
def check_weight_predictor(case: Case, judge: Judge) -> None:
    net = weight_predictors.SimpleWeightPredictor(**case.kwargs)

    def call(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen = {"x": inputs["x"], "offsets": inputs.get("offsets")}
        return {"weights": net(seen, noise_estimate=inputs.get("noise_estimate"))}

    check_module(case, judge, net, call)


@checks(PART, functions=["degradation_layers.Conv(*"])
def check_degradation(case: Case, judge: Judge) -> None:
    net = degradation_layers.Conv(**case.kwargs)
    check_module(
        case,
        judge,
        net,
        lambda inputs: {"forward": net(inputs["x"]), "transposed": net.apply_transposed(inputs["r"])},
    )


ONE_INPUT: dict[str, tuple[Callable[..., nn.Module], Callable[[nn.Module, torch.Tensor], Any]]] = {
    "initializers.Conv(": (initializers.Conv, lambda net, x: {"y": net(x)}),
    "PixelShuffleInitializer(": (initializers.PixelShuffleInitializer, lambda net, x: {"y": net(x)}),
    "PixShuffleUpsampler(": (PixShuffleUpsampler, lambda net, x: {"y": net(x)}),
    "ResEncoder(": (encoders.ResEncoder, lambda net, x: net(x)),
    "ResDecoder(": (decoders.ResDecoder, lambda net, x: net({"fused_enc": x})),
    "ResPixShuffleConv(": (decoders.ResPixShuffleConv, lambda net, x: net({"fused_enc": x})),
}


@checks(PART, functions=[f"{name}*" for name in ONE_INPUT])
def check_layer(case: Case, judge: Judge) -> None:
    build, call = next(entry for name, entry in ONE_INPUT.items() if case.function.startswith(name))
    net = build(**case.kwargs)
    check_module(case, judge, net, lambda inputs: call(net, inputs["x"]))


@checks(PART, functions=["CostVolume(*"])
def check_cost_volume(case: Case, judge: Judge) -> None:
    net = CostVolume(**case.kwargs)
    check_module(case, judge, net, lambda inputs: {"volume": net(inputs["feat1"], inputs["feat2"])})


@checks(PART, functions=["PWC correlation(*"])
def check_pwc_correlation(case: Case, judge: Judge) -> None:
    inputs = recorded_inputs(case)
    judge_results(case, judge, {"volume": pwc_correlation(inputs["first"], inputs["second"])}, inputs)


@checks(PART, functions=["PWC-Net inner warp*"])
def check_backwarp(case: Case, judge: Judge) -> None:
    inputs = recorded_inputs(case)
    judge_results(case, judge, {"warped": backwarp(inputs["x"], inputs["flow"])}, inputs)


@checks(PART, functions=["warp(feat, flow*"])
def check_warp(case: Case, judge: Judge) -> None:
    inputs = recorded_inputs(case)
    outputs = {name: _warped(name, inputs["feat"], inputs["flow"], case.kwargs) for name in case.group("out.")}
    judge_results(case, judge, outputs, inputs)


def _warped(name: str, feat: torch.Tensor, flow: torch.Tensor, kwargs: Mapping[str, Any]) -> torch.Tensor:
    """The output that a recording calls ``name``; ``kwargs`` are recorded for all of its outputs."""
    shift = re.fullmatch(r"shift_x(-?\d+)_y(-?\d+)", name)
    if shift:
        flow = flow.new_tensor([int(shift[1]), int(shift[2])])[:, None, None].expand_as(flow)
    elif name == "zero_flow":
        flow = torch.zeros_like(flow)
    elif name in ("nearest", "bicubic"):
        kwargs = {**kwargs, "mode": name}
    elif name in ("border", "reflection"):
        kwargs = {**kwargs, "padding_mode": name}
    return warp(feat, flow, **kwargs)


@checks(PART, functions=["get_gaussian_kernel(*"])
def check_gaussian_kernels(case: Case, judge: Judge) -> None:
    outputs = {}
    for name in case.group("out."):
        found = re.fullmatch(r"(kernel|upsampler_kernel|smoothed)_sd([\d.]+?)(?:_k(\d+))?", name)
        if found is None:
            raise KeyError(f"unknown recording {name}")
        kernel, ksz = filtering.get_gaussian_kernel(float(found[2]), int(found[3]) if found[3] else None)
        if found[1] == "kernel":
            outputs[name] = kernel
        elif found[1] == "smoothed":
            outputs[name] = filtering.apply_kernel(case["in.im"], ksz, kernel)
        else:
            outputs[name] = filtering.centred_gaussian(ksz, float(found[2]))
    judge_results(case, judge, outputs, {})


@checks(PART, functions=["ICNR(*"])
def check_icnr(case: Case, judge: Judge) -> None:
    outputs = {}
    for name, expected in case.group("out.").items():
        found = re.fullmatch(r"icnr_([\dx]+)_r(\d+)_seed(\d+)", name)
        if found is None:
            raise KeyError(f"unknown recording {name}")
        torch.manual_seed(int(found[3]))
        outputs[name] = ICNR(torch.empty([int(n) for n in found[1].split("x")]), int(found[2]))
        first_of_group = outputs[name][:: int(found[2]) ** 2].repeat_interleave(int(found[2]) ** 2, dim=0)
        judge.equal(f"{name}: channels of a group are identical", outputs[name], first_of_group)
        judge.equal(f"{name}: shape", tuple(outputs[name].shape), tuple(expected.shape))
    judge_results(case, judge, outputs, {})
