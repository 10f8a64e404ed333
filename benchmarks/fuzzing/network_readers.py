"""Meta-data and networks: pickles, checkpoints, safetensors, checkpoints of TensorFlow."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fuzzing.hostile_pickles import hostile_pickles
from benchmarks.fuzzing.mutations import mutated, mutated_inside_zip
from benchmarks.fuzzing.reader import Files, Reader, only


def pickles() -> Reader:
    """Meta-data of the data sets."""
    from utils.safe_pickle import UnreadablePickle, read_pickle

    value = {
        "black_level": [64, 65, 63, 66],
        "cam_wb": (1.5, 1.0, 2.0),
        "matrix": np.eye(3, dtype=np.float32),
        "tensor": torch.arange(6.0).reshape(2, 3),
        "name": "burst_0001",
        "order": OrderedDict(a=1, b=2.5),
    }
    seeds: list[Files] = [{"meta.pkl": pickle.dumps(value, protocol)} for protocol in (2, 4)]
    attacks: list[Files] = [{"meta.pkl": stream} for stream in hostile_pickles()]
    return Reader("meta pickle", seeds, lambda folder: read_pickle(only(folder)), (UnreadablePickle,), attacks)


def old_checkpoints() -> Reader:
    """Checkpoints of torch before 1.6, which have no checksums."""
    return _checkpoints("checkpoint of torch < 1.6", old=True)


def checkpoints() -> Reader:
    """Checkpoints as torch writes them now."""
    return _checkpoints("checkpoint", old=False)


def _checkpoints(name: str, old: bool) -> Reader:
    from admin.checkpoints import CheckpointError, read_checkpoint

    content = {
        "epoch": 3,
        "net": OrderedDict(weight=torch.randn(20, 30), count=torch.tensor(3)),
        "constructor": {"module": "models.x", "function": "f", "args": (1,), "kwargs": {"dims": (2, 3)}},
        "stats": {"train": {"Loss/total": {"kind": "AverageMeter", "history": [0.5, 0.25]}}},
    }
    saved = io.BytesIO()
    torch.save(content, saved, _use_new_zipfile_serialization=not old)
    seeds: list[Files] = [{"net.pth.tar": saved.getvalue()}]
    attacks: list[Files] = [{"net.pth.tar": stream} for stream in hostile_pickles()]
    if not old:
        attacks += [{"net.pth.tar": _torch_zip(seeds[0]["net.pth.tar"], stream)} for stream in hostile_pickles()]

    return Reader(
        name,
        seeds,
        lambda folder: read_checkpoint(only(folder)),
        (CheckpointError,),
        attacks,
        None if old else mutated_inside_zip,
        checked=not old,
    )


def _torch_zip(valid: bytes, stream: bytes) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(valid)) as archive, zipfile.ZipFile(result, "w") as changed:
        for entry in archive.infolist():
            changed.writestr(entry, stream if entry.filename.endswith("data.pkl") else archive.read(entry))
    return result.getvalue()


def weights() -> Reader:
    """Networks as safetensors files."""
    from safetensors.torch import save

    from admin.checkpoints import CheckpointError
    from admin.weights_file import read_weights_file

    metadata = {"constructor": json.dumps({"module": "models.x", "args": [1, [2]]}), "notes": "{}", "net_type": "Net"}
    seeds: list[Files] = [{"net.safetensors": save({"weight": torch.randn(8, 8), "bias": torch.randn(8)}, metadata)}]
    header = b'{"weight":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
    attacks: list[Files] = [
        {"net.safetensors": struct.pack("<Q", len(header)) + header},
        {"net.safetensors": struct.pack("<Q", 2**63)},
        {"net.safetensors": struct.pack("<Q", 20000) + b"[" * 20000},
        {"net.safetensors": save({"weight": torch.zeros(2)}, {"constructor": "[" * 100_000})},
    ]
    return Reader("safetensors", seeds, lambda folder: read_weights_file(only(folder)), (CheckpointError,), attacks)


def tensorflow() -> Reader:
    """Checkpoints of TensorFlow."""
    from util_scripts.crc32c import masked_crc32c
    from util_scripts.tensorflow_bundle import DamagedBundle, TensorBundle

    recorded = Path(__file__).resolve().parents[2] / "tests" / "golden" / "rawsr" / "tf_checkpoint"
    seeds = [{path.name: path.read_bytes() for path in sorted(recorded.iterdir()) if path.is_file()}]

    def inside(data: bytes, draw: random.Random, other: bytes) -> bytes:
        """Changes the first block of an index, and makes its checksum agree."""
        content = mutated(data, draw, other)
        block = data.find(b"\0" + struct.pack("<I", 0))
        end = block if block > 0 else len(content) // 2
        if len(content) > end + 5:
            content = content[: end + 1] + struct.pack("<I", masked_crc32c(content[: end + 1])) + content[end + 5 :]
        return content

    def read(folder: Path) -> Any:
        bundle = TensorBundle(folder)
        small = sorted(bundle.entries, key=lambda name: bundle.entries[name].size)[:4]
        return {name: bundle.read(name) for name in small}

    return Reader("TensorFlow checkpoint", seeds, read, (DamagedBundle, FileNotFoundError), [], inside, checked=True)
