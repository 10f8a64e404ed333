"""The readers of files that come from elsewhere, valid files for each, and hostile ones made by hand."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import struct
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.fuzzing.mutations import mutated, mutated_inside_png, mutated_inside_zip

Files = dict[str, bytes]  # name → content
MARKER = "fuzz_was_here"

Change = Callable[[bytes, random.Random, bytes], bytes]


@dataclass(frozen=True)
class Reader:
    """How one kind of file is read.

    Attributes:
        name: of the kind.
        seeds: valid files; of those that belong together (an index and its data) all.
        read: reads them from a folder.
        errors: that it may raise.
        attacks: hostile files made by hand, each of which has to be refused or to do no harm.
        inside: changes a file behind its checksums.
        checked: the format has checksums, so that what is read without an error must be what was written.
    """

    name: str
    seeds: list[Files]
    read: Callable[[Path], Any]
    errors: tuple[type[BaseException], ...]
    attacks: list[Files] = field(default_factory=list)
    inside: Change | None = None
    checked: bool = False


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


def write(reader: Reader, folder: Path, number: int, draw: random.Random) -> Any:
    """Puts file ``number`` of a reader into ``folder``: the attacks first, then changed seeds.

    Returns:
        What a valid file would have been read as, or None where nothing is to be compared.
    """
    if number < len(reader.attacks):
        _put(folder, reader.attacks[number])
        return None
    which = draw.randrange(len(reader.seeds))
    files = dict(reader.seeds[which])
    name = draw.choice(sorted(files))
    other = draw.choice(list(draw.choice(reader.seeds).values()))
    behind = reader.inside is not None and draw.random() < 0.5
    if behind and reader.inside is not None:
        files[name] = reader.inside(files[name], draw, other)
    else:
        files[name] = mutated(files[name], draw, other)
    _put(folder, files)
    return which if reader.checked and not behind else None


def fingerprint(value: Any) -> str:
    """The same for values that are equal to the bit."""
    digest = hashlib.sha256()
    seen: dict[int, Any] = {}  # a file may hold one list a billion times

    def take(item: Any) -> None:
        if isinstance(item, (Mapping, list, tuple)):
            if id(item) in seen:
                return
            seen[id(item)] = item
        digest.update(type(item).__name__.encode())
        if isinstance(item, torch.Tensor):
            item = item.numpy()
        if isinstance(item, np.ndarray):
            digest.update(repr((item.shape, str(item.dtype))).encode() + np.ascontiguousarray(item).tobytes())
        elif isinstance(item, Mapping):
            for key in item:
                take(key)
                take(item[key])
        elif isinstance(item, (list, tuple)):
            for part in item:
                take(part)
        else:
            digest.update(repr(item).encode())

    take(value)
    return digest.hexdigest()


def _put(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def _photo(draw: random.Random, height: int = 40, width: int = 56) -> np.ndarray:
    rough = np.random.default_rng(draw.randrange(2**32)).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)


_DRAW = random.Random(0)


def pictures() -> Reader:
    """Ordinary pictures of all formats that are taken."""
    from utils.image_io import UnreadableImage, read_image

    photo = _photo(_DRAW)
    options = [(".png", []), (".jpg", []), (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]), (".bmp", []), (".ppm", [])]
    options += [(".tiff", []), (".webp", [])]
    seeds = [{f"picture{ending}": cv2.imencode(ending, photo, chosen)[1].tobytes()} for ending, chosen in options]
    bomb = _png_header(60000, 60000)
    jpeg = bytearray(seeds[1]["picture.jpg"])
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 30000, 30000)
    attacks: list[Files] = [{"picture.png": bomb}, {"picture.jpg": bytes(jpeg)}, {"picture.png": b""}]
    attacks += [{"picture.tiff": _tiff(60000, 60000)}, {"picture.bmp": _bmp(30000, 30000)}]
    attacks += [{"picture.ppm": b"P6 30000 30000 255\n"}, {"picture.svg": b"<svg/>"}, {"picture.hdr": _HDR}]
    return Reader("pictures", seeds, lambda folder: read_image(_only(folder)), (UnreadableImage,), attacks)


_HDR = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n"


def _png_header(width: int, height: int) -> bytes:
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 32773), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, 2)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 10) + b"\x81\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def _bmp(width: int, height: int) -> bytes:
    # Run-length encoded: a few bytes may stand for a whole picture.
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 2, 0, 0, 256, 0)
    palette = bytes(1024)
    return b"BM" + struct.pack("<IHHI", 14 + 40 + 1024 + 2, 0, 0, 14 + 40 + 1024) + header + palette + b"\0\x01"


def png16() -> Reader:
    """16-bit PNG files of bursts and predictions."""
    from utils.image_io import UnreadableImage, read_png16

    draw = np.random.default_rng(1)
    shapes = ((32, 40, 4), (32, 40, 3), (24, 24))
    arrays = [draw.integers(0, 1 << 14, shape, dtype=np.uint16) for shape in shapes]
    seeds = [{"frame.png": cv2.imencode(".png", array)[1].tobytes()} for array in arrays]
    attacks: list[Files] = [{"frame.png": _png_header(40000, 40000)}]
    inside = mutated_inside_png
    return Reader("16-bit PNG", seeds, lambda folder: read_png16(_only(folder)), (UnreadableImage,), attacks, inside)


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
    np.savez(objects, truth=np.array([_Calls(os.system, f"touch {MARKER}")] * 3), sig_read=arrays["sig_read"])
    huge = _npz_of_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 100000, 100000), }")
    fortran = _npz_of_header("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 100000, 100000), }")
    attacks: list[Files] = [{"set.npz": objects.getvalue()}, {"set.npz": huge}, {"set.npz": fortran}]

    def read(folder: Path) -> Any:
        rows = NpzRows(_only(folder), ("truth", "sig_read"))
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
    np.save(objects, np.array([_Calls(os.system, f"touch {MARKER}")]))
    attacks: list[Files] = [{"raw.npy": objects.getvalue()}]
    return Reader(
        "npy",
        [{"raw.npy": stream.getvalue()}],
        lambda folder: np.array(_mapped(_only(folder), 2)),
        (DamagedPair,),
        attacks,
    )


class _Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def _hostile_pickles() -> list[bytes]:
    calls = [
        _Calls(os.system, f"touch {MARKER}"),
        _Calls(exec, f"open('{MARKER}', 'w')"),
        _Calls(__import__, "webbrowser"),
        _Calls(open, f"../{MARKER}", "w"),
        {"meta": [_Calls(getattr, "", "join")]},
    ]
    streams = [pickle.dumps(call, protocol) for call in calls for protocol in (0, 2, 4)]
    streams.append(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")  # deeper than the stack
    streams.append(b"\x80\x02X\xff\xff\xff\x7f.")  # text of 2 GB
    streams.append(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b".")  # bytes of 1 TB
    doubled = b"\x80\x02]q\x00" + b"".join(
        b"]q" + bytes([n]) + (b"h" + bytes([n - 1])) * 2 + b"\x86a" for n in range(1, 30)
    )
    streams.append(doubled + b".")  # lists of lists that double 30 times when they are copied
    return streams


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
    attacks: list[Files] = [{"meta.pkl": stream} for stream in _hostile_pickles()]
    return Reader("meta pickle", seeds, lambda folder: read_pickle(_only(folder)), (UnreadablePickle,), attacks)


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
    attacks: list[Files] = [{"net.pth.tar": stream} for stream in _hostile_pickles()]
    if not old:
        attacks += [{"net.pth.tar": _torch_zip(seeds[0]["net.pth.tar"], stream)} for stream in _hostile_pickles()]

    return Reader(
        name,
        seeds,
        lambda folder: read_checkpoint(_only(folder)),
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
    return Reader("safetensors", seeds, lambda folder: read_weights_file(_only(folder)), (CheckpointError,), attacks)


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


def raw_files() -> Reader:
    """DNG files, as for RawSR and for own bursts."""
    import rawpy  # noqa: F401 - only whether it is there

    from tests.fabricated.dng import write_dng
    from utils.raw_files import UnreadableRaw, read_raw_photo, read_sensor_image

    scene = _photo(random.Random(5), 48, 64).astype(np.float64) / 255
    seeds: list[Files] = []
    with tempfile.TemporaryDirectory() as place:
        for pattern, turned in (("RGGB", 1), ("GBRG", 6)):
            path = write_dng(Path(place) / "a.dng", scene, pattern, turned)
            seeds.append({"shot.dng": path.read_bytes()})

    def read(folder: Path) -> Any:
        photo, image = read_raw_photo(_only(folder)), read_sensor_image(_only(folder))
        return [photo.mosaic, photo.reference, image.mosaic, image.rgb2cam]

    return Reader("DNG", seeds, read, (UnreadableRaw,))


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
    return Reader("HDF5", [{"a.mat": data}], lambda folder: _read_frame(_only(folder)), (UnreadableImage,))


def json_() -> Reader:
    """Configurations of SR3."""
    from tests.test_sr3_data import CONFIG
    from util_scripts.import_sr3_config import read_config, settings_file

    text = "// mine\n" + json.dumps(CONFIG, indent=2)
    hostile = json.loads(json.dumps(CONFIG))
    hostile["name"] = f'"""\nimport os; os.system("touch {MARKER}")\n"""'
    attacks: list[Files] = [
        {"a.json": b"[" * 100_000},
        {"a.json": b'{"a":' * 100_000},
        {"a.json": b'{"a": 1' + b"0" * 100_000 + b"}"},
        {"a.json": json.dumps(hostile).encode()},
    ]

    def read(folder: Path) -> str:
        return _as_python(settings_file(read_config(_only(folder)), "mine", "a.json"))

    return Reader("JSON configuration", [{"a.json": text.encode()}], read, (ValueError,), attacks)


_BREAKS_OUT = f'\'"""\\nimport os; os.system("touch {MARKER}")\\n"""\''


def yaml_() -> Reader:
    """Options of two-stage alignment."""
    import yaml  # noqa: F401 - only whether it is there

    from tests.test_two_stage_settings import OPTIONS
    from util_scripts.import_two_stage_options import read_options, settings_file

    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    attacks: list[Files] = [
        {"a.yml": f"name: !!python/object/apply:os.system ['touch {MARKER}']\n".encode()},
        {"a.yml": b"name: !!python/name:os.system\n"},
        {"a.yml": laughs.encode() + OPTIONS.encode()},
        {"a.yml": b"[" * 10_000},
        {"a.yml": b"a: " + b"9" * 20_000},
        *({"a.yml": OPTIONS.replace(word, _BREAKS_OUT).encode()} for word in ("J0007", "ROOT", "REDS4")),
    ]

    def read(folder: Path) -> str:
        return _as_python(settings_file(read_options(_only(folder)), "mine", "a.yml"))

    return Reader("YAML configuration", [{"a.yml": OPTIONS.encode()}], read, (ValueError,), attacks)


def _as_python(text: str) -> str:
    """The text of a settings file that was made of a configuration; it must run nothing on its own.

    Raises:
        AssertionError: it does more than import, assign literals and define ``run``.
    """
    import ast

    for statement in ast.parse(text).body:
        if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef)):
            continue
        value = getattr(statement, "value", None)
        assert isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)), ast.dump(statement)
        calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
        assert value is not None, ast.dump(statement)
        assert all(isinstance(call, ast.Name) and call.id.endswith("Restarts") for call in calls), ast.dump(statement)
    return text


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
