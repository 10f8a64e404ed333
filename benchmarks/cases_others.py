"""Cases of two-stage alignment, deblurring and SR3: the network in plain form, the same in its fast form, and inputs.

Each function of :data:`CASES` gives ``(twin, fast, inputs)``; the twins have the weights of the fast networks.

    python -m benchmarks.cases_others [NAME ...] [--pairs 5]
    python -m benchmarks.cases_others two_stage_clip --only fast

times them here and now, forwards (in evaluation) and where they are trained a whole training step; or runs one of the
two forms once, and tells how much memory the process has needed. CUDA_VISIBLE_DEVICES= leaves a GPU out.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing import paired, seconds
from models.burst_deblur.unet import burst_deblur_eccv18
from models.sr3.constructors import sr3
from models.sr3.layers import SelfAttention
from models.two_stage_align.two_stage_net import two_stage_align
from tests.twins.burst_deblur import PlainUNet
from tests.twins.two_stage_align import plain_two_stage
from train_settings.sr3.frames_16_128 import NETWORK
from utils.half_precision import in_half_precision
from utils.host_memory import keep_freed_memory, peak_bytes
from utils.log import configure_logging, output


class Case(NamedTuple):
    """What is compared.

    Attributes:
        twin, fast: called with ``inputs``; the result or the first of several is an image.
        trained: the networks may be compared in a training step as well.
    """

    twin: nn.Module
    fast: nn.Module
    inputs: tuple[torch.Tensor, ...]
    trained: bool = False


def two_stage_tile() -> Case:
    """Whole-frame inference, published width: one tile of five frames, as often as a frame has tiles."""
    net = two_stage_align().eval()
    burst = torch.rand(1, 5, 4, 60, 60)
    return Case(plain_two_stage(net), net.to(memory_format=torch.channels_last), (burst, torch.full_like(burst, 0.1)))


def two_stage_clip() -> Case:
    """Whole-frame inference of a clip of five frames of 1280 x 720, published width. Minutes on a CPU."""
    net = two_stage_align().eval()
    burst = torch.rand(1, 5, 4, 360, 640)
    return Case(plain_two_stage(net), net.to(memory_format=torch.channels_last), (burst, torch.full_like(burst, 0.1)))


def two_stage_clip_bf16() -> Case:
    """:func:`two_stage_clip`, the fast one in bfloat16."""
    return in_bfloat16(two_stage_clip())


def two_stage_tile_bf16() -> Case:
    """:func:`two_stage_tile`, the fast one in bfloat16."""
    return in_bfloat16(two_stage_tile())


def two_stage_reconstruction() -> Case:
    """The reconstruction network on a training patch of 64 x 64 packed pixels, published width."""
    net = two_stage_align().reconstruction
    burst = torch.rand(1, 5, 4, 64, 64)
    fast = copy.deepcopy(net).to(memory_format=torch.channels_last)
    return Case(plain_two_stage(net), fast, (burst, torch.full_like(burst, 0.1)), trained=True)


def burst_deblur() -> Case:
    """Eight frames of 160 x 160, published width."""
    fast, twin = burst_deblur_eccv18(), PlainUNet()
    twin.load_state_dict(fast.state_dict())
    return Case(twin.eval(), fast.eval(), (255 * torch.rand(1, 8, 3, 160, 160),), trained=True)


def burst_deblur_bf16() -> Case:
    """:func:`burst_deblur`, the fast one in bfloat16."""
    return in_bfloat16(burst_deblur())


class PlainAttention(SelfAttention):
    """The matrix of all weights, written down."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (part.flatten(2) for part in self.qkv(self.norm(x)).chunk(3, dim=1))
        weights = torch.softmax(query.transpose(1, 2) @ key / x.shape[1] ** 0.5, dim=-1)
        attended: torch.Tensor = x + self.out((value @ weights.transpose(1, 2)).view(x.shape))
        return attended


