"""One training step of two-stage alignment, its losses and its learning rates, against their recordings."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import torch

from actors.two_stage_align_actor import TwoStageAlignActor
from models.loss.charbonnier import CharbonnierSum, edge_mask
from models.loss.image_quality_v2 import PSNR
from models.two_stage_align.patch_matching import Corner
from models.two_stage_align.two_stage_net import TwoStageNet
from tests.golden.cases.two_stage_matching import recorded_net
from tests.golden.cases.two_stage_networks import PART, judge_gradients
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from trainers.restarts import CosineRestarts, StepRestarts, scheduler_of


@checks(PART, names=["losses*"], functions=["Charbonnier losses*"])
def check_charbonnier(case: Case, judge: Judge) -> None:
    tolerance = case.meta["tolerance"]
    for name, mask, gradient in (("charbonnier", None, "charbonnier"), ("charbonnier_mask", case["in.mask"], "mask")):
        x = case["in.x"].clone().requires_grad_()
        loss = CharbonnierSum()(x, case["in.y"], mask)
        judge.close(name, loss, case[f"out.{name}"], **tolerance)
        loss.backward()
        judge.close(f"grad_in.{gradient}", x.grad, case[f"grad_in.x.{gradient}"], **tolerance)


@checks(PART, names=["edge_map*"], functions=["edge_map_generate"])
def check_edge_mask(case: Case, judge: Judge) -> None:
    expected = case["out.mask"]
    judge.close(
        "mask", edge_mask(case["in.x"]).expand(-1, expected.shape[1], -1, -1), expected, **case.meta["tolerance"]
    )


@checks(PART, names=["lr_schedule*"], functions=["cosine annealing with restarts", "*MultiStepLR*"])
def check_learning_rates(case: Case, judge: Judge) -> None:
    kwargs, steps = case.kwargs, [int(step) for step in case["in.steps"]]
    restarts, weights = kwargs.get("restarts") or (), kwargs.get("restart_weights") or ()
    rates: CosineRestarts | StepRestarts
    if "T_period" in kwargs:
        rates = CosineRestarts(kwargs["T_period"], restarts, weights, kwargs.get("eta_min", 0.0))
    else:
        rates = StepRestarts(kwargs["lr_steps"], kwargs["lr_gamma"], restarts, weights)
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": base} for base in kwargs["base_lr"]]
    scheduler = scheduler_of(rates, torch.optim.Adam(groups))
    found = [
        [base * factor(step - 1) for step in steps]
        for base, factor in zip(kwargs["base_lr"], scheduler.lr_lambdas, strict=True)
    ]
    judge.close("lr", found, case["out.lr"], rtol=case.meta["tolerance"]["rtol"])


@checks(PART, names=["train_step_*"], functions=["one training iteration*"])
def check_training_step(case: Case, judge: Judge) -> None:
    kwargs = case.kwargs
    net = recorded_net(case).train()
    objective = {"charbonnier": CharbonnierSum(), "psnr": PSNR()}
    actor = TwoStageAlignActor(net, objective, patch_size=kwargs["LQ_size"], search_window=kwargs["search_window"])
    frames = case["in.frames"]
    data: dict[str, Any] = {
        "burst": frames,
        "noise_map": recorded_noise_map(kwargs["noise_map"], frames),
        "burst_gt": case["in.gt_raws"],
        "frame_gt": case["in.gt"],
        "meta_info": {name: case[f"in.{name}"] for name in ("red_gain", "blue_gain", "cam2rgb")},
        "step": kwargs["step"],
    }
    data["meta_info"]["rgb_gain"] = torch.ones(len(frames))  # for the logged PSNR alone
    drawn = mock.Mock(**{"integer.side_effect": Corner(kwargs["rnd_row"], kwargs["rnd_col"])})
    with mock.patch("actors.two_stage_align_actor.Draws", return_value=drawn), _remembered_calls(net) as calls:
        loss, stats = actor(data)
    pred, aux = calls[0]
    rtol = case.meta["tolerance"]["loss_terms"]["rtol"]
    size, (row, column) = kwargs["LQ_size"], (kwargs["rnd_row"], kwargs["rnd_col"])
    gt = case["in.gt"][..., 2 * row : 2 * (row + size), 2 * column : 2 * (column + size)]
    judge.close("edge mask", edge_mask(gt), case["out.edge_mask"], rtol=1e-4, atol=1e-5)
    judge.close("aligned patches", aux["patches"], case["out.aligned_patches"], rtol=1e-3, atol=1e-4)
    images = torch.cat((pred, aux["interpolated"])) if "interpolated" in aux else pred
    judge.close("net output", images, case["out.net_output"], rtol=1e-3, atol=1e-4)
    for name, key in (("linear", "pix_linear"), ("srgb", "pix_srgb")):
        judge.close(key, stats[f"Loss/{name}"], case[f"out.{key}"], rtol=rtol)
        if f"out.inter_{name}" in case:
            judge.close(f"inter_{name}", stats[f"Loss/inter_{name}"], case[f"out.inter_{name}"], rtol=rtol)
    judge.close("weight variance", stats["Loss/weight_variance"], case["out.weight_var_term"].sum(), rtol=rtol)
    scores = case["out.score_charbonnier"]
    judge.equal("score term counts", "Loss/score" in stats, scores.numel() > 0)
    if scores.numel():
        judge.close("score term", stats["Loss/raw/score"], scores.sum(), rtol=rtol)
    # The recorded sum holds the rounding noise of a term that is left out here.
    judge.close("loss", loss, case["out.loss"] - case["out.weight_sum_term"].sum(), rtol=rtol)
    loss.backward()
    judge_gradients(judge, net.reconstruction, case.group("grad.G."), "G.")
    assert net.downsampling is not None
    judge_gradients(judge, net.downsampling, case.group("grad.DS."), "DS.")


def recorded_noise_map(formula: str, frames: torch.Tensor) -> torch.Tensor:
    """The noise map that a recording states as ``a*frames+b``."""
    found = re.fullmatch(r"([\d.e+-]+)\*frames\+([\d.e+-]+)", formula)
    if found is None:
        raise ValueError(f"unknown formula of a noise map: {formula}")
    return float(found[1]) * frames + float(found[2])


class _remembered_calls:  # noqa: N801 - used as a function
    """Keeps what the network returns while this is open."""

    def __init__(self, net: TwoStageNet) -> None:
        self.net, self.calls = net, list[Any]()

    def __enter__(self) -> list[Any]:
        self.hook = self.net.register_forward_hook(lambda _net, _inputs, output: self.calls.append(output))
        return self.calls

    def __exit__(self, *_: object) -> None:
        self.hook.remove()
