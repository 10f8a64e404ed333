"""The actor of two-stage alignment: which terms count when, and which patch is trained."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from actors.two_stage_align_actor import TwoStageAlignActor
from models.loss.charbonnier import CharbonnierSum, edge_mask
from models.loss.image_quality_v2 import PSNR
from models.two_stage_align.two_stage_net import two_stage_align

OBJECTIVE = {"charbonnier": CharbonnierSum(), "psnr": PSNR()}
IMAGE_TERMS = {"linear", "srgb", "inter_linear", "inter_srgb"}


def batch(count: int = 1, side: int = 24, seed: int = 0, **more: Any) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    clean = rand(count, 3, 4, side, side)
    noisy = (clean + 0.05 * rand(*clean.shape)).clamp(0, 1)
    camera = {"red_gain": 1.9 + rand(count), "blue_gain": 1.5 + rand(count), "rgb_gain": 1 + rand(count)}
    camera["cam2rgb"] = torch.eye(3).repeat(count, 1, 1)
    frame_gt = rand(count, 3, 2 * side, 2 * side)
    data = {"burst": noisy, "noise_map": 0.1 * noisy, "burst_gt": clean, "frame_gt": frame_gt, "meta_info": camera}
    return {**data, "settings": SimpleNamespace(seed=1), **more}


def make_actor(interpolation: bool = True, patch_matching: bool = True, **options: Any) -> TwoStageAlignActor:
    torch.manual_seed(0)
    net = two_stage_align(2, 1, interpolation, patch_matching, patch=16, margin=0, search_window=32)
    return TwoStageAlignActor(net, OBJECTIVE, patch_size=8, search_window=32, **options).train()


def terms(stats: dict[str, torch.Tensor]) -> set[str]:
    return {tag.removeprefix("Loss/raw/") for tag in stats if tag.startswith("Loss/raw/")}


def test_the_score_term_stops_and_the_choice_sharpens_at_the_published_steps():
    actor = make_actor()
    for step, scored in ((199_999, True), (200_000, False)):
        assert ("score" in terms(actor(batch(step=step))[1])) == scored
    temperatures = [actor.patch_of_step(batch(), step).temperature for step in (1, 300_000, 300_001)]
    assert temperatures == [1e-2, 1e-2, 1e-3]


@pytest.mark.parametrize("interpolation", [True, False])
@pytest.mark.parametrize("patch_matching", [True, False])
def test_only_the_terms_of_what_is_there_count(interpolation: bool, patch_matching: bool):
    loss, stats = make_actor(interpolation, patch_matching)(batch(step=1))
    expected = IMAGE_TERMS if interpolation else {"linear", "srgb"}
    assert terms(stats) == expected | ({"weight_variance", "score"} if patch_matching else set())
    assert torch.isclose(loss.detach(), torch.stack([stats[f"Loss/{name}"] for name in terms(stats)]).sum())
    assert stats["Loss/total"].shape == ()
    assert not any(value.requires_grad for value in stats.values())


def test_the_loss_of_a_batch_is_the_sum_of_its_bursts_with_the_interpolation_branch_too():
    actor, both = make_actor(), batch(2, step=1)
    loss, _ = actor(both)
    parts = [actor({key: pick(value, slice(i, i + 1)) for key, value in both.items()})[0].detach() for i in range(2)]
    assert torch.isclose(loss.detach(), parts[0] + parts[1], rtol=1e-4)
    loss.backward()
    assert all(parameter.grad is not None for parameter in actor.net.parameters())


def test_the_loss_of_a_process_does_not_depend_on_how_many_there_are(monkeypatch: pytest.MonkeyPatch):
    """The trainer adds the gradients up; see tests/test_distributed.py."""
    actor = make_actor()
    alone = actor(batch())[0]
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    torch.testing.assert_close(actor(batch())[0], alone, rtol=0, atol=0)


def pick(value: Any, chosen: slice) -> Any:
    if isinstance(value, dict):
        return {key: pick(item, chosen) for key, item in value.items()}
    return value[chosen] if isinstance(value, torch.Tensor) else value


def test_the_patch_depends_only_on_seed_and_step_and_lies_in_the_published_range():
    actor, data = make_actor(), batch()
    corners = [actor.patch_of_step(data, step).corner for step in range(1, 200)]
    again, other = make_actor(), batch(seed=5)
    assert corners == [again.patch_of_step(other, step).corner for step in range(1, 200)]
    assert {corner.row for corner in corners} == set(range(24 - 8 + 1))
    assert {corner.column for corner in corners} == set(range(24 - 2 * 8))
    assert actor.patch_of_step(batch(side=12), 1).corner.column <= 4, "narrow frames are used up to their border"
    with pytest.raises(ValueError, match="4 x 4 pixels are smaller than patch_size=8"):
        actor.patch_of_step(batch(side=4), 1)


def test_validation_restores_whole_frames():
    actor = make_actor().eval()
    with torch.no_grad():
        loss, stats = actor(batch(step=1))
    assert terms(stats) == {"linear", "srgb"}
    assert loss.isfinite()
    assert {"Stat/psnr", "Stat/psnr_linear8"} < set(stats)


def test_an_unknown_term_is_refused():
    with pytest.raises(ValueError, match=r"scores.*score"):
        make_actor(loss_weight={"scores": 1.0})


def test_a_perfect_linear_image_costs_only_the_rounding_of_the_root():
    image = torch.rand(1, 3, 8, 8)
    assert float(CharbonnierSum()(image, image)) == pytest.approx(3 * 64 * 1e-3, rel=1e-5)
    doubled = CharbonnierSum()(image.repeat(2, 1, 1, 1), torch.zeros(2, 3, 8, 8))
    assert float(doubled) == pytest.approx(2 * float(CharbonnierSum()(image, torch.zeros_like(image))), rel=1e-5)


def test_the_edge_mask_is_largest_at_edges_and_has_no_gradient():
    image = torch.zeros(1, 3, 32, 32, requires_grad=True)
    with torch.no_grad():
        image[..., 16:] = 1
    mask = edge_mask(image)
    assert not mask.requires_grad
    assert float(mask.max()) == pytest.approx(1, abs=1e-4)
    assert float(mask[0, 0, 16, 6]) < 0.05 < float(mask[0, 0, 16, 15])
