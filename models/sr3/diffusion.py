"""The conditional diffusion model of SR3 for several frames: training loss and sampling around a denoising network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from models.sr3.sampling import Callback, Denoiser, StepNoise, ancestral, find_sampler
from models.sr3.schedules import NoiseSchedule

logger = logging.getLogger(__name__)

LossType = Literal["l1", "l2"]
_LOSSES = {"l1": F.l1_loss, "l2": F.mse_loss}


class GaussianDiffusion(nn.Module):
    """Diffusion model around a network that predicts noise.

    Images are RGB in -1..1. The condition is [B, 3 n, H, W]: n frames of the size of the result, one after the other on
    the channel axis; what is restored is the middle one.

    Args:
        denoise_fn: the network, ``noise = denoise_fn(cat(condition, image), level)``; e.g. ``models.sr3.unet.UNet``.
        image_size: side of images without a condition; others take the size of their condition.
        channels: of the images that are restored.
        n_frames: frames of the condition, odd.
        loss_type: ``l1`` or ``l2`` of the predicted noise, summed.
        conditional: False for a model that makes images out of nothing.
        schedule_opt: the noise schedule, see :meth:`set_new_noise_schedule`; may be set later.

    Attributes:
        schedule: the noise schedule of training, from which sampling derives its steps.
        sampling_schedule: that of sampling, where it is another one.
        sampler, steps: how images are sampled where a call does not say; steps None goes through the whole schedule.
        begin: share of the schedule at which sampling begins. Below 1 it begins at the middle frame of the condition,
            with as much noise as belongs there (Chung et al., CVPR 2022, arXiv 2112.05146), instead of pure noise.
        shared_time: one time for all samples of a training batch, as published; False draws one for each.

    Raises:
        ValueError: an unknown loss, or an even number of frames.
    """

    schedule: NoiseSchedule

    def __init__(
        self,
        denoise_fn: nn.Module,
        image_size: int,
        channels: int = 3,
        n_frames: int = 3,
        loss_type: LossType = "l1",
        conditional: bool = True,
        schedule_opt: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if loss_type not in _LOSSES:
            raise ValueError(f"loss_type = {loss_type!r}: expected l1 or l2")
        if n_frames < 1 or n_frames % 2 == 0:
            raise ValueError(f"n_frames = {n_frames}: the middle frame is restored, so their number must be odd")
        self.denoise_fn = denoise_fn
        self.image_size, self.channels, self.n_frames = image_size, channels, n_frames
        self.loss_type, self.conditional = loss_type, conditional
        self.sampling_schedule: NoiseSchedule | None = None
        self.sampler, self.steps = "ancestral", None  # type: str, int | None
        self.begin = 1.0
        self.shared_time = True
        if schedule_opt is not None:
            self.set_new_noise_schedule(schedule_opt)

    def set_new_noise_schedule(self, schedule_opt: Mapping[str, Any], device: torch.device | str | None = None) -> None:
        """Sets the noise schedule.

        Args:
            schedule_opt: ``schedule``, ``n_timestep`` and, where the schedule needs them, ``linear_start`` and
                ``linear_end``; see :meth:`NoiseSchedule.make`.
            device: where its buffers lie; that of the network by default.
        """
        self.schedule = NoiseSchedule.from_options(schedule_opt)
        if device is None:
            device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
        for name, values in self.schedule.buffers().items():
            self.register_buffer(name, torch.from_numpy(values).to(device))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles the denoising network: the levels are drawn around it on the host."""
        self.denoise_fn.compile(*args, **kwargs)

    def set_loss(self, device: torch.device | str) -> None:
        """Nothing is left to do: the loss is known from the start. Programs of the original system call it."""

    def forward(
        self, data: Mapping[str, torch.Tensor] | torch.Tensor, noise: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, dict[str, Any]]:
        """The training loss of a batch (a mapping, :meth:`training_loss`), or the restored image of a burst (a tensor,
        :meth:`restore`).
        """
        if isinstance(data, Mapping):
            return self.training_loss(data, noise)
        return self.restore(data)

    def training_loss(
        self,
        data: Mapping[str, torch.Tensor],
        noise: torch.Tensor | None = None,
        levels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The summed difference between noise and predicted noise (SR3, equation 6, in the form of algorithm 1).

        Args:
            data: ``HR`` [B, 3, H, W] and, for a conditional model, ``SR`` [B, 3 n, H, W], both -1..1.
            noise: like ``HR``, standard normal; drawn if None.
            levels: [B]; drawn if None, see :meth:`draw_levels`.

        Returns:
            0-d. Divided by the number of values of ``HR`` it is the published ``l_pix``.
        """
        target = data["HR"]
        if levels is None:
            levels = self.draw_levels(target.shape[0])
        if noise is None:
            noise = torch.randn_like(target)
        levels = levels.to(target.dtype).to(target.device, non_blocking=True).view(-1, 1)
        noisy = self.q_sample(target, levels.view(-1, 1, 1, 1), noise)
        image = torch.cat((data["SR"], noisy), dim=1) if self.conditional else noisy
        predicted = self.denoise_fn(image, levels).to(noise.dtype)  # a sum of so many values needs float32
        return _LOSSES[self.loss_type](predicted, noise, reduction="sum")

    def draw_levels(self, count: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Levels for a training batch: a time t in 1..T (for all of them, see ``shared_time``), and for each sample a
        level evenly between those before and after step t (SR3, section 2.4).

        Args:
            count: samples.
            generator: on the CPU; torch's global one if None.

        Returns:
            [count] float64 on the CPU.
        """
        table = torch.from_numpy(self.schedule.levels)
        time = torch.randint(1, len(self.schedule) + 1, (1 if self.shared_time else count,), generator=generator)
        unit = torch.rand(count, dtype=torch.float64, generator=generator)
        return table[time - 1] + unit * (table[time] - table[time - 1])

    @staticmethod
    def q_sample(clean: torch.Tensor, level: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """An image [B, C, H, W] with noise, at levels that broadcast to it (DDPM, equation 4)."""
        return level * clean + (1 - level**2).sqrt() * noise

    def restore(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        """The middle frame of a burst with the model's own sampler and number of steps.

        Args:
            burst: [B, T, 3, H, W], RGB 0..1, enlarged to the size of the result. Of more frames than ``n_frames`` the
                middle ones count; of fewer the outermost are repeated.

        Returns:
            [B, 3, H, W] in 0..1, and an empty dict.

        Raises:
            ValueError: another shape.
        """
        condition = condition_of(burst, self.n_frames, self.channels)
        return (self.sample_images(condition).clamp(-1, 1) + 1) / 2, {}

    @torch.no_grad()
    def sample_images(
        self,
        condition: torch.Tensor,
        *,
        sampler: str | None = None,
        steps: int | None = None,
        clip: bool = True,
        start: torch.Tensor | None = None,
        callback: Callback | None = None,
    ) -> torch.Tensor:
        """Samples one image for each condition of a batch.

        Args:
            condition: [B, 3 n, H, W] in -1..1, any size.
            sampler: name of a sampler (``models.sr3.sampling.SAMPLERS``).
            steps: network evaluations.
            clip: see :class:`models.sr3.sampling.Sampler`.
            start: [B, 3, H, W], the noise to start from; drawn from torch's global generator if None.
            callback: see :class:`models.sr3.sampling.Sampler`.

        Returns:
            [B, 3, H, W], about -1..1.
        """
        height, width = condition.shape[-2:]
        condition = self._padded(condition)
        if start is None:
            size = (condition.shape[0], self.channels, *condition.shape[-2:])
            start = torch.randn(size, device=condition.device, dtype=condition.dtype)
        schedule = self.sampling_schedule or self.schedule
        steps = self.steps if steps is None else steps
        schedule = schedule.respaced(steps or max(1, round(self.begin * len(schedule))), self.begin)
        image = self._padded(start)
        if self.begin < 1:
            middle = condition.split(self.channels, dim=1)[self.n_frames // 2]
            image = self.q_sample(middle, torch.as_tensor(schedule.levels[-1]).to(image), image)
        run = find_sampler(sampler or self.sampler)
        image = run(self._denoiser(condition), schedule, image, clip=clip, callback=callback)
        return image[..., :height, :width]

    @torch.no_grad()
    def super_resolution(
        self,
        condition: torch.Tensor,
        continous: bool = False,
        *,
        start: torch.Tensor | None = None,
        step_noise: StepNoise | None = None,
    ) -> torch.Tensor:
        """The full reverse process on the current schedule, as the original offers it.

        Args:
            condition: [B, 3 n, H, W] in -1..1.
            continous: also return the way there (the argument is spelt as in the original).
            start: [B, 3, H, W], the noise to start from; drawn from torch's global generator if None.
            step_noise: see :func:`models.sr3.sampling.ancestral`.

        Returns:
            [B, 3, H, W]; with ``continous`` the frames of the condition and about ten images on the way, one after the
            other on the batch axis: [B (n + kept), 3, H, W]. The images are kept where t is a multiple of
            :func:`kept_interval`.
        """
        frames = condition.split(self.channels, dim=1)
        start = torch.randn_like(frames[0]) if start is None else start
        return self._reverse(self._denoiser(condition), start, list(frames), continous, step_noise)

    @torch.no_grad()
    def sample(
        self,
        batch_size: int = 1,
        continous: bool = False,
        *,
        start: torch.Tensor | None = None,
        step_noise: StepNoise | None = None,
    ) -> torch.Tensor:
        """Images of a model without a condition, from ``image_size`` and ``channels``; see :meth:`super_resolution`.

        With ``continous`` the result begins with the noise of the start.
        """
        device = next(self.parameters()).device
        if start is None:
            start = torch.randn((batch_size, self.channels, self.image_size, self.image_size), device=device)
        return self._reverse(self.denoise_fn, start, [start], continous, step_noise)

    def _reverse(
        self,
        denoiser: Denoiser,
        start: torch.Tensor,
        shown: list[torch.Tensor],
        continous: bool,
        step_noise: StepNoise | None,
    ) -> torch.Tensor:
        interval = kept_interval(len(self.schedule))

        def keep(t: int, image: torch.Tensor) -> None:
            if t % interval == 0:
                shown.append(image)

        image = ancestral(denoiser, self.schedule, start, callback=keep, step_noise=step_noise)
        return torch.cat(shown) if continous else image

    def _denoiser(self, condition: torch.Tensor) -> Denoiser:
        # Under autocast the network works in half precision, and what a sampler adds up over its steps does not.
        return lambda image, level: self.denoise_fn(torch.cat((condition, image), dim=1), level).to(image.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Buffers follow from the configuration: those of another schedule in a file are not taken over."""
        stored = [name for name in self.schedule.buffers() if prefix + name in state_dict]
        other = [name for name in stored if not _same(state_dict[prefix + name], getattr(self, name))]
        if other:
            logger.warning(
                "the file was written with another noise schedule (%d steps); that of the configuration (%d steps) "
                "is used",
                len(state_dict[prefix + other[0]]),
                len(self.schedule),
            )
        for name in self.schedule.buffers():
            state_dict[prefix + name] = getattr(self, name)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _padded(self, images: torch.Tensor) -> torch.Tensor:
        """Repeats the last rows and columns up to a multiple of what the network needs."""
        stride = getattr(self.denoise_fn, "stride", 1)
        below, right = (-size % stride for size in images.shape[-2:])
        return F.pad(images, (0, right, 0, below), mode="replicate") if below or right else images


def _same(stored: torch.Tensor, own: torch.Tensor) -> bool:
    # Other versions of NumPy may round the last digit differently.
    return stored.shape == own.shape and torch.allclose(stored.to(own), own, rtol=1e-5, equal_nan=True)


def condition_of(burst: torch.Tensor, n_frames: int, channels: int = 3) -> torch.Tensor:
    """The condition [B, 3 n, H, W] in -1..1 of frames [B, T, 3, H, W] in 0..1.

    Raises:
        ValueError: another shape.
    """
    if burst.ndim != 5 or burst.shape[2] != channels or 0 in burst.shape or not burst.is_floating_point():
        raise ValueError(
            f"expected frames [B, T, {channels}, H, W] of floats in 0..1, got {tuple(burst.shape)} {burst.dtype}"
        )
    chosen = burst[:, middle_frames(burst.shape[1], n_frames)]
    return chosen.flatten(1, 2) * 2 - 1


def middle_frames(available: int, wanted: int) -> list[int]:
    """Indices of the ``wanted`` frames around the middle one; beyond the ends the outermost are repeated."""
    first = available // 2 - wanted // 2
    return [min(max(index, 0), available - 1) for index in range(first, first + wanted)]


def kept_interval(steps: int) -> int:
    """Distance of the kept images of a reverse process of so many steps: an odd tenth."""
    return (steps // 10) | 1