def sr3_attention() -> Case:
    """Attention over 64 x 64 pixels, 64 channels."""
    fast = SelfAttention(64, 16)
    twin = PlainAttention(64, 16)
    twin.load_state_dict(fast.state_dict())
    return Case(twin, fast, (torch.rand(1, 64, 64, 64),), trained=True)


def sr3_sampling_bf16() -> Case:
    """Two of the 2000 evaluations of the published sampling, three frames of 128 x 128; the fast one in bfloat16."""
    net = sr3(**NETWORK)
    net.sampler, net.steps = "ddim", 2
    return in_bfloat16(Case(copy.deepcopy(net).eval(), net.eval(), (torch.rand(1, 3, 3, 128, 128),)))


def in_bfloat16(case: Case) -> Case:
    """The case with its fast network in half precision."""
    return case._replace(fast=in_half_precision(case.fast), trained=False)


CASES: dict[str, Callable[[], Case]] = {
    function.__name__: function
    for function in (
        *(two_stage_tile, two_stage_tile_bf16, two_stage_reconstruction, two_stage_clip, two_stage_clip_bf16),
        *(burst_deblur, burst_deblur_bf16, sr3_attention, sr3_sampling_bf16),
    )
}
LONG = ("two_stage_clip", "two_stage_clip_bf16")


def image_of(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    result: Any = net(*inputs)
    return result if isinstance(result, torch.Tensor) else result[0]


def training_step(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Callable[[], None]:
    """One step on the mean absolute value of the image, without the optimiser."""

    def step() -> None:
        net.train()
        net.zero_grad()
        image = image_of(net, inputs)
        F.l1_loss(image, torch.zeros_like(image)).backward()

    return step


def inference(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Callable[[], None]:
    def run() -> None:
        net.eval()
        with torch.no_grad():
            image_of(net, inputs)

    return run


def measure(name: str, pairs: int, device: torch.device) -> None:
    """Times a case and says what came out."""
    torch.manual_seed(0)
    case = CASES[name]()
    twin, fast = case.twin.to(device), case.fast.to(device)
    inputs = tuple(tensor.to(device) for tensor in case.inputs)
    # One thread of a busy machine is timed by what it has computed, not by how long it was kept waiting.
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    for kind, work in (("forward", inference), ("step", training_step))[: 2 if case.trained else 1]:
        times = paired(work(twin, inputs), work(fast, inputs), device, pairs, clock)
        plain, quick = min(times.plain), min(times.fast)
        spread = f"{min(times.ratios):.2f} to {max(times.ratios):.2f}"
        output(f"{name:26} {kind:8} twin {plain:8.3f} s   fast {quick:8.3f} s   {times.ratio:.2f} ({spread})")


def run_once(name: str, form: str, device: torch.device) -> None:
    """Runs one form of a case forwards and tells time and peak memory; the other one is not kept."""
    torch.manual_seed(0)
    case = CASES[name]()
    net = (case.fast if form == "fast" else case.twin).to(device)
    inputs = tuple(tensor.to(device) for tensor in case.inputs)
    del case
    taken = seconds(inference(net, inputs), device)
    peak = (torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_bytes() or 0) / 2**30
    output(f"{name:26} {form:8} {taken:8.1f} s   peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    configure_logging()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all but the long ones")
    parser.add_argument("--pairs", type=int, default=5, help="runs of both in turns (default: %(default)s)")
    parser.add_argument(
        "--plain_memory", action="store_true", help="freed memory goes back to the system, as PyTorch does by itself"
    )
    parser.add_argument("--only", choices=("fast", "twin"), help="run this form alone, once")
    options = parser.parse_args()
    if not options.plain_memory:
        keep_freed_memory()  # as run_training.py and the scripts of the benchmarks do; here for both forms alike
    here = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for chosen in options.names or [name for name in CASES if name not in LONG]:
        if options.only:
            run_once(chosen, options.only, here)
        else:
            measure(chosen, options.pairs, here)
