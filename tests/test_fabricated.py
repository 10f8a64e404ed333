"""The fabricated data sets are what the data sets' own classes read."""

from pathlib import Path

import pytest
import torch

import dataset as datasets
from models.alignment.pwcnet import PWCNet
from tests import fabricated


def test_photographs_are_read(tmp_path: Path):
    zurich = fabricated.zurich(tmp_path / "zurich", size=32, train=3, test=1)
    assert datasets.ZurichRAW2RGB(zurich, split="train").get_image(2)[0].shape == (32, 32, 3)
    assert datasets.ZurichRAW2RGB(zurich, split="test").get_image(0)[0].std() > 10
    assert len(datasets.OpenImagesDataset(fabricated.openimages(tmp_path / "open", 20, 30))) == 2
    assert len(datasets.ImageFolder(fabricated.image_folder(tmp_path / "own"))) == 2


def test_burstsr_is_read_with_its_exif_data(tmp_path: Path):
    root = fabricated.burstsr(tmp_path, size=12)
    for split, names in (("train", ["0000_0000", "0001_0000"]), ("val", ["0008_0000", "0010_0000"])):
        dataset = datasets.BurstSRDataset(root, split=split)
        assert dataset.burst_list == names
        frames, truth, _ = dataset.get_burst(1, range(14))
        assert frames[13].shape() == (4, 12, 12)
        assert truth.shape() == (3, 96, 96)
        assert frames[0].get_exposure_time() == truth.get_exposure_time() == 0.02
        assert frames[0].get_f_number() == 1.8
        assert frames[0].get_noise_profile().shape == (3, 2)
        red = [image.get_image_data(True, normalize=True)[0] for image in (frames[0], truth)]
        assert (red[0] - red[1][::8, ::8]).abs().mean() < 0.06, "frame 0 lies on the ground truth"


def test_synthetic_bursts_are_read(tmp_path: Path):
    root = fabricated.synthetic_burst_val(tmp_path, bursts=[3], size=12)
    burst, truth, meta = datasets.SyntheticBurstVal(root)[3]
    assert burst.shape == (14, 4, 12, 12)
    assert truth.shape == (3, 96, 96)
    assert meta["cam2rgb"].shape == (3, 3)


@pytest.mark.parametrize("level", [1, 8])
def test_denoising_test_sets_are_read(tmp_path: Path, level: int):
    grey = datasets.GrayscaleDenoiseTestSet(fabricated.kpn_test_set(tmp_path / "kpn.npz", size=8), noise_level=level)
    color = datasets.ColorDenoiseTestSet(fabricated.bpn_test_set(tmp_path / "bpn", size=8), noise_level=level)
    for dataset, count, channels in ((grey, 73, 1), (color, 2, 3)):
        assert len(dataset) == count
        burst, truth, info = dataset[1]
        assert burst.shape == (8, channels, 8, 8)
        error, estimate = (burst - truth).std(), info["sigma_estimate"].mean()
        assert 0.7 * estimate < error < 1.3 * estimate


def test_pwcnet_takes_the_weights_file_and_sees_little_motion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fabricated.environment(monkeypatch, pretrained_nets_dir=fabricated.pwcnet_weights(tmp_path))
    flow = PWCNet(load_pretrained=True)(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    assert 0 < flow.abs().max() < 0.5
