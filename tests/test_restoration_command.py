"""The command restores a burst and leaves nothing half-done behind."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

import restoration.restore
import run_restoration
from admin.weights_file import save_weights_file
from restoration.burst import Progress, RawBurst, RestorationError, Restored
from restoration.develop import plain_reference
from restoration.sources import find_files
from tests.fabricated.networks import tiny_denoiser
from tests.fabricated.raw_bursts import write_raw_burst
from tests.restoration_place import OLD, Place, burst_and_result, content, pictures, plain_method  # noqa: F401
from tests.test_rawsr_real import first_red, on_display
from tests.test_restoration_output import as_seen


@pytest.mark.usefixtures("without_method")
def test_a_burst_becomes_a_picture_and_what_was_asked_for_beside_it(place: Place, tmp_path: Path) -> None:
    place.arguments = ["--network", "stub", "--dng", "--linear", "tiff", "--compare", "--bits", "16"]
    frames = content(place.frames)
    assert place.run() == 0
    names = {"photo.png", "photo_linear.dng", "photo_linear.tif", "photo_comparison.png"}
    assert {path.name for path in place.out.parent.iterdir()} == names
    assert np.asarray(cv2.imread(str(place.out), cv2.IMREAD_UNCHANGED)).dtype == np.uint16
    assert content(place.frames) == frames


@pytest.mark.usefixtures("without_method")
def test_without_a_name_the_result_lies_in_the_current_folder(place: Place, tmp_path: Path) -> None:
    assert run_restoration.main([str(place.frames), "--network", "stub"]) == 0
    assert (tmp_path / "frames_restored.png").is_file()


@pytest.mark.usefixtures("without_method")
def test_results_in_the_folder_of_the_frames_are_no_frames_the_next_time(place: Place) -> None:
    place.out, place.arguments = place.frames / "photo.png", ["--network", "stub", "--dng"]
    assert place.run() == 0
    first = content(place.frames)
    assert place.run() == 0
    assert content(place.frames).keys() == first.keys()


@pytest.mark.usefixtures("without_method")
@pytest.mark.parametrize("ending", [".dng", ".png"])
def test_results_of_earlier_runs_are_no_frames_unless_they_are_named(
    ending: str, place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    if ending == ".png":
        pictures(place, ".png")
    frames = [place.frames / f"{number}{ending}" for number in range(3)]
    place.arguments = ["--network", "stub", "--task", "denoise", "--dng", "--linear", "tiff", "--compare"]
    place.out = place.frames / "x.png"
    assert place.run() == 0
    results = ["x.png", "x_comparison.png", "x_linear.dng", "x_linear.tif"]
    assert find_files([place.frames], [place.frames / "y.png"]) == frames
    assert f"results of BurstLab are passed over: {', '.join(results)}" in capfd.readouterr().err
    named = [place.frames / name for name in ("x.png", "x_linear.tif")]
    assert find_files(named) == named
    for path in frames:
        path.unlink()
    with pytest.raises(RestorationError, match=r"no frames, only results of BurstLab: x\.png, x_comparison\.png"):
        find_files([place.frames])


@pytest.mark.parametrize("name", ["photo.png", "photo[1].png"])
def test_ctrl_c_leaves_what_is_done_for_the_next_run_and_nothing_else(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place.out = place.out.with_name(name)
    place.out.write_bytes(OLD)
    folders: list[Path] = []

    def interrupted(burst: RawBurst, progress: Progress, memory_bytes: int, work_folder: Path) -> Restored:
        folders.append(work_folder)
        if len(folders) < 3:
            (work_folder / "tile").write_bytes(b"done")
            raise KeyboardInterrupt
        assert (work_folder / "tile").read_bytes() == b"done"
        return plain_reference(burst)

    monkeypatch.setattr(restoration.restore, "find_method", lambda network, task: (interrupted, "jdd"))
    assert place.run() == 130
    assert "Interrupted" in capfd.readouterr().err
    assert place.out.read_bytes() == OLD
    assert (folders[0] / "tile").is_file()
    place.arguments = ["--reference", "1.dng"]
    assert place.run() == 130
    assert folders[1] != folders[0], "another command has another folder"
    place.arguments = []
    assert place.run() == 0
    assert folders[2] == folders[0]
    assert not list(place.out.parent.glob(".*")), "nothing is left behind"


@pytest.mark.parametrize("network", ["net/1.safetensors", "net"])
def test_tiles_of_another_network_are_not_gone_on_from(
    network: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    def interrupted(*given: object) -> None:
        folders.append(Path(str(given[-1])))
        (folders[-1] / "tile").write_bytes(b"done")
        raise KeyboardInterrupt

    monkeypatch.setattr("restoration.networks.restore_in_tiles", interrupted)
    pictures(place, ".png")
    place.arguments = ["--network", str(tmp_path / network)]
    (tmp_path / "net").mkdir()
    save_weights_file(tmp_path / "net" / "1.safetensors", tiny_denoiser())
    assert [place.run(), place.run()] == [130, 130]
    changed = "1.safetensors" if network.endswith(".safetensors") else "2.safetensors"  # rewritten, or trained on
    save_weights_file(tmp_path / "net" / changed, tiny_denoiser())
    assert place.run() == 130
    assert folders[0] == folders[1] != folders[2]


@pytest.mark.parametrize(
    ("pattern", "orientation", "turns"), [("RGGB", 1, 0), ("GRBG", 6, 3), ("BGGR", 8, 1), ("GBRG", 3, 2)]
)
def test_a_shaken_noisy_burst_with_a_misfit_comes_out_upright_and_better_than_its_best_frame(
    pattern: str, orientation: int, turns: int, tmp_path: Path
) -> None:
    files = write_raw_burst(
        tmp_path / "burst",
        frames=5,
        size=(112, 128),
        pattern=pattern,
        orientation=orientation,
        max_shift=12.0,
        max_degrees=2.0,
        iso=6400,
        misfit=4,
    )
    finished = tmp_path / "photo.png"
    command = [str(tmp_path / "burst"), "--reference", "frame_0", "--out", str(finished), "--compare"]
    assert run_restoration.main(command) == 0
    top, left = first_red(pattern, (0, 0))
    height, width = ((side - start) // 2 * 2 for side, start in ((112, top), (128, left)))
    truth = np.rot90(on_display(files.scene[top : top + height, left : left + width]), turns)
    result = as_seen(finished)
    reference = as_seen(finished.with_name("photo_comparison.png"))[:, : result.shape[1]]
    assert result.shape == truth.shape
    inner = slice(8, -8)
    better, plain = (-10 * np.log10(np.square(image - truth)[inner, inner].mean()) for image in (result, reference))
    assert better > plain + 5
    assert np.abs((result - truth)[inner, inner].mean(axis=(0, 1))).max() < 0.02, "no cast"


def test_pictures_are_taken_with_a_word(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    pictures(place, ".png")
    with caplog.at_level(logging.WARNING):
        assert place.run() == 0
    picture = np.asarray(cv2.imread(str(place.out)), np.int64)
    assert np.abs(picture - 85).max() <= 1


def test_a_network_for_something_else_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    net = tiny_denoiser()
    save_weights_file(place.out.with_name("net.safetensors"), net)
    place.arguments = ["--network", "results/net.safetensors", "--task", "sr"]
    assert place.run() == 1
    assert "made for --task denoise, not sr" in capfd.readouterr().err
