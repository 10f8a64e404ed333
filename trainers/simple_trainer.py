"""The training step: loss, gradients, optimiser, statistics."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from admin import distributed
from admin.settings import Settings
from admin.stats import AverageMeter, Value
from trainers.base_trainer import BaseTrainer
from trainers.batches import AsynchronousCopy, batch_size, sample_names
from trainers.loss_watch import LossWatch, NonFiniteLoss
from trainers.report import PassReport
from trainers.seeding import seed_training_step, seed_validation_batch
from trainers.teamwork import in_rounds, share_buffers, sum_gradients
from trainers.workers import surviving_batches


class SimpleTrainer(BaseTrainer):
    """One optimiser over all parameters; every loader in turn, as often as its ``epoch_interval`` says.

    Gradients of ``settings.grad_accumulation`` batches are averaged into one step; the last group of an epoch may be
    smaller. Before a batch torch is seeded by (seed, step, process), so a run that is resumed, also inside an epoch,
    ends on a CPU with the same bits as one that never stopped. See :class:`trainers.base_trainer.BaseTrainer` for
    arguments, and ``admin.settings.OPTIONS`` for the settings.
    """

    def __init__(
        self,
        actor: Any,
        loaders: Sequence[Any],
        optimizer: torch.optim.Optimizer,
        settings: Settings,
        lr_scheduler: Any = None,
        schedule_per: Literal["epoch", "step"] = "epoch",
    ) -> None:
        super().__init__(actor, loaders, optimizer, settings, lr_scheduler, schedule_per)
        self._watch = LossWatch(self.device)
        self._to_device = AsynchronousCopy(self.device)

    def run_epoch(self, epoch: int) -> None:
        names = [loader.name for loader in self.loaders]
        first = names.index(self.position["loader"]) if self.position else 0
        for index, loader in enumerate(self.loaders):
            if index >= first and epoch % loader.epoch_interval == 0:
                seen = self.position["batch"] if self.position and index == first else 0
                with torch.set_grad_enabled(loader.training):
                    self._run_loader(loader, index, epoch, seen)

    def _run_loader(self, loader: Any, index: int, epoch: int, seen: int) -> None:
        """One pass, of which the first ``seen`` batches were used before the run was resumed."""
        self.actor.train(loader.training)
        total = len(loader)
        report = PassReport(
            name=loader.name,
            epoch=epoch,
            batches=total,
            print_interval=self.settings.print_interval,
            print_stats=self.settings.print_stats,
            live=self.live,
            batches_after=(self.max_epochs - epoch) * total // loader.epoch_interval if loader.training else 0,
            most_seconds=self.seconds_left,
        )
        if not loader.training:
            share_buffers(self.net)
        batches = surviving_batches(loader, index, self.settings.seed, epoch, seen)
        for number, batch in in_rounds(report.timed(batches), seen + 1, total):
            self.between_steps = False
            size = 0 if batch is None else batch_size(batch, self.settings.batch_size)
            together = int(distributed.summed([size])[0])
            batch = None if batch is None else self.prepared(batch, epoch)
            stats: Mapping[str, Value] = {}
            if loader.training:
                seed_training_step(self.settings.seed, self.step + 1, distributed.number())
                stats = self._learn(batch, size / together if together else 0.0, number, total, loader.name)
            elif batch is not None:
                seed_validation_batch(self.settings.seed, index, number)
                stats = self.actor(batch)[1]
            self._update_stats(loader.name, stats, size)
            report.batch_done(number, together, self.stats[loader.name] or {})
            if not loader.training or self._ends_group(number, total):
                self.pause_if_due({"loader": loader.name, "batch": number})
        if not loader.training and self.accelerator.is_main_process:
            # Actors that show what they see have it; most only measure.
            self._curves.write_pictures(loader.name, getattr(self.actor, "take_pictures", dict)(), epoch)

    def prepared(self, batch: Any, epoch: int) -> Any:
        """The batch on the device, with ``epoch``, ``step`` (both from 1) and ``settings`` added."""
        if self.settings.move_data_to_gpu:
            batch = self._to_device(batch)
        batch["epoch"], batch["step"], batch["settings"] = epoch, self.step + 1, self.settings
        return batch

    def _learn(
        self, batch: Mapping[str, Any] | None, share: float, number: int, total: int, loader: str
    ) -> Mapping[str, Value]:
        """One training batch, None if this process has no part of it; the optimiser steps when its group is complete.

        Args:
            share: of the batches of all processes; 1 for a process alone.

        Raises:
            NonFiniteLoss: the loss is NaN or infinite; the weights are as before.
        """
        group = self.settings.grad_accumulation
        begin = (number - 1) // group * group
        if number == begin + 1:
            self.optimizer.zero_grad()
        stats: Mapping[str, Value] = {}
        if batch is not None:
            loss, stats = self.actor(batch)
            self._watch.look(loss)
            # A loss that is a sum over samples adds up over processes as it is; of means each counts with its share.
            weight = 1.0 if getattr(self.actor, "loss_is_sum", False) else share
            self.accelerator.backward(weight * loss / min(group, total - begin))
            if not self._watch.is_finite():
                raise NonFiniteLoss(_non_finite_message(batch, stats, loader, number, self.step + 1))
        self.step += 1
        if self._ends_group(number, total):
            self._step_optimizer()
        return stats

    def _step_optimizer(self) -> None:
        sum_gradients(self.net.parameters())
        if self.settings.clip_grad_norm is not None:
            self.accelerator.clip_grad_norm_(self.net.parameters(), self.settings.clip_grad_norm)
        self.optimizer.step()
        if self.optimizer.step_was_skipped:  # fp16: the gradient overflowed, the loss scale was lowered
            return
        if self.average is not None:
            self.average.update(self.net)
        if self.lr_scheduler is not None and self.schedule_per == "step":
            self.lr_scheduler.step()

    def _ends_group(self, number: int, total: int) -> bool:
        return number % self.settings.grad_accumulation == 0 or number == total

    def _update_stats(self, loader: str, stats: Mapping[str, Value], weight: int) -> None:
        meters = self.stats[loader]
        if meters is None:
            meters = self.stats[loader] = OrderedDict()
        for tag, value in stats.items():
            meter = meters.setdefault(tag, AverageMeter())
            if isinstance(meter, AverageMeter):
                meter.update(value, weight)


def _non_finite_message(
    batch: Mapping[str, Any], stats: Mapping[str, Value], loader: str, number: int, step: int
) -> str:
    samples = "; ".join(sample_names(batch)) or "not named by the loader"
    values = ", ".join(f"{tag} {float(value):g}" for tag, value in stats.items())
    return (
        f"the loss is not finite in step {step} (epoch {batch['epoch']}, {loader} batch {number}): {values}. "
        f"Samples: {samples}. The step was not taken; the last checkpoint stands. "
        "Look at these samples, lower the learning rate, or set clip_grad_norm."
    )
