"""What actors show of a validation in TensorBoard."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from actors.deeprep_actors import DeepRepDenoisingActor
from actors.pictures import ValidationPictures, linear_panels
from actors.rawsr_actor import RawSRActor
from actors.super_resolution import SyntheticSRActor
from models.loss.image_quality_v2 import PixelWiseError
from utils.strips import coloured_flow, image_strip

FRAMES, HEIGHT, WIDTH = 3, 8, 12


class Net(nn.Module):
    """First frame, with the flow and the weights that it is made with; answers as DBSR, DeepRep and RawSR do."""

    def __init__(self, scale: int = 1, **aux: torch.Tensor) -> None:
        super().__init__()
        self.gain, self.scale, self.aux = nn.Parameter(torch.tensor(0.9)), scale, aux

    def forward(self, burst: torch.Tensor, other: Any = None, noise_estimate: Any = None) -> tuple[torch.Tensor, Any]:
        frame = (burst[:, 0] if burst.ndim == 5 else other)[:, :3]
        return self.gain * frame.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2), self.aux


def batch(scale: int = 1, channels: int = 3) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    return {
        "burst": torch.rand(2, FRAMES, channels, HEIGHT, WIDTH, generator=generator),
        "frame_gt": torch.rand(2, 3, scale * HEIGHT, scale * WIDTH, generator=generator),
        "shifts": torch.ones(2, FRAMES, 2, HEIGHT, WIDTH) * torch.arange(FRAMES)[:, None, None, None],
    }


def panels_of(strip: torch.Tensor, width: int) -> list[torch.Tensor]:
    assert strip.dtype == torch.uint8
    assert strip.shape[2] % (width + 5) == 0
    return [part[:, :, :width] for part in strip.split(width + 5, dim=2)]


OBJECTIVE = {"rgb": PixelWiseError("l1")}
FLOW = torch.zeros(2, FRAMES - 1, 2, HEIGHT, WIDTH)
WEIGHTS = torch.full((2, FRAMES, 4, HEIGHT, WIDTH), 1 / FRAMES)


def test_only_validation_is_shown_and_each_time_from_its_first_batch():
    actor = DeepRepDenoisingActor(net=Net(), objective=OBJECTIVE)
    actor.train()
    actor(batch())
    assert actor.take_pictures() == {}
    for _ in range(2):
        actor.eval()
        for _ in range(5):
            actor(batch())
        assert list(actor.take_pictures()) == ["image_0", "image_1", "image_2"]
    assert actor.take_pictures() == {}


def test_a_denoiser_shows_input_prediction_and_target_as_bright_as_the_eye_needs_them():
    actor = DeepRepDenoisingActor(net=Net(), objective=OBJECTIVE)
    data = batch()
    data = data | {"burst": data["burst"] * 0.01, "frame_gt": data["burst"][:, 0] * 0.01}
    actor.eval()
    actor(data)
    noisy, prediction, target = panels_of(actor.take_pictures()["image_0"], WIDTH)
    assert torch.equal(noisy, target)
    assert target.float().mean() > 100
    assert (prediction.float() <= target.float()).all(), "0.9 times the frame is darker"


def test_flow_and_weights_are_shown_where_the_network_has_them():
    data = batch(scale=8, channels=4)
    actor = SyntheticSRActor(net=Net(8, offsets=FLOW, fusion_weights=WEIGHTS), objective=OBJECTIVE)
    actor.eval()
    actor(data)
    strip = actor.take_pictures()["image_0"]
    raw, _, _, flow, weights = panels_of(strip, 8 * WIDTH)
    assert raw.shape == (3, 8 * HEIGHT, 8 * WIDTH), "smaller images are enlarged"
    assert (flow == 255).all(), "no flow is white"
    assert (weights == 127).all(), "an equal share is grey"


def test_a_network_with_one_frame_has_no_flow_to_show():
    panels = linear_panels(
        torch.rand(1, 1, 3, 4, 4),
        torch.rand(1, 3, 4, 4),
        torch.rand(1, 3, 4, 4),
        {"offsets": torch.zeros(1, 0, 2, 4, 4)},
    )
    assert len(panels) == 3


def test_rawsr_shows_its_reference_enlarged():
    generator = torch.Generator().manual_seed(0)
    data = {
        "raw": torch.rand(1, 1, HEIGHT, WIDTH, generator=generator),
        "isp": torch.rand(1, 3, HEIGHT, WIDTH, generator=generator),
        "frame_gt": torch.rand(1, 3, 2 * HEIGHT, 2 * WIDTH, generator=generator),
    }
    actor = RawSRActor(net=Net(2), objective=OBJECTIVE)
    actor.eval()
    actor(data)
    reference, _, target = panels_of(actor.take_pictures()["image_0"], 2 * WIDTH)
    assert torch.equal(reference[:, ::2, ::2], (255 * data["isp"][0]).to(torch.uint8))
    assert torch.equal(target, (255 * data["frame_gt"][0]).to(torch.uint8))


def test_pictures_cost_nothing_once_there_are_enough():
    called: list[int] = []
    pictures = ValidationPictures(most=2)

    def panels() -> list[torch.Tensor]:
        called.append(1)
        return [torch.zeros(3, 2, 2)]

    for _ in range(4):
        pictures.add(panels)
    assert len(called) == 2
    assert list(pictures.take()) == ["image_0", "image_1"]


def test_opposite_directions_of_flow_have_opposite_colours_and_length_is_strength():
    flow = torch.zeros(2, 1, 4)
    flow[0] = torch.tensor([[2.0, -2.0, 1.0, 0.0]])
    right, left, half, none = coloured_flow(flow)[:, 0].T
    assert torch.equal(none, torch.full((3,), 255.0))
    assert right[0] == pytest.approx(255)
    assert left[0] == pytest.approx(0, abs=1e-3)
    assert torch.allclose(half, (right + none) / 2)
    assert torch.allclose(coloured_flow(flow, longest=4)[:, 0, 0], (right + none) / 2)


def test_images_of_several_sizes_stand_side_by_side():
    strip = image_strip([torch.full((3, 4, 6), 300.0), torch.full((3, 2, 2), 7.0)])
    assert strip.shape == (3, 4, 6 + 5 + 4 + 5)
    assert strip[0, 0].tolist() == [255] * 6 + [0] * 5 + [7] * 4 + [0] * 5
