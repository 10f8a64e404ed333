"""A folder that is made by a script notes its options, and a run with others does not mix with it."""

import json
from pathlib import Path

import numpy as np
import pytest

from util_scripts import generate_synthetic_dataset
from util_scripts.noted_settings import note_settings
from utils.image_io import write_image


def made(folder: Path) -> None:
    """Something that a script has made."""
    (folder / "0000").mkdir(parents=True, exist_ok=True)
    (folder / "0000" / "frame.png").touch()


def test_a_run_that_made_nothing_does_not_bind_the_next_one(tmp_path: Path) -> None:
    note = tmp_path / "out" / "made.json"
    note_settings(note, {"crop": -64})
    (tmp_path / "out" / "train").mkdir()
    note_settings(note, {"crop": 64})
    made(tmp_path / "out")
    with pytest.raises(ValueError, match="--crop 64, not --crop -64"):
        note_settings(note, {"crop": -64})


def test_the_same_options_go_on_and_others_are_refused_in_words(tmp_path: Path) -> None:
    note = tmp_path / "out" / "made.json"
    note_settings(note, {"crop": 64, "stride": None})
    made(tmp_path / "out")
    before = note.stat().st_mtime_ns
    note_settings(note, {"crop": 64, "stride": None})
    assert note.stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r"out was made with --crop 64, not --crop 96 .*made\.json.*another folder"):
        note_settings(note, {"crop": 96, "stride": None})
    with pytest.raises(ValueError, match="was made with no --stride, not --stride 8"):
        note_settings(note, {"crop": 64, "stride": 8})


def test_an_input_is_the_same_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    note = tmp_path / "out" / "made.json"
    note_settings(note, {"photos": Path("photos")})
    made(tmp_path / "out")
    note_settings(note, {"photos": tmp_path / "photos"})
    with pytest.raises(ValueError, match="--photos"):
        note_settings(note, {"photos": Path("others")})
    note.write_text(json.dumps({"photos": "photos"}))  # of an older version
    note_settings(note, {"photos": tmp_path / "photos"})


def test_a_note_of_an_older_version_is_compared_where_it_knows_an_option(tmp_path: Path) -> None:
    note = tmp_path / "made.json"
    note.write_text(json.dumps({"out": "x2", "versions": 10, "seed": 1}))
    made(tmp_path)
    note_settings(note, {"seed": 1, "quality": 95})
    assert json.loads(note.read_text())["quality"] == 95
    with pytest.raises(ValueError, match="--seed 1, not --seed 2"):
        note_settings(note, {"seed": 2, "quality": 95})


def test_a_folder_without_a_note_is_taken_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made(tmp_path / "old")
    note_settings(tmp_path / "old" / "made.json", {"seed": 1, "crop": None})
    assert "taken for made with --seed 1. If it was not" in caplog.text
    with pytest.raises(ValueError, match="--seed 1, not --seed 2"):
        note_settings(tmp_path / "old" / "made.json", {"seed": 2, "crop": None})
    caplog.clear()
    note_settings(tmp_path / "new" / "made.json", {"seed": 1})
    assert not caplog.records


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_damaged_note_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "made.json").write_bytes(content)
    made(tmp_path)
    with pytest.raises(ValueError, match=r"made\.json .*Remove it"):
        note_settings(tmp_path / "made.json", {"seed": 1})


@pytest.mark.parametrize("other", [["--seed", "2"], ["--crop", "48"], ["--burst_size", "3"], ["--factor", "2"]])
def test_bursts_of_other_options_are_not_left_in_place_as_done(
    tmp_path: Path, other: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "photos" / "a.png", np.random.default_rng(0).integers(0, 256, (120, 140, 3), np.uint8))
    command = [str(tmp_path / "photos"), str(tmp_path / "out"), "--crop", "64", "--burst_size", "2", "--seed", "1"]
    assert generate_synthetic_dataset.main(command) == 0
    assert generate_synthetic_dataset.main(command) == 0
    assert generate_synthetic_dataset.main([*command, *other]) == 1
    assert " ".join(other) in capsys.readouterr().err
