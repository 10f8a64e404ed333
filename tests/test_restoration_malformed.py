"""What the command cannot do it says in one line, whatever is wrong; what was there before is never lost."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import restoration.output
import restoration.restore
from restoration.burst import Restored
from tests.fabricated.dng import Notes, write_dng
from tests.restoration_place import OLD, SIDE, Place, burst_and_result, content, pictures, plain_method  # noqa: F401
from tests.test_rawsr_real import scene
from tests.test_restoration_reading import X_TRANS
from utils.atomic_write import write_bytes


def rewrite(place: Place, number: int, change: Callable[[bytes], bytes]) -> None:
    path = place.frames / f"{number}.dng"
    path.write_bytes(change(path.read_bytes()))


def other_frame(place: Place, name: str = "1.dng", **options: object) -> None:
    view = scene(np.arange(float(SIDE)), np.arange(float(SIDE)))
    write_dng(place.frames / name, view, **options)  # type: ignore[arg-type]


def stub(place: Place, task: str) -> None:
    place.arguments += ["--network", "stub", "--task", task]


def no_room(*arguments: object, **options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


Break = Callable[[Place, pytest.MonkeyPatch], object]


def emptied(place: Place, _: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place.frames)
    place.frames.mkdir()


def only(name: str, data: bytes) -> Break:
    def break_it(place: Place, patch: pytest.MonkeyPatch) -> None:
        emptied(place, patch)
        (place.frames / name).write_bytes(data)

    return break_it


def added(name: str, data: bytes) -> Break:
    return lambda place, _: (place.frames / name).write_bytes(data)


def cut(part: float) -> Break:
    return lambda place, _: rewrite(place, 1, lambda data: data[: int(len(data) * part)])


def given(*names: str) -> Break:
    return lambda place, _: place.given.extend(place.frames / name for name in names)


def arguments(*words: str) -> Break:
    return lambda place, _: place.arguments.extend(words)


def rendered(ending: str, task: str | None = None, **options: object) -> Break:
    def break_it(place: Place, _: pytest.MonkeyPatch) -> None:
        pictures(place, ending, **options)  # type: ignore[arg-type]
        if task is not None:
            stub(place, task)

    return break_it


def together(*steps: Break) -> Break:
    def break_it(place: Place, patch: pytest.MonkeyPatch) -> None:
        for step in steps:
            step(place, patch)

    return break_it


def out(change: Callable[[Place], Path]) -> Break:
    return lambda place, _: setattr(place, "out", change(place))


def closed_folder(place: Place, patch: pytest.MonkeyPatch) -> None:
    opened = os.scandir

    def scandir(path: object = ".") -> Iterator[os.DirEntry[str]]:
        if Path(str(path)) == place.frames:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path)  # type: ignore[call-overload]

    patch.setattr("restoration.sources.os.scandir", scandir)


def failing_read(number: int) -> Break:
    def break_it(place: Place, patch: pytest.MonkeyPatch) -> None:
        plain = Path.open

        def opened(path: Path, *words: object, **options: object) -> object:
            if path.name == "1.dng":
                raise OSError(number, os.strerror(number), str(path))
            return plain(path, *words, **options)  # type: ignore[call-overload]

        patch.setattr(Path, "open", opened)

    return break_it


def full_disk(after: int) -> Break:
    """Room for so many files more."""

    def break_it(place: Place, patch: pytest.MonkeyPatch) -> None:
        left, write = [after], write_bytes

        def written(path: Path, data: bytes) -> None:
            left[0] -= 1
            no_room() if left[0] < 0 else write(path, data)

        patch.setattr(restoration.output, "write_bytes", written)
        stub(place, "jdd")

    return break_it


def failing_method(error: Exception) -> Break:
    def break_it(place: Place, patch: pytest.MonkeyPatch) -> None:
        def fails(*words: object) -> Restored:
            raise error

        patch.setattr(restoration.restore, "find_method", lambda network, task: (fails, "jdd"))

    return break_it


def frames_as_out(place: Place, patch: pytest.MonkeyPatch) -> None:
    pictures(place, ".png")
    stub(place, "deblur")
    place.given = [place.frames / "0.png", place.frames / "1.png"]
    (place.frames / "x_linear.png").write_bytes((place.frames / "0.png").read_bytes())
    place.given.append(place.frames / "x_linear.png")
    place.out = place.frames / "x.png"
    patch.setattr(restoration.restore, "find_files", lambda inputs, written: list(inputs))
    place.arguments += ["--linear", "png"]


def no_work_folder(place: Place, patch: pytest.MonkeyPatch) -> None:
    plain = Path.mkdir

    def mkdir(path: Path, *words: object, **options: object) -> None:
        no_room() if ".work-" in path.name else plain(path, *words, **options)  # type: ignore[arg-type]

    patch.setattr(Path, "mkdir", mkdir)
    stub(place, "jdd")


def swapped(place: Place, _: pytest.MonkeyPatch) -> None:
    place.out.write_bytes(OLD)
    place.out.with_suffix("").mkdir()
    place.out = place.out.with_suffix("") / "a.png"
    place.out.mkdir()


NOISE = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
_, PNG = cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))

# What is wrong → how it comes about, and what has to be said.
MALFORMED: dict[str, tuple[Break, str]] = {
    "no such folder": (given("nowhere"), "nowhere does not exist"),
    "no such file": (given("0.dng", "9.dng"), "9.dng does not exist"),
    "empty folder": (emptied, "it is empty"),
    "no images": (only("notes.txt", b"words"), "it holds notes.txt"),
    "only folders": (together(emptied, lambda place, _: (place.frames / "a.dng").mkdir()), "no RAW files"),
    "one frame": (only("0.dng", b""), "is empty"),
    "one good frame": (given("0.dng"), "1 frame"),
    "twice the same frame": (given("0.dng", "0.dng"), "at least 2"),
    "RAW cut after its start": (cut(0.02), "1.dng"),
    "RAW cut in the middle": (cut(0.5), "1.dng is cut off"),
    "RAW without its last byte": (lambda place, _: rewrite(place, 1, lambda data: data[:-1]), "1.dng is cut off"),
    "zero bytes": (added("3.dng", b""), "3.dng is empty"),
    "only zeros": (added("3.dng", bytes(5000)), "3.dng cannot be read"),
    "random bytes": (added("3.dng", NOISE), "3.dng cannot be read"),
    "words named .dng": (added("3.dng", b"words " * 99), "3.dng cannot be read"),
    "PNG named .dng": (added("3.dng", PNG.tobytes()), "3.dng cannot be read"),
    "PNG named .nef": (added("3.nef", PNG.tobytes()), "3.nef cannot be read"),
    "empty CR2": (added("3.cr2", b""), "3.cr2 is empty"),
    "random CR3": (added("3.cr3", NOISE), "3.cr3 cannot be read"),
    "random ARW": (added("3.arw", NOISE), "3.arw cannot be read"),
    "start of a TIFF": (added("3.dng", b"II*\x00\x08\x00\x00\x00\xff\xff"), "3.dng"),
    "start of a big TIFF": (added("3.dng", b"MM\x00*\x7f\xff\xff\xff" + NOISE), "3.dng"),
    "broken link": (lambda place, _: (place.frames / "3.dng").symlink_to("nowhere"), "3.dng cannot be read"),
    "mixed sizes": (
        lambda place, _: write_dng(place.frames / "1.dng", np.full((80, 64, 3), 0.4), notes=Notes()),
        "1.dng does not belong: its size",
    ),
    "mixed exposures": (
        lambda place, _: other_frame(place, notes=Notes(iso=800)),
        "its exposure is 1/100 s f/1.8 ISO 800",
    ),
    "mixed cameras": (lambda place, _: other_frame(place, notes=Notes(model="Other")), "its camera is Made up Other"),
    "RAW and pictures": (
        together(added("a.png", PNG.tobytes()), given("0.dng", "1.dng", "a.png")),
        "a burst is one or the other",
    ),
    "X-Trans": (lambda place, _: write_dng(place.frames / "1.dng", np.full((72, 72, 3), 0.4), X_TRANS), "X-Trans"),
    "white below black": (
        lambda place, _: other_frame(place, black=(20000, 20000, 20000, 20000), notes=Notes()),
        "white level",
    ),
    "thumbnails": (lambda place, _: write_dng(place.frames / "1.dng", np.full((28, 28, 3), 0.4)), "28 x 28 pixels"),
    "folder that may not be opened": (closed_folder, "cannot be opened: Permission denied"),
    "frame that may not be read": (failing_read(errno.EACCES), "1.dng cannot be read: Permission denied"),
    "failing card": (failing_read(errno.EIO), "1.dng cannot be read: Input/output error"),
    "unknown ending": (together(added("a.gif", b"GIF89a"), given("a.gif")), "the ending .gif"),
    "no ending": (together(added("a", b"data"), given("a")), "the ending (none)"),
    "JPEG for a RAW task": (together(rendered(".jpg"), arguments("--task", "sr")), "0.jpg is a rendered picture"),
    "TIFF for RawSR": (rendered(".tif", "rawsr"), "0.tif is a rendered picture"),
    "PNG cut off": (
        together(rendered(".png", "deblur"), lambda place, _: (place.frames / "1.png").write_bytes(PNG.tobytes()[:90])),
        "1.png is cut off",
    ),
    "empty PNG": (
        together(rendered(".png", "deblur"), lambda place, _: (place.frames / "1.png").write_bytes(b"")),
        "1.png is empty",
    ),
    "words named .png": (
        together(rendered(".png", "deblur"), lambda place, _: (place.frames / "1.png").write_bytes(b"words" * 99)),
        "1.png is damaged or no image",
    ),
    "pictures of other sizes": (rendered(".png", "deblur", sides=(64, 80, 64)), "1.png does not belong: its size"),
    "float TIFF": (rendered(".tif", "deblur", kind=np.float32), "0.tif has values of type float32"),
    "result as JPEG": (out(lambda place: place.out.with_suffix(".jpg")), "give a name with .png"),
    "result without ending": (out(lambda place: place.out.with_suffix("")), "give a name with .png"),
    "result is a folder": (swapped, "is a folder"),
    "result over a frame": (frames_as_out, "is one of the frames and would be lost"),
    "result in a file": (out(lambda place: place.out / "photo.png"), "cannot be made"),
    "result where nobody may write": (
        lambda place, patch: patch.setattr("restoration.output.os.access", lambda *words: False),
        "cannot be written",
    ),
    "full disk": (full_disk(0), "photo.png cannot be written: No space left on device"),
    "disk full after the first file": (
        together(full_disk(1), arguments("--dng"), lambda place, _: place.out.unlink()),
        "photo_linear.dng cannot be written: No space left on device",
    ),
    "full disk for the work folder": (no_work_folder, "cannot be made: No space left on device"),
    "memory in words": (arguments("--memory", "much"), "--memory much: give a size"),
    "too little memory": (arguments("--memory", "1KB"), "too little"),
    "no such reference": (arguments("--reference", "7.dng"), "Unknown reference '7.dng'"),
    "brightness in words": (arguments("--brightness", "dark"), "--brightness dark"),
    "bits": (arguments("--bits", "12"), "12"),
    "unknown task": (arguments("--task", "colour"), "colour"),
    "unknown option": (arguments("--fast"), "--fast"),
    "unknown network": (arguments("--network", "deeprep_quickstrat"), "did you mean 'deeprep_quickstart'"),
    "damaged network": (
        together(
            added("net.pth", NOISE),
            lambda place, _: place.arguments.extend(["--network", str(place.frames / "net.pth")]),
        ),
        "net.pth",
    ),
    "classical deblurring": (arguments("--task", "deblur"), "name a network for it"),
    "no memory left": (failing_method(MemoryError()), "the memory does not suffice"),
    "torch has no memory left": (failing_method(RuntimeError("can't allocate memory")), "the memory does not suffice"),
    "nothing left": (
        together(cut(0.5), lambda place, _: rewrite(place, 2, lambda data: data[:900]), arguments("--leave-out")),
        "1 of 3 frames are left",
    ),
}


@pytest.mark.usefixtures("without_method")
@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_lost(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    break_it, said = MALFORMED[name]
    break_it(place, monkeypatch)
    before = content(tmp_path)
    capfd.readouterr()
    try:
        code = place.run()
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    monkeypatch.undo()
    errors = [line for line in capfd.readouterr().err.splitlines() if "INFO" not in line and "WARNING" not in line]
    assert code in (1, 2)
    assert len(errors) == 1, errors
    assert said in errors[0]
    assert "Traceback" not in errors[0]
    after = content(tmp_path)
    assert before.items() <= after.items(), "nothing lost, nothing replaced"
    assert not [path for path in after if path.endswith(".tmp")]
    assert not list(tmp_path.rglob("*.work-*"))


def test_fifty_malformed_inputs_are_tried() -> None:
    assert len(MALFORMED) >= 50
