"""Settings and experiments that were written for the original toolkits run unchanged.

``tests/drop_in`` holds such files: they use the public surface and nothing else.
"""

import importlib
import inspect
from pathlib import Path

import pytest
import torch

import run_training
import train_settings
from admin.checkpoints import read_checkpoint
from tests import fabricated

FILES = Path(__file__).parent / "drop_in"

# Module -> names that settings, experiments and scripts of the originals import from it.
SURFACE = [
    ("dataset", "ZurichRAW2RGB OpenImagesDataset BurstSRDataset ImageFolder"),
    ("dataset.synthetic_burst_val_set", "SyntheticBurstVal"),
    ("dataset.burstsr_dataset", "get_burstsr_val_set CanonImage load_txt SamsungRAWImage BurstSRDataset"),
    ("dataset.grayscale_denoise_test_set", "GrayscaleDenoiseTestSet"),
    ("dataset.color_denoise_test_set", "ColorDenoiseTestSet"),
    ("data", "processing sampler DataLoader"),
    ("data.processing", "SyntheticBurstProcessing BurstSRProcessing DenoisingProcessing"),
    ("data.sampler", "RandomImage IndexedImage RandomBurst IndexedBurst"),
    ("data.transforms", "Transform ToTensorAndJitter RandomHorizontalFlip"),
    ("data.raw_image_processing", "flatten_raw_image"),
    ("data.postprocessing_functions", "SimplePostProcess DenoisingPostProcess"),
    ("models.deeprep.deeprepnet", "deeprep_sr_iccv21 deeprep_denoise_iccv21 deeprep_denoise_custom_flow_iccv21"),
    ("models.dbsr.dbsrnet", "dbsrnet_cvpr2021"),
    ("models.alignment.pwcnet", "PWCNet"),
    ("models.loss.image_quality_v2", "PSNR SSIM LPIPS PixelWiseError MappedLoss"),
    ("models.loss.spatial_color_alignment", "SpatialColorAlignment"),
    ("actors.deeprep_actors", "DeepRepSRSyntheticActor DeepRepSRBurstSRActor DeepRepDenoisingActor"),
    ("actors.dbsr_actors", "DBSRSyntheticActor DBSRRealWorldActor"),
    ("trainers", "SimpleTrainer"),
    ("admin.environment", "env_settings create_default_local_file"),
    ("admin.multigpu", "MultiGPU"),
    ("admin.settings", "Settings"),
    ("utils.loading", "load_network"),
    ("utils.opencv_plotting", "BurstSRVis"),
    ("evaluation.common_utils.network_param", "NetworkParam"),
    ("evaluation.common_utils.display_utils", "generate_formatted_report"),
]
# Module, name, how many arguments the originals' files give by position, and which by name.
CALLS = [
    ("dataset", "ZurichRAW2RGB", 0, "split"),
    ("dataset", "OpenImagesDataset", 0, "split"),
    ("dataset", "BurstSRDataset", 0, "split"),
    ("dataset", "ImageFolder", 0, "root"),
    ("dataset", "GrayscaleDenoiseTestSet", 0, "noise_level"),
    ("dataset", "ColorDenoiseTestSet", 0, "noise_level"),
    ("data.processing", "SyntheticBurstProcessing", 3, "burst_transformation_params transform image_processing_params"),
    ("data.processing", "BurstSRProcessing", 0, "transform random_flip substract_black_level crop_sz"),
    ("data.processing", "DenoisingProcessing", 0, "crop_sz burst_size pre_downsample_factor max_jitter_small "
     "max_jitter_large noise_level min_sz return_grayscale transform"),
    ("data.sampler", "RandomImage", 2, "samples_per_epoch processing"),
    ("data.sampler", "IndexedImage", 1, "processing"),
    ("data.sampler", "RandomBurst", 2, "burst_size samples_per_epoch processing random_reference_image"),
    ("data.sampler", "IndexedBurst", 1, "burst_size processing random_reference_image"),
    ("data", "DataLoader", 2, "training num_workers stack_dim batch_size epoch_interval"),
    ("data.transforms", "ToTensorAndJitter", 1, "normalize"),
    ("models.alignment.pwcnet", "PWCNet", 0, "load_pretrained weights_path"),
    ("models.loss.image_quality_v2", "PixelWiseError", 0, "metric boundary_ignore"),
    ("models.loss.image_quality_v2", "MappedLoss", 0, "base_loss mapping_fn"),
    ("models.loss.image_quality_v2", "PSNR", 0, "boundary_ignore"),
    ("models.loss.image_quality_v2", "SSIM", 0, "boundary_ignore use_for_loss"),
    ("models.loss.image_quality_v2", "LPIPS", 0, "boundary_ignore"),
    ("models.loss.spatial_color_alignment", "SpatialColorAlignment", 1, "sr_factor"),
    ("actors.deeprep_actors", "DeepRepSRSyntheticActor", 0, "net objective loss_weight"),
    ("actors.deeprep_actors", "DeepRepSRBurstSRActor", 0, "net objective loss_weight alignment_net"),
    ("actors.deeprep_actors", "DeepRepDenoisingActor", 0, "net objective loss_weight"),
    ("actors.dbsr_actors", "DBSRSyntheticActor", 0, "net objective loss_weight"),
    ("actors.dbsr_actors", "DBSRRealWorldActor", 0, "net objective loss_weight alignment_net"),
    ("trainers", "SimpleTrainer", 5, ""),
    ("admin.multigpu", "MultiGPU", 1, "dim"),
    ("utils.loading", "load_network", 1, ""),
    ("evaluation.common_utils.network_param", "NetworkParam", 2, ""),
    ("evaluation.common_utils.network_param", "NetworkParam", 0,
     "module parameter epoch burst_sz display_name unique_name network_path"),
    ("evaluation.common_utils.display_utils", "generate_formatted_report", 1, "table_name"),
    ("utils.opencv_plotting", "BurstSRVis", 0, "boundary_ignore metric"),
    ("utils.opencv_plotting", "BurstSRVis", 6, ""),
]  # fmt: skip


