"""Networks that evaluate in bfloat16 give float32 and nearly the same image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from evaluation.common_utils import command_line
from evaluation.common_utils.network_param import NetworkParam
from evaluation.jdd.benchmark import jdd_benchmark
from models.burst_deblur.unet import burst_deblur_eccv18
from models.sr3.constructors import sr3
from models.two_stage_align.two_stage_net import two_stage_align
from utils.half_precision import in_half_precision

SR3: dict[str, Any] = {
    "schedule": {"schedule": "linear", "n_timestep": 10, "linear_start": 1e-4, "linear_end": 0.1},
    "inner_channel": 16,
    "norm_groups": 4,
    "channel_mults": (1, 2),
    "attn_res": (),
    "res_blocks": 1,
    "steps": 3,
}


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    nets: dict[str, Any] = {
        "burst_deblur": lambda: burst_deblur_eccv18(width=8),
        "sr3": lambda: sr3(**SR3),
        "two_stage_align": lambda: two_stage_align(channels=8, deformable_groups=2, patch=16),
    }
    return nets[name]().eval()


def inputs(name: str) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    channels, scale, size = {"burst_deblur": (3, 255, 32), "sr3": (3, 1, 16), "two_stage_align": (4, 1, 40)}[name]
    burst = scale * torch.rand(1, 3, channels, size, size, generator=generator)
    return (burst, torch.full_like(burst, 0.1)) if name == "two_stage_align" else (burst,)


@pytest.mark.parametrize("name", ["burst_deblur", "sr3", "two_stage_align"])
def test_a_network_in_half_precision_gives_nearly_the_same_image_in_float32(name: str):
    images = []
    for net in (network(name), in_half_precision(network(name))):
        with torch.no_grad():
            torch.manual_seed(2)
            image, _ = net(*inputs(name))
        images.append(image)
    assert images[1].dtype == torch.float32
    error = (images[1] - images[0]).abs().mean() / images[0].abs().mean()
    assert 0 < error < 0.02, "bfloat16 rounds to 1/256"


def test_patches_are_matched_in_full_precision():
    found = []
    for net in (network("two_stage_align"), in_half_precision(network("two_stage_align"))):
        with torch.no_grad():
            found.append(net(*inputs("two_stage_align"))[1]["positions"])
    assert torch.equal(*found)


def test_a_row_in_half_precision_has_its_own_name_and_predictions():
    named = NetworkParam(network=nn.Identity, unique_name="net", display_name="Net", half_precision=True)
    assert (named.get_unique_name(), named.get_display_name()) == ("net_bf16", "Net, bfloat16")
    assert NetworkParam("a", "b", half_precision=True).get_unique_name() == "a_b_bf16"


def test_a_network_param_runs_its_network_in_half_precision():
    param = NetworkParam(network=lambda: network("burst_deblur"), unique_name="net", half_precision=True)
    (burst,) = inputs("burst_deblur")
    with torch.no_grad():
        assert not torch.equal(param.load_net()(burst)[0], network("burst_deblur")(burst)[0])


def test_scores_in_half_precision_are_written_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scored: list[Any] = []

    def write_nothing(scores: object, place: Path) -> list[Path]:
        scored.append(place)
        return []

    monkeypatch.setattr(command_line, "load_experiment", lambda *names: [NetworkParam("a", "b")])
    monkeypatch.setattr(
        "evaluation.common_utils.engine.score", lambda benchmark, networks, **options: scored.extend(networks)
    )
    monkeypatch.setattr(command_line, "terminal_table", lambda scores: "")
    monkeypatch.setattr(command_line, "write_files", write_nothing)
    monkeypatch.setattr(command_line, "score_files", lambda benchmark, name: tmp_path / name)
    command_line.compute_score("evaluation.jdd", "quickstart", [jdd_benchmark("clips")], half_precision=True)
    assert scored == [NetworkParam("a", "b", half_precision=True), tmp_path / "quickstart_bf16"]
