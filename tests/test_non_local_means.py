"""Non-local means as a layer of networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.restoration import denoise_nl_means

from models.layers import non_local_means as layer
from models.layers.non_local_means import non_local_means


def stripes(noise: float, side: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """A pattern that repeats, clean and noisy, [1, 3, side, side]."""
    generator = torch.Generator().manual_seed(7)
    clean = (torch.arange(side) // 4 % 2).float().expand(1, 3, side, side) * torch.tensor([1.0, 0.6, 0.3]).view(
        1, 3, 1, 1
    )
    return clean, clean + noise * torch.randn(clean.shape, generator=generator)


def test_it_removes_noise_and_keeps_what_repeats() -> None:
    clean, noisy = stripes(0.1)
    denoised = non_local_means(noisy, torch.full((1, 1, 1, 1), 0.1))
    assert (denoised - clean).square().mean() < (noisy - clean).square().mean() / 2


def test_it_denoises_as_well_as_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "_DISTANCE", 3)
    clean, noisy = stripes(0.1, side=32)
    ours = non_local_means(noisy, torch.full((1, 1, 1, 1), 0.1))[0].numpy()
    theirs = denoise_nl_means(
        noisy[0].numpy() / 0.1, patch_size=5, patch_distance=3, h=0.5, sigma=1.0, fast_mode=True, channel_axis=0
    )
    inner = (slice(None), slice(8, -8), slice(8, -8))

    def error(image: np.ndarray) -> float:
        return float(np.sqrt(np.square(image - clean[0].numpy())[inner].mean()))

    assert error(ours) < 1.1 * error(0.1 * theirs)
    assert np.abs(ours - 0.1 * theirs)[inner].mean() < 0.1 * 0.2  # a fifth of the noise


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (17, 5)])
def test_small_images_and_no_noise(size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size)
    torch.testing.assert_close(non_local_means(image, torch.zeros(2, 1, 1, 1)), image)


def test_a_batch_is_its_images_one_by_one() -> None:
    images, deviations = torch.rand(3, 3, 12, 14), torch.tensor([0.05, 0.2, 0.1]).view(3, 1, 1, 1)
    together = non_local_means(images, deviations)
    alone = [non_local_means(images[k : k + 1], deviations[k : k + 1]) for k in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
