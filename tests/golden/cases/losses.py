"""Losses, metrics and the alignment of colours against their recordings, gradients included."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from data.postprocessing_functions import DenoisingPostProcess
from models.alignment.pwcnet import PWCNet
from models.layers.filtering import get_gaussian_kernel
from models.loss.image_quality_v2 import LPIPS, MSSSIM, PSNR, SSIM, AlignedL2, MappedLoss, PixelWiseError, msssim
from models.loss.spatial_color_alignment import SpatialColorAlignment, fit_color_transform, match_colors
from models.loss.ssim import ssim_maps
from tests.golden.closed_form import closed_form, fill_pwcnets
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

PART = "deeprep_dbsr_models"
NAMED = {"PixelWiseError": PixelWiseError, "PSNR": PSNR, "SSIM": SSIM}
NUMBER = r"-?\d+(?:\.\d+)?"


def named_loss(words: str) -> torch.nn.Module:
    """The loss that a recording calls e.g. ``PixelWiseError(l1, 8)`` or ``SSIM(8, use_for_loss=False)``."""
    found = re.match(r"(\w+)\(([^)]*)\)", words)
    if found is None or found[1] not in NAMED:
        raise KeyError(f"unknown loss {words}")
    positional: list[Any] = []
    keyword: dict[str, Any] = {}
    for argument in filter(None, (text.strip() for text in found[2].split(","))):
        name, _, value = argument.rpartition("=")
        parsed = _literal(value)
        if name:
            keyword[name] = parsed
        else:
            positional.append(parsed)
    return NAMED[found[1]](*positional, **keyword)


def _literal(text: str) -> Any:
    constants = {"None": None, "True": True, "False": False}
    if text in constants:
        return constants[text]
    return int(text) if re.fullmatch(r"-?\d+", text) else text.strip("'\"")


def recorded_mask(case: Case, words: str | None) -> torch.Tensor | None:
    """The mask that a recording describes: ``all False``, ``in.valid > 0.5 (…)`` or ``in.valid_full (…)``."""
    if words is None:
        return None
    if words.startswith("all False"):
        pred = case["in.pred"]
        return torch.zeros(len(pred), 1, *pred.shape[2:], dtype=torch.bool)
    found = re.match(rf"(in\.\w+)(?: > ({NUMBER}))?", words)
    if found is None:
        raise KeyError(f"unknown mask {words}")
    mask = case[found[1]]
    return mask > float(found[2]) if found[2] else mask


def judge_variants(
    case: Case,
    judge: Judge,
    value: Callable[[str, Mapping[str, Any], torch.Tensor], torch.Tensor],
) -> None:
    """Compares ``value(name, variant, pred)`` with ``out.<name>`` for every variant, and its gradient if recorded."""
    for name, variant in case.meta["variants"].items():
        pred = case["in.pred"].clone().requires_grad_()
        result = value(name, variant, pred)
        judge.close(f"out.{name}", result, case[f"out.{name}"], **case.meta["tolerance"]["out"])
        if f"grad.in.pred.{name}" in case:
            result.backward()
            judge_gradient(case, judge, f"grad.in.pred.{name}", pred.grad)


def judge_gradient(case: Case, judge: Judge, key: str, actual: torch.Tensor | None) -> None:
    expected, tolerance = case[key], case.meta["tolerance"]["grad"]
    actual = actual if actual is not None else torch.full_like(expected, torch.nan)
    atol = tolerance["atol_relative_to_max"] * float(expected.abs().max())
    judge.close(key, actual, expected, rtol=tolerance["rtol"], atol=atol)


@checks(PART, functions=["PixelWiseError(*"])
def check_pixel_wise_error(case: Case, judge: Judge) -> None:
    def value(name: str, variant: Mapping[str, Any], pred: torch.Tensor) -> torch.Tensor:
        loss = PixelWiseError(metric=variant["metric"], boundary_ignore=variant["boundary_ignore"])
        return loss(pred, case["in.gt"], recorded_mask(case, variant["valid"]))

    judge_variants(case, judge, value)


@checks(PART, functions=["PSNR(*"])
def check_psnr(case: Case, judge: Judge) -> None:
    def value(name: str, variant: Mapping[str, Any], pred: torch.Tensor) -> torch.Tensor:
        gt = case["in.gt"]
        if name.startswith("all_identical"):
            pred = gt
        elif name.startswith("first_identical"):
            pred = torch.cat((gt[:1], pred[1:]))
        metric = PSNR(variant.get("boundary_ignore"), **{k: v for k, v in variant.items() if k == "max_value"})
        return metric(pred, gt, recorded_mask(case, variant.get("valid")))

    judge_variants(case, judge, value)


@checks(PART, functions=["SSIM(*"])
def check_ssim(case: Case, judge: Judge) -> None:
    def value(name: str, variant: Mapping[str, Any], pred: torch.Tensor) -> torch.Tensor:
        gt, note = case["in.gt"], str(variant.get("note", ""))
        if name == "map":
            return ssim_maps(pred, gt)[0]
        if name == "function_cs":
            return ssim_maps(pred, gt)[1].mean()
        metric = SSIM(variant.get("boundary_ignore"), variant.get("use_for_loss", False))
        if name == "function_noavg":
            return metric.per_image(pred, gt)
        if "3-D" in note:
            pred, gt = pred[0], gt[0]
        scale, offset = _recorded_scale(note)
        return metric(pred * scale + offset, gt * scale + offset, recorded_mask(case, variant.get("valid")))

    judge_variants(case, judge, value)


def _recorded_scale(note: str) -> tuple[float, float]:
    """Factor and offset of ``pred and gt multiplied by 200`` or ``pred*300-50, gt*300-50``."""
    multiplied = re.search(rf"multiplied by ({NUMBER})", note)
    if multiplied:
        return float(multiplied[1]), 0.0
    scaled = re.match(rf"pred\*({NUMBER})([+-]{NUMBER})?", note)
    return (float(scaled[1]), float(scaled[2] or 0)) if scaled else (1.0, 0.0)


@checks(PART, functions=["MSSSIM(*"])
def check_msssim(case: Case, judge: Judge) -> None:
    def value(name: str, variant: Mapping[str, Any], pred: torch.Tensor) -> torch.Tensor:
        return msssim(pred, case["in.gt"], **variant) if variant else MSSSIM()(pred, case["in.gt"])

    judge_variants(case, judge, value)


@checks(PART, functions=["MappedLoss(*"])
def check_mapped_loss(case: Case, judge: Judge) -> None:
    gt = case["in.gt"]
    infos = [{"white_level": level} for level in case["in.white_level"]]
    mapping = DenoisingPostProcess().process

    def value(name: str, variant: Mapping[str, Any], pred: torch.Tensor) -> torch.Tensor:
        return MappedLoss(named_loss(variant["base"]), variant.get("mapping_fn", mapping))(pred, gt, infos)

    judge_variants(case, judge, value)
    for name, clamp in (("out.mapped_pred", True), ("out.mapped_pred_noclamp", False)):
        if name in case:
            process = DenoisingPostProcess(clamp=clamp).process
            mapped = torch.stack(
                [torch.as_tensor(process(image, info)) for image, info in zip(case["in.pred"], infos, strict=True)]
            )
            judge.close(name, mapped, case[name], **case.meta["tolerance"]["out"])


@checks(PART, functions=["LPIPS(*"])
def check_lpips(case: Case, judge: Judge) -> None:
    gains = {1: 0.05, 4: 1.4}  # of biases and kernels, as the recording states
    backbone = {key: closed_form(key, tuple(shape), gains[len(shape)]) for key, shape in case.meta["backbone_keys"]}

    def value(name: str, variant: Mapping[str, Any], pred: torch.Tensor) -> torch.Tensor:
        return LPIPS(**variant, backbone=backbone)(pred, case["in.gt"])

    judge_variants(case, judge, value)
    if "out.lin_sums" in case:
        state = LPIPS(backbone=backbone).loss.state_dict()
        sums = torch.stack([state[key].sum() for key in case.meta["lin_keys"]])
        judge.close("out.lin_sums", sums, case["out.lin_sums"], **case.meta["tolerance"]["out"])


@checks(PART, functions=["match_colors(*"])
def check_match_colors(case: Case, judge: Judge) -> None:
    tolerance = case.meta["tolerance"]["out"]
    kernel, ksz = get_gaussian_kernel(1.5)
    converted, valid = match_colors(case["in.im_ref"], case["in.im_q"], case["in.im_test"], ksz, kernel)
    transform, _ = fit_color_transform(case["in.im_ref"], case["in.im_q"], ksz, kernel)
    judge.close("out.im_test_converted", converted, case["out.im_test_converted"], **tolerance)
    judge.close("out.color_matrix", transform, case["out.color_matrix"], **tolerance)
    judge.equal("out.valid", valid, case["out.valid"])


# Rounding inside PWC-Net (order of sums, number of threads) moves its flow by this share of the largest flow; in double
# precision the flow differs from the recorded one by as much.
FLOW_ROUNDING = 1e-5


@checks(PART, functions=["SpatialColorAlignment(*"])
def check_spatial_color_alignment(case: Case, judge: Judge) -> None:
    tolerance = case.meta["tolerance"]["out"]
    net = PWCNet(load_pretrained=False)
    fill_pwcnets(net)
    pred, gt, burst = case["in.pred"].clone().requires_grad_(), case["in.gt"], case["in.burst"]
    seen: list[torch.Tensor] = []

    def remember(_net: torch.nn.Module, _inputs: object, flow: torch.Tensor) -> None:
        seen.append(flow.detach())

    with net.register_forward_hook(remember):
        aligned, valid = SpatialColorAlignment(net, **case.kwargs)(pred, gt, burst)
    judge.equal("out.valid", valid, case["out.valid"])

    def aligned_by(flow: torch.Tensor) -> torch.Tensor:
        return SpatialColorAlignment(lambda source, target: flow, **case.kwargs)(case["in.pred"], gt, burst)[0]

    if "out.flow" in case:
        judge.relative_to_max("out.flow", seen[0], case["out.flow"], FLOW_ROUNDING)
        judge.close("out.pred_aligned", aligned_by(case["out.flow"]), case["out.pred_aligned"], **tolerance)
    expected = case["out.pred_aligned"]
    allowed = tolerance["atol"] + tolerance["rtol"] * expected.abs()
    for axis in range(2):
        moved = seen[0].clone()
        moved[:, axis] += FLOW_ROUNDING * seen[0].abs().max()
        allowed += (aligned_by(moved) - aligned.detach()).abs()
    error = (aligned.detach() - expected) / allowed
    judge.close("out.pred_aligned over what rounding of the flow allows", error, torch.zeros_like(error), atol=1.0)

    for name, variant in case.meta["variants"].items():
        words = variant["loss"]
        if words.startswith("AlignedL2"):
            border = re.search(r", (\d+)\)", words)
            loss = AlignedL2(net, **case.kwargs, boundary_ignore=int(border[1]) if border else None)(pred, gt, burst)
        else:
            loss = named_loss(words)(aligned, gt, valid=valid)
        judge.close(f"out.{name}", loss, case[f"out.{name}"], **tolerance)
        if f"grad.in.pred.{name}" in case:
            (gradient,) = torch.autograd.grad(loss, pred, retain_graph=True)
            judge_gradient(case, judge, f"grad.in.pred.{name}", gradient)
