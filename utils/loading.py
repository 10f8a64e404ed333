"""Trained networks by the name of their experiment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def load_network(
    net_path: str | os.PathLike[str], return_dict: bool = False, **kwargs: Any
) -> nn.Module | tuple[Any, ...]:
    """The network in a file or folder.

    Args:
        net_path: absolute path, or relative to ``<workspace_dir>/checkpoints``, for example ``deeprep/quickstart``; or
            the name of a released network, which is fetched if it is not there.
        return_dict: also return the content of the file.
        **kwargs: as ``admin.loading.load_network``.

    Returns:
        The network, or (network, dict).

    Raises:
        FileNotFoundError, CheckpointError: as ``admin.loading.load_network``.
        utils.downloads.DownloadFailed: a released network is not there and cannot be fetched; names the manual way.
    """
    # A name of the public surface that looks upwards; imported late so that utils stays a leaf.
    import admin.loading as loading

    net, content = loading.load_network(loading.in_workspace(net_path), **kwargs)
    return (net, content) if return_dict else net
