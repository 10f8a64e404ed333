"""Epochs, checkpoints, resume and retries, whatever happens inside an epoch."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from admin import distributed
from admin.checkpoints import save_checkpoint
from admin.devices import apply_reproducibility, choose_device
from admin.multigpu import unwrapped
from admin.settings import Settings
from admin.stats import LoaderStats, StatValue
from admin.tensorboard import TensorboardWriter
from trainers.acceleration import make_accelerator, use_fused_kernel
from trainers.batches import drop_workers, replace_unreadable
from trainers.check import check_run
from trainers.checkpointing import (
    best_file,
    checkpoint_content,
    checkpoint_folder,
    checkpoint_to_resume,
    epoch_file,
    latest_file,
    refuse_used_folder,
    restore,
)
from trainers.ema import MovingAverage
from trainers.interruption import Interruption
from trainers.kept_files import Best, put_later_away, remove_older, remove_unfinished
from trainers.loss_watch import check_weights
from trainers.retry import MAY_PASS, Retries, can_pass
from trainers.schedule import epochs_in_all, learning_rates, whole_number
from trainers.teamwork import keep_in_first, merge_stats, share_loaders, share_weights, with_shared_batch_norm
from utils.progress import LiveLine

logger = logging.getLogger(__name__)

RESUMED_FIELDS = (
    *("epoch", "net", "net_info", "optimizer", "stats"),
    *("lr_scheduler", "step", "position", "seconds", "net_ema", "scaler", "best"),
)


class TimeIsUp(Exception):
    """The run has used the training time it was given (``max_minutes``)."""


class BaseTrainer(ABC):
    """Runs epochs and keeps checkpoints; a subclass says what an epoch is.

    Args:
        actor: has ``net`` and ``to``, ``train``, ``eval``; ``loss, stats = actor(batch)``.
        loaders: have ``name``, ``training``, ``epoch_interval`` and a length.
        optimizer: over any groups of the parameters of ``actor.net``.
        settings: see ``admin.settings.OPTIONS``.
        lr_scheduler: anything with torch's scheduler interface, or None.
        schedule_per: ``'epoch'`` steps the scheduler after every epoch, ``'step'`` after every optimiser step.

    Attributes:
        max_epochs: epochs that :meth:`train` was asked for.
        epoch: completed epochs.
        step: training batches used so far.
        position: inside an epoch, the loader and how many of its batches were used; else None.
        between_steps: False while a batch is worked on, and until the optimiser has used its gradients.
        seconds: training time so far, that of resumed runs included.
        stats: loader name → tag → meter; None for a loader that never ran.

    Raises:
        ValueError: a pinned setting is unknown, a setting has an impossible value, or two loaders have the same name.
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
        if schedule_per not in ("epoch", "step"):
            raise ValueError(f"schedule_per = {schedule_per!r}: expected 'epoch' or 'step'")
        settings.check_pinned()
        names = [loader.name for loader in loaders]
        if len(set(names)) < len(names):
            raise ValueError(f"loaders are called {', '.join(names)}: each needs a name of its own")
        for name, least in (("seed", 0), ("grad_accumulation", 1)):
            whole_number(settings, name, least)
        if settings.keep_last is not None and settings.keep_last < 1:
            raise ValueError(f"keep_last = {settings.keep_last!r}: expected a whole number, at least 1, or None")
        replace_unreadable(loaders, settings)
        apply_reproducibility(settings)
        distributed.join()
        share_loaders(loaders)
        self.actor, self.loaders, self.settings = actor, list(loaders), settings
        self.lr_scheduler, self.schedule_per = lr_scheduler, schedule_per
        self.device = choose_device(settings)
        self.accelerator = make_accelerator(settings, self.device)
        actor.to(self.device)
        if distributed.count() > 1:
            actor.net = unwrapped(actor.net)  # MultiGPU: each process has a GPU of its own instead
        elif settings.multi_gpu and unwrapped(actor.net) is actor.net:
            raise ValueError(
                "multi_gpu = True, but the settings file does not wrap its network in MultiGPU: call "
                "train_settings.recipes.parallel(net, settings) there, or start it with torchrun instead"
            )
        actor.net = with_shared_batch_norm(actor.net, settings, self.device)
        self.net: nn.Module = unwrapped(actor.net)
        share_weights(self.net)
        self.net_type = type(self.net).__name__
        self.average = MovingAverage(self.net, settings.ema_decay) if settings.ema_decay is not None else None
        # Accelerate brings the precision; gradients of several processes are summed in trainers.teamwork.
        actor.net = self.accelerator.prepare_model(actor.net, device_placement=False, evaluation_mode=True)
        if settings.compile:
            self.net.compile()
        use_fused_kernel(optimizer, self.device)
        self.optimizer = self.accelerator.prepare_optimizer(optimizer, device_placement=False)
        self.max_epochs = 0
        self.epoch = 0
        self.step = 0
        self.position: dict[str, Any] | None = None
        self.seconds = 0.0
        self.between_steps = True
        self.stats: OrderedDict[str, LoaderStats | None] = OrderedDict((loader.name, None) for loader in self.loaders)
        self.live = LiveLine()
        self._curves = TensorboardWriter(Path(settings.env.tensorboard_dir) / settings.project_path)
        self._interruption = Interruption()
        self._time_is_up = False
        self.best = Best(settings, names)
        self._last_checkpoint: Path | None = None
        self._last_saved = self._last_tick = time.monotonic()

    def train(self, max_epochs: int, load_latest: bool = False, fail_safe: bool = True) -> None:
        """Trains until ``max_epochs`` epochs are complete; ``settings.max_epochs`` wins if set.

        Args:
            max_epochs: epochs in all, those of resumed runs included.
            load_latest: continue from the newest checkpoint of this run, if there is one; without it a new run does
                not begin in a folder that holds one.
            fail_safe: after an error that can pass (:func:`trainers.retry.can_pass`) continue from the last
                checkpoint, at most ten times without progress. Other errors are raised at once.

        Raises:
            KeyboardInterrupt, SystemExit: after Ctrl-C or SIGTERM, with a checkpoint saved.
            ValueError: a training loader has no batch.
            FileExistsError: without ``load_latest``, the folder holds checkpoints of an earlier run.
            NonFiniteLoss: a loss is NaN or infinite, or a weight is when a checkpoint is due.
            Exception: whatever else ended the run; the last checkpoint stands.
        """
        if self.settings.check_only:
            check_run(self)
            return
        for loader in self.loaders:
            if loader.training and len(loader) == 0:
                raise ValueError(
                    f"loader {loader.name!r} has no batch to train on: its samples do not fill one; "
                    "lower batch_size, or pass drop_last=False to the loader"
                )
        self.max_epochs = epochs_in_all(self.settings, max_epochs)
        retries = Retries()
        self._last_saved = self._last_tick = time.monotonic()
        try:
            with self._interruption, self.live:
                self._prepare_start(load_latest)
                while True:
                    try:
                        self._run_epochs(keep_start=fail_safe)
                        break
                    except MAY_PASS as error:
                        if distributed.count() > 1:
                            raise  # the others cannot go back with this one; torchrun --max-restarts starts all anew
                        if self._interruption.received is not None and self.between_steps:
                            # Ctrl-C reaches the loader's workers too; what fails then is only the next batch.
                            self.save_latest()
                            raise self._interruption.error() from error
                        if not fail_safe or not can_pass(error):
                            raise
                        logger.exception("training failed in epoch %d", self.epoch + 1)
                        if not retries.worthwhile(self.step):
                            raise
                        self._back_to_last_checkpoint()
            logger.info("Finished training!")
        except TimeIsUp:
            logger.info("Stopped after %.1f minutes of training (max_minutes) with a checkpoint", self.seconds / 60)
        finally:
            self._curves.close()

    def _prepare_start(self, load_latest: bool) -> None:
        folder = checkpoint_folder(self)
        if self.accelerator.is_main_process:
            remove_unfinished(folder, self.net_type)
        if load_latest:
            self.load_checkpoint()
        elif self.accelerator.is_main_process:
            if self._last_checkpoint is not None:
                put_later_away(folder, self.net_type, self.epoch, self._last_checkpoint)
            elif self.step == 0:
                refuse_used_folder(self)

    @abstractmethod
    def prepared(self, batch: Any, epoch: int) -> Any:
        """The batch as the actor gets it."""

    @abstractmethod
    def run_epoch(self, epoch: int) -> None:
        """Runs all loaders of the epoch from ``self.position`` on; calls :meth:`pause_if_due` between steps."""

    def load_checkpoint(
        self,
        checkpoint: int | str | Path | None = None,
        fields: Collection[str] | None = None,
        ignore_fields: Collection[str] = (),
        load_constructor: bool = False,
    ) -> bool:
        """Continues from a checkpoint.

        Args:
            checkpoint: None is the newest of this network and run, a number an epoch, text a file or a folder.
            fields: keys to take, all of ``RESUMED_FIELDS`` by default.
            ignore_fields: keys to leave out.
            load_constructor: also take over how the network was built.

        Returns:
            False if there is no checkpoint yet.

        Raises:
            FileNotFoundError: the epoch, file or folder asked for does not exist.
            CheckpointError: the file is damaged or of another network.
        """
        path = distributed.of_first(checkpoint_to_resume(self, checkpoint) if distributed.number() == 0 else None)
        if path is None:
            logger.info("No matching checkpoint file found")
            return False
        wanted = {*(RESUMED_FIELDS if fields is None else fields)} - {*ignore_fields}
        restore(self, path, wanted | ({"constructor"} if load_constructor else set()))
        if wanted.issuperset(RESUMED_FIELDS):
            self._last_checkpoint = path  # after a failure a run may go back only to what is its own start
        logger.info("Continuing from %s (%d epochs, %d steps)", path, self.epoch, self.step)
        return True

    def save_latest(self) -> None:
        """Writes ``<NetType>_latest.pth.tar`` with the position inside the epoch."""
        self._save(latest_file(self))

    def pause_if_due(self, position: dict[str, Any]) -> None:
        """Called between steps, when nothing is half done: notes the position, saves or stops if it is time to.

        Raises:
            KeyboardInterrupt, SystemExit: Ctrl-C or SIGTERM came; a checkpoint is saved.
            TimeIsUp: ``max_minutes`` are used up; a checkpoint is saved.
        """
        self.position, self.between_steps = position, True
        self._tick()
        save_is_due = self._agree_what_is_due()
        if self._must_stop or save_is_due:
            self.save_latest()
        self._stop_if_due()

    @property
    def seconds_left(self) -> float:
        """Training time until ``max_minutes`` are used up; infinite without a limit."""
        limit = self.settings.max_minutes
        return float("inf") if limit is None else max(0.0, 60 * limit - self.seconds)

    @property
    def _must_stop(self) -> bool:
        return self._interruption.received is not None or self._time_is_up

    def _agree_what_is_due(self) -> bool:
        """Whether to save now. What one process is to do, all do: the signal it got, the time it has used up."""
        save_is_due = time.monotonic() - self._last_saved >= 60 * self.settings.checkpoint_interval_minutes
        signal, time_is_up, save = distributed.largest(
            [self._interruption.received or 0, self.seconds_left == 0, save_is_due]
        )
        self._interruption.received = int(signal) or None
        self._time_is_up = bool(time_is_up)
        return bool(save)

    def _stop_if_due(self) -> None:
        if self._interruption.received is not None:
            raise self._interruption.error()
        if self._must_stop:
            raise TimeIsUp

    def _run_epochs(self, keep_start: bool) -> None:
        if keep_start and self._last_checkpoint is None and self.epoch < self.max_epochs:
            self.save_latest()  # a failure before the first checkpoint then goes back to the start, not to half of it
        for epoch in range(self.epoch + 1, self.max_epochs + 1):
            self._agree_what_is_due()
            self._stop_if_due()
            self.run_epoch(epoch)
            self._finish_epoch(epoch)

    def _finish_epoch(self, epoch: int) -> None:
        merge_stats(self.stats)
        for loader in self.loaders:
            tags = self.stats[loader.name]
            if tags is None:
                continue
            if loader.training and epoch % loader.epoch_interval == 0:
                for group, rate in enumerate(learning_rates(self.optimizer)):
                    value = tags.setdefault(f"LearningRate/group{group}", StatValue())
                    if isinstance(value, StatValue):
                        value.update(rate)
            for meter in tags.values():
                meter.new_epoch()
        if self.accelerator.is_main_process:
            if epoch == 1:
                self._curves.write_info(self.settings.module_name, self.settings.script_name, self.settings.description)
            self._curves.write_epoch(self.stats, epoch)
        if self.lr_scheduler is not None and self.schedule_per == "epoch":
            self.lr_scheduler.step()
        self.epoch, self.position, self.between_steps = epoch, None, True
        self._tick()
        if self.accelerator.is_main_process and self.best.improves(self.stats):
            check_weights(self.net, self.step)
            save_checkpoint(best_file(self), checkpoint_content(self))
        self._save(epoch_file(self))
        if self.accelerator.is_main_process:
            latest_file(self).unlink(missing_ok=True)  # the epoch's own file has more training in it
            remove_older(checkpoint_folder(self), self.net_type, self.settings.keep_last)

    def _save(self, path: Path) -> None:
        check_weights(self.net, self.step)
        merge_stats(self.stats)
        keep_in_first(self.stats)
        if self.accelerator.is_main_process:
            save_checkpoint(path, checkpoint_content(self))
        self._last_checkpoint = path
        self._last_saved = time.monotonic()

    def _back_to_last_checkpoint(self) -> None:
        for loader in self.loaders:
            drop_workers(loader)
        self.load_checkpoint(self._last_checkpoint)

    def _tick(self) -> None:
        """Adds the time since the last call to the training time."""
        now = time.monotonic()
        self.seconds += now - self._last_tick
        self._last_tick = now
