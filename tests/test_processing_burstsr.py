"""Real RAW bursts: crops, flips, brightness and bad input."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from admin.tensordict import TensorDict
from data.processing import BurstSRProcessing
from data.raw_image_processing import flatten_raw_image
from data.transforms import ToTensor
from dataset.burstsr_dataset import CanonImage, SamsungRAWImage
from tests.golden.cases.replay import RecordedDraws
from utils.draws import Draws


def exif(prefix: str, seconds: float, f_number: float, iso: int) -> dict:
    values = {"ExposureTime": seconds, "FNumber": f_number, "ISOSpeedRatings": iso}
    tags = {f"{prefix} {name}": SimpleNamespace(values=[value]) for name, value in values.items()}
    return tags | {"Image Tag 0xC761": SimpleNamespace(values=[(0.1 * i,) for i in range(6)])}


def phone(raw: torch.Tensor) -> SamsungRAWImage:
    return SamsungRAWImage(raw.short(), [64] * 4, [2.0, 1.0, 1.0, 1.5], [2.0, 1.0, 1.0, 1.5], np.eye(3, 4),
                           exif("Image", 0.02, 2.0, 100))  # fmt: skip


def camera(raw: torch.Tensor) -> CanonImage:
    return CanonImage(raw.float(), [2048] * 3, [2048.0, 1024.0, 1536.0], [2.0, 1.0, 1.5], np.ones((4, 3)),
                      exif("EXIF", 0.01, 4.0, 200))  # fmt: skip


def burst(height: int = 12, width: int = 16, count: int = 3) -> TensorDict:
    """Every value says which column of the mosaic it is on; the camera sees four columns for each of them."""
    columns = torch.stack([torch.arange(2 * width)[start::2].expand(height, width) for start in (0, 1, 0, 1)])
    truth = (torch.arange(8 * width) // 4).expand(3, 8 * height, 8 * width)
    return TensorDict(frames=[phone(columns) for _ in range(count)], gt=camera(truth), burst_name="0001_0000")


def test_sample_has_the_documented_keys_and_the_brightness_of_the_burst():
    sample = BurstSRProcessing(crop_sz=16, substract_black_level=True)(burst())
    assert set(sample) == {"burst", "frame_gt", "exp_scale_factor", "meta_info_burst", "meta_info_gt", "burst_name"}
    assert sample["burst"].shape == (3, 4, 12, 16)
    assert float(sample["burst"][0, 0, 0, 0]) == pytest.approx(-64 / 1023)
    factor = (0.02 * 100 / 2.0**2) / (0.01 * 200 / 4.0**2)
    assert sample["exp_scale_factor"] == pytest.approx(factor)
    assert float(sample["frame_gt"][0, 0, 0]) == pytest.approx(-2048 / 16383 * factor)
    assert sample["meta_info_gt"]["norm_factor"] == pytest.approx(16383 / factor)
    assert sample["meta_info_burst"]["noise_profile"].tolist() == pytest.approx([0.0, 0.1])


def test_crop_takes_the_same_place_from_burst_and_ground_truth_and_spares_the_input():
    data = burst()
    frame = data["frames"][0]
    sample = BurstSRProcessing(crop_sz=6)(data.copy())
    assert sample["burst"].shape == (3, 4, 6, 6)
    assert sample["frame_gt"].shape == (3, 48, 48)
    mosaic_column = float(sample["burst"][0, 0, 0, 0]) * 1023
    assert float(sample["frame_gt"][0, 0, 0]) * 16383 / sample["exp_scale_factor"] == pytest.approx(mosaic_column)
    assert frame.shape() == (4, 12, 16)


@pytest.mark.parametrize(("registered", "displacement"), [(True, 0), (False, 2)])
def test_flips_keep_red_first_and_displace_the_ground_truth_as_published(registered, displacement):
    processing = BurstSRProcessing(crop_sz=16, random_flip=True, registered_flips=registered)
    params = processing.draw((12, 16), RecordedDraws([0.2, 0.7]))
    assert params["flip_horizontal"]
    assert not params["flip_vertical"]
    data = burst()
    sample = processing.render(data["frames"], data["gt"], params)
    mosaic = (flatten_raw_image(sample["burst"][0]) * 1023).round()[0]
    assert mosaic[:-2].tolist() == [*range(30, 0, -1)]  # red columns are the even ones, so 30 may come first
    truth = (sample["frame_gt"][0, 0] * 16383 / sample["exp_scale_factor"]).round()
    assert sample["frame_gt"].shape == (3, 96, 128)
    assert int((truth == 30).nonzero()[0]) == displacement


def test_draws_decide_crop_and_flips():
    processing = BurstSRProcessing(crop_sz=6, random_flip=True, noise_level=(1e-4, 1e-2))
    samples = [processing(burst().concat({"draws": Draws(seed)}))["burst"] for seed in (1, 1, 2)]
    assert torch.equal(samples[0], samples[1])
    assert not torch.equal(samples[0], samples[2])


def test_noise_below_black_is_no_nan_and_the_result_is_clamped():
    sample = BurstSRProcessing(crop_sz=16, substract_black_level=True, noise_level=(1e-4, 1e-2))(burst())
    assert 0 <= float(sample["burst"].min()) <= float(sample["burst"].max()) <= 1


def test_bad_input_says_what_was_expected():
    with pytest.raises(NotImplementedError, match="transform=None"):
        BurstSRProcessing(transform=ToTensor())
    with pytest.raises(ValueError, match=r"13 x 13.*12 x 16"):
        BurstSRProcessing(crop_sz=13)(burst())
    mixed = burst()
    mixed["frames"][1] = burst(10)["frames"][0]
    with pytest.raises(ValueError, match="one size"):
        BurstSRProcessing(crop_sz=16)(mixed)
    with pytest.raises(ValueError, match="whole number of times"):
        BurstSRProcessing(crop_sz=16)(burst().concat({"gt": camera(torch.zeros(3, 90, 128))}))
