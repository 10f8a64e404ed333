"""Pictures of all formats and RAW files, valid ones and some that claim to be huge."""

from __future__ import annotations

import random
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.fuzzing.mutations import mutated_inside_png
from benchmarks.fuzzing.reader import Files, Reader, only

_HDR = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n"


def pictures() -> Reader:
    """Ordinary pictures of all formats that are taken."""
    from utils.image_io import UnreadableImage, read_image

    photo = photograph(random.Random(0))
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
    return Reader("pictures", seeds, lambda folder: read_image(only(folder)), (UnreadableImage,), attacks)


def _png_header(width: int, height: int) -> bytes:
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
    return Reader("16-bit PNG", seeds, lambda folder: read_png16(only(folder)), (UnreadableImage,), attacks, inside)


def raw_files() -> Reader:
    """DNG files, as for RawSR and for own bursts."""
    import rawpy  # noqa: F401 - only whether it is there

    from tests.fabricated.dng import write_dng
    from utils.raw_files import UnreadableRaw, read_raw_photo, read_sensor_image

    scene = photograph(random.Random(5), 48, 64).astype(np.float64) / 255
    seeds: list[Files] = []
    with tempfile.TemporaryDirectory() as place:
        for pattern, turned in (("RGGB", 1), ("GBRG", 6)):
            path = write_dng(Path(place) / "a.dng", scene, pattern, turned)
            seeds.append({"shot.dng": path.read_bytes()})

    def read(folder: Path) -> Any:
        photo, image = read_raw_photo(only(folder)), read_sensor_image(only(folder))
        return [photo.mosaic, photo.reference, image.mosaic, image.rgb2cam]

    return Reader("DNG", seeds, read, (UnreadableRaw,))


def photograph(draw: random.Random, height: int = 40, width: int = 56) -> np.ndarray:
    rough = np.random.default_rng(draw.randrange(2**32)).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
