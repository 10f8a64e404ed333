"""Actors: which terms make the loss, what is logged, and what moves with the actor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from actors.base_actor import WeightedTerms
from actors.dbsr_actors import DBSRRealWorldActor, DBSRSyntheticActor
from actors.deeprep_actors import DeepRepDenoisingActor, DeepRepSRBurstSRActor, DeepRepSRSyntheticActor
from admin.settings import Settings
from models.loss.image_quality_v2 import PSNR, MappedLoss, PixelWiseError
from utils.ops.warp import warp


class Denoiser(nn.Module):
    """Scales the reference frame by a weight and returns given offsets."""

    def __init__(self, offsets: torch.Tensor | None = None) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.9))
        self.offsets = offsets if offsets is None else nn.Parameter(offsets)

    def forward(
        self, burst: torch.Tensor, noise_estimate: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        self.noise_estimate = noise_estimate
        return self.gain * burst[:, 0], {} if self.offsets is None else {"offsets": self.offsets}


class Enlarger(nn.Module):
    """Nearest-neighbour enlargement of R, G, B of the reference frame."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.9))
        self.factor = factor

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        frame = burst[:, 0, [0, 1, 3]]
        return self.gain * frame.repeat_interleave(self.factor, -1).repeat_interleave(self.factor, -2), {}


def denoising_batch(height: int = 16, width: int = 24) -> dict[str, Any]:
    values = torch.tensor([[[0.0, 0.0], [2.0, 1.0], [-1.0, 3.0]]]) + torch.tensor([0.5, -0.25])
    return {
        "burst": torch.rand(1, 3, 3, height, width),
        "frame_gt": torch.rand(1, 3, height, width),
        "shifts": values[..., None, None].expand(1, 3, 2, height, width),
    }


def true_offsets(height: int, width: int) -> torch.Tensor:
    return torch.tensor([[2.0, 1.0], [-1.0, 3.0]])[None, :, :, None, None].repeat(1, 1, 1, height, width)


def denoising_objective(boundary: int | None = None) -> dict[str, nn.Module]:
    return {
        "rgb": PixelWiseError("l1"),
        "psnr": PSNR(),
        "offsets": PixelWiseError("l2_sqrt", boundary),
        "photometric": PixelWiseError("l1", boundary),
    }


ALL_TERMS = {"rgb": 1.0, "offsets": 0.5, "photometric": 2.0}


def test_loss_is_the_weighted_sum_and_stats_are_detached_scalars():
    batch = denoising_batch()
    net = Denoiser(true_offsets(16, 24) + 1)
    loss, stats = DeepRepDenoisingActor(net, denoising_objective(), ALL_TERMS)(batch)
    assert list(stats) == [
        "Loss/total", "Loss/rgb", "Loss/raw/rgb", "Loss/offset", "Loss/raw/offset",
        "Loss/photometric", "Loss/raw/photometric", "Stat/psnr",
    ]  # fmt: skip
    assert all(value.shape == () and not value.requires_grad for value in stats.values())
    assert stats["Loss/raw/offset"].item() == pytest.approx(2**0.5, rel=1e-5)
    torch.testing.assert_close(stats["Loss/offset"], 0.5 * stats["Loss/raw/offset"])
    total = stats["Loss/raw/rgb"] + 0.5 * stats["Loss/raw/offset"] + 2 * stats["Loss/raw/photometric"]
    torch.testing.assert_close(loss.detach(), total)
    loss.backward()
    assert net.gain.grad is not None


def test_photometric_term_compares_other_frames_with_the_warped_reference():
    batch = denoising_batch()
    offsets = true_offsets(16, 24)
    batch["burst"][:, 1:] = warp(batch["burst"][0, :1].expand(2, -1, -1, -1), offsets[0])[None]
    weights = {"rgb": 1.0, "photometric": 1.0}
    _, stats = DeepRepDenoisingActor(Denoiser(offsets), denoising_objective(), weights)(batch)
    assert stats["Loss/photometric"].item() == pytest.approx(0.0, abs=1e-6)


def test_only_the_offsets_term_asks_for_the_true_shifts():
    batch = denoising_batch()
    del batch["shifts"]
    net = Denoiser(true_offsets(16, 24))
    DeepRepDenoisingActor(net, denoising_objective(), {"rgb": 1.0, "photometric": 1.0})(batch)
    with pytest.raises(ValueError, match="no 'shifts'"):
        DeepRepDenoisingActor(net, denoising_objective(), ALL_TERMS)(batch)


