"""Certainty weights: how far each value of each encoded frame is to be believed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from models.layers.blocks import conv_block, res_blocks
from models.layers.burst_warp import BurstWarp, with_reference
from models.layers.reference_offsets import burst_offsets


class WeightPredictor(nn.Module):
    """Called with the encoded burst and its offsets, returns weights [B, N, C, H, W]."""

    def squared(self, x: Mapping[str, torch.Tensor | None], noise_estimate: torch.Tensor | None = None) -> torch.Tensor:
        """The squares of the weights as [B·N, C, H, W], all that a least-squares problem needs of them."""
        squares: torch.Tensor = self(x, noise_estimate=noise_estimate).flatten(0, 1).square()
        return squares


class Identity(WeightPredictor):
    """Believes everything alike."""

    def forward(self, x: Mapping[str, torch.Tensor | None], noise_estimate: torch.Tensor | None = None) -> torch.Tensor:
        enc = x["x"]
        assert enc is not None
        return torch.ones_like(enc)


class SimpleWeightPredictor(WeightPredictor):
    """Weights from each frame's encoding, its difference to the warped reference, its offsets and its noise level.

    DeepRep, section 3.5 "certainty predictor".

    Args:
        input_dim: channels of the encoding, and of the weights.
        project_dim: channels to which the encoding is reduced first.
        offset_feat_dim, num_offset_feat_extractor_res: size of the extractor of offset features.
        num_weight_predictor_res: residual blocks of the predictor.
        use_bn, activation, padding_mode: of all convolution blocks.
        use_noise_estimate, num_noise_feat_extractor_res, noise_feat_dim: whether, and how, the noise level is seen.
        offset_modulo, ref_offset_noise: see :func:`models.layers.reference_offsets.burst_offsets`. The noise is drawn
            in evaluation too.
        use_offset: False leaves the offsets out.
        use_softmax: softmax over the burst times its length; else the absolute value.
        use_abs_diff: absolute differences to the reference.
        use_mean: differences to the mean of the burst instead of the reference.
        color_input: the noise estimate has three channels, else one.
    """

    def __init__(
        self,
        input_dim: int,
        project_dim: int,
        offset_feat_dim: int,
        num_offset_feat_extractor_res: int = 1,
        num_weight_predictor_res: int = 1,
        use_bn: bool = False,
        activation: str = "relu",
        use_noise_estimate: bool = False,
        num_noise_feat_extractor_res: int = 1,
        noise_feat_dim: int = 32,
        offset_modulo: float | None = None,
        use_offset: bool = True,
        ref_offset_noise: float = 0.0,
        use_softmax: bool = True,
        use_abs_diff: bool = False,
        padding_mode: str = "zeros",
        use_mean: bool = False,
        color_input: bool = False,
    ) -> None:
        super().__init__()
        self.use_noise_estimate = use_noise_estimate
        self.noise_channels = 3 if color_input else 1
        self.offset_modulo = offset_modulo
        self.use_offset = use_offset
        self.ref_offset_noise = ref_offset_noise
        self.use_softmax = use_softmax
        self.use_abs_diff = use_abs_diff
        self.use_mean = use_mean

        def extractor(in_dim: int, dim: int, num_res: int) -> list[nn.Module]:
            first = conv_block(in_dim, dim, batch_norm=use_bn, activation=activation, padding_mode=padding_mode)
            return [first, *res_blocks(num_res, dim, use_bn, activation, padding_mode)]

        self.feat_project_layer = conv_block(
            input_dim,
            project_dim,
            kernel_size=1,
            padding=0,
            batch_norm=use_bn,
            activation=activation,
            padding_mode=padding_mode,
        )
        seen_dim = 2 * project_dim
        if use_noise_estimate:
            self.noise_feat_extractor = nn.Sequential(
                *extractor(self.noise_channels, noise_feat_dim, num_noise_feat_extractor_res)
            )
            seen_dim += noise_feat_dim
        self.offset_feat_extractor = nn.Sequential(*extractor(2, offset_feat_dim, num_offset_feat_extractor_res))
        if use_offset:
            seen_dim += offset_feat_dim
        self.weight_predictor = nn.Sequential(
            *extractor(seen_dim, 2 * project_dim, num_weight_predictor_res),
            conv_block(2 * project_dim, input_dim, batch_norm=use_bn, activation="none", padding_mode=padding_mode),
        )

    def forward(self, x: Mapping[str, torch.Tensor | None], noise_estimate: torch.Tensor | None = None) -> torch.Tensor:
        """Weights [B, N, C, H, W].

        Args:
            x: ``x`` the encoded burst [B, N, C, H, W] and ``offsets`` [B, N-1, 2, H, W] from each other frame into
                frame 0, or None (only without ``use_offset``).
            noise_estimate: standard deviation of the noise [B, N, 1 or 3, h, w], if the predictor uses it.

        Raises:
            ValueError: offsets or noise estimate are missing or of the wrong shape.
        """
        signed = self._signed(x, noise_estimate)
        return signed.softmax(dim=1) * signed.shape[1] if self.use_softmax else signed.abs()

    def squared(self, x: Mapping[str, torch.Tensor | None], noise_estimate: torch.Tensor | None = None) -> torch.Tensor:
        if self.use_softmax:
            return super().squared(x, noise_estimate)
        return self._signed(x, noise_estimate).flatten(0, 1).square()  # keeps one map for the backward pass, not two

    def _signed(self, x: Mapping[str, torch.Tensor | None], noise_estimate: torch.Tensor | None) -> torch.Tensor:
        """What the convolutions say, [B, N, C, H, W], before it is made positive."""
        enc, offsets = x["x"], x["offsets"]
        assert enc is not None
        batch, frames = enc.shape[:2]
        projected = self.feat_project_layer(enc.flatten(0, 1)).unflatten(0, (batch, frames))
        difference = projected - self._base(projected, offsets)
        if self.use_abs_diff:
            difference = difference.abs()

        seen = [projected, difference]
        if self.use_offset:
            if offsets is None:
                raise ValueError("offsets are None, but the weight predictor was built with use_offset=True")
            everyones = burst_offsets(offsets, self.ref_offset_noise, self.offset_modulo)
            seen.append(self.offset_feat_extractor(everyones.flatten(0, 1)).unflatten(0, (batch, frames)))
        if self.use_noise_estimate:
            seen.append(self._noise_features(noise_estimate, enc))

        of_frames = self.weight_predictor(torch.cat(seen, dim=2).flatten(0, 1))
        weights: torch.Tensor = of_frames.unflatten(0, (batch, frames))
        return weights

    def _base(self, projected: torch.Tensor, offsets: torch.Tensor | None) -> torch.Tensor:
        """What each frame is compared with: [B, N, ...], or [B, 1, ...] for all of them."""
        base = projected.mean(dim=1, keepdim=True) if self.use_mean else projected[:, :1]
        if offsets is None or offsets.shape[1] == 0:
            return base if offsets is None else projected[:, :1]
        motion = BurstWarp(with_reference(offsets), (base.shape[-2], base.shape[-1]))
        warped = motion.warp(base[:, 0]).unflatten(0, projected.shape[:2])
        return torch.cat((projected[:, :1], warped[:, 1:]), dim=1) if self.use_mean else warped

    def _noise_features(self, noise_estimate: torch.Tensor | None, enc: torch.Tensor) -> torch.Tensor:
        batch, frames = enc.shape[:2]
        expected = (batch, frames, self.noise_channels)
        if noise_estimate is None or noise_estimate.ndim != 5 or tuple(noise_estimate.shape[:3]) != expected:
            came = "None" if noise_estimate is None else str(tuple(noise_estimate.shape))
            raise ValueError(f"expected a noise estimate [{batch}, {frames}, {self.noise_channels}, h, w], got {came}")
        noise = noise_estimate.flatten(0, 1)
        if noise.shape[-1] != enc.shape[-1]:
            noise = F.interpolate(noise, size=enc.shape[-2:], mode="bilinear", align_corners=False)
        features: torch.Tensor = self.noise_feat_extractor(noise).unflatten(0, (batch, frames))
        return features
