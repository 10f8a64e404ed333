"""Downloads from a server on this machine: interruption, continuation, mirrors, checksums; nothing half stays."""

import hashlib
import json
import re
import sys
import threading
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from utils.downloads import DownloadFailed, DriveFile, download

CONTENT = bytes(i * 7 % 251 for i in range(300_000))
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def etag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'


class Server(ThreadingHTTPServer):
    """Serves ``files``; ``cut`` lets the next responses end after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.ranges = True
        self.requests: list[tuple[str, str | None]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append((self.path[1:], asked))
        content = self.server.files.get(self.path[1:])
        if content is None:
            self.send_error(404)
            return
        etag = etag_of(content)
        start = 0
        if asked and self.server.ranges and self.headers.get("If-Range") == etag:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + self.server.cut.pop(0) if self.server.cut else len(content)
        self.wfile.write(content[start:stop])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.files["file.bin"] = CONTENT
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_file_arrives_whole_and_is_not_fetched_twice(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.bin"
    for _ in range(2):
        assert download([server.url("file.bin")], target, sha256=DIGEST) == target
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["file.bin"]
    assert len(server.requests) == 1


def test_broken_connection_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cut = [100_000, 50_000]
    download([server.url("file.bin")], tmp_path / "file.bin", sha256=DIGEST)
    assert [asked for _, asked in server.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_interrupted_program_leaves_no_whole_file_and_goes_on_later(server: Server, tmp_path: Path) -> None:
    server.cut = [120_000, 0, 0]
    with pytest.raises(DownloadFailed, match=r"Run the same again"):
        download([server.url("file.bin")], tmp_path / "file.bin")
    assert names(tmp_path) == ["file.bin.part", "file.bin.part.json"]
    server.cut, server.requests = [], []
    download([server.url("file.bin")], tmp_path / "file.bin", sha256=DIGEST)
    assert [asked for _, asked in server.requests] == ["bytes=120000-"]
    assert names(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("change", ["content", "no ranges"])
def test_partial_file_of_another_version_is_started_anew(server: Server, tmp_path: Path, change: str) -> None:
    server.cut = [120_000, 0]
    with pytest.raises(DownloadFailed):
        download([server.url("file.bin")], tmp_path / "file.bin")
    if change == "content":
        server.files["file.bin"] = CONTENT[::-1]
    else:
        server.ranges = False
    download([server.url("file.bin")], tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == server.files["file.bin"]


def test_partial_file_of_another_mirror_is_not_continued(server: Server, tmp_path: Path) -> None:
    server.files["mirror.bin"] = CONTENT
    server.cut = [120_000, 0]
    download([server.url("file.bin"), server.url("mirror.bin")], tmp_path / "file.bin", sha256=DIGEST)
    assert server.requests[-1] == ("mirror.bin", None)


def test_complete_partial_file_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    state = {"source": server.url("file.bin"), "validator": etag_of(CONTENT), "size": len(CONTENT)}
    (tmp_path / "file.bin.part.json").write_text(json.dumps(state))
    download([server.url("file.bin")], tmp_path / "file.bin", sha256=DIGEST)
    assert names(tmp_path) == ["file.bin"]


def test_next_mirror_serves_what_the_first_does_not_have(server: Server, tmp_path: Path) -> None:
    download([server.url("gone.bin"), server.url("file.bin")], tmp_path / "x.bin", sha256=DIGEST)
    assert [name for name, _ in server.requests] == ["gone.bin", "file.bin"]  # 404 is not asked again


def test_missing_everywhere_names_every_source_and_the_manual_way(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed) as error:
        download([server.url("a"), server.url("b"), "http://127.0.0.1:9/c"], tmp_path / "x.bin")
    for text in (server.url("a"), server.url("b"), "404", "127.0.0.1:9", str(tmp_path / "x.bin")):
        assert text in str(error.value)
    assert names(tmp_path) == []


def test_wrong_checksum_is_refused_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.files["other.bin"] = b"something else"
    with pytest.raises(DownloadFailed, match="SHA-256"):
        download([server.url("other.bin")], tmp_path / "file.bin", sha256=DIGEST)
    assert not (tmp_path / "file.bin").exists()
    assert not (tmp_path / "file.bin.part").exists()
    download([server.url("other.bin"), server.url("file.bin")], tmp_path / "file.bin", sha256=DIGEST)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_own_check_of_the_caller_decides(server: Server, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise ValueError(f"{path.stat().st_size} bytes of nonsense")

    with pytest.raises(DownloadFailed, match="300000 bytes of nonsense"):
        download([server.url("file.bin")], tmp_path / "file.bin", check=refuse)
    assert not (tmp_path / "file.bin").exists()


def test_full_disk_is_said_before_anything_is_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.downloads.shutil.disk_usage", lambda path: types.SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"needs 0\.3 MB more"):
        download([server.url("file.bin")], tmp_path / "file.bin")


def fake_gdown(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[dict[str, Any]]:
    """A gdown that calls ``answer(output)`` instead of Google."""
    calls: list[dict[str, Any]] = []
    package: Any = types.ModuleType("gdown")
    package.exceptions = types.ModuleType("gdown.exceptions")
    package.exceptions.FileURLRetrievalError = type("FileURLRetrievalError", (Exception,), {})

    def fetch(**arguments: Any) -> None:
        calls.append(arguments)
        answer(Path(arguments["output"]), package.exceptions.FileURLRetrievalError)

    package.download = fetch
    monkeypatch.setitem(sys.modules, "gdown", package)
    monkeypatch.setitem(sys.modules, "gdown.exceptions", package.exceptions)
    return calls


def test_google_drive_is_asked_through_gdown_to_continue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = fake_gdown(monkeypatch, lambda output, error: output.write_bytes(CONTENT))
    download([DriveFile("abc")], tmp_path / "file.bin", sha256=DIGEST)
    assert (calls[0]["id"], calls[0]["resume"]) == ("abc", True)
    assert names(tmp_path) == ["file.bin"]


def test_refusal_of_google_drive_names_the_page_for_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(output: Path, error: type[Exception]) -> None:
        raise error("Cannot retrieve the public link of the file.")

    fake_gdown(monkeypatch, refuse)
    with pytest.raises(DownloadFailed, match=r"public link[\s\S]*drive\.google\.com/file/d/abc/view"):
        download([DriveFile("abc")], tmp_path / "file.bin")


def test_missing_gdown_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(DownloadFailed, match="pip install 'gdown"):
        download([DriveFile("abc")], tmp_path / "file.bin")
