"""The motion of frames as a whole: found in noise, the way back, and what is left to the flow network."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.alignment.global_motion import GlobalMotion, find_global_motion
from models.alignment.wrappers import SearchThenFlow
from models.layers.warp import warp

TRANSLATIONS = ((0.0, 0.0), (1.5, -0.5), (-2.25, 3.0), (0.75, 2.5))


def scene(side: int = 96) -> torch.Tensor:
    """Smooth structure at several scales, [1, 3, side, side]."""
    generator = torch.Generator().manual_seed(3)
    octaves = [
        F.interpolate(
            torch.randn(1, 3, side // step, side // step, generator=generator), size=(side, side), mode="bicubic"
        )
        for step in (24, 12, 6)
    ]
    return torch.stack(octaves).sum(dim=0)


def burst(motion: GlobalMotion, noise: float) -> torch.Tensor:
    """A burst that moved so, [1, N, 3, H, W], with noise of this share of the scene's deviation."""
    generator = torch.Generator().manual_seed(4)
    image, offsets = scene(motion.size[0]), motion.offsets()[0]
    frames = warp(image.expand(len(offsets), -1, -1, -1), offsets, mode="bicubic", padding_mode="reflection")
    return (frames + noise * image.std() * torch.randn(frames.shape, generator=generator))[None]


@pytest.mark.parametrize(("noise", "tolerance"), [(0.0, 0.05), (1.0, 0.25)])
def test_translations_are_found_in_noise(noise: float, tolerance: float) -> None:
    truth = torch.tensor([TRANSLATIONS])
    found = find_global_motion(burst(GlobalMotion(truth, (96, 96)), noise), reach=5)
    assert (found.parameters - truth).norm(dim=-1).max() < tolerance


def test_rotations_are_found_too() -> None:
    truth = torch.tensor([[(*shift, turn) for shift, turn in zip(TRANSLATIONS, (0.0, 1.5, -1.0, 0.5), strict=True)]])
    motion = GlobalMotion(truth, (96, 96))
    frames = burst(motion, noise=0.3)
    errors = [
        (find_global_motion(frames, 5, rotation).offsets() - motion.offsets())[..., 8:-8, 8:-8].norm(dim=2).mean()
        for rotation in (False, True)
    ]
    assert errors[1] < 0.1
    assert errors[1] < errors[0] / 3


def test_offsets_there_and_back_lead_home() -> None:
    motion = GlobalMotion(torch.tensor([[(2.0, -3.0, 2.5)]]), (80, 120))
    there, back = motion.offsets()[0], motion.onto_reference()[0]
    home = (back + warp(there, back, padding_mode="border"))[..., 8:-8, 8:-8]
    assert home.abs().max() < 0.01


def test_half_precision_around_it_changes_nothing() -> None:
    frames = burst(GlobalMotion(torch.tensor([TRANSLATIONS]), (96, 96)), noise=0.5)
    exact = find_global_motion(frames, 5).offsets()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(find_global_motion(frames, 5).offsets(), exact)


def test_brightness_does_not_matter_and_nothing_moves_where_nothing_is_seen() -> None:
    frames = burst(GlobalMotion(torch.tensor([TRANSLATIONS]), (96, 96)), noise=0.5)
    dark = find_global_motion(0.001 * frames + 0.2, 5).parameters
    torch.testing.assert_close(dark, find_global_motion(frames, 5).parameters, atol=0.02, rtol=0)
    assert find_global_motion(torch.ones(2, 4, 3, 20, 24), 5, rotation=True).parameters.abs().max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 33)])
@pytest.mark.parametrize("frames", [1, 2])
def test_any_size_and_number_of_frames(size: tuple[int, int], frames: int) -> None:
    motion = find_global_motion(torch.rand(2, frames, 4, *size), 5)
    assert motion.offsets().shape == (2, frames, 2, *size)
    assert motion.parameters.isfinite().all()
    assert not motion.parameters[:, 0].any()


class Remembering(nn.Module):
    """A flow network that finds nothing and keeps what it was shown."""

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.source, self.target = source, target
        return torch.zeros_like(target[:, :2])


def test_the_flow_network_sees_only_what_the_search_leaves_over() -> None:
    truth = GlobalMotion(torch.tensor([TRANSLATIONS]), (96, 96))
    flow_net, frames = Remembering(), burst(truth, noise=0.0)
    offsets, _ = SearchThenFlow(flow_net, reach=5)(frames)
    assert (offsets - truth.offsets()[:, 1:])[..., 8:-8, 8:-8].abs().max() < 0.1
    inner = (..., slice(8, -8), slice(8, -8))
    left = (flow_net.target - flow_net.source)[inner].square().mean()
    assert left < 0.01 * (frames[0, 1:] - frames[0, :1])[inner].square().mean()
    assert SearchThenFlow(flow_net, reach=5)(frames[:, :1])[0].shape == (1, 0, 2, 96, 96)
