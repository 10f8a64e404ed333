"""Actors against their recordings: loss, stats and gradients of one call."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from actors import dbsr_actors, deeprep_actors
from admin.model_constructor import building_from_checkpoint
from models.alignment.pwcnet import PWCNet
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from tests.golden.cases.losses import named_loss
from tests.golden.cases.networks import NETWORKS, load_recorded_weights, recorded_draws
from tests.golden.closed_form import fill_pwcnets
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

SR_ACTORS: dict[str, Any] = {
    "DBSRSyntheticActor": dbsr_actors.DBSRSyntheticActor,
    "DBSRRealWorldActor": dbsr_actors.DBSRRealWorldActor,
    "DeepRepSRSyntheticActor": deeprep_actors.DeepRepSRSyntheticActor,
    "DeepRepSRBurstSRActor": deeprep_actors.DeepRepSRBurstSRActor,
}
PSNR_ATOL = 0.005  # dB, as the recordings state


@checks("deeprep_dbsr_models", functions=[*SR_ACTORS])
def check_sr_actor(case: Case, judge: Judge) -> None:
    meta = case.meta
    with building_from_checkpoint():
        net = NETWORKS[meta["constructor"]](**case.kwargs)
    load_recorded_weights(net, case)
    objective = {name: named_loss(loss) for name, loss in re.findall(r"(\w+): (\w+\([^)]*\))", meta["objective"])}
    options: dict[str, Any] = {"loss_weight": meta["loss_weight"]}
    if meta["sr_factor"] is not None:
        options.update(alignment_net=PWCNet(load_pretrained=False), sr_factor=meta["sr_factor"])
        fill_pwcnets(options["alignment_net"])
    actor = SR_ACTORS[case.function](net, objective, **options).train()
    with recorded_draws(case):
        loss, stats = actor({"burst": case["in.burst"], "frame_gt": case["in.frame_gt"]})
    rtol = meta["tolerance"]["stats"]["rtol"]
    judge.close("loss", loss, meta["loss"], rtol=rtol)
    judge_stats(judge, stats, meta["stats"], rtol=rtol, psnr_atol=PSNR_ATOL)
    loss.backward()
    parameters = dict(net.named_parameters())
    gradients = case.group("grad.")
    floor = 1e-5 * max(float(gradient.abs().max()) for gradient in gradients.values())
    share = meta["tolerance"]["grad"]["atol_relative_to_max"]
    for name, expected in gradients.items():
        gradient = parameters[name].grad
        actual = gradient if gradient is not None else torch.full_like(expected, torch.nan)
        judge.relative_to_max(f"grad.{name}", actual, expected, share, floor)


def judge_stats(
    judge: Judge,
    stats: dict[str, torch.Tensor],
    expected: dict[str, float],
    rtol: float,
    atol: float = 0.0,
    psnr_atol: float | None = None,
    prefix: str = "",
) -> None:
    """The same tags in the same order; 0-d tensors without graph; values within tolerance."""
    judge.equal(f"{prefix}tags", list(stats), list(expected))
    for tag, value in expected.items():
        actual = stats.get(tag, torch.tensor(torch.nan))
        judge.equal(f"{prefix}{tag} is a detached scalar", (actual.shape, actual.requires_grad), (torch.Size(), False))
        if psnr_atol is not None and tag == "Stat/psnr":
            judge.close(f"{prefix}{tag}", actual, value, atol=psnr_atol)
        else:
            judge.close(f"{prefix}{tag}", actual, value, rtol=rtol, atol=atol)


class _StandIn(nn.Module):
    """Returns what the recording's network returned and remembers how it was called."""

    def __init__(self, pred: torch.Tensor, offsets: torch.Tensor | None) -> None:
        super().__init__()
        self.pred, self.offsets = pred, offsets
        self.call_kwargs: dict[str, Any] = {}

    def forward(self, burst: torch.Tensor, **kwargs: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        self.call_kwargs = kwargs
        return self.pred, {} if self.offsets is None else {"offsets": self.offsets}


@checks("data_and_evaluation", functions=["*DeepRepDenoisingActor"])
def check_denoising_actor(case: Case, judge: Judge) -> None:
    burst, values = case["in.burst"], case["in.shifts_value"]
    data = {
        "burst": burst,
        "frame_gt": case["in.frame_gt"],
        "shifts": values[..., None, None].expand(*values.shape, *burst.shape[-2:]),
    }
    if "in.sigma_estimate" in case:
        data["sigma_estimate"] = case["in.sigma_estimate"]
    tolerance = {key: float(number) for key, number in re.findall(r"(atol|rtol) ([\d.e-]+)", case.meta["tolerance"])}
    for name, recorded in case.meta["cases"].items():
        pred = case["in.pred"].clone().requires_grad_()
        key = f"in.{name}.offsets"
        offsets = case[key].clone().requires_grad_() if key in case else None
        net = _StandIn(pred, offsets)
        actor = deeprep_actors.DeepRepDenoisingActor(net, _objective(case.meta["description"]), recorded["loss_weight"])
        loss, stats = actor(data)
        judge.close(f"{name}: loss", loss, recorded["loss"], **tolerance)
        judge_stats(judge, stats, recorded["stats"], **tolerance, prefix=f"{name}: ")
        shapes = {key: value if value is None else list(value.shape) for key, value in net.call_kwargs.items()}
        judge.equal(f"{name}: arguments of the network", shapes, recorded["net_call_kwargs"])
        loss.backward()
        for what, tensor in (("pred", pred), ("offsets", offsets)):
            expected = case.group(f"grad.{name}.").get(what)
            if expected is not None and tensor is not None:
                actual = tensor.grad if tensor.grad is not None else torch.full_like(expected, torch.nan)
                judge.close(f"grad.{name}.{what}", actual, expected, **tolerance)


def _objective(description: str) -> dict[str, nn.Module]:
    """The objective that the recording states as ``rgb L1 boundary 4, psnr boundary 4, offsets l2_sqrt boundary 4``."""
    objective: dict[str, nn.Module] = {}
    for name, metric, border in re.findall(r"(\w+) (?:(L1|L2|l2_sqrt|charbonnier) )?boundary (\d+)", description):
        objective[name] = PixelWiseError(metric.lower(), int(border)) if metric else PSNR(int(border))
    return objective
