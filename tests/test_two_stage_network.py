"""The two-stage alignment network: published shapes and keys, whole frames of any size, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from admin.checkpoints import CheckpointError
from admin.loading import load_network, load_weights
from admin.weights_file import save_weights_file
from models.two_stage_align.features import FeatureDownsampler
from models.two_stage_align.identity_start import start_as_demosaicked_reference, start_as_smoothed_image
from models.two_stage_align.patch_matching import Corner, match_progressively
from models.two_stage_align.reconstruction import BurstReconstruction
from models.two_stage_align.two_stage_net import PatchToTrain, Tiling, TwoStageNet, two_stage_align


def small_net(**options) -> TwoStageNet:
    torch.manual_seed(0)
    return two_stage_align(4, 2, **{"patch": 16, "margin": 4, "search_window": 32, **options}).eval()


def burst_and_map(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    burst = torch.rand(*shape, generator=torch.Generator().manual_seed(1))
    return burst, 0.1 * burst


def smooth_burst(frames: int, height: int, width: int) -> torch.Tensor:
    coarse = torch.rand(1, 4, height // 4 + 2, width // 4 + 2, generator=torch.Generator().manual_seed(2))
    frame = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")[..., :height, :width]
    return frame[:, None].repeat(1, frames, 1, 1, 1)


def test_the_published_networks_have_their_published_size():
    with torch.device("meta"):
        reconstruction = BurstReconstruction()
    assert sum(parameter.numel() for parameter in reconstruction.parameters()) == 12_052_144
    assert sum(parameter.numel() for parameter in FeatureDownsampler().parameters()) == 9_840


def test_weights_have_the_original_keys_and_shapes():
    n, groups = 6, 2
    shapes = {key: tuple(value.shape) for key, value in BurstReconstruction(n, groups).state_dict().items()}
    expected = {
        "feature_extract.simple_block.0.weight": (n, 8, 3, 3),
        "feature_extract.simple_block.8.weight": (n, n, 3, 3),
        "feature_extract_acse4.spatial_att.weight": (1, n, 7, 7),
        "feature_extract_acse1.down.weight": (n // 2, n, 1, 1),
        "pcd_align.fea_L3_conv2.bias": (n,),
        "pcd_align.pcd_align.L3_dcnpack_1.conv_offset_mask.weight": (27 * groups, n, 3, 3),
        "pcd_align.pcd_align.L1_fea_conv_1.weight": (n, 2 * n, 3, 3),
        "ConvBGRU.forward_net.convq.weight": (n, 2 * n, 3, 3),
        "ConvBGRU.conv_1x1.weight": (n, 2 * n, 1, 1),
        "up1.weight": (4 * n, 2 * n, 2, 2),
        "conv_block_s5.simple_block.4.weight": (3, n, 3, 3),
    }
    assert {key: shapes[key] for key in expected} == expected
    assert not any("lrelu" in key or "activation" in key for key in shapes)
    keys = set(FeatureDownsampler().state_dict())
    weights = {f"simple_block.{i}.weight" for i in (0, 1, 3, 4, 6)}
    assert keys == weights | {f"simple_block.{i}.bias" for i in (1, 4, 6)}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_released_files_load_by_their_own_keys(prefix: str, tmp_path: Path):
    released, net = small_net(), two_stage_align(4, 2)
    for part in ("reconstruction", "downsampling"):
        state = {prefix + key: value + 1 for key, value in getattr(released, part).state_dict().items()}
        torch.save(state, tmp_path / f"{part}.pth")
        load_weights(getattr(net, part), tmp_path / f"{part}.pth")
        loaded = getattr(net, part).state_dict()
        assert all(torch.equal(value, state[prefix + key]) for key, value in loaded.items())
    with pytest.raises(CheckpointError, match=r"downsampling\.pth.*do not fit BurstReconstruction"):
        load_weights(net.reconstruction, tmp_path / "downsampling.pth")


def test_one_file_keeps_both_networks_and_how_they_are_used(tmp_path: Path):
    net = small_net(noise_map="deviation", inclusive_search=True)
    save_weights_file(tmp_path / "net.safetensors", net, {})
    loaded, _ = load_network(tmp_path / "net.safetensors", search_window=64)
    assert isinstance(loaded, TwoStageNet)
    assert (loaded.noise_map_mode, loaded.tiling) == ("deviation", Tiling(16, 4, 64, inclusive_search=True))
    assert torch.equal(loaded.reconstruction.up1.weight, net.reconstruction.up1.weight)


@pytest.mark.parametrize(("frames", "size"), [(1, (17, 23)), (3, (5, 32)), (9, (16, 9))])
@torch.no_grad()
def test_whole_frames_of_any_size_and_odd_number_are_restored(frames: int, size: tuple[int, int]):
    pred, aux = small_net()(*burst_and_map(1, frames, 4, *size))
    assert pred.shape == (1, 3, 2 * size[0], 2 * size[1])
    assert pred.isfinite().all()
    assert aux["positions"].shape[:2] == (1, frames)


@torch.no_grad()
def test_tiles_at_a_time_do_not_change_the_result():
    burst, noise_map = burst_and_map(1, 3, 4, 8, 40)
    results = [small_net(max_batch=count)(burst, noise_map)[0] for count in (2, 64)]
    assert torch.allclose(results[0], results[1], atol=1e-5)


@torch.no_grad()
def test_bursts_of_a_batch_do_not_meet():
    burst, noise_map = burst_and_map(2, 3, 4, 20, 24)
    net = small_net()
    together, alone = net(burst, noise_map)[0], net(burst[1:], noise_map[1:])[0]
    assert torch.allclose(together[1:], alone, atol=1e-5)


@torch.no_grad()
def test_without_stage_one_all_frames_are_cut_at_the_same_place():
    net = small_net(patch_matching=False)
    assert net.downsampling is None
    _, aux = net(*burst_and_map(1, 3, 4, 20, 24))
    assert (aux["positions"] == aux["positions"][:, :1]).all()
    with_matching = small_net()
    with_matching.reconstruction.load_state_dict(net.reconstruction.state_dict())
    with_matching.downsampling = None
    burst, noise_map = burst_and_map(1, 3, 4, 20, 24)
    assert torch.equal(net(burst, noise_map)[0], with_matching(burst, noise_map)[0])


@torch.no_grad()
def test_stage_one_finds_the_camera_s_motion_on_whole_frames():
    still = smooth_burst(1, 64, 96)[0, 0]
    shift = (8, -12)
    moved = torch.stack([still.roll((r, c), dims=(1, 2)) for r, c in ((-8, 12), (0, 0), shift)])
    net = small_net(inclusive_search=True)
    _, aux = net(moved[None], 0.1 * moved[None])
    offsets = aux["positions"][0, 2] - aux["positions"][0, 1]
    inner = offsets[1:-2, 1:-2].flatten(0, 1)
    assert len(inner) > 4
    assert (inner == torch.tensor(shift)).all(dim=1).float().mean() > 0.7


def test_training_restores_a_patch_and_the_same_without_the_centre_frame():
    net = small_net().train()
    burst, noise_map = burst_and_map(3, 5, 4, 32, 40)
    pred, aux = net(burst, noise_map, PatchToTrain(Corner(5, 9), 16, search_window=32), burst)
    assert pred.shape == aux["interpolated"].shape == (3, 3, 32, 32)
    assert torch.equal(aux["patches"][:, 2], burst[:, 2, :, 5:21, 9:25])
    assert aux["scores"].shape == aux["weights"].shape == aux["clean_scores"].shape
    (pred.sum() + aux["interpolated"].sum()).backward()
    gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []


def test_what_is_restored_without_the_centre_frame_does_not_depend_on_it():
    net = BurstReconstruction(4, 2).train()
    # Frames are aligned to the centre frame, so only what follows is asked.
    frames = torch.rand(1, 5, 4, 8, 8)
    changed = frames.clone()
    changed[:, 2] += 1
    merged, merged_changed = net.ConvBGRU(frames), net.ConvBGRU(changed)
    assert torch.equal(merged[1], merged_changed[1])
    assert not torch.allclose(merged[0], merged_changed[0])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 4, 4, 16, 16), "odd number of frames, not 4"),
        ((1, 3, 3, 16, 16), r"\[B, N, 4, H, W\]"),
        ((3, 4, 16, 16), r"\[B, N, 4, H, W\]"),
    ],
)
def test_wrong_bursts_are_refused(shape: tuple[int, ...], message: str):
    burst = torch.rand(shape)
    with pytest.raises(ValueError, match=message):
        small_net()(burst, burst)


def test_other_misuse_is_refused_with_the_way_out():
    net = small_net()
    burst, noise_map = burst_and_map(1, 3, 4, 32, 32)
    with pytest.raises(ValueError, match="noise map"):
        net(burst, noise_map[..., :16])
    with pytest.raises(ValueError, match="float64"):
        net(burst.double(), noise_map.double())
    with pytest.raises(ValueError, match="must lie inside"):
        net(burst, noise_map, PatchToTrain(Corner(20, 0), 16))
    with pytest.raises(ValueError, match="multiples of 4"):
        net(burst[..., :30], noise_map[..., :30], PatchToTrain(Corner(0, 0), 16))
    with pytest.raises(ValueError, match="name it"):
        net.train()(burst, noise_map)
    with pytest.raises(ValueError, match="search_window=4"):
        two_stage_align(4, 2, search_window=4)
    with pytest.raises(ValueError, match="patch=18"):
        two_stage_align(4, 2, patch=18)
    with pytest.raises(ValueError, match="3 deformable groups"):
        two_stage_align(4, 3)


@torch.no_grad()
def test_the_small_start_demosaicks_a_static_burst():
    torch.manual_seed(0)
    net = BurstReconstruction(12, 2).eval()
    burst = 0.2 + 0.6 * smooth_burst(5, 32, 32)
    burst[:, :, 2] = burst[:, :, 1]  # both greens
    start_as_demosaicked_reference(net)
    image = net(burst, torch.zeros_like(burst))[0]
    planes = torch.stack([image[0, ::2, ::2], image[1, ::2, 1::2], image[1, 1::2, ::2], image[2, 1::2, 1::2]])
    error = (planes - burst[0, 2])[:, 4:-4, 4:-4]
    assert float(error.square().mean().sqrt()) < 0.05
    with pytest.raises(ValueError, match="at least 4"):
        start_as_demosaicked_reference(BurstReconstruction(2, 1))


@torch.no_grad()
def test_features_that_start_smooth_find_motion_in_noise():
    still = smooth_burst(1, 96, 96)[0, 0]
    moved = torch.stack([still.roll((0, 4 * column), dims=(1, 2)) for column in (-3, 0, 3)])
    noisy = moved + 0.2 * torch.randn(moved.shape, generator=torch.Generator().manual_seed(4))
    features = FeatureDownsampler()
    start_as_smoothed_image(features)
    (left, right) = match_progressively(features(noisy), torch.tensor([[6, 6]]), 10, 6)
    assert [left.fine.positions[0].tolist(), right.fine.positions[0].tolist()] == [[6, 3], [6, 9]]
