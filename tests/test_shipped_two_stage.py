"""The shipped network of two-stage alignment: scenes keep colours that its five training scenes hardly have."""

from __future__ import annotations

import pytest
import torch

from admin.environment import REPOSITORY
from admin.loading import load_network
from data.jdd_camera import NOISE_LEVELS, Camera, add_noise, develop, noise_map, photo_to_linear
from models.two_stage_align.two_stage_net import TwoStageNet
from utils.draws import standard_normal
from utils.ops.mosaic import mosaic

SIZE, FRAMES = 96, 5
COLOURS = {"green": (0.2, 0.6, 0.25), "blue": (0.3, 0.5, 0.8), "yellow": (0.8, 0.75, 0.2), "magenta": (0.7, 0.25, 0.6)}


@pytest.fixture(scope="module")
def net() -> TwoStageNet:
    network, _ = load_network(REPOSITORY / "pretrained_networks" / "two_stage_align_quickstart.safetensors")
    assert isinstance(network, TwoStageNet)
    return network.eval()


@pytest.mark.parametrize("name", COLOURS)
def test_a_surface_keeps_its_colour(net: TwoStageNet, name: str) -> None:
    colour = torch.tensor(COLOURS[name])
    camera, level = Camera.fixed(), NOISE_LEVELS["high"]
    linear = photo_to_linear(colour[:, None, None].expand(3, SIZE, SIZE).contiguous(), camera)
    clean = mosaic(linear).expand(FRAMES, -1, -1, -1)
    burst = add_noise(clean, level, standard_normal(clean.shape, 3))[None]
    with torch.no_grad():
        restored, _ = net(burst, noise_map(burst, level, net.noise_map_mode))
    metadata = camera.metadata()
    gains = [metadata[key][None] for key in ("cam2rgb", "rgb_gain", "red_gain", "blue_gain")]
    shown, truth = (develop(image, *gains)[0].mean((1, 2)) for image in (restored, linear[None]))
    hue, true_hue = shown - shown.mean(), truth - truth.mean()  # what grey does not have
    assert torch.cosine_similarity(hue, true_hue, dim=0) > 0.95, (shown, truth)
    assert hue.norm() > 0.6 * true_hue.norm(), (shown, truth)