@pytest.mark.parametrize(("module", "names"), SURFACE)
def test_the_public_surface_can_be_imported(module: str, names: str):
    imported = importlib.import_module(module)
    for name in names.split():
        assert hasattr(imported, name), f"from {module} import {name}"


@pytest.mark.parametrize(("module", "name", "positional", "keywords"), CALLS)
def test_the_public_surface_takes_the_arguments_of_the_originals(
    module: str, name: str, positional: int, keywords: str
):
    function = getattr(importlib.import_module(module), name)
    inspect.signature(function).bind(*[None] * positional, **dict.fromkeys(keywords.split()))


def test_the_environment_has_the_attributes_that_files_of_the_originals_read():
    env = importlib.import_module("admin.environment").env_settings()
    for key in ("workspace_dir", "tensorboard_dir", "pretrained_nets_dir", "save_data_path", "zurichraw2rgb_dir"):
        assert isinstance(getattr(env, key), str)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's files lie beside ours, and the data where the environment says."""
    found = FILES / "train_settings"
    monkeypatch.setattr(train_settings, "__path__", [*train_settings.__path__, str(found)])
    monkeypatch.setattr(run_training, "find_settings", lambda: FIND_SETTINGS(found))
    for package in ("burst_denoise", "burstsr", "synburst"):
        experiments = importlib.import_module(f"evaluation.{package}.experiments")
        places = [*experiments.__path__, str(FILES / f"{package}_experiments")]
        monkeypatch.setattr(experiments, "__path__", places)
    monkeypatch.setattr(torch.multiprocessing, "set_start_method", lambda method, force: None)
    folders = {key: tmp_path / key for key in ("workspace_dir", "tensorboard_dir", "save_data_path")}
    fabricated.environment(monkeypatch, **folders)
    return folders["workspace_dir"]


