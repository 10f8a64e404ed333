"""Files that hold arrays or other files: npz, npy, LMDB, HDF5, zip archives."""

from __future__ import annotations

import io
import os
import random
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing.hostile_pickles import Calls
from benchmarks.fuzzing.mutations import mutated_inside_zip
from benchmarks.fuzzing.reader import MARKER, Files, Reader, only


def npz() -> Reader:
    """Test sets of burst denoising."""
    from dataset.npz_rows import NpzRows, WrongArrays

    draw = np.random.default_rng(2)
    arrays: dict[str, Any] = {"truth": draw.random((3, 8, 8)).astype(np.float32), "sig_read": draw.random((3, 1))}
    seeds: list[Files] = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, **arrays)
        seeds.append({"set.npz": stream.getvalue()})
    objects = io.BytesIO()
    np.savez(objects, truth=np.array([Calls(os.system, f"touch {MARKER}")] * 3), sig_read=arrays["sig_read"])
    huge = _npz_of_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 100000, 100000), }")
    fortran = _npz_of_header("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 100000, 100000), }")
    attacks: list[Files] = [{"set.npz": objects.getvalue()}, {"set.npz": huge}, {"set.npz": fortran}]

    def read(folder: Path) -> Any:
        rows = NpzRows(only(folder), ("truth", "sig_read"))
        return [rows.read(key, 0, min(len(rows), 3)) for key in rows.shapes]

    return Reader("npz", seeds, read, (WrongArrays,), attacks, mutated_inside_zip)


def _npz_of_header(header: str) -> bytes:
    text = header.encode() + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(1000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("truth.npy", array)
        archive.writestr("sig_read.npy", array)
    return stream.getvalue()


def npy() -> Reader:
    """Mosaics of RawSR, which are mapped into memory."""
    from dataset.rawsr_pairs import DamagedPair, _mapped

    stream = io.BytesIO()
    np.save(stream, np.random.default_rng(3).random((8, 8)).astype(np.float32))
    objects = io.BytesIO()
    np.save(objects, np.array([Calls(os.system, f"touch {MARKER}")]))
    attacks: list[Files] = [{"raw.npy": objects.getvalue()}]
    return Reader(
        "npy",
        [{"raw.npy": stream.getvalue()}],
        lambda folder: np.array(_mapped(only(folder), 2)),
        (DamagedPair,),
        attacks,
    )


def lmdb() -> Reader:
    """Frames in an LMDB file."""
    from dataset.lmdb_file import DamagedLmdb, LmdbFile, import_lmdb

    library = import_lmdb()
    with tempfile.TemporaryDirectory() as place:
        with library.open(place, map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
            for number in range(150):
                transaction.put(f"clip_{number:06d}".encode(), bytes([number]) * (6000 if number % 30 == 0 else 90))
        data = (Path(place) / "data.mdb").read_bytes()

    def read(folder: Path) -> Any:
        file = LmdbFile(folder)
        return {key: file.get(key) for key in file.keys()}  # noqa: SIM118 - no mapping

    return Reader("LMDB", [{"data.mdb": data}], read, (DamagedLmdb,))


def hdf5() -> Reader:
    """MATLAB files of real bursts."""
    import h5py

    from dataset.sc_burst_dataset import _read_frame
    from utils.image_io import UnreadableImage

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.mat"
        with h5py.File(path, "w") as file:
            file["im"] = np.random.default_rng(6).random((16, 12))
        data = path.read_bytes()
    return Reader("HDF5", [{"a.mat": data}], lambda folder: _read_frame(only(folder)), (UnreadableImage,))


def archives() -> Reader:
    """Zip archives of data sets."""
    from utils.archives import UnsafeArchive, unpack_zip

    def made(*entries: tuple[zipfile.ZipInfo | str, bytes], packed: bool = True) -> Files:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return {"set.zip": stream.getvalue()}

    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    noise = random.Random(7).randbytes(2000)
    seeds = [
        made(("set/a.bin", noise), ("set/b.txt", b"text" * 100), ("c.bin", b"")),
        made(("a.bin", noise), packed=False),
    ]
    attacks = [
        *(
            made((name, b"x"))
            for name in (f"../{MARKER}", f"/tmp/{MARKER}", f"a/../../{MARKER}", f"C:\\{MARKER}", "..")
        ),
        made((link, b"/etc/passwd"), ("link/x", b"x")),
        made(("zeros", bytes(100 << 20))),
        made(*((f"zeros{n}", bytes(15 << 20)) for n in range(20))),
    ]

    def read(folder: Path) -> Any:
        target = unpack_zip(folder / "set.zip", folder / "unpacked")
        return {str(p.relative_to(target)): p.read_bytes() for p in sorted(target.rglob("*")) if p.is_file()}

    return Reader("zip archive", seeds, read, (UnsafeArchive,), attacks, mutated_inside_zip)
