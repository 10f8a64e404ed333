"""Compare result folders as the original evaluation did, each burst with a random number of frames from 2 to 8.

examples:
  python evaluation/deblur/compare.py --exp_path results/a --exp_path results/b --out_path comparison
  python evaluation/deblur/compare.py --exp_path model_8000.pt --data_path photos --engine paper --no-homo_align

An experiment is a folder with checkpoints of this toolkit or with `model_<n>.pt` files of the original, or one file.
Writes ssim_<k>_<name>.csv and psnr_<k>_<name>.csv, all scores with tables by number of frames, and some figures.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dataset as datasets
from admin.devices import own_device
from data.deblur_processing import ENGINES, deblur_processing
from evaluation.common_utils import engine
from evaluation.common_utils.benchmark import Benchmark, Item
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor
from evaluation.common_utils.report import terminal_table, write_files
from evaluation.common_utils.scores import Scores
from evaluation.deblur.benchmark import benchmark_of
from evaluation.deblur.bursts import LONGEST, Shortened, TestBursts
from evaluation.deblur.compared_networks import network_of
from evaluation.deblur.method_tables import network_names, write_method_tables
from utils.commands import run_command
from utils.draws import Draws
from utils.image_io import write_image
from utils.log import configure_logging, output
from utils.script_parser import script_parser
from utils.strips import deblurring_strip

logger = logging.getLogger(__name__)

SEED = 42
FEWEST = 2


class FirstPhotographs:
    """The first images of a data set."""

    def __init__(self, photographs: Any, count: int) -> None:
        self._photographs = photographs
        self.image_list = photographs.image_list[:count]
        self.get_image, self.get_scene = photographs.get_image, photographs.get_scene

    def __len__(self) -> int:
        return len(self.image_list)


def compare(
    exp_path: Sequence[str | Path],
    out_path: str | Path = ".",
    data_path: str | Path | None = None,
    model_iter: int | None = None,
    number_of_images: int = 5000,
    number_of_plots: int = 5,
    engine_name: str = "original",
    kernel_lvl: float = 3.0,
    noise_lvl: float = 1.0,
    motion_blur: bool = True,
    homo_align: bool = True,
    legacy: bool = False,
) -> Scores:
    """Scores experiments side by side on bursts of photographs and writes tables and figures.

    Args:
        exp_path: folders or files of networks.
        out_path: where the results go.
        data_path: folder of photographs; None takes the held-out bundled ones.
        model_iter: of folders of the original, ``model_<model_iter>.pt`` instead of the newest one.
        number_of_images: at most so many photographs, one burst of each.
        number_of_plots: bursts that get a figure.
        engine_name: of ``data.deblur_processing``; the levels and switches after it are the engine's.
        legacy: measure as the original did.

    Raises:
        FileNotFoundError: there is no such network or folder.
        ValueError: no experiment, or a value that makes no burst.
    """
    if not exp_path:
        raise ValueError("no experiment to compare: give --exp_path at least once")
    out_path = Path(out_path)
    bursts = deblur_processing(
        engine_name, kernel_lvl=kernel_lvl, noise_lvl=noise_lvl, motion_blur=motion_blur, align=homo_align
    )
    photographs = datasets.SamplePhotos("heldout") if data_path is None else datasets.ImageFolder(data_path)
    made = TestBursts(FirstPhotographs(photographs, number_of_images), bursts)
    benchmark = benchmark_of("deblur_compare", "Burst deblurring", Shortened(made, random_length), legacy)
    networks = [network_of(index, Path(path), model_iter) for index, path in enumerate(exp_path)]
    scores = engine.score(benchmark, networks, seed=SEED)
    files = [
        *write_method_tables([scores], {name: name for name in network_names([scores])}, out_path),
        *write_files(scores, out_path / "scores"),
    ]
    for index, network in enumerate(networks):
        files += _write_figures(benchmark, network, out_path / network.get_unique_name(), number_of_plots)
        logger.info("Experiment %d is %s", index, exp_path[index])
    logger.info("Written: %d files in %s", len(files), out_path)
    return scores


def random_length(index: int) -> int:
    """The number of frames of burst ``index``: 2 to 8, always the same one."""
    return Draws(SEED, index).integer(FEWEST, LONGEST)


def _write_figures(benchmark: Benchmark, network: NetworkParam, folder: Path, count: int) -> list[Path]:
    """``<i>.png`` of the first bursts: ground truth, prediction and frames in a row."""
    predictor = Predictor.load(benchmark, network, own_device(), SEED)
    items = benchmark.items()
    paths = []
    for index in range(min(count, len(items))):
        item: Item = items[index]
        prediction = benchmark.encoding.quantise(predictor(item))[0]
        assert item.ground_truth is not None
        strip = deblurring_strip(item.ground_truth * 255, prediction * 255, item.burst)
        paths.append(folder / f"{index}.png")
        write_image(paths[-1], strip.permute(1, 2, 0).contiguous().numpy())
    return paths


def _parser() -> argparse.ArgumentParser:
    parser = script_parser(__doc__)
    parser.add_argument("--exp_path", action="append", default=[], help="folder or file of a network; may be repeated")
    parser.add_argument("--out_path", default=".", help="where the results go")
    parser.add_argument("--data_path", help="folder of photographs; without it the held-out bundled ones")
    parser.add_argument("--model_iter", type=int, metavar="N", help="take model_N.pt instead of the newest one")
    parser.add_argument("--number_of_images", type=int, default=5000)
    parser.add_argument("--number_of_plots", type=int, default=5)
    parser.add_argument("--engine", dest="engine_name", choices=list(ENGINES), default="original")
    parser.add_argument("--kernel_lvl", type=float, default=3.0)
    parser.add_argument("--noise_lvl", type=float, default=1.0)
    parser.add_argument("--motion_blur", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--homo_align", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--legacy", action="store_true", help="measure as the original did")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    configure_logging()
    parser = _parser()
    chosen = vars(parser.parse_args(arguments))
    return run_command(lambda: output(terminal_table(compare(**chosen))), logger)
