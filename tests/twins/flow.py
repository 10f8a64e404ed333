"""The flow networks in plain form: every pair of frames by itself, cost volumes by unfolding."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from models.alignment.flow_images import flow_in_pixels, prepare, resize
from models.alignment.pwcnet import PWCNet
from models.alignment.pwcnet_layers import Decoder
from models.alignment.pyrcorr import PyrCorr
from models.alignment.wrappers import AlignmentWrapper, flow_image
from models.layers.correlation import CostVolume

_SLOPE = 0.1
_PIXELS_PER_UNIT = {2: 5.0, 3: 2.5, 4: 1.25, 5: 0.625}


def correlation(a: torch.Tensor, b: torch.Tensor, max_displacement: int) -> torch.Tensor:
    """``Σ_c a[c, y, x] · b[c, y+dy, x+dx]`` for all displacements, [B, C, H, W] twice → [B, (2d+1)², H, W]."""
    side = 2 * max_displacement + 1
    neighbours = F.unfold(b, side, padding=max_displacement)
    return (a[:, :, None] * neighbours.reshape(*a.shape[:2], side * side, *a.shape[2:])).sum(dim=1)


def warp(feat: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """``feat`` where ``flow`` points to, bilinear, zeros outside."""
    height, width = feat.shape[-2:]
    x = flow[:, 0] + torch.arange(width, device=flow.device)
    y = flow[:, 1] + torch.arange(height, device=flow.device)[:, None]
    grid = torch.stack((2 * (x + 0.5) / width - 1, 2 * (y + 0.5) / height - 1), dim=-1)
    return F.grid_sample(feat, grid, align_corners=False)


def pwcnet_flow(net: PWCNet, source_img: torch.Tensor, target_img: torch.Tensor) -> torch.Tensor:
    """PWC-Net on pairs [B, 3, H, W]; the flow lies on the target and points into the source."""
    firsts = net.net.netExtractor(prepare(target_img, 3, net.rgb2bgr, "target"))
    seconds = net.net.netExtractor(prepare(source_img, 3, net.rgb2bgr, "source"))
    flow, feat = None, None
    for decoder in (net.net.netSix, net.net.netFiv, net.net.netFou, net.net.netThr, net.net.netTwo):
        flow, feat = _pwcnet_level(decoder, firsts[decoder.level - 1], seconds[decoder.level - 1], flow, feat)
    assert flow is not None
    size = (target_img.shape[-2], target_img.shape[-1])
    return flow_in_pixels(flow + net.net.netRefiner(feat), size)


def _pwcnet_level(
    decoder: Decoder, first: torch.Tensor, second: torch.Tensor, flow: torch.Tensor | None, feat: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    if flow is None:
        x = F.leaky_relu(correlation(first, second, 4) / first.shape[1], _SLOPE)
    else:
        flow = decoder.netUpflow(flow)
        assert flow is not None
        warped = _pwcnet_warp(second, flow * _PIXELS_PER_UNIT[decoder.level])
        costs = F.leaky_relu(correlation(first, warped, 4) / first.shape[1], _SLOPE)
        x = torch.cat((costs, first, flow, decoder.netUpfeat(feat)), dim=1)
    for name in ("netOne", "netTwo", "netThr", "netFou", "netFiv"):
        x = torch.cat((decoder.get_submodule(name)(x), x), dim=1)
    return decoder.netSix(x), x


def _pwcnet_warp(x: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """PWC-Net's own warp, which moves by W / (W - 1) times the flow and blanks what is not wholly inside."""
    height, width = x.shape[-2:]
    columns = torch.linspace(-1 + 1 / width, 1 - 1 / width, width).to(x)
    rows = torch.linspace(-1 + 1 / height, 1 - 1 / height, height).to(x)
    grid = torch.stack(
        (columns + flow[:, 0] / ((width - 1) / 2), rows[:, None] + flow[:, 1] / ((height - 1) / 2)), dim=-1
    )
    inside = F.grid_sample(torch.ones_like(x[:, :1]), grid, align_corners=False) > 0.999
    return F.grid_sample(x, grid, align_corners=False) * inside


def pyrcorr_flow(net: PyrCorr, source_img: torch.Tensor, target_img: torch.Tensor) -> torch.Tensor:
    """DeepRep's own flow network on pairs [B, C, H, W]; the flow lies on the target and points into the source."""
    sources = _pyramid(net, prepare(source_img, net.input_channels, net.rgb2bgr, "source"))
    targets = _pyramid(net, prepare(target_img, net.input_channels, net.rgb2bgr, "target"))
    offsets: torch.Tensor | None = None
    for level in reversed(range(len(targets))):
        source, target = sources[level], targets[level]
        if offsets is not None:
            offsets = 2 * resize(offsets, (target.shape[-2], target.shape[-1]))
            target = warp(target, offsets)
        volume = net.cost_volumes[level]
        assert isinstance(volume, CostVolume)
        costs = correlation(source, target, volume.max_displacement)
        costs = F.avg_pool2d(costs, volume.kernel_size, 1, volume.kernel_size // 2, divisor_override=1)
        update = net.offset_predictors[level](torch.cat((costs, source), dim=1) if net.use_ref_for_offset else costs)
        offsets = update if offsets is None else update + offsets
    assert offsets is not None
    flow = F.interpolate(offsets, scale_factor=net.ds_factor, mode="bilinear", align_corners=False)
    return flow_in_pixels(net.ds_factor * flow, (target_img.shape[-2], target_img.shape[-1]))


def _pyramid(net: PyrCorr, image: torch.Tensor) -> list[torch.Tensor]:
    feat, levels = net.offset_res_layers(net.init_layer(image)), []
    for layer in net.offsetfeat_layers:
        feat = layer(feat)
        levels.append(feat)
    return levels


def flow(net: PWCNet | PyrCorr, source_img: torch.Tensor, target_img: torch.Tensor) -> torch.Tensor:
    """The plain form of ``net(source_img, target_img)``, without what PyrCorr returns beside."""
    return (pyrcorr_flow if isinstance(net, PyrCorr) else pwcnet_flow)(net, source_img, target_img)  # type: ignore[arg-type]


def burst_offsets(alignment: AlignmentWrapper, im: torch.Tensor) -> torch.Tensor:
    """DeepRep's offsets [B, N-1, 2, H, W]: the reference goes through the flow network once for every other frame."""
    batch, frames = im.shape[:2]
    images = flow_image(im) if alignment.force_3ch_input else im
    reference = images[:, :1].expand(-1, frames - 1, -1, -1, -1).flatten(0, 1)
    net = alignment.alignment_net
    assert isinstance(net, PWCNet | PyrCorr)
    with torch.set_grad_enabled(alignment.train_alignmentnet and torch.is_grad_enabled()):
        return flow(net, reference, images[:, 1:].flatten(0, 1)).unflatten(0, (batch, frames - 1))
