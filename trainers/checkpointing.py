"""What a training checkpoint holds, and how a trainer is put back to it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from admin import distributed
from admin.checkpoints import CheckpointError, read_checkpoint
from admin.loading import LATEST, checkpoints_of, find_checkpoint, load_state, newest_checkpoint
from admin.model_constructor import NetConstructor
from admin.stats import plain_stats, restored_stats
from trainers.kept_files import first_readable
from trainers.run_state import TrainingRun
from trainers.schedule import restore_schedule, schedule_progress
from trainers.teamwork import keep_in_first

logger = logging.getLogger(__name__)

# What a file must hold under a key, if it holds anything.
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("epoch", "step"), int),
    **dict.fromkeys(("net", "optimizer", "stats", "lr_scheduler", "position", "net_ema", "scaler", "best"), Mapping),
    "constructor": Mapping,
    "seconds": (int, float),
}


def checkpoint_folder(trainer: TrainingRun) -> Path:
    """Where all checkpoints of the run lie."""
    folder: Path = Path(trainer.settings.env.workspace_dir) / "checkpoints" / trainer.settings.project_path
    return folder


def epoch_file(trainer: TrainingRun) -> Path:
    """The checkpoint of the completed epoch."""
    return checkpoint_folder(trainer) / f"{trainer.net_type}_ep{trainer.epoch:04d}.pth.tar"


def latest_file(trainer: TrainingRun) -> Path:
    """The checkpoint inside an epoch."""
    return checkpoint_folder(trainer) / f"{trainer.net_type}{LATEST}"


def best_file(trainer: TrainingRun) -> Path:
    """The checkpoint of the best epoch."""
    return checkpoint_folder(trainer) / f"{trainer.net_type}_best.pth.tar"


def checkpoint_content(trainer: TrainingRun) -> dict[str, Any]:
    """Everything that a resumed run needs, as tensors and plain values.

    The first nine keys are those of the original systems. ``epoch`` is the number of completed epochs; inside an
    epoch ``position`` says which loader is running and how many of its batches have been used.
    """
    net = trainer.net
    constructor = getattr(net, "constructor", None)
    scaler = trainer.accelerator.scaler
    return {
        "epoch": trainer.epoch,
        "actor_type": type(trainer.actor).__name__,
        "net_type": trainer.net_type,
        "net": net.state_dict(),
        "net_info": getattr(net, "info", None),
        "constructor": constructor.plain() if constructor is not None else None,
        "optimizer": trainer.optimizer.state_dict(),
        "stats": plain_stats(trainer.stats),
        "settings": trainer.settings.plain(),
        "lr_scheduler": schedule_progress(trainer.lr_scheduler) if trainer.lr_scheduler is not None else None,
        "step": trainer.step,
        "position": _stored_position(trainer),
        "seconds": trainer.seconds,
        "net_ema": trainer.average.state_dict() if trainer.average is not None else None,
        "scaler": scaler.state_dict() if scaler is not None else None,
        "best": trainer.best.plain(),
    }


def checkpoint_to_resume(trainer: TrainingRun, checkpoint: int | str | Path | None) -> Path | None:
    """The file meant by ``checkpoint``: None is the newest readable one of this network in this run's folder, a number
    an epoch.

    Returns None only where ``checkpoint`` is None and there is no file.

    Raises:
        CheckpointError: there are files, and none of them can be read.
        FileNotFoundError: there is no such file.
    """
    folder = checkpoint_folder(trainer)
    if checkpoint is None:
        files = checkpoints_of(folder, trainer.net_type) if folder.is_dir() else []
        return first_readable(files) if files else None
    if isinstance(checkpoint, int):
        return find_checkpoint(folder / f"{trainer.net_type}_ep{checkpoint:04d}.pth.tar")
    return find_checkpoint(checkpoint)


def refuse_used_folder(trainer: TrainingRun) -> None:
    """A new run among the checkpoints of an earlier one would replace some of them, and the later ones of the earlier
    run would still count as the newest.

    Raises:
        FileExistsError: the folder of the run holds a checkpoint of this type of network.
    """
    newest = newest_checkpoint(checkpoint_folder(trainer), trainer.net_type)
    if newest is not None:
        raise FileExistsError(
            f"{newest} is of an earlier run, which this one would mix with. Continue it with load_latest=True, or move "
            f"the folder {newest.parent} away to start anew"
        )


def restore(trainer: TrainingRun, path: Path, wanted: Collection[str]) -> None:
    """Puts the trainer where the file was written, as far as the ``wanted`` keys say.

    Settings are never taken from a file: those of this run count, also the factors and milestones of its schedule.
    """
    content = read_checkpoint(path)
    net_type = content.get("net_type")
    if net_type != trainer.net_type:
        raise CheckpointError(f"{path} holds a {net_type}, this run trains a {trainer.net_type}; choose another file")
    found = {key: value for key, value in content.items() if key in wanted and value is not None}
    for key, value in found.items():
        if key in _KINDS and not isinstance(value, _KINDS[key]):
            raise CheckpointError(f"{path} holds a {type(value).__name__} as {key!r}; resume from another file")
    if "net" in found:
        load_state(trainer.net, found["net"], str(path), net_type)
    if "net_info" in found:
        trainer.net.info = found["net_info"]
    if "constructor" in found:
        stored = found["constructor"]
        trainer.net.constructor = NetConstructor(  # type: ignore[assignment]
            stored["function"], stored["module"], tuple(stored["args"]), dict(stored["kwargs"])
        )
    if "optimizer" in found:
        try:
            trainer.optimizer.load_state_dict(found["optimizer"])
        except (ValueError, KeyError) as error:
            raise CheckpointError(
                f"{path}: its optimiser has other parameter groups than this run's ({error})"
            ) from error
    if "stats" in found:
        try:
            stats = restored_stats(found["stats"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{path}: its statistics are damaged ({error!r}); use another file") from error
        trainer.stats = OrderedDict((name, stats.get(name)) for name in trainer.stats)
        keep_in_first(trainer.stats)
    if "net_ema" in wanted and trainer.average is not None:
        trainer.average.load_state_dict(found.get("net_ema"))
    if "scaler" in found and trainer.accelerator.scaler is not None:
        trainer.accelerator.scaler.load_state_dict(found["scaler"])
    if "best" in found:
        trainer.best.restore(found["best"])
    if "epoch" in found:
        _restore_position(trainer, path, found)


def _stored_position(trainer: TrainingRun) -> dict[str, Any] | None:
    """Rounds are counted, so how many processes share one belongs to it."""
    shared = {"processes": distributed.count()} if distributed.count() > 1 else {}
    return None if trainer.position is None else {**trainer.position, **shared}


def _restore_position(trainer: TrainingRun, path: Path, found: dict[str, Any]) -> None:
    trainer.epoch = int(found["epoch"])
    trainer.seconds = float(found.get("seconds", 0.0))
    trainer.position = _position_here(trainer, found.get("position"))
    if trainer.position is not None:
        lengths = {loader.name: len(loader) for loader in trainer.loaders}
        name, batch = trainer.position.get("loader"), trainer.position.get("batch")
        if name not in lengths or not isinstance(batch, int) or not 0 <= batch <= lengths[name]:
            has = ", ".join(f"{loader} with {length} batches" for loader, length in lengths.items())
            raise CheckpointError(
                f"{path} was written after batch {batch} of loader {name!r}, this run has {has}; "
                "resume with the settings of then, or from the file of a completed epoch"
            )
    # Files of the original systems count no steps.
    steps = sum(len(loader) * (trainer.epoch // loader.epoch_interval) for loader in trainer.loaders if loader.training)
    trainer.step = int(found.get("step", steps))
    scheduler = trainer.lr_scheduler
    if scheduler is not None and "lr_scheduler" in found:
        restore_schedule(scheduler, found["lr_scheduler"])
    elif scheduler is not None:
        scheduler.last_epoch = trainer.epoch if trainer.schedule_per == "epoch" else trainer.step


def _position_here(trainer: TrainingRun, stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A stored position in the rounds of this run: with another number of processes a round has other samples."""
    if stored is None:
        return None
    position, here = dict(stored), distributed.count()
    then = position.pop("processes", 1)
    batch = position.get("batch")
    if then != here and isinstance(batch, int) and isinstance(then, int):
        round_ = batch * then // here
        position["batch"] = round_ - round_ % trainer.settings.grad_accumulation
        logger.warning(
            "%d processes go on where there were %d: from batch %d instead of %d; a few samples may be seen twice",
            *(here, then, position["batch"], batch),
        )
    return position