def test_term_of_weight_zero_is_logged_and_stays_out_of_the_graph():
    offsets = true_offsets(16, 24)
    net = Denoiser(offsets)
    loss, stats = DeepRepDenoisingActor(net, denoising_objective(), {"rgb": 1.0, "offsets": 0.0})(denoising_batch())
    assert "Loss/raw/offset" in stats
    assert stats["Loss/offset"] == 0
    loss.backward()
    assert net.offsets is not None
    assert net.offsets.grad is None


def test_term_of_weight_zero_cannot_spoil_the_loss():
    terms = WeightedTerms()
    weight = torch.tensor(2.0, requires_grad=True)
    terms.add("rgb", 1.0, lambda: weight * 3)
    terms.add("broken", 0.0, lambda: weight * torch.inf)
    loss, stats = terms.total()
    assert loss == 6
    assert stats["Loss/raw/broken"] == torch.inf
    assert stats["Loss/broken"] == 0
    with pytest.raises(ValueError, match="weight 0"):
        WeightedTerms().total()


@pytest.mark.parametrize("divisor", [(2, 2), (4, 2)])
def test_offsets_of_a_coarser_grid_are_resized_and_scaled_on_each_axis(divisor):
    height, width = 16, 24
    coarse = true_offsets(height // divisor[0], width // divisor[1])
    coarse = coarse / torch.tensor([float(divisor[1]), float(divisor[0])])[:, None, None]
    _, stats = DeepRepDenoisingActor(Denoiser(coarse), denoising_objective(), ALL_TERMS)(denoising_batch())
    assert stats["Loss/raw/offset"].item() == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("frames", [1, 3])
def test_without_offsets_only_the_image_counts(frames):
    batch = denoising_batch()
    batch["burst"] = batch["burst"][:, :frames]
    net = Denoiser(None if frames > 1 else torch.zeros(1, 0, 2, 16, 24))
    loss, stats = DeepRepDenoisingActor(net, denoising_objective(), ALL_TERMS)(batch)
    assert "Loss/offset" not in stats
    torch.testing.assert_close(loss.detach(), stats["Loss/rgb"])


def test_network_gets_the_noise_estimate_or_none():
    net = Denoiser()
    actor = DeepRepDenoisingActor(net, denoising_objective())
    batch = denoising_batch()
    actor(batch)
    assert net.noise_estimate is None
    batch["sigma_estimate"] = torch.rand(1, 3, 3, 16, 24)
    actor(batch)
    assert net.noise_estimate is batch["sigma_estimate"]


def test_steps_of_the_training_see_bursts_of_the_lengths_asked_for():
    class Counting(Denoiser):
        def forward(self, burst, noise_estimate=None):
            seen.append((burst.shape[1], noise_estimate.shape[1]))
            return super().forward(burst, noise_estimate)

    batch = denoising_batch() | {"settings": Settings(), "sigma_estimate": torch.rand(1, 3, 3, 16, 24)}
    actor = DeepRepDenoisingActor(Counting(), denoising_objective(), burst_lengths=(1, 3))
    seen: list[tuple[int, int]] = []
    for step in range(12):
        actor({**batch, "step": step})
    assert set(seen) == {(1, 1), (3, 3)}
    again, seen = seen, []
    for step in range(12):
        actor({**batch, "step": step})
    assert seen == again  # drawn from (seed, step)
    actor.eval()
    seen.clear()
    for step in range(12):
        actor({**batch, "step": step})
    assert set(seen) == {(3, 3)}  # validation compares: always all frames


@pytest.mark.parametrize("lengths", [(0,), (2, -1)])
def test_burst_lengths_without_a_frame_are_refused_when_the_actor_is_made(lengths: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"burst_lengths=.*each at least 1"):
        DeepRepDenoisingActor(Denoiser(), denoising_objective(), burst_lengths=lengths)


def test_bursts_shorter_than_the_lengths_asked_for_are_named_at_the_first_step():
    actor = DeepRepDenoisingActor(Denoiser(), denoising_objective(), burst_lengths=(1, 1, 1, 1, 1, 1, 1, 4))
    with pytest.raises(ValueError, match=r"bursts of 3 frames are too short for burst_lengths=\(1, .*4\)"):
        actor({**denoising_batch(), "settings": Settings(), "step": 1})


def test_mapped_objective_gets_the_meta_data_of_the_batch():
    batch = {**denoising_batch(), "meta_info": {"white_level": torch.tensor([[0.5]])}}
    mapped = MappedLoss(PixelWiseError("l1"), lambda image, info: image / info["white_level"])
    _, stats = DeepRepDenoisingActor(Denoiser(), {"rgb": mapped})(batch)
    _, plain = DeepRepDenoisingActor(Denoiser(), {"rgb": PixelWiseError("l1")})(batch)
    torch.testing.assert_close(stats["Loss/rgb"], 2 * plain["Loss/rgb"])


def test_wrong_loss_weights_are_refused_when_the_actor_is_made():
    with pytest.raises(ValueError, match="'offsets'"):
        DeepRepDenoisingActor(Denoiser(), denoising_objective(), {"rgb": 1.0, "offset": 1.0})
    with pytest.raises(ValueError, match="objective has only rgb"):
        DeepRepDenoisingActor(Denoiser(), {"rgb": PixelWiseError()}, {"rgb": 1.0, "photometric": 1.0})
    with pytest.raises(ValueError, match="no 'rgb'"):
        DBSRSyntheticActor(Enlarger(4), {"rgb": PixelWiseError()}, {})


@pytest.mark.parametrize("actor_class", [DBSRSyntheticActor, DeepRepSRSyntheticActor])
def test_synthetic_super_resolution_compares_as_predicted(actor_class):
    batch = {"burst": torch.rand(2, 3, 4, 6, 5), "frame_gt": torch.rand(2, 3, 24, 20)}
    net = Enlarger(4)
    loss, stats = actor_class(net, {"rgb": PixelWiseError("l1"), "psnr": PSNR()}, {"rgb": 3.0})(batch)
    expected = PixelWiseError("l1")(net(batch["burst"])[0], batch["frame_gt"])
    torch.testing.assert_close(loss, 3 * expected)
    assert list(stats) == ["Loss/total", "Loss/rgb", "Loss/raw/rgb", "Stat/psnr"]
    assert not stats["Stat/psnr"].requires_grad


class StillFlow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        assert not self.training
        return self.weight * target[:, :2]


def real_world_batch() -> dict[str, torch.Tensor]:
    coarse = nn.functional.interpolate(torch.rand(1, 4, 4, 4), size=(20, 22), mode="bicubic").clamp(0.1, 1)
    burst = coarse[:, None].expand(-1, 2, -1, -1, -1)
    enlarged = coarse[:, [0, 1, 3]].repeat_interleave(4, -1).repeat_interleave(4, -2)
    return {"burst": burst, "frame_gt": 0.5 * enlarged}


@pytest.mark.parametrize("actor_class", [DBSRRealWorldActor, DeepRepSRBurstSRActor])
def test_real_super_resolution_compares_after_matching_colours(actor_class):
    batch = real_world_batch()
    objective = {"rgb": PixelWiseError("l1"), "psnr": PSNR()}
    alignment_net = StillFlow()
    actor = actor_class(Enlarger(4), objective, alignment_net, loss_weight={"rgb": 10.0}, sr_factor=2).train()
    with torch.no_grad():
        actor.net.gain.fill_(1.0)
    loss, stats = actor(batch)
    assert loss.item() == pytest.approx(0.0, abs=1e-4)  # half the brightness is a colour transform
    loss.backward()
    assert actor.net.gain.grad is not None
    assert alignment_net.weight.grad is None
    assert list(stats) == ["Loss/total", "Loss/rgb", "Loss/raw/rgb", "Stat/psnr"]


def test_deeprep_on_burstsr_also_logs_metrics_that_see_all_pixels():
    class Seen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, pred: torch.Tensor, gt: torch.Tensor) -> torch.Tensor:
            return (pred - gt).abs().mean() + self.weight.sum()

    objective = {"rgb": PixelWiseError("l1"), "mssim": Seen(), "lpips": Seen()}
    actor = DeepRepSRBurstSRActor(Enlarger(4), objective, StillFlow(), sr_factor=2)
    _, stats = actor(real_world_batch())
    assert list(stats) == ["Loss/total", "Loss/rgb", "Loss/raw/rgb", "Stat/mssim", "Stat/lpips"]
    assert not any(value.requires_grad for value in stats.values())
    _, stats = DBSRRealWorldActor(Enlarger(4), objective, StillFlow(), sr_factor=2)(real_world_batch())
    assert "Stat/lpips" not in stats


def test_network_objective_and_alignment_move_together_and_only_the_network_trains():
    objective = {"rgb": PixelWiseError(), "lpips": nn.Linear(1, 1)}
    alignment_net = StillFlow()
    actor = DeepRepSRBurstSRActor(Enlarger(4), objective, alignment_net)
    assert actor.to("meta") is actor
    for module in (actor.net, objective["lpips"], alignment_net):
        assert all(parameter.device.type == "meta" for parameter in module.parameters())
    assert actor.train().net.training
    assert not alignment_net.training
    assert not actor.eval().net.training