FIND_SETTINGS = run_training.find_settings


def train(module: str, param: str) -> None:
    assert run_training.main([module, param, "--set", "max_epochs=1"]) == 0


def test_a_denoiser_is_checked_trained_saved_and_scored(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from evaluation.burst_denoise.compute_score import compute_score
    from evaluation.burst_denoise.save_results import save_results

    fabricated.environment(
        monkeypatch,
        openimages_dir=fabricated.openimages(tmp_path / "openimages", 120, 120),
        zurichraw2rgb_dir=fabricated.zurich(tmp_path / "zurich", size=96),
        bpn_color_testset_dir=fabricated.bpn_test_set(tmp_path / "bpn", size=64, bursts=1),
    )
    assert run_training.main(["mylab", "denoise", "--check"]) == 0
    assert not (workspace / "checkpoints").exists()
    train("mylab", "denoise")
    assert (workspace / "checkpoints/mylab/denoise/DeepRepNet_ep0001.pth.tar").is_file()

    save_results("my_denoisers", noise_level=4, mode="color")
    compute_score("my_denoisers", load_saved=True, noise_level=4, mode="color")
    shown = capsys.readouterr().out
    assert "mine" in shown
    assert "mylab_denoise_ep0001_bsz01" in shown


def test_super_resolution_is_trained_on_synthetic_and_then_on_real_bursts(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fabricated.environment(
        monkeypatch,
        imagefolder_dir=fabricated.image_folder(tmp_path / "photographs", 160, 160),
        burstsr_dir=fabricated.burstsr(tmp_path / "burstsr", size=14),
        pretrained_nets_dir=fabricated.pwcnet_weights(tmp_path / "pretrained_networks"),
    )
    assert run_training.main(["mylab", "sr_synthetic", "--check"]) == 0
    train("mylab", "sr_synthetic")
    train("mylab", "sr_real")
    stats = read_checkpoint(workspace / "checkpoints/mylab/sr_real/DBSRNet_ep0001.pth.tar")["stats"]
    assert len(stats["val"]["Stat/psnr"]["history"]) == 1, "a list of one validation set is validated on"


def test_an_experiment_on_synthetic_bursts_is_saved_and_scored(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from evaluation.synburst.compute_score import compute_score
    from evaluation.synburst.save_results import save_results

    monkeypatch.setattr("dataset.synthetic_burst_val_set.NUM_BURSTS", 1)
    fabricated.environment(
        monkeypatch,
        synburstval_dir=fabricated.synthetic_burst_val(tmp_path / "synburst", bursts=[0], size=16),
        imagefolder_dir=fabricated.image_folder(tmp_path / "photographs", 160, 160),
        pretrained_nets_dir=fabricated.pwcnet_weights(tmp_path / "pretrained_networks"),
    )
    train("mylab", "sr_synthetic")
    save_results("my_networks")
    assert (tmp_path / "save_data_path/synburst/mine/0000.png").is_file()
    compute_score("my_networks", load_saved=True)
    assert "mine" in capsys.readouterr().out


def test_an_experiment_on_real_bursts_is_saved(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from evaluation.burstsr.save_results import save_results

    released = fabricated.pwcnet_weights(tmp_path / "pretrained_networks")
    fabricated.environment(
        monkeypatch,
        burstsr_dir=fabricated.burstsr(tmp_path / "burstsr", train=[], val=["0008_0000"]),
        imagefolder_dir=fabricated.image_folder(tmp_path / "photographs", 160, 160),
        pretrained_nets_dir=released,
    )
    train("mylab", "sr_synthetic")
    (workspace / "checkpoints/mylab/sr_synthetic/DBSRNet_ep0001.pth.tar").rename(released / "my_dbsr.pth.tar")
    save_results("my_networks")
    assert (tmp_path / "save_data_path/burstsr/mine/0008_0000.png").is_file()
