"""Which network is evaluated, under which name, on how many frames."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from admin.environment import REPOSITORY, env_settings
from admin.loading import find_checkpoint, load_network
from admin.released_weights import find_released, released_file
from utils.downloads import file_sha256
from utils.half_precision import in_half_precision

# Small networks that are part of the repository; searched after `pretrained_nets_dir`, which may lie elsewhere.
SHIPPED_NETWORKS = REPOSITORY / "pretrained_networks"
_SHOWN_DIGITS = 12  # of a SHA-256
# What `get_unique_name` appends to the name of a training, in this order.
_EPOCH, _FRAMES, _WEIGHTS = r"(_ep\d+)?", r"_bsz\d+", r"(_ema)?(_bf16)?"


@dataclass(frozen=True)
class NetworkParam:
    """One row of an experiment. Give one of: `module` and `parameter`; `network_path`; `network`; `unique_name` alone.

    Attributes:
        module, parameter: a training run, `<workspace_dir>/checkpoints/<module>/<parameter>`.
        epoch: its checkpoint of that epoch; the latest one if None.
        burst_sz: give the network only the first so many frames.
        display_name: shown in tables; the unique name if None.
        unique_name: folder of saved predictions. Alone, it stands for predictions that already lie there.
        network_path: a checkpoint or `.safetensors` file, absolute or below `pretrained_nets_dir` (or shipped with
            the repository), or the name of a released network, which is fetched if it is not there.
        network: makes the network itself, e.g. a training-free method.
        use_ema: take the moving average of the weights that the checkpoint keeps beside the raw ones.
        half_precision: run its convolutions in bfloat16; see :func:`utils.half_precision.in_half_precision`.

    Raises:
        ValueError: a combination that names two networks, or half of one.
    """

    module: str | None = None
    parameter: str | None = None
    epoch: int | None = None
    burst_sz: int | None = None
    display_name: str | None = None
    unique_name: str | None = None
    network_path: str | Path | None = None
    network: Callable[[], nn.Module] | None = None
    use_ema: bool = False
    half_precision: bool = False

    def __post_init__(self) -> None:
        for source in ("network_path", "network"):
            if getattr(self, source) is None:
                continue
            others = ("module", "parameter", "epoch", *({"network_path", "network"} - {source}))
            both = [name for name in others if getattr(self, name) is not None]
            if both:
                raise ValueError(f"NetworkParam: {source} and {', '.join(both)} name two networks; give one of them")
            if self.unique_name is None:
                raise ValueError(f"NetworkParam: {source}={getattr(self, source)!s} needs a unique_name")
        if (self.module is None) != (self.parameter is None):
            raise ValueError(f"NetworkParam: module={self.module} and parameter={self.parameter}; give both or none")
        if self.use_ema and self.module is None and self.network_path is None:
            raise ValueError("NetworkParam: use_ema needs a checkpoint; give module and parameter, or network_path")
        if self.burst_sz is not None and self.burst_sz < 1:
            raise ValueError(f"NetworkParam: burst_sz {self.burst_sz}; a burst has at least 1 frame")

    @property
    def predictions_only(self) -> bool:
        """Whether this stands for predictions on disk, with no network to run."""
        return self.unique_name is not None and (self.module, self.network_path, self.network) == (None, None, None)

    def get_unique_name(self) -> str:
        if self.unique_name is not None:
            return self.unique_name + ("_bf16" if self.half_precision else "")
        epoch = f"_ep{self.epoch:04d}" if self.epoch is not None else ""
        frames = f"_bsz{self.burst_sz:02d}" if self.burst_sz is not None else ""
        average = "_ema" if self.use_ema else ""
        precision = "_bf16" if self.half_precision else ""
        return f"{self.module}_{self.parameter}{epoch}{frames}{average}{precision}"

    def get_display_name(self) -> str:
        if self.display_name is None:
            return self.get_unique_name()
        return self.display_name + (", bfloat16" if self.half_precision else "")

    def find_weights(self) -> Path | None:
        """The file or folder that `load_net` would read; None if it reads none. Fetches a released network.

        Raises:
            FileNotFoundError: it is not there.
            utils.downloads.DownloadFailed: a released network is not there and cannot be fetched.
        """
        if self.network_path is not None:
            return find_network_file(self.network_path)
        if self.module is None or self.parameter is None:
            return None
        folder = checkpoint_folder(self.module, self.parameter)
        if not has_checkpoint(self.module, self.parameter):
            raise FileNotFoundError(
                f"There is no checkpoint in {folder}. Train it: python run_training.py {self.module} {self.parameter}"
            )
        return folder

    def describe_weights(self) -> str | None:
        """Name and first digits of the SHA-256 of the file that `load_net` would read; None if it reads none.

        Raises:
            FileNotFoundError, utils.downloads.DownloadFailed: as `find_weights`.
        """
        found = self.find_weights()
        if found is None:
            return None
        file = find_checkpoint(found, self.epoch)
        return f"{file.name} (SHA-256 {file_sha256(file)[:_SHOWN_DIGITS]}…)"

    def is_at_hand(self) -> bool:
        """Whether `load_net` would find what it needs without fetching anything."""
        if self.network_path is not None:
            return _file_at_hand(self.network_path) is not None
        if self.module is not None and self.parameter is not None:
            return has_checkpoint(self.module, self.parameter, self.epoch)
        return self.network is not None

    def load_net(self) -> nn.Module:
        """The network in evaluation mode, on the CPU.

        Raises:
            FileNotFoundError: there is no such checkpoint; says where it was looked for.
        admin.checkpoints.CheckpointError: it is damaged, or keeps no moving average.
            ValueError: this stands for saved predictions only, or names no network.
        """
        net = self._net().eval()
        return in_half_precision(net) if self.half_precision else net

    def _net(self) -> nn.Module:
        if self.network is not None:
            return self.network()
        weights = self.find_weights()
        if weights is None:
            raise ValueError(
                f"NetworkParam {self.get_unique_name()!r} names no network to run: "
                "give module and parameter, network_path, or save its predictions first"
            )
        return load_network(weights, checkpoint=self.epoch, use_ema=self.use_ema)[0]


def without_frames(unique_name: str) -> str:
    """The unique name of the same network where it is given all frames."""
    return re.sub(rf"{_FRAMES}(?={_WEIGHTS}$)", "", unique_name)


def is_of_training(unique_name: str, run: str) -> bool:
    """Whether a generated unique name is one of the training ``run`` (module/parameter), of any epoch and frames."""
    name = re.escape(run.replace("/", "_"))
    return re.fullmatch(f"{name}{_EPOCH}({_FRAMES})?{_WEIGHTS}", unique_name) is not None


def checkpoint_folder(module: str, parameter: str) -> Path:
    """Where the training run `module parameter` keeps its checkpoints."""
    return Path(env_settings().workspace_dir) / "checkpoints" / module / parameter


def has_checkpoint(module: str, parameter: str, epoch: int | None = None) -> bool:
    """Whether the training run has saved anything yet, or that epoch."""
    named = "*.pth.tar" if epoch is None else f"*_ep{epoch:04d}.pth.tar"
    return any(checkpoint_folder(module, parameter).glob(named))


def shipped_and_trained(file: str, module: str, parameter: str, one_frame: bool = True) -> list[NetworkParam]:
    """A network that comes with the repository, with all frames and with 1, and the one trained here if there is one.

    Args:
        file: of the shipped network.
        module, parameter: its training run.
        one_frame: whether there are bursts, so that 1 frame is another row.
    """
    name = f"{parameter}_shipped"
    networks = [NetworkParam(network_path=file, unique_name=name, display_name="shipped")]
    if one_frame:
        networks.append(
            NetworkParam(network_path=file, burst_sz=1, unique_name=f"{name}_bsz01", display_name="shipped, 1 frame")
        )
    if has_checkpoint(module, parameter):
        networks.append(NetworkParam(module, parameter, display_name="trained here"))
    return networks


def find_network_file(network_path: str | Path) -> Path:
    """The file of a network: as given if absolute, else below `pretrained_nets_dir`, else shipped with the repository.

    A released network (`admin.released_weights`), named with or without `.pth`, is fetched if it is nowhere.

    Raises:
        FileNotFoundError: names every place that was looked at.
        utils.downloads.DownloadFailed: it is a released network and cannot be fetched; names the manual way.
    """
    found = _file_at_hand(network_path)
    if found is not None:
        return found
    released = find_released(str(network_path))
    if released is not None:
        return released_file(released.name)
    looked = " or ".join(str(place) for place in _places(network_path))
    raise FileNotFoundError(
        f"There is no network file {looked}. "
        "Networks of your own go into the folder named by the key pretrained_nets_dir."
    )


def _file_at_hand(network_path: str | Path) -> Path | None:
    return next((place for place in _places(network_path) if place.is_file()), None)


def _places(network_path: str | Path) -> list[Path]:
    """Where the file of a network may lie."""
    released = find_released(str(network_path))
    file = network_path if released is None else released.file
    folders = (Path(env_settings().pretrained_nets_dir), SHIPPED_NETWORKS)
    return list(dict.fromkeys(folder / file for folder in folders))  # an absolute path swallows the folder
