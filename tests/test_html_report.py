"""Writing the folder of the comparison page."""

import base64
import json
import logging
import re
import shutil
import zlib
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.common_utils.viewing import ViewedBurst, ViewedResult
from evaluation.html_report import Figure, pixel_scripts, write_page
from tests.viewed_bursts import LABELS, burst, viewed, viewing


def unpacked(text: str, shape: tuple[int, int, int], dtype: type) -> np.ndarray:
    """The inverse of `pack`, value by value, as its docstring describes the format."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(int)
    height, width, channels = shape
    count = height * width * channels
    if dtype is np.uint16:
        folded = raw[:count] + 256 * raw[count:]
        raw = np.where(folded % 2, -(folded + 1) // 2, folded // 2)
    planes = raw.reshape(channels, height, width)
    out = np.zeros((channels, height, width), int)
    for c, y, x in np.ndindex(out.shape):
        left = out[c, y, x - 1] if x else 0
        above = out[c, y - 1, x] if y else 0
        if x and y:
            predicted = sorted([left, above, left + above - out[c, y - 1, x - 1]])[1]
        else:
            predicted = left + above
        out[c, y, x] = (predicted + planes[c, y, x]) % (2**16 if dtype is np.uint16 else 2**8)
    return out.transpose(1, 2, 0)


@given(
    st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3]), st.sampled_from([np.uint8, np.uint16]), st.integers()
)
def test_packed_pixels_come_back_without_loss(height, width, channels, dtype, seed):
    generator = np.random.default_rng(abs(seed))
    extremes = np.array([0, 1, np.iinfo(dtype).max, np.iinfo(dtype).max - 1])
    pixels = generator.choice(np.append(extremes, generator.integers(0, extremes[2], 4)), (height, width, channels))
    pixels = pixels.astype(dtype)
    assert np.array_equal(unpacked(pixel_scripts.pack(pixels), pixels.shape, dtype), pixels)


def test_smooth_pixels_take_less_room_than_as_they_are():
    y, x = np.mgrid[:64, :64]
    values = (40 * x + 25 * y + np.random.default_rng(0).integers(0, 8, (64, 64))).astype(np.uint16)[:, :, None]
    assert len(pixel_scripts.pack(values)) < 0.6 * len(base64.b64encode(zlib.compress(values.tobytes())))


FLOATS = ViewedResult("network", lambda: np.zeros((3, 3, 3)), lambda: np.zeros((3, 3, 3), np.uint8))  # type: ignore[arg-type, return-value]


def contents(folder: Path) -> dict:
    text = (folder / "data" / "contents.js").read_text()
    match = re.fullmatch(r"burstlab\.open\((.*)\);\n", text, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_size_is_said_before_anything_is_written_and_is_about_right(tmp_path, caplog):
    folder = tmp_path / "page"
    bursts = [burst(number) for number in range(5)]

    class Watch(logging.Handler):
        def emit(self, record):
            if "will take" in record.getMessage():
                said.append((record.args, folder.exists()))

    said: list = []
    logger, watch = logging.getLogger("evaluation.html_report.write_page"), Watch()
    logger.addHandler(watch)
    with caplog.at_level(logging.INFO):
        write_page(folder, viewing(bursts))
    logger.removeHandler(watch)
    [(arguments, existed)] = said
    assert not existed
    written = sum(path.stat().st_size for path in (folder / "data").rglob("*_*.js"))
    assert float(arguments[1].split()[0]) == pytest.approx(written / 1e6, rel=0.1, abs=0.05)


def test_every_image_is_made_once(tmp_path):
    """Making one may run a network."""
    calls: list[str] = []

    def counted(result: ViewedResult) -> ViewedResult:
        def values():
            calls.append(result.label)
            return result.values()

        return ViewedResult(result.label, values, result.picture, result.metrics)

    one = burst(0)
    results = tuple(counted(result) for result in one.results)
    write_page(tmp_path, viewing([ViewedBurst(one.name, None, results)]))
    assert calls == list(LABELS)


def test_contents_name_results_scores_and_what_is_known(tmp_path):
    infinite = burst(0, score=lambda burst, network: float("inf"))
    write_page(tmp_path, viewing([infinite, burst(1, ground_truth=None, properties={})]))
    found = contents(tmp_path)
    assert found["labels"] == ["ground truth", *LABELS]
    assert [metric["key"] for metric in found["metrics"]] == ["psnr", "ssim"]
    first, second = found["bursts"]
    assert (first["noise"], second["noise"]) == (0, None)
    assert first["images"][1]["scores"]["psnr"] == float("inf")
    assert [image["label"] for image in second["images"]] == list(LABELS)


def test_page_without_bursts_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no bursts"):
        write_page(tmp_path / "page", viewing([]))
    assert not (tmp_path / "page").exists()


def test_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match=r"thesis\.tex"):
        write_page(tmp_path, viewing([burst(0)]))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_older_page_is_replaced(tmp_path):
    write_page(tmp_path, viewing([burst(0), burst(1)]))
    write_page(tmp_path, viewing([burst(2)]))
    assert [entry["name"] for entry in contents(tmp_path)["bursts"]] == ["b2"]
    assert [path.name for path in sorted((tmp_path / "data").iterdir())] == ["0000", "contents.js"]


def test_page_that_was_not_finished_has_no_index(tmp_path):
    write_page(tmp_path, viewing([burst(0)]))
    with pytest.raises(ValueError, match="b4"):
        write_page(tmp_path, viewing([*(burst(number) for number in range(4)), burst(4, results=(FLOATS,))]))
    assert not (tmp_path / "index.html").exists()


def test_wrong_pixels_name_burst_and_result(tmp_path):
    with pytest.raises(ValueError, match=r"b0, network: values float64"):
        write_page(tmp_path / "page", viewing([burst(0, results=(FLOATS,))]))


def test_two_results_of_one_label_are_refused(tmp_path):
    with pytest.raises(ValueError, match="two results of one label"):
        write_page(tmp_path / "page", viewing([burst(0, results=(viewed("mean", 1), viewed("mean", 2)))]))


def test_full_disk_is_noticed_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 95, 5))
    with pytest.raises(OSError, match="would take"):
        write_page(tmp_path / "page", viewing([burst(0)]))
    assert not (tmp_path / "page").exists()


def test_figures_are_copied_with_their_captions(tmp_path):
    plot = tmp_path / "Plot.PNG"
    plot.write_bytes(b"picture")
    write_page(tmp_path / "page", viewing([burst(0)]), [Figure(plot, "PSNR against noise")])
    assert contents(tmp_path / "page")["figures"] == [{"file": "figures/00.png", "caption": "PSNR against noise"}]
    assert (tmp_path / "page" / "figures" / "00.png").read_bytes() == b"picture"


def test_grey_pictures_are_stored_with_one_channel(tmp_path):
    write_page(tmp_path, viewing([burst(0, results=(viewed("mean", 1, channels=1),))]))
    [truth, grey] = contents(tmp_path)["bursts"][0]["images"]
    assert (grey["channels"], grey["pictureChannels"]) == (1, 1)
    assert (truth["channels"], truth["pictureChannels"]) == (3, 3)


def test_page_names_only_files_that_it_brings(tmp_path):
    index = write_page(tmp_path, viewing([burst(0)]))
    named = re.findall(r'(?:src|href)="([^"#][^"]*)"', index.read_text())
    assert [name for name in named if not name.startswith("data:") and not (tmp_path / name).is_file()] == []
    brought = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "page").iterdir()}
    assert brought <= set(named)
