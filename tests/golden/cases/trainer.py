"""Whole training runs and checkpoint files of the original trainer against ours."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from actors.deeprep_actors import DeepRepDenoisingActor, DeepRepSRSyntheticActor
from admin.checkpoints import read_checkpoint
from admin.loading import load_network
from admin.settings import Settings
from admin.tensordict import TensorDict
from data import DataLoader
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from tests.golden.cases.actors import judge_stats
from tests.golden.cases.networks import NETWORKS, load_recorded_weights
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from trainers import SimpleTrainer

NUMBER = r"(\d+(?:\.\d+)?(?:e-?\d+)?)"
PSNR_ATOL = 0.01  # dB, as the recording of trainer_tiny says


class TinyNet(nn.Module):
    """The network of the recording ``trainer_run``: a convolution of the mean frame, enlarged."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        weight = case["state.conv.weight"]
        self.conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], padding=weight.shape[2] // 2)
        self.factor = case["in.train.0.frame_gt"].shape[-1] // case["in.train.0.burst"].shape[-1]
        self.load_state_dict(case.group("state."))
        self.info = case.meta["checkpoint"]["net_info"]

    def forward(self, burst: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        return nn.functional.interpolate(self.conv(burst.mean(1)), scale_factor=self.factor), {}


@checks("data_and_evaluation", functions=["trainers.SimpleTrainer*"])
def check_trainer_run(case: Case, judge: Judge) -> None:
    """Weights after every epoch, statistics, files, printed lines, and a resumed run."""
    meta = case.meta
    atol, rtol = _numbers(meta["tolerance"], rf"weights atol {NUMBER}; stats rtol {NUMBER}")
    epochs = len(meta["lr_used_per_epoch"])
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        weights: dict[str, dict[str, torch.Tensor]] = {}
        trainer = _run_trainer(case, workspace)
        lines = _lines_of(lambda: trainer.train(epochs, load_latest=True))
        for path in (workspace / "checkpoints" / trainer.settings.project_path).iterdir():
            content = read_checkpoint(path)
            weights[f"epoch{content['epoch']}"] = content["net"]
        resumed = _run_trainer(case, workspace)
        found = next(name for name in case.group("out.") if name.startswith("resumed_epoch"))
        resumed.train(int(found.removeprefix("resumed_epoch").partition(".")[0]), load_latest=True)
        weights[found.partition(".")[0]] = resumed.net.state_dict()
        for name, expected in case.group("out.").items():
            run, _, key = name.partition(".")
            judge.close(f"out.{name}", weights[run][key], expected, atol=atol)
        for name in meta["files"]:
            judge.equal(f"{name} exists", bool(list(workspace.glob(name))), True)
        _judge_sample_files(case, judge, workspace)
    _judge_history(judge, trainer, meta["stats_history"], rtol, rtol_psnr=True)
    judge.close(
        "learning rates", _history(trainer, "train", "LearningRate/group0"), meta["lr_used_per_epoch"], rtol=rtol
    )
    used = _history(resumed, "train", "LearningRate/group0")[epochs:]
    judge.close("learning rates of the resumed run", used, meta["lr_used_on_resume"], rtol=rtol)
    judge.equal("keys of a checkpoint", list(content)[: len(meta["checkpoint"]["keys"])], meta["checkpoint"]["keys"])
    for ours, recorded in zip(lines, meta["printed_first_lines"], strict=False):
        _judge_line(judge, ours, recorded, rtol)


def _run_trainer(case: Case, workspace: Path) -> SimpleTrainer:
    """The trainer that the recording describes in words."""
    words, recorded = case.meta["description"], case.meta["checkpoint"]["settings"]
    settings = _settings(workspace, recorded)
    weight, border = _numbers(words, rf"Loss {NUMBER} \* L1 with boundary_ignore (\d+)")
    (psnr_border,) = _numbers(words, r"psnr stat boundary_ignore (\d+)")
    (rate,) = _numbers(words, rf"group lr {NUMBER}")
    (interval,) = _numbers(words, r"val loader with epoch_interval (\d+)")
    milestones, gamma = re.findall(rf"MultiStepLR\(\[([\d, ]*)\], {NUMBER}\)", words)[0]
    net = TinyNet(case)
    objective = {"rgb": PixelWiseError("l1", int(border)), "psnr": PSNR(int(psnr_border))}
    optimizer = torch.optim.Adam([{"params": net.parameters(), "lr": rate}], lr=2 * rate)
    steps = [int(step) for step in milestones.split(",")]
    size = recorded["batch_size"]
    loaders = [
        DataLoader("train", _Samples(case, "in.train."), batch_size=size),
        DataLoader("val", _Samples(case, "in.val."), training=False, batch_size=size, epoch_interval=int(interval)),
    ]
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, steps, float(gamma))
    actor = DeepRepSRSyntheticActor(net, objective, loss_weight={"rgb": weight})
    return SimpleTrainer(actor, loaders, optimizer, settings, scheduler)


