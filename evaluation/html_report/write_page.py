"""Writes the folder of a comparison page."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from evaluation.common_utils.viewing import GROUND_TRUTH, Picture, ViewedBurst, ViewedResult, Viewing
from evaluation.html_report.pixel_scripts import TILE, tile_corners, tile_script
from utils.atomic_write import write_bytes, write_text
from utils.image_io import write_jpeg
from utils.progress import track

logger = logging.getLogger(__name__)

_HERE = Path(__file__).resolve().parent
_PARTS = ("data", "figures", "page")  # folders of a page, beside index.html

_SAMPLED = 3  # bursts from whose size that of the folder is told beforehand
_THUMBNAIL = (96, 72)  # width, height: twice what is shown, for screens of high density
_THUMBNAIL_QUALITY = 85


class Figure(NamedTuple):
    """A picture file shown with the page, e.g. a plot, and what it shows."""

    file: Path
    caption: str


class _Encoded(NamedTuple):
    """A burst as the page holds it: its entry in the table of contents, its files, its thumbnail."""

    entry: dict[str, Any]
    files: dict[str, bytes]
    thumbnail: Picture


def write_page(folder: str | Path, viewing: Viewing, figures: Iterable[Figure] = ()) -> Path:
    """Writes a page that compares results burst by burst, and opens from disk in a browser.

    Says how large the folder will be before it writes it. `index.html` is written last: where it is, the page is
    complete. A page that lay there before is replaced.

    Args:
        folder: made if it is not there.
        viewing: what is shown; each burst is asked for once.
        figures: shown beside the bursts; taken after them, so they can be made of what was seen.

    Returns:
        The file to open.

    Raises:
        ValueError: the folder holds something else than such a page; there are no bursts; an image has another type or
            shape than its record says.
        OSError: the disk has not enough room for it.
    """
    folder = Path(folder)
    if not len(viewing.bursts):
        raise ValueError(f"{viewing.title}: there are no bursts to show")
    _refuse_other_files(folder)
    encoded = _encoded_bursts(viewing)
    first = list(islice(encoded, _SAMPLED))
    _announce(folder, first, len(viewing.bursts))
    _make_room(folder)
    entries = []
    for number, burst in enumerate(_chained(first, encoded)):
        for name, content in burst.files.items():
            _write_quickly(folder / "data" / f"{number:04d}" / name, content)
        write_jpeg(folder / "data" / f"{number:04d}" / "thumbnail.jpg", burst.thumbnail, _THUMBNAIL_QUALITY)
        entries.append(burst.entry)
    shown = [_copy_figure(folder, number, figure) for number, figure in enumerate(figures)]
    for script in sorted((_HERE / "page").iterdir()):
        _write_quickly(folder / "page" / script.name, script.read_bytes())
    write_text(folder / "data" / "contents.js", f"burstlab.open({json.dumps(_contents(viewing, entries, shown))});\n")
    write_bytes(folder / "index.html", (_HERE / "index.html").read_bytes())
    logger.info("Open %s in a browser; the folder can be moved and copied.", folder / "index.html")
    return folder / "index.html"


def _contents(viewing: Viewing, bursts: list[dict[str, Any]], figures: list[dict[str, str]]) -> dict[str, Any]:
    """The table of contents; infinite scores stand in it as JavaScript writes them."""
    return {
        "title": viewing.title,
        "space": viewing.space,
        "fullScale": viewing.full_scale,
        "border": viewing.border,
        "tile": TILE,
        "groundTruth": GROUND_TRUTH,
        "pixelsCompare": viewing.pixels_compare,
        "labels": list(dict.fromkeys(image["label"] for burst in bursts for image in burst["images"])),
        "metrics": [
            {
                "key": metric.key,
                "label": metric.label,
                "higherIsBetter": metric.higher_is_better,
                "decimals": metric.decimals,
                "protocol": metric.protocol.describe(),
            }
            for metric in viewing.metrics
        ],
        "bursts": bursts,
        "figures": figures,
    }


def _encoded_bursts(viewing: Viewing) -> Iterator[_Encoded]:
    for burst in track(viewing.bursts, f"{viewing.title}: page"):
        yield _encode(burst)


def _encode(burst: ViewedBurst) -> _Encoded:
    labels = [image.label for image in burst.images]
    if len(set(labels)) < len(labels):
        raise ValueError(f"burst {burst.name} has two results of one label among {', '.join(labels)}")
    files: dict[str, bytes] = {}
    images = []
    thumbnail = None
    for number, result in enumerate(burst.images):
        image, picture = _encode_image(burst, result, number, files)
        images.append(image)
        if thumbnail is None:
            thumbnail = _thumbnail(picture)
    if thumbnail is None:
        raise ValueError(f"burst {burst.name} has neither results nor a ground truth")
    entry = {
        "name": burst.name,
        "scene": burst.scene,
        "noise": burst.noise_level,
        "properties": dict(burst.properties),
        "meta": dict(burst.meta),
        "images": images,
    }
    return _Encoded(entry, files, thumbnail)


def _encode_image(
    burst: ViewedBurst, result: ViewedResult, number: int, files: dict[str, bytes]
) -> tuple[dict[str, Any], Picture]:
    """Puts the tiles of an image into `files`; returns its entry in the table of contents, and the picture."""
    values, picture = result.values(), result.picture()
    if values.dtype != np.uint16 or picture.dtype != np.uint8 or values.shape[:2] != picture.shape[:2]:
        raise ValueError(
            f"burst {burst.name}, {result.label}: values {values.dtype} {values.shape} and picture {picture.dtype} "
            f"{picture.shape}; expected uint16 and uint8 of the same height and width"
        )
    shown = picture[:, :, :1] if (picture == picture[:, :, :1]).all() else picture
    height, width, channels = values.shape
    for tile, (top, left) in enumerate(tile_corners(height, width)):
        part = np.s_[top : top + TILE, left : left + TILE]
        files[f"{number}_{tile}.js"] = tile_script(values[part], shown[part])
    entry = {
        "label": result.label,
        "width": width,
        "height": height,
        "channels": channels,
        "pictureChannels": shown.shape[2],
        "scores": dict(result.metrics),
    }
    return entry, picture


def _thumbnail(picture: Picture) -> Picture:
    """The middle of a picture in the shape of a thumbnail."""
    height, width = picture.shape[:2]
    aspect = _THUMBNAIL[0] / _THUMBNAIL[1]
    kept_width, kept_height = min(width, round(height * aspect)), min(height, round(width / aspect))
    top, left = (height - kept_height) // 2, (width - kept_width) // 2
    middle = picture[top : top + max(kept_height, 1), left : left + max(kept_width, 1)]
    return np.asarray(cv2.resize(middle, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def _announce(folder: Path, sample: Sequence[_Encoded], bursts: int) -> None:
    """Says how large the folder will be, as far as its first bursts can tell."""
    needed = round(sum(len(content) for burst in sample for content in burst.files.values()) / len(sample) * bursts)
    logger.info(
        "%s will take about %s: %d bursts, %s each.", folder, _readable(needed), bursts, _readable(needed // bursts)
    )
    existing = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise OSError(f"{folder} would take {_readable(needed)}, and only {_readable(free)} are free on that disk")


def _readable(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _refuse_other_files(folder: Path) -> None:
    """Only an empty folder and that of an older page are written to."""
    ours = {"index.html", *_PARTS}
    others = sorted(path.name for path in folder.iterdir() if path.name not in ours) if folder.exists() else []
    if others:
        raise ValueError(f"{folder} holds {', '.join(others[:5])}, which is no part of a page; give an empty folder")


def _make_room(folder: Path) -> None:
    """Removes an older page."""
    (folder / "index.html").unlink(missing_ok=True)
    for part in _PARTS:
        if (folder / part).exists():
            shutil.rmtree(folder / part)


def _write_quickly(path: Path, content: bytes) -> None:
    """Without waiting for the disk: there may be thousands, and a page without its index.html is not complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _copy_figure(folder: Path, number: int, figure: Figure) -> dict[str, str]:
    name = f"figures/{number:02d}{figure.file.suffix.lower()}"
    write_bytes(folder / name, figure.file.read_bytes())
    return {"file": name, "caption": figure.caption}


def _chained(first: Sequence[_Encoded], rest: Iterator[_Encoded]) -> Iterator[_Encoded]:
    yield from first
    yield from rest
