"""How long bursts take to make: on one core against the published way, and in batches on a GPU against one core.

    python benchmarks/synthesis.py [--json FILE] [--pairs 15] [--device cuda]

On a machine without a GPU the batched figures are left out; `--device cpu` times the same operations there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch
from rich.table import Table
from skimage.data import astronaut

import data.transforms as tfm
from admin.tensordict import TensorDict
from benchmarks.timing import Pairs, paired, seconds
from data import DataLoader
from data.collate import collate
from data.deblur_paper import PaperDeblurBursts
from data.denoising_processing import DenoisingProcessing
from data.jdd_processing import JDDProcessing
from data.mosaic_rendering import render_mosaic
from data.sampler import RandomImage
from data.synthetic_burst_generation import flow_vectors, mosaic_with_noise, render_frames, unprocess
from data.synthetic_burst_processing import SyntheticBurstProcessing
from dataset import ImageFolder
from dataset.packed_images import PackedImages, pack_images
from tests.twins.bursts import plain_crop, plain_unprocess, published_burst
from utils.draws import Draws, standard_normal
from utils.image_io import read_image, write_jpeg
from utils.log import configure_logging, output

CPU = torch.device("cpu")
CROP, FRAMES = 432, 14  # of `deeprep sr_synthetic_default`
MOTION = {"max_translation": 24.0, "max_rotation": 1.0, "max_shear": 0.0, "max_scale": 0.0, "border_crop": 24}
FLIPS = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip())
# What the published settings make, the size of the photographs (of the clips: frames), and the batch of a step.
KINDS: dict[str, tuple[Callable[[str], Any], tuple[int, int], int, int]] = {
    "super-resolution, 14 frames, crop 432": (
        lambda place: SyntheticBurstProcessing(
            CROP, FRAMES, 4, burst_transformation_params=MOTION, transform=FLIPS, render_on=place
        ),
        (448, 448),
        1,
        16,
    ),
    "denoising, 8 frames, crop 128": (
        lambda place: DenoisingProcessing(128, 8, 4, 2, 16, transform=FLIPS, render_on=place),
        (768, 1024),
        1,
        8,
    ),
    "demosaicking, 5 frames, crop 720": (lambda place: JDDProcessing(720, render_on=place), (720, 1280), 5, 2),
    "deblurring, 8 frames, crop 160": (
        lambda place: PaperDeblurBursts(160, 8, 3.0, render_on=place),
        (400, 500),
        1,
        8,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--pairs", type=int, default=15, help="runs of each (default: %(default)s)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else None, help="of the batches")
    parser.add_argument("--workers", type=int, default=8, help="of the loader (default: %(default)s)")
    options = parser.parse_args()
    configure_logging()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    report: dict[str, Any] = {
        "versions": {"torch": torch.__version__, "opencv": cv2.__version__},
        **on_one_core(options.pairs),
        "stages_ms": stages(options.pairs),
        "workers_ms": workers(options.pairs),
    }
    if options.device is not None:
        device = torch.device(options.device)
        report |= batched(device, options.pairs)
        report["accuracy"] = accuracy(device)
        if device.type == "cuda":
            report["loader_ms"] = {
                f"rendered on the {place}, {source}": loader_milliseconds(device, place, source, options.workers)
                for place, source in (("worker", "JPEG files"), ("device", "JPEG files"), ("device", "packed shards"))
            }
    show(report)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1))


def on_one_core(pairs: int) -> dict[str, Any]:
    """A burst of super-resolution, published (flow as it was made then, in closed form, or none) against fast."""
    made, photo = KINDS["super-resolution, 14 frames, crop 432"][0]("worker"), photograph(448, 448)
    params = made.draw((448, 448), Draws(1))

    def opencv(with_flow: bool) -> None:
        linear = plain_unprocess(plain_crop(made, photo, params), params)
        mosaic_with_noise(render_frames(linear, params["motions"], 4, 24), params)
        if with_flow:
            flow_vectors((480, 480), params["motions"], 4, 24)

    def fast() -> None:
        made.render(photo, params)

    def against(plain: Callable[[], object]) -> Pairs:
        return paired(plain, fast, CPU, pairs, time.process_time)

    published = against(lambda: published_burst(made, photo, params))
    return {
        "ratio_cpu": published.ratio,
        "ratio_cpu_flow_in_closed_form": against(lambda: opencv(True)).ratio,
        "ratio_cpu_without_flow": against(lambda: opencv(False)).ratio,
        "published_ms": 1e3 * statistics.median(published.plain),
        "fast_ms": 1e3 * statistics.median(published.fast),
    }


def stages(runs: int) -> dict[str, float]:
    """Where the time of a fast burst goes, in milliseconds."""
    made, photo = KINDS["super-resolution, 14 frames, crop 432"][0]("worker"), photograph(448, 448)
    params = made.draw((448, 448), Draws(1))
    crop = made._crop(photo, params)
    linear = unprocess(crop, params)
    steps = {
        "draw": lambda: made.draw((448, 448), Draws(1)),
        "to floats, flip, enlarge to 480 x 480": lambda: made._crop(photo, params),
        "inverse camera": lambda: unprocess(crop, params),
        "frames": lambda: render_mosaic(linear, params["motions"], 4, 24),
        "noise": lambda: standard_normal((FRAMES, 4, 54, 54), 1),
    }
    return {name: _milliseconds(step, runs) for name, step in steps.items()}


def workers(runs: int) -> dict[str, float]:
    """What a worker does for one burst of super-resolution, in milliseconds."""
    photo = photograph(448, 448)
    with tempfile.TemporaryDirectory() as folder:
        jpeg, packed = Path(folder) / "photo.jpg", Path(folder) / "packed"
        write_jpeg(jpeg, photo)
        pack_images([("photo", photo)], packed, "photo")
        shard = PackedImages(packed)
        make = KINDS["super-resolution, 14 frames, crop 432"][0]
        fast, cutting = make("worker"), make("device")
        steps = {
            "decode a JPEG file": lambda: read_image(jpeg),
            "read from a packed shard": lambda: shard.get_image(0)[0].copy(),
            "draw and render": lambda: fast(TensorDict(frame=photo, draws=Draws(1))),
            "draw and cut, rendered on the device": lambda: cutting(TensorDict(frame=photo, draws=Draws(1))),
        }
        return {name: _milliseconds(step, runs) for name, step in steps.items()}


def batched(device: torch.device, runs: int) -> dict[str, Any]:
    """Batches on the device, per burst, against one core of this machine."""
    kinds: dict[str, Any] = {}
    for name, (make, size, frames, batch) in KINDS.items():
        kinds[name] = {}
        worker, on_device = make("worker"), make("device")
        material = [photograph(*size) for _ in range(frames)]
        entry = {"frame": material[0]} if frames == 1 else {"frames": material}
        core = _milliseconds(lambda w=worker, e=entry: w(TensorDict(e, draws=Draws(1))), runs)  # type: ignore[misc]
        for count in (batch, 4 * batch):
            cut = collate([on_device(TensorDict(entry, draws=Draws(i))) for i in range(count)])
            if device.type == "cuda":
                cut["material"] = cut["material"].pin_memory()

            def render(processing: Any = on_device, raw: TensorDict = cut) -> None:
                processing.render_batch(raw.copy(), device)

            seconds(render, device)
            each = 1e3 * statistics.median(seconds(render, device) for _ in range(runs)) / count
            kinds[name][f"batch of {count}"] = {"core_ms": core, "device_ms": each, "ratio": core / each}
    made, photo = KINDS["super-resolution, 14 frames, crop 432"][0]("worker"), photograph(448, 448)
    params = made.draw((448, 448), Draws(1))
    published = _milliseconds(lambda: published_burst(made, photo, params), runs)
    best = min(one["device_ms"] for one in next(iter(kinds.values())).values())
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "batched": kinds,
        "ratio_batched": published / best,
        "ratio_batched_to_fast_core": max(one["ratio"] for one in next(iter(kinds.values())).values()),
    }


def accuracy(device: torch.device) -> dict[str, float]:
    """How bursts of super-resolution rendered on the device differ from those of OpenCV, without noise."""
    common = {"crop_sz": CROP, "burst_size": FRAMES, "downsample_factor": 4, "transform": FLIPS}
    noiseless = {"burst_transformation_params": MOTION, "image_processing_params": {"add_noise": False}}
    bursts = []
    for place in ("worker", "device"):
        made = SyntheticBurstProcessing(**common, **noiseless, render_on=place)  # type: ignore[arg-type]
        raw = collate([made(TensorDict(frame=photograph(448, 448), draws=Draws(i))) for i in range(8)])
        bursts.append(made.render_batch(raw, device)["burst"].cpu())
    levels = (255 * (bursts[0] - bursts[1])).abs().round()
    return {"largest difference in levels of 255": levels.max().item(), "share": (levels > 0).float().mean().item()}


def loader_milliseconds(device: torch.device, place: str, source: str, workers: int) -> float:
    """Time of a batch of 16 bursts from photographs on the disk to the device, with nothing else to do."""
    batch, steps, first = 16, 48, 16
    with tempfile.TemporaryDirectory() as folder:
        for number in range(32):
            write_jpeg(Path(folder) / f"{number}.jpg", np.roll(photograph(448, 448), 16 * number, axis=1))
        photos: Any = ImageFolder(root=folder)
        if source == "packed shards":
            images = [(name, photos.get_image(i)[0]) for i, name in enumerate(photos.image_list)]
            pack_images(images, Path(folder) / "packed", "photos")
            photos = PackedImages(Path(folder) / "packed")
        made = KINDS["super-resolution, 14 frames, crop 432"][0](place)
        samples = RandomImage([photos], [1], batch * steps, made)
        loader = DataLoader(
            "train", samples, batch_size=batch, num_workers=workers, pin_memory=device.type == "cuda", device=device
        )
        for number, made_batch in enumerate(loader):
            made_batch.to(device, non_blocking=True)
            if number == first:
                seconds(lambda: None, device)
                start = time.perf_counter()
        return 1e3 * (time.perf_counter() - start + seconds(lambda: None, device)) / (steps - 1 - first)


def photograph(height: int, width: int) -> np.ndarray:
    return np.ascontiguousarray(cv2.resize(astronaut(), (width, height), interpolation=cv2.INTER_CUBIC))


def _milliseconds(work: Callable[[], object], runs: int) -> float:
    """Median time on one core."""
    seconds(work, CPU)
    return 1e3 * statistics.median(seconds(work, CPU, time.process_time) for _ in range(runs))


def show(report: dict[str, Any]) -> None:
    table = Table(title="Burst synthesis: super-resolution, 14 frames, crop 432, one core")
    for column in ("", "ms", "times faster"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("as published, with flow", f"{report['published_ms']:.1f}", "1")
    table.add_row("only what is read", f"{report['fast_ms']:.1f}", f"{report['ratio_cpu']:.1f}")
    table.add_row("  against flow in closed form", "", f"{report['ratio_cpu_flow_in_closed_form']:.1f}")
    table.add_row("  against no flow", "", f"{report['ratio_cpu_without_flow']:.1f}")
    for part in ("stages_ms", "workers_ms"):
        table.add_section()
        for name, value in report[part].items():
            table.add_row(name, f"{value:.2f}", "")
    output(table)
    if "batched" not in report:
        output("No GPU: batches are not timed (--device cpu does it on the processor).")
        return
    batches = Table(title=f"Whole batches on {report['device']}, per burst, against the fast path on one core")
    for column in ("", "batch", "core ms", "device ms", "times faster"):
        batches.add_column(column, justify="left" if not column else "right")
    for kind, sizes in report["batched"].items():
        for size, one in sizes.items():
            name = size.removeprefix("batch of ")
            batches.add_row(kind, name, f"{one['core_ms']:.1f}", f"{one['device_ms']:.3f}", f"{one['ratio']:.0f}")
    output(batches)
    output(f"Against the published way on one core: {report['ratio_batched']:.0f} times faster.")
    for part in ("accuracy", "loader_ms"):
        output(f"{part}: " + ", ".join(f"{name} {value:.3g}" for name, value in report.get(part, {}).items()))


if __name__ == "__main__":
    main()