def _judge_sample_files(case: Case, judge: Judge, workspace: Path) -> None:
    """The checkpoint in both file formats, where it lies beside the recording; training continues from it."""
    expected, stem = case.meta["checkpoint"], case.name.replace("trainer_run", "checkpoint_sample")
    for name in (f"{stem}.pth.tar", f"{stem}_legacy.pth"):
        if not (case.folder / name).is_file():
            continue
        content = read_checkpoint(case.folder / name)
        for key in ("epoch", "actor_type", "net_type", "net_info"):
            judge.equal(f"{name} {key}", content[key], expected[key])
        judge.equal(f"{name} keys", list(content), expected["keys"])
        _judge_constructor(judge, name, content["constructor"], expected["constructor"])
        judge.equal(
            f"{name} net", {key: list(value.shape) for key, value in content["net"].items()}, expected["net_shapes"]
        )
        kinds = {loader: {tag: m["kind"] for tag, m in tags.items()} for loader, tags in content["stats"].items()}
        judge.equal(f"{name} kinds of statistics", kinds, expected["stats_types"])
        for key, value in expected["settings"].items():
            judge.equal(f"{name} settings.{key}", content["settings"].get(key), value)
        trainer = _run_trainer(case, workspace / name)
        trainer.load_checkpoint(case.folder / name)
        trainer.train(expected["epoch"] + 1)
        for key, value in case.group(f"out.resumed_epoch{expected['epoch'] + 1}.").items():
            judge.close(f"{name} continued: {key}", trainer.net.state_dict()[key], value, atol=1e-6)


