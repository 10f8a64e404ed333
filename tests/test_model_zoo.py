"""Released networks: fetched once, opened safely, refused if they are something else; their page is up to date."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from admin import released_weights
from admin.checkpoints import save_checkpoint
from admin.environment import env_settings
from admin.released_weights import RELEASED, find_released, released_file
from admin.weights_file import save_weights_file
from tests.fabricated import tiny_denoiser
from util_scripts import download_weights, make_model_zoo
from utils import downloads
from utils.downloads import DownloadFailed, DriveFile

Write = Callable[[Path], Any]


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Write]:
    """Google Drive as a table: file id → writes the file; what is not in it cannot be fetched."""
    monkeypatch.setenv("BURSTLAB_PRETRAINED_NETS_DIR", str(tmp_path / "nets"))
    monkeypatch.setenv("BURSTLAB_WORKSPACE_DIR", str(tmp_path / "workspace"))
    table: dict[str, Write] = {}

    def fetch(source: DriveFile, target: Path) -> Path:
        if source.file_id not in table:
            raise downloads._SourceFailed("offline")
        part = target.with_name(target.name + ".part")
        table[source.file_id](part)
        return part

    monkeypatch.setattr(downloads, "_fetch_from_drive", fetch)
    return table


def checkpoint_of(name: str) -> Write:
    module, _, function = str(RELEASED[name].constructor).rpartition(".")
    constructor = {"module": module, "function": function, "args": (), "kwargs": {}}
    return lambda path: save_checkpoint(path, {"net": {"a": torch.zeros(1)}, "constructor": constructor})


def write_text(text: str) -> Write:
    return lambda path: path.write_text(text)


def test_released_network_is_fetched_once_and_its_checksum_noted(drive: dict[str, Write], tmp_path: Path) -> None:
    network = RELEASED["dbsr_synthetic_default"]
    drive[network.drive_id] = checkpoint_of(network.name)
    path = released_file("dbsr_synthetic_default")
    assert path == tmp_path / "nets" / "dbsr_synthetic_default.pth"
    drive.clear()
    assert released_file("dbsr_synthetic_default.pth") == path
    noted = json.loads(released_weights.checksum_file().read_text())
    assert noted == {path.name: downloads.file_sha256(path)}


def test_file_that_changed_since_the_first_download_is_refused(drive: dict[str, Write]) -> None:
    network = RELEASED["dbsr_synthetic_default"]
    drive[network.drive_id] = checkpoint_of(network.name)
    path = released_file(network.name)
    path.unlink()
    released_weights.checksum_file().write_text(json.dumps({path.name: "0" * 64}))
    with pytest.raises(DownloadFailed, match="SHA-256"):
        released_file(network.name)
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (write_text("<html>Too many users have viewed or downloaded this file</html>"), "cannot be read"),
        (checkpoint_of("deeprep_sr_synthetic_default"), "should hold a network built by models.dbsr"),
        (lambda path: torch.save({"net": {}, "constructor": Path("x")}, path), "refused"),
        (lambda path: save_checkpoint(path, {"a": torch.zeros(1)}), "should hold a network"),
    ],
)
def test_anything_else_than_the_network_leaves_no_file(drive: dict[str, Write], content: Write, message: str) -> None:
    drive[RELEASED["dbsr_synthetic_default"].drive_id] = content
    with pytest.raises(DownloadFailed, match=message):
        released_file("dbsr_synthetic_default")
    folder = Path(env_settings().pretrained_nets_dir)
    assert list(folder.iterdir()) == []


def test_flow_weights_are_bare_tensors(drive: dict[str, Write]) -> None:
    network = RELEASED["pwcnet-network-default"]
    drive[network.drive_id] = lambda path: torch.save({"moduleOne.weight": torch.zeros(2)}, path)
    assert released_file("pwcnet-network-default").is_file()


def test_offline_names_the_page_and_the_place(drive: dict[str, Write], tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed) as error:
        released_file("dbsr_burstsr_default")
    assert f"drive.google.com/file/d/{RELEASED['dbsr_burstsr_default'].drive_id}" in str(error.value)
    assert str(tmp_path / "nets" / "dbsr_burstsr_default.pth") in str(error.value)


def test_unknown_name_offers_the_nearest(drive: dict[str, Write]) -> None:
    with pytest.raises(ValueError, match="dbsr_synthetic_default"):
        released_file("dbsr_syntetic_default")
    assert find_released("workspace/net.pth.tar") is None


def test_script_fetches_what_it_can_and_fails_for_the_rest(
    drive: dict[str, Write], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    available = RELEASED["dbsr_burstsr_default"]
    drive[available.drive_id] = checkpoint_of(available.name)
    assert download_weights.main([]) == 1
    assert "4 of 5 networks could not be fetched" in capsys.readouterr().err
    assert download_weights.main(["dbsr_burstsr_default"]) == 0
    assert download_weights.main(["nonsense"]) == 1
    assert [path.name for path in (tmp_path / "nets").iterdir()] == [available.file]


def test_table_has_one_entry_for_every_file() -> None:
    assert len({network.drive_id for network in RELEASED.values()}) == len(RELEASED)
    assert all(network.file == f"{name}.pth" for name, network in RELEASED.items())


def test_page_is_up_to_date() -> None:
    written = make_model_zoo.PAGE.read_text(encoding="utf-8")
    assert written == make_model_zoo.model_zoo(), "run: python util_scripts/make_model_zoo.py"


def test_page_lists_shipped_networks_with_their_notes(tmp_path: Path) -> None:
    net = tiny_denoiser()
    save_weights_file(tmp_path / "small.safetensors", net, {"psnr": 31.25, "trained on": "CPU | 10 min"})
    page = make_model_zoo.model_zoo(tmp_path)
    count = sum(parameter.numel() for parameter in net.parameters())
    assert f"| `small.safetensors` | `deeprep_denoise_custom_flow_iccv21` | {count:,} |" in page
    assert "psnr: 31.25; trained on: CPU \\| 10 min" in page
    for network in RELEASED.values():
        assert network.drive_id in page
    assert "not measured" in page
