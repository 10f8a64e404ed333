"""Archives of strangers: nothing is written outside their folder, and a folder is whole or not there."""

import stat
import zipfile
from pathlib import Path

import pytest

from utils import archives
from utils.archives import UnsafeArchive, check_zip, unpack_zip


def make_zip(path: Path, entries: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            file.writestr(info, content)
    return path


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_content_is_unpacked_once(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"b/0000/x.txt": b"one", "b/empty/": b"", "y.txt": b"two"})
    folder = tmp_path / "data" / "a"
    assert unpack_zip(archive, folder) == folder
    assert everything_in(folder) == ["b", "b/0000", "b/0000/x.txt", "b/empty", "y.txt"]
    assert everything_in(folder.parent)[0] == "a"
    (folder / "y.txt").write_text("mine")
    unpack_zip(archive, folder)
    assert (folder / "y.txt").read_text() == "mine"
    assert not (folder / "b" / "b").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside.txt", "climbs"),
        ("a/../../outside.txt", "climbs"),
        ("/tmp/outside.txt", "absolute"),
        ("C:/outside.txt", "absolute"),
        ("..\\outside.txt", "Windows"),
        ("\\\\server\\share", "Windows"),
    ],
)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    archive = make_zip(tmp_path / "a.zip", {"good.txt": b"1", name: b"2"})
    with pytest.raises(UnsafeArchive, match=reason):
        unpack_zip(archive, tmp_path / "data" / "a")
    assert everything_in(tmp_path) == ["a.zip", "data"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    archive = make_zip(tmp_path / "a.zip", {"link": b"/etc/passwd"}, mode=kind | 0o777)
    with pytest.raises(UnsafeArchive, match="link or a device"):
        unpack_zip(archive, tmp_path / "a")
    assert everything_in(tmp_path) == ["a.zip"]


def test_bombs_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    zeros = bytes(archives._SMALL + 1)
    one = make_zip(tmp_path / "one.zip", {"zeros": zeros})
    many = make_zip(tmp_path / "many.zip", {f"{i}": zeros[: archives._SMALL // 4] for i in range(5)})
    for archive in (one, many):
        with pytest.raises(UnsafeArchive, match="grows from"):
            unpack_zip(archive, tmp_path / "out")
    assert everything_in(tmp_path) == ["many.zip", "one.zip"]


def test_same_name_twice_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"x": b"1", "X": b"2"})
    with pytest.raises(UnsafeArchive, match="twice"):
        check_zip(archive)


def test_damaged_content_leaves_no_folder(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:  # stored, so that a changed byte is found by the checksum alone
        file.writestr("first", b"good")
        file.writestr("second", b"SECRET CONTENT")
    archive.write_bytes(archive.read_bytes().replace(b"SECRET", b"sECRET"))
    with pytest.raises(UnsafeArchive, match="'second'"):
        unpack_zip(archive, tmp_path / "a")
    assert everything_in(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("kept", [0, 10, -30])
def test_cut_off_archive_is_named(tmp_path: Path, kept: int) -> None:
    archive = make_zip(tmp_path / "a.zip", {"x": b"content" * 100})
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(UnsafeArchive, match=r"a\.zip is damaged"):
        check_zip(archive)


def test_check_of_the_caller_decides_and_may_choose_the_inner_folder(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"wrapper/data/x": b"1", "readme": b""})

    def refuse(folder: Path) -> Path:
        raise ValueError("x is missing")

    with pytest.raises(ValueError, match="x is missing"):
        unpack_zip(archive, tmp_path / "a", refuse)
    assert everything_in(tmp_path) == ["a.zip"]
    unpack_zip(archive, tmp_path / "a", lambda folder: folder / "wrapper")
    assert everything_in(tmp_path / "a") == ["data", "data/x"]


def test_full_disk_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_zip(tmp_path / "a.zip", {"x": b"content"})
    monkeypatch.setattr("utils.archives.shutil.disk_usage", lambda path: type("Usage", (), {"free": 3}))
    with pytest.raises(OSError, match="are left"):
        unpack_zip(archive, tmp_path / "a")