@checks("deeprep_dbsr_models", functions=["official trainer*"])
def check_trainer_tiny(case: Case, judge: Judge) -> None:
    """Statistics of every iteration, histories and final weights of a run with a real network."""
    meta = case.meta
    net = NETWORKS[meta["constructor"]](**case.kwargs)
    load_recorded_weights(net, case)
    (border,) = _numbers(meta["objective"], r"boundary_ignore (\d+)")
    objective: dict[str, Any] = {
        name: PixelWiseError(metric.lower(), int(border))
        for name, metric in re.findall(r"(\w+): (\w+)", meta["objective"])
    }
    objective["psnr"] = PSNR(int(border))
    (rate,) = _numbers(meta["optimizer"], rf"group with lr={NUMBER}")
    step_size, gamma = _numbers(meta["scheduler"], rf"step_size=(\d+), gamma={NUMBER}")
    optimizer = torch.optim.Adam([{"params": net.parameters(), "lr": rate}], lr=2 * rate)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, int(step_size), gamma)
    actor = _Recorder(net, objective, loss_weight=meta["loss_weight"])
    loaders = [_FixedBatches(case, "train", 1), _FixedBatches(case, "val", meta["val_epoch_interval"])]
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder), {"batch_size": meta["batch_size"], "project_path": "deeprep/tiny"})
        trainer = SimpleTrainer(actor, loaders, optimizer, settings, scheduler)
        trainer.train(meta["epochs"])
        names = sorted(path.name for path in (Path(folder) / "checkpoints" / "deeprep" / "tiny").iterdir())
    judge.equal("checkpoint files", names, meta["checkpoint_files"])
    rtol = meta["tolerance"]["per_iteration"]["rtol"]
    judge.equal(
        "order of the batches", [call[:2] for call in actor.calls], [tuple(i[:2]) for i in meta["per_iteration"]]
    )
    for number, (call, recorded) in enumerate(zip(actor.calls, meta["per_iteration"], strict=False)):
        judge_stats(judge, call[2], recorded[2], rtol=rtol, psnr_atol=PSNR_ATOL, prefix=f"batch {number}: ")
    _judge_history(judge, trainer, meta["history"], rtol)
    rates = _history(trainer, "train", "LearningRate/group0")
    judge.close(
        "learning rates", rates, [rate * gamma ** (e // int(step_size)) for e in range(meta["epochs"])], rtol=1e-6
    )
    judge.close(
        "learning rate after the run", [group["lr"] for group in optimizer.param_groups], meta["lr_after"], rtol=1e-6
    )
    final = case.group("out.final.")
    state = net.state_dict()
    errors = torch.cat([(state[key] - value).abs().flatten() for key, value in final.items()])
    outside = (errors > meta["tolerance"]["out.final"]["atol"]).float()
    judge.few_steps("out.final: values outside the tolerance", outside, torch.zeros_like(outside), share=0.01)


@checks("deeprep_dbsr_models", functions=["network rebuilt from the checkpoint*"])
def check_official_checkpoint(case: Case, judge: Judge) -> None:
    """All that an official file says, and the output of its network."""
    meta, path = case.meta, case.folder / f"{case.name.removesuffix('_expected')}.pth.tar"
    net, content = load_network(path)
    judge.equal("keys", list(content), meta["keys_of_checkpoint"])
    for key in ("epoch", "actor_type", "net_type", "net_info"):
        judge.equal(key, content[key], meta[key])
    _judge_constructor(judge, "file", content["constructor"], meta["constructor"])
    for loader, tags in meta["stats"].items():
        for tag, values in tags.items():
            found = dict(content["stats"][loader][tag])
            found["cls"] = found.pop("kind")
            judge.equal(f"stats {loader} {tag}", found, values)
    settings = dict(content["settings"])
    judge.equal("folders", settings.pop("env"), meta["env_attributes"])
    judge.equal("settings", _plain(settings), {k: v for k, v in meta["settings_attributes"].items() if k != "env"})
    judge.equal("optimiser groups", _plain(content["optimizer"]["param_groups"]), meta["optimizer"]["param_groups"])
    judge.equal("optimiser states", len(content["optimizer"]["state"]), meta["optimizer"]["n_state"])
    judge.equal("parameters", sum(parameter.numel() for parameter in net.parameters()), meta["num_parameters"])
    with torch.no_grad():
        pred, aux = net(case["in.im"], noise_estimate=case.tensors.get("in.noise_estimate"))
    outputs = {"pred": pred, "offsets": aux.get("offsets")}
    for name, expected in case.group("out.").items():
        judge.close(f"out.{name}", outputs[name], expected, **meta["tolerance"]["out"])


class _Samples(torch.utils.data.Dataset[TensorDict]):
    """The recorded samples ``<prefix><i>.<key>``."""

    def __init__(self, case: Case, prefix: str) -> None:
        self.samples = _numbered(case, prefix)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> TensorDict:
        return TensorDict(self.samples[index])


class _FixedBatches:
    """A loader that shows the recorded batches in every epoch; shifts are spread over the image."""

    def __init__(self, case: Case, name: str, epoch_interval: int) -> None:
        self.name, self.training, self.epoch_interval = name, name == "train", epoch_interval
        self.batches = _numbered(case, f"in.{name}.")
        for batch in self.batches:
            size = batch["burst"].shape[-2:]
            batch["shifts"] = batch["shifts"][..., None, None].expand(*batch["shifts"].shape, *size)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Any:
        return (TensorDict(batch) for batch in self.batches)


class _Recorder(DeepRepDenoisingActor):
    """Remembers (epoch, training, stats) of every call."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[tuple[int, bool, dict[str, torch.Tensor]]] = []

    def __call__(self, data: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, stats = super().__call__(data)
        self.calls.append((data["epoch"], torch.is_grad_enabled(), stats))
        return loss, stats


def _numbered(case: Case, prefix: str) -> list[dict[str, torch.Tensor]]:
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in case.group(prefix).items():
        number, _, key = name.partition(".")
        found.setdefault(int(number), {})[key] = tensor
    return [found[number] for number in sorted(found)]


def _settings(workspace: Path, values: dict[str, Any]) -> Settings:
    settings = Settings()
    settings.env.workspace_dir, settings.env.tensorboard_dir = str(workspace), str(workspace / "tb")
    for name, value in values.items():
        setattr(settings, name, value)
    settings.use_gpu = False  # recorded on a CPU
    return settings


def _numbers(text: str, pattern: str) -> tuple[float, ...]:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"the recording does not say {pattern!r}: {text}")
    return tuple(float(group) for group in found.groups())


def _history(trainer: SimpleTrainer, loader: str, tag: str) -> list[float]:
    tags = trainer.stats[loader]
    return [] if tags is None else list(tags[tag].history)


def _judge_history(
    judge: Judge, trainer: SimpleTrainer, expected: dict[str, Any], rtol: float, rtol_psnr: bool = False
) -> None:
    """Epoch means of all tags. Learning rates are left out: the original logged them one decay too low."""
    for loader, tags in expected.items():
        judge.equal(f"tags of {loader}", list(trainer.stats[loader] or {}), list(tags))
        for tag, values in tags.items():
            if tag.startswith("LearningRate"):
                continue
            tolerance = {"rtol": rtol} if rtol_psnr or tag != "Stat/psnr" else {"atol": PSNR_ATOL}
            judge.close(f"history of {loader} {tag}", _history(trainer, loader, tag), values, **tolerance)


def _judge_constructor(judge: Judge, what: str, ours: dict[str, Any], expected: dict[str, Any]) -> None:
    names = {"module": "fun_module", "function": "fun_name", "args": "args", "kwargs": "kwds"}
    judge.equal(f"{what} constructor", {names[key]: _plain(value) for key, value in ours.items()}, expected)


def _judge_line(judge: Judge, ours: str, recorded: str, rtol: float) -> None:
    """The same words; the same numbers but for the speed, which five printed decimals allow."""
    number = r"\d+\.\d+"
    speed = r"FPS: \S+ \(\S+\)"
    our_words, recorded_words = (re.sub(number, "#", re.sub(speed, "FPS", line)) for line in (ours, recorded))
    judge.equal("printed line", our_words, recorded_words)
    our_values, values = (
        [float(value) for value in re.findall(number, re.sub(speed, "", line))] for line in (ours, recorded)
    )
    judge.close("printed numbers", our_values, values, rtol=rtol, atol=1e-5)


def _lines_of(action: Callable[[], None]) -> list[str]:
    """What the trainer logs while ``action`` runs, the live line and the file names left out."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = logging.getLogger("trainers"), Keep()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        action()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return lines


def _plain(value: Any) -> Any:
    """As JSON would keep it: tuples become lists."""
    return json.loads(json.dumps(value, default=lambda tensor: tensor.tolist()))
