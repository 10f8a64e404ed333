"""The scripts: help from anywhere, data sets fetched from a server on this machine, bursts made and shown as files."""

import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from admin.data_locations import LOCATIONS
from dataset import SyntheticBurstVal
from dataset.synthetic_burst_val_set import NUM_BURSTS
from util_scripts import (
    data_sources,
    download_burstsr_dataset,
    download_dataset,
    download_raw_burstsr_data,
    generate_synthetic_dataset,
    visualize_synburst_val,
)
from utils.data_format_utils import rggb_to_rgb
from utils.downloads import DriveFile
from utils.image_io import read_image, read_png16, write_image
from utils.safe_pickle import read_pickle

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(
    path for path in (ROOT / "util_scripts").glob("*.py") if "def main(arguments" in path.read_text(encoding="utf-8")
)

HELP_OF_ALL = """
import runpy, sys
before = list(sys.path)
for script in sys.argv[1:]:
    sys.path[:] = before
    sys.argv = [script, "--help"]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        assert end.code == 0, script
"""


def test_every_script_explains_itself_from_anywhere(tmp_path: Path) -> None:
    assert len(SCRIPTS) >= 10
    command = [sys.executable, "-c", HELP_OF_ALL, *map(str, SCRIPTS)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("usage: ") == len(SCRIPTS)
    for script in SCRIPTS:
        assert f"usage: {script.name}" in result.stdout


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a server hands out its files."""
    folder = tmp_path / "server"
    folder.mkdir()
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    thread.join()
    running.server_close()


def make_zip(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, name)


def files_in(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(pattern) if path.is_file())


def test_listed_sources_are_those_of_the_table() -> None:
    for key in (*download_dataset._ARCHIVES, download_dataset._KPN):
        assert data_sources.listed_sources(key), key
    assert data_sources.listed_sources("kpn_testset_path") == [DriveFile("1UptBXV4f56wMDpS365ydhZkej6ABTFq1")]
    assert data_sources.listed_sources("synburstval_dir")[0] in LOCATIONS["synburstval_dir"].sources
    assert data_sources.listed_sources("burstsr_dir") == []  # many archives: it has a script of its own


def test_burstsr_parts_are_merged_and_a_second_run_nests_nothing(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = server
    for part in range(9):
        make_zip(folder / f"train_{part:02d}.zip", f"train_{part:02d}/000{part}_0000/canon/im_raw.png")
    make_zip(folder / "val.zip", "val/0008_0000/canon/im_raw.png")

    class Counted:
        def __init__(self, root: Path, split: str) -> None:
            self.burst_list = sorted(path.name for path in (root / split).iterdir())

        def get_burst(self, index: int, frames: list[int]) -> None:
            pass

    monkeypatch.setattr(download_burstsr_dataset, "BurstSRDataset", Counted)
    monkeypatch.setattr(download_burstsr_dataset, "NUM_BURSTS", {"train": 9, "val": 1})
    command = [str(tmp_path / "data"), "--server", address]
    root = tmp_path / "data" / "burstsr_dataset"
    expected = [*(f"train/000{part}_0000/canon/im_raw.png" for part in range(9)), "val/0008_0000/canon/im_raw.png"]
    for _ in range(2):
        assert download_burstsr_dataset.main(command) == 0
        assert files_in(root, "*.png") == expected
    (root / "val.zip.unpacked").unlink()  # interrupted between unpacking and noting it
    assert download_burstsr_dataset.main(command) == 0
    assert files_in(root, "*.png") == expected
    monkeypatch.setattr(download_burstsr_dataset, "NUM_BURSTS", {"train": 10, "val": 1})
    assert download_burstsr_dataset.main(command) == 1


def test_full_sequences_are_fetched_with_or_without_a_wrapping_folder(
    server: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, address = server
    make_zip(folder / "val" / "0008.zip", "0008/samsung_00.dng", "0008/canon.cr2")
    make_zip(folder / "train" / "0009.zip", "samsung_00.dng", "canon.cr2")
    command = [str(tmp_path), "--server", address, "--sequences", "0008", "0009", "0010"]
    assert download_raw_burstsr_data.main(command) == 1  # the server has no 0010
    assert "1 of 3 sequences are missing: 0010" in capsys.readouterr().err
    root = tmp_path / "burstsr_full_images"
    assert files_in(root, "*.*[gr]*2*") == ["train/0009/canon.cr2", "val/0008/canon.cr2"]
    assert download_raw_burstsr_data.main([str(tmp_path), "--sequences", "0021"]) == 1  # of the test split
    assert "Unknown sequence" in capsys.readouterr().err


def test_wrapped_data_set_is_found_inside_its_archive_and_checked(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, address = server
    make_zip(folder / "a.zip", "SyntheticBurstVal/bursts/0000/x.png", "SyntheticBurstVal/gt/0000/x.png", "__MACOSX/x")
    monkeypatch.setattr(download_dataset, "listed_sources", lambda key: [f"{address}/gone.zip", f"{address}/a.zip"])
    layout = download_dataset._ARCHIVES["synburstval_dir"]
    missing: list[str] = []
    monkeypatch.setitem(
        download_dataset._ARCHIVES,
        "synburstval_dir",
        download_dataset._Layout(layout.folder, layout.entries, lambda place: missing),
    )
    for _ in range(2):
        assert download_dataset.main(["synburstval_dir", str(tmp_path)]) == 0
        assert files_in(tmp_path / "SyntheticBurstVal") == ["bursts/0000/x.png", "gt/0000/x.png"]
    missing.append("0001")
    assert download_dataset.main(["synburstval_dir", str(tmp_path)]) == 1
    assert "lacks 1 files, the first is 0001" in capsys.readouterr().err


def test_archive_of_something_else_is_refused(server: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = server
    make_zip(folder / "a.zip", "readme.txt")
    with pytest.raises(ValueError, match=r"no folder with bursts, gt, but readme\.txt"):
        data_sources.fetch_and_merge(
            [f"{address}/a.zip"],
            tmp_path / "a.zip",
            tmp_path / "a",
            lambda content: data_sources.folder_with(content, "bursts", "gt"),
        )
    assert not (tmp_path / "a").exists()


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for index in range(2):
        write_image(tmp_path / "photos" / f"{index}.png", rng.integers(0, 256, (120, 140, 3), dtype=np.uint8))
    return tmp_path / "photos"


def test_generated_bursts_have_the_published_layout_and_depend_on_the_seed_alone(
    photographs: Path, tmp_path: Path
) -> None:
    def generate(out: str, seed: int) -> dict[str, bytes]:
        command = [str(photographs), str(tmp_path / out), "--crop", "64", "--burst_size", "3", "--seed", str(seed)]
        assert generate_synthetic_dataset.main(command) == 0
        return {name: (tmp_path / out / name).read_bytes() for name in files_in(tmp_path / out)}

    first, second, other = generate("a", 1), generate("b", 1), generate("c", 2)
    images = [name for name in first if name.endswith(".png")]
    assert all(first[name] == second[name] for name in images)
    assert first["0001/im_raw_01.png"] != other["0001/im_raw_01.png"]
    assert list(first) == [
        f"000{burst}/{name}"
        for burst in range(2)
        for name in ("im_raw_00.png", "im_raw_01.png", "im_raw_02.png", "im_rgb.png", "meta_info.pkl")
    ] + ["synthesis.json"]
    raw, truth = read_png16(tmp_path / "a/0001/im_raw_00.png", 4), read_png16(tmp_path / "a/0001/im_rgb.png", 3)
    assert (raw.shape, truth.shape) == ((8, 8, 4), (64, 64, 3))
    assert max(raw.max(), truth.max()) <= 2**14
    meta, again = (read_pickle(tmp_path / out / "0001/meta_info.pkl") for out in "ab")
    assert torch.equal(meta.pop("cam2rgb"), again.pop("cam2rgb"))
    assert torch.equal(meta.pop("rgb2cam"), again.pop("rgb2cam"))
    assert meta == again
    assert meta["frame_num"] == 1
    (tmp_path / "a/0000/im_rgb.png").unlink()  # what is there is left alone: also a burst that was changed
    generate("a", 1)
    assert not (tmp_path / "a/0000/im_rgb.png").exists()


def test_crop_that_does_not_fit_the_mosaic_is_refused(photographs: Path, tmp_path: Path) -> None:
    assert generate_synthetic_dataset.main([str(photographs), str(tmp_path / "out"), "--crop", "60"]) == 1
    assert not (tmp_path / "out").exists()


META = {
    "rgb_gain": 1.0,
    "red_gain": 2.0,
    "blue_gain": 1.5,
    "cam2rgb": torch.eye(3),
    "gamma": True,
    "smoothstep": True,
    "burst_name": "0003",
}


@pytest.mark.parametrize("mode", visualize_synburst_val.MODES)
def test_panel_shows_three_frames_and_the_truth(mode: str) -> None:
    burst = torch.rand(14, 4, 6, 8) / 2
    truth = torch.rand(3, 48, 64)
    panel = visualize_synburst_val.panel(mode, burst, truth, META)
    assert panel.dtype == np.uint8
    height, width = panel.shape[:2]
    assert (height > 48, width >= 4 * 64) == (True, True)
    if mode == "linear":  # frame 7 in the colours of its channels, scaled by the maximum of the burst, pixel by pixel
        expected = (rggb_to_rgb(burst[7]) / burst.max() * 255).to(torch.uint8).permute(1, 2, 0).numpy()
        enlarged = np.kron(expected, np.ones((8, 8, 1), np.uint8))
        assert any(
            np.array_equal(panel[top : top + 48, left : left + 64], enlarged)
            for top in range(height - 47)
            for left in range(width - 63)
        )


def test_panels_are_written_for_the_bursts_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Bursts(SyntheticBurstVal):
        def __init__(self, root: Path | None) -> None:
            self.burst_list = [f"{index:04d}" for index in range(NUM_BURSTS)]

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
            return torch.rand(14, 4, 4, 4), torch.rand(3, 32, 32), META | {"burst_name": self.burst_list[index]}

    monkeypatch.setattr(visualize_synburst_val, "SyntheticBurstVal", Bursts)
    command = ["raw", "--out", str(tmp_path / "panels"), "--bursts"]
    assert visualize_synburst_val.main([*command, "3", "17"]) == 0
    assert files_in(tmp_path / "panels") == ["0003.png", "0017.png"]
    assert read_image(tmp_path / "panels" / "0003.png").shape[1] > 4 * 32
    plotted: list[list[str]] = []
    answers = iter(["continue", "stop"])

    def plot(viewer: object, data: dict[str, Any]) -> str:
        plotted.append(data["titles"])
        return next(answers)

    monkeypatch.setattr("util_scripts.visualize_synburst_val.BurstSRVis.plot", plot)
    assert visualize_synburst_val.main(["raw", "--window"]) == 0
    assert [titles[0] for titles in plotted] == ["0000 raw_00", "0001 raw_00"]
    assert visualize_synburst_val.main([*command, "300"]) == 1
    assert "there is no burst 300" in capsys.readouterr().err
