"""Builds SR3 models from plain values, so that a checkpoint can rebuild them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from admin.model_constructor import model_constructor, weights_will_follow
from models.sr3.diffusion import GaussianDiffusion, LossType
from models.sr3.sampling import find_sampler
from models.sr3.schedules import NoiseSchedule
from models.sr3.unet import UNet, initialise_orthogonally


@model_constructor
def sr3(
    schedule: Mapping[str, Any],
    n_frames: int = 3,
    channels: int = 3,
    inner_channel: int = 64,
    norm_groups: int = 32,
    channel_mults: Sequence[int] = (1, 2, 4, 8, 8),
    attn_res: Sequence[int] = (16,),
    res_blocks: int = 2,
    dropout: float = 0.2,
    image_size: int = 128,
    loss_type: LossType = "l1",
    shared_time: bool = True,
    sampling_schedule: Mapping[str, Any] | None = None,
    sampler: str = "ancestral",
    steps: int | None = None,
    begin: float = 1.0,
) -> GaussianDiffusion:
    """SR3 for several frames; the defaults are the published 16 to 128 configuration for three frames.

    Args:
        schedule: noise schedule of the training: ``schedule``, ``n_timestep``, ``linear_start``, ``linear_end``.
        n_frames: frames of the condition, odd; 1 is SR3 for single images.
        channels: of the images.
        inner_channel, norm_groups, channel_mults, attn_res, res_blocks, dropout, image_size: see ``UNet``.
        loss_type, shared_time: see ``GaussianDiffusion``.
        sampling_schedule: that of sampling, if it is another one.
        sampler: ``ancestral`` (the full reverse process), ``ddim`` or ``dpm_solver``.
        steps: network evaluations of a sampling; None takes as many as the schedule has steps.
        begin: share of the schedule at which sampling begins, see ``GaussianDiffusion``.

    Raises:
        ValueError: values that do not fit.
    """
    find_sampler(sampler)
    unet = UNet(
        in_channel=channels * (n_frames + 1),
        out_channel=channels,
        inner_channel=inner_channel,
        norm_groups=norm_groups,
        channel_mults=channel_mults,
        attn_res=attn_res,
        res_blocks=res_blocks,
        dropout=dropout,
        image_size=image_size,
    )
    if not weights_will_follow():
        initialise_orthogonally(unet)
    net = GaussianDiffusion(unet, image_size, channels, n_frames, loss_type, schedule_opt=schedule)
    net.shared_time, net.sampler, net.steps, net.begin = shared_time, sampler, steps, begin
    if sampling_schedule is not None:
        net.sampling_schedule = NoiseSchedule.from_options(sampling_schedule)
    return net
