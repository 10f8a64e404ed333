"""Videezy 4K: a few 4K clips to test burst restoration on."""

from __future__ import annotations

from dataset.clip_folder import ClipFolder
from utils.image_io import PathLike


class Videezy4K(ClipFolder):
    """The 4K clips that Guo et al. (CVPR 2022) collected from videezy.com, ``<root>/<clip>/<frame>.png``.

    Args:
        root: the folder; None takes ``videezy_dir`` of the environment.

    Raises:
        MissingDataSet: the folder is not set, not there, not readable or holds no frames.
    """

    def __init__(self, root: PathLike | None = None) -> None:
        super().__init__(root, key="videezy_dir", name="Videezy4K")
