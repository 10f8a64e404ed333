"""Train a network: run the settings file train_settings/MODULE/PARAM.py.

python run_training.py --list
python run_training.py deeprep quickstart --set batch_size=2 --seed 3
python run_training.py deeprep quickstart --check
torchrun --nproc_per_node=4 run_training.py deeprep sr_synthetic_default --set batch_size=4
"""

import argparse
import ast
import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from utils.commands import EXIT_USAGE, run_command
from utils.log import configure_logging, output
from utils.suggestions import unknown_name_message

# Only what --help and --list need is imported above: PyTorch takes seconds to load.

logger = logging.getLogger("run_training")

ROOT = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code (0, 1 failed, 2 wrong usage, 130 interrupted)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    configure_logging(logging.DEBUG if options.verbose else logging.INFO)
    settings_files = find_settings()
    if options.list:
        _show_list(settings_files)
        return 0
    try:
        _check_names(options.module, options.param, settings_files)
        pinned = pinned_settings(options)
    except ValueError as error:
        parser.exit(EXIT_USAGE, f"{parser.prog}: {error}\n")
    return run_command(
        lambda: run_training(options.module, options.param, pinned),
        logger,
        "Interrupted. The same command goes on from the last checkpoint.",
        options.verbose,
        hint="(--verbose shows where this came from)",
    )


def run_training(module: str, param: str, pinned: dict[str, Any] | None = None) -> None:
    """Run `train_settings.MODULE.PARAM.run` with new settings.

    Args:
        module: folder below train_settings, e.g. `deeprep`.
        param: name of the settings file without `.py`.
        pinned: settings that win over what the settings file assigns.
    """
    import cv2
    import torch

    from admin import distributed
    from admin.devices import apply_reproducibility
    from admin.settings import Settings
    from utils.host_memory import keep_freed_memory

    distributed.join()
    keep_freed_memory()
    cv2.setNumThreads(0)  # OpenCV's threads and the loader's worker processes would fight over the cores
    torch.multiprocessing.set_start_method("spawn", force=True)  # forked workers cannot use CUDA

    settings = Settings(pinned)
    settings.module_name = module
    settings.script_name = param
    settings.project_path = f"{module}/{param}"
    if "cudnn_benchmark" not in settings.pinned:
        settings.cudnn_benchmark = not settings.deterministic  # training crops have one size: trying out pays
    apply_reproducibility(settings)
    torch.manual_seed(settings.seed)  # the settings file draws the first weights

    run: Callable[[Settings], None] = importlib.import_module(f"train_settings.{module}.{param}").run
    run(settings)
    distributed.leave()


def find_settings(folder: Path = ROOT / "train_settings") -> dict[str, dict[str, str]]:
    """Every settings file as module → param → first line of its docstring. Reads the files without running them."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*/[!_]*.py")):
        found.setdefault(path.parent.name, {})[path.stem] = _first_docstring_line(path)
    return found


def _first_docstring_line(path: Path) -> str:
    try:
        docstring = ast.get_docstring(ast.parse(path.read_bytes(), str(path))) or ""
    except (SyntaxError, ValueError) as error:  # one unfinished file must not hide all others
        return f"(cannot be run: {error})"
    return docstring.partition("\n")[0]


def pinned_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line fixes.

    Raises:
        ValueError: a setting is given twice.
    """
    named = {
        "seed": options.seed,
        "deterministic": options.deterministic or None,
        "cudnn_benchmark": options.cudnn_benchmark,
        "mixed_precision": options.mixed_precision,
        "check_only": options.check or None,
    }
    pinned = {name: value for name, value in named.items() if value is not None}
    for name, value in options.set:
        if name in pinned:
            raise ValueError(f"setting {name} is given twice: {pinned[name]!r} and {value!r}")
        pinned[name] = value
    return pinned


def _check_names(module: str | None, param: str | None, settings_files: dict[str, dict[str, str]]) -> None:
    if module is None or param is None:
        raise ValueError("MODULE and PARAM are needed, for example: deeprep quickstart. --list shows all of them.")
    if module not in settings_files:
        raise ValueError(unknown_name_message("module", module, settings_files))
    if param not in settings_files[module]:
        raise ValueError(unknown_name_message(f"setting of {module}", param, settings_files[module]))


def _show_list(settings_files: dict[str, dict[str, str]]) -> None:
    names = [(f"{module} {param}", text) for module, params in settings_files.items() for param, text in params.items()]
    width = max((len(name) for name, _ in names), default=0)
    for name, text in names:
        output(f"{name:<{width}}  {text}".rstrip())


def _parser() -> argparse.ArgumentParser:
    summary, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="run_training.py",
        description=summary,
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("module", metavar="MODULE", nargs="?", help="folder below train_settings, e.g. deeprep")
    parser.add_argument("param", metavar="PARAM", nargs="?", help="settings file in it, e.g. quickstart")
    parser.add_argument("--list", action="store_true", help="show every setting and what it trains")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        type=_key_and_value,
        action="append",
        default=[],
        help="fix a setting, whatever the settings file says; may be repeated",
    )
    parser.add_argument("--check", action="store_true", help="run one batch and say what it costs; saves nothing")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of every random draw of the run")
    parser.add_argument("--deterministic", action="store_true", help="only deterministic algorithms; slower on a GPU")
    parser.add_argument(
        "--cudnn_benchmark",
        metavar="True|False",
        type=_true_or_false,
        nargs="?",
        const=True,
        help="let cuDNN try out algorithms (default: True)",
    )
    parser.add_argument("--mixed_precision", choices=("no", "fp16", "bf16"), help="arithmetic of the networks")
    parser.add_argument("--verbose", action="store_true", help="show more messages, and tracebacks of errors")
    return parser


def _key_and_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, for example batch_size=4")
    return key.strip(), _value(value.strip())


def _value(text: str) -> Any:
    """A Python literal, or else the text itself: `--set device=cuda:1` needs no quotes."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _true_or_false(text: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return values[text.lower()]


if __name__ == "__main__":
    sys.exit(main())
