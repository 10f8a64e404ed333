"""Write docs/model_zoo.md: the released networks of admin/released_weights.py and the ones shipped with the repository.

example:
  python util_scripts/make_model_zoo.py
"""

import argparse
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from admin.environment import REPOSITORY
from admin.loading import load_network
from admin.released_weights import LICENCE, RELEASED, ReleasedNetwork
from util_scripts.script import run_script
from utils.atomic_write import write_text
from utils.downloads import DriveFile
from utils.script_parser import script_parser

logger = logging.getLogger("make_model_zoo")

PAGE = REPOSITORY / "docs" / "model_zoo.md"
SHIPPED = REPOSITORY / "pretrained_networks"

_INTRODUCTION = """\
# Model zoo

This page is written by `python util_scripts/make_model_zoo.py` from the table in `admin/released_weights.py` and the
notes inside the shipped files; change those instead.

## Released by the original projects

A name is enough: experiments (`NetworkParam(network_path=NAME, ...)`), `utils.loading.load_network(NAME)` and
`--set initial_network=NAME` fetch the file into `pretrained_networks/` the first time.
`python util_scripts/download_weights.py NAME` fetches it beforehand, `./install.sh --weights` those marked *. By hand:
download it and put it there under its name. Files are opened without running code from them.
The first download notes the checksum in `released_checksums.json` of the workspace; later ones must agree.

Licence of all of them: {licence}.

Published scores are the authors' for these files. SSIM is the column that their pages head "MS-SSIM"; their script
computes single-scale SSIM.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    return run_script(script_parser(__doc__), arguments, _write)


def _write(options: argparse.Namespace) -> None:
    write_text(PAGE, model_zoo())
    logger.info("Written: %s", PAGE)


def model_zoo(shipped: Path = SHIPPED) -> str:
    """The page as Markdown.

    Args:
        shipped: folder of the repository's own ``.safetensors`` files.
    """
    released = _table(("File", "System", "Source", "Published", "Measured"), map(_released_row, RELEASED.values()))
    protocols = "".join(
        f"- {protocol}: {', '.join(f'`{n.name}`' for n in RELEASED.values() if n.protocol == protocol)}\n"
        for protocol in dict.fromkeys(network.protocol for network in RELEASED.values() if network.protocol)
    )
    own = sorted(shipped.glob("*.safetensors"))
    own_rows = _table(("File", "Network", "Parameters", "Notes"), map(_own_row, own)) if own else "None yet.\n"
    return (
        f"{_INTRODUCTION.format(licence=LICENCE)}\n{released}\nProtocols:\n\n{protocols}\n"
        f"## Shipped with the repository\n\nTrained here; Apache-2.0, as the code.\n\n{own_rows}"
    )


def _released_row(network: ReleasedNetwork) -> tuple[str, ...]:
    constructor = f"{network.system}, `{network.constructor.rpartition('.')[2]}`" if network.constructor else None
    return (
        f"`{network.file}`{' *' if network.is_default else ''}",
        constructor or network.system,
        f"[{network.drive_id}]({DriveFile(network.drive_id)})",
        _scores(network.published) or ("none given" if network.protocol else "–"),
        _scores(network.measured) or ("not measured" if network.protocol else "–"),
    )


def _own_row(path: Path) -> tuple[str, ...]:
    net, content = load_network(path)
    count = sum(parameter.numel() for parameter in net.parameters())
    notes = "; ".join(f"{key}: {_plain_text(value)}" for key, value in content["notes"].items())
    return f"`{path.name}`", f"`{content['constructor']['function']}`", f"{count:,}", notes or "–"


def _scores(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" if value > 1 else f"{name} {value:.3f}" for name, value in scores.items())


def _plain_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [
        [cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, ["---"] * len(head), *rows)
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


if __name__ == "__main__":
    sys.exit(main())
