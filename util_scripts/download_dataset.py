"""Fetch a data set, unpack it and check it.

examples:
  python util_scripts/download_dataset.py synburstval_dir /data
  python util_scripts/download_dataset.py zurichraw2rgb_dir /data

An interrupted download goes on when the same command is given again; what is complete is left alone. BurstSR has
scripts of its own: download_burstsr_dataset.py (crops) and download_raw_burstsr_data.py (full images). For data sets
that no server hands out without a person the script says where to get them. Ask the authors of a data set before you
use it for other than research.
"""

import logging
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from admin.data_locations import LOCATIONS, MissingDataSet, how_to_get
from dataset import ColorDenoiseTestSet, GrayscaleDenoiseTestSet, SyntheticBurstVal, Videezy4K, ZurichRAW2RGB
from util_scripts.data_sources import fetch_and_merge, folder_with, listed_sources
from util_scripts.script import run_script
from utils.archives import UnsafeArchive, check_zip
from utils.downloads import DownloadFailed, download
from utils.script_parser import script_parser

logger = logging.getLogger("download_dataset")


def _check_zurich(folder: Path) -> list[str]:
    return [name for split in ("train", "test") for name in ZurichRAW2RGB(folder, split=split).missing_files()]


def _check_synthetic_burst(folder: Path) -> list[str]:
    data = SyntheticBurstVal(folder)
    data[len(data) - 1]  # one burst is really decoded
    return data.missing_bursts()


def _check_colour_test_set(folder: Path) -> list[str]:
    for level in (1, 2, 4, 8):
        ColorDenoiseTestSet(folder, noise_level=level)
    return []


def _check_videezy(folder: Path) -> list[str]:
    clips = Videezy4K(folder)
    clips.get_frames(0, [0])  # one frame is really decoded
    return []


def _folder_of_clips(content: Path) -> Path:
    """The folder of an archive that holds the clips: the first one with more than a single folder."""
    folders = [entry for entry in sorted(content.iterdir()) if entry.is_dir()]
    return _folder_of_clips(folders[0]) if len(folders) == 1 and any(folders[0].glob("*/")) else content


@dataclass(frozen=True)
class _Layout:
    """How a data set lies inside its archive.

    Attributes:
        folder: name of its folder (or file) below PATH.
        entries: what the wanted folder of the archive holds; a function that finds it where the names are not known.
        check: folder → names of missing files; raises where something cannot be read.
    """

    folder: str
    entries: tuple[str, ...] | Callable[[Path], Path]
    check: Callable[[Path], list[str]]

    def find(self, content: Path) -> Path:
        """The wanted folder below that of everything unpacked."""
        return self.entries(content) if callable(self.entries) else folder_with(content, *self.entries)


_ARCHIVES = {
    "zurichraw2rgb_dir": _Layout("zurich-raw-to-rgb", ("train/canon", "test/canon"), _check_zurich),
    "synburstval_dir": _Layout("SyntheticBurstVal", ("bursts", "gt"), _check_synthetic_burst),
    "bpn_color_testset_dir": _Layout("bpn_color_testset", ("1.npz", "2.npz", "4.npz", "8.npz"), _check_colour_test_set),
    "videezy_dir": _Layout("Videezy4K", _folder_of_clips, _check_videezy),
}
_BY_HAND = ("reds_dir", "sc_burst_dir")
_KPN = "kpn_testset_path"
_KPN_FILE = "kpn_grayscale_testset.npz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = script_parser(__doc__)
    keys = [*_ARCHIVES, _KPN, *_BY_HAND]
    texts = ", ".join(f"{key} ({LOCATIONS[key].title})" for key in keys)
    parser.add_argument("key", metavar="KEY", choices=keys, help=f"one of: {texts}")
    parser.add_argument("path", metavar="PATH", type=Path, help="folder in which the data set gets its own folder")
    return run_script(parser, arguments, lambda options: download_dataset(options.key, options.path))


def download_dataset(key: str, path: Path) -> Path:
    """Fetches the data set ``key`` into a folder (or file) below ``path`` and returns that.

    Raises:
        utils.downloads.DownloadFailed: it cannot be fetched; names the manual way.
        ValueError: the archive is unsafe or damaged, or holds something else.
        MissingDataSet: files are missing after unpacking.
    """
    if key in _BY_HAND:
        raise DownloadFailed(
            f"This one has to be fetched by hand, as no server gives it to a script.\n{how_to_get(key)}"
        )
    logger.info("%s; licence: %s", LOCATIONS[key].title, LOCATIONS[key].licence)
    if key == _KPN:
        place = download(listed_sources(key), path / _KPN_FILE, check=_check_grey_test_set)
    else:
        layout = _ARCHIVES[key]
        place = path / layout.folder
        fetch_and_merge(listed_sources(key), path / f"{layout.folder}.zip", place, layout.find)
        missing = layout.check(place)
        if missing:
            raise MissingDataSet(
                f"{place} lacks {len(missing)} files, the first is {missing[0]}; remove "
                f"{path / layout.folder}.zip and {layout.folder}.zip.unpacked, and give the command again"
            )
    logger.info("%s is complete. Set in admin/local.py: %s = %r", place, key, str(place.resolve()))
    return place


def _check_grey_test_set(file: Path) -> None:
    """An .npz file is a zip archive of arrays: what is asked of archives is asked of it, then what is in it."""
    check_zip(file)
    with zipfile.ZipFile(file) as archive:
        if not any(name.endswith(".npy") for name in archive.namelist()):
            raise UnsafeArchive(f"{file} holds no arrays but {', '.join(archive.namelist()[:5])}; unpack it by hand")
    GrayscaleDenoiseTestSet(file)


if __name__ == "__main__":
    sys.exit(main())
