"""The readers of files that come from elsewhere."""

from __future__ import annotations

from benchmarks.fuzzing.configuration_readers import json_, yaml_
from benchmarks.fuzzing.container_readers import archives, hdf5, lmdb, npy, npz
from benchmarks.fuzzing.network_readers import checkpoints, old_checkpoints, pickles, tensorflow, weights
from benchmarks.fuzzing.picture_readers import pictures, png16, raw_files
from benchmarks.fuzzing.reader import Reader


def all_readers() -> list[Reader]:
    """Every reader whose libraries are installed."""
    makers = (
        pictures,
        png16,
        npz,
        npy,
        pickles,
        checkpoints,
        old_checkpoints,
        weights,
        tensorflow,
        lmdb,
        raw_files,
        hdf5,
        json_,
        yaml_,
        archives,
    )
    readers = []
    for make in makers:
        try:
            readers.append(make())
        except ImportError:  # an optional library; what it would read is refused
            continue
    return readers
