"""Cost volumes against their definition, and the compiled ones only where they agree."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from external import spatial_correlation
from models.layers.correlation import CostVolume, local_correlation, pwc_correlation


def by_definition(a: torch.Tensor, b: torch.Tensor, d: int) -> torch.Tensor:
    """The formula of the cost volume, pixel by pixel."""
    batch, _, height, width = a.shape
    out = a.new_zeros(batch, (2 * d + 1) ** 2, height, width)
    for dy in range(-d, d + 1):
        for dx in range(-d, d + 1):
            for y in range(height):
                for x in range(width):
                    if 0 <= y + dy < height and 0 <= x + dx < width:
                        index = (dy + d) * (2 * d + 1) + dx + d
                        out[:, index, y, x] = (a[:, :, y, x] * b[:, :, y + dy, x + dx]).sum(dim=1)
    return out


def box_sum(volume: torch.Tensor, kernel: int) -> torch.Tensor:
    """Sum over the window around every pixel, zeros outside."""
    reach = kernel // 2
    height, width = volume.shape[-2:]
    out = torch.zeros_like(volume)
    for y in range(height):
        for x in range(width):
            rows, columns = slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1)
            out[..., y, x] = volume[..., rows, columns].sum(dim=(-2, -1))
    return out


def random_maps(seed: int, channels: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 2, channels, height, width, generator=generator, dtype=torch.float64)
    return a, b


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16), d=st.integers(0, 3), height=st.integers(1, 5), width=st.integers(1, 5))
def test_local_correlation_is_its_definition(seed: int, d: int, height: int, width: int) -> None:
    a, b = random_maps(seed, 3, height, width)
    torch.testing.assert_close(local_correlation(a, b, d), by_definition(a, b, d))


def test_gradients_are_exact_also_the_second_ones() -> None:
    a, b = (t.requires_grad_() for t in random_maps(0, 2, 3, 4))
    assert torch.autograd.gradcheck(lambda a, b: local_correlation(a, b, 2), (a, b))
    assert torch.autograd.gradgradcheck(lambda a, b: local_correlation(a, b, 1), (a, b))


def test_gradient_of_one_argument_alone() -> None:
    a, b = random_maps(1, 2, 4, 3)
    local_correlation(a, b.requires_grad_(), 1).sum().backward()
    assert a.grad is None
    assert b.grad is not None


def test_pwc_correlation_is_a_mean_over_channels_up_to_four_pixels() -> None:
    a, b = random_maps(2, 5, 6, 4)
    torch.testing.assert_close(pwc_correlation(a, b), by_definition(a, b, 4) / 5)


@pytest.mark.parametrize(("kernel", "d"), [(1, 2), (3, 2), (5, 1)])
def test_cost_volume_sums_over_a_window_without_any_normalisation(kernel: int, d: int) -> None:
    a, b = random_maps(3, 3, 5, 6)
    torch.testing.assert_close(CostVolume(kernel, d)(a, b), box_sum(by_definition(a, b, d), kernel))


def test_a_stride_leaves_out_positions() -> None:
    a, b = random_maps(4, 3, 6, 7)
    torch.testing.assert_close(CostVolume(3, 1, stride=2)(a, b), CostVolume(3, 1)(a, b)[..., ::2, ::2])


def test_maps_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="two feature maps"):
        local_correlation(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 4), 1)


class FakePackage(ModuleType):
    """Stands in for the compiled package; ``factor`` is how wrong it is."""

    def __init__(self, factor: float) -> None:
        super().__init__("spatial_correlation_sampler")
        self.factor = factor

    def spatial_correlation_sample(
        self, a: torch.Tensor, b: torch.Tensor, *, kernel_size: int, patch_size: int, **_: int
    ) -> torch.Tensor:
        volume = CostVolume(kernel_size, patch_size // 2)(a, b) * self.factor
        return volume.unflatten(1, (patch_size, patch_size))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def install_package(factor: float) -> None:
        monkeypatch.setattr(spatial_correlation, "_verdicts", {})
        monkeypatch.setattr(spatial_correlation, "_installed", lambda: True)
        monkeypatch.setitem(sys.modules, "spatial_correlation_sampler", FakePackage(factor))

    return install_package


def test_the_compiled_package_is_used_where_it_agrees(install: Callable[[float], None]) -> None:
    install(1.0)
    plain = CostVolume(3, 2)
    compiled = spatial_correlation.compiled_correlation(3, 2, 1, torch.device("cpu"), plain)
    a, b = random_maps(5, 3, 5, 6)
    assert compiled is not None
    torch.testing.assert_close(compiled(a, b), plain(a, b))


def test_the_compiled_package_is_left_where_it_differs(
    install: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    install(1.01)
    assert spatial_correlation.compiled_correlation(3, 2, 1, torch.device("cpu"), CostVolume(3, 2)) is None
    assert "differs from our cost volume" in caplog.text


def test_without_the_package_ours_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spatial_correlation, "_installed", lambda: False)
    assert spatial_correlation.compiled_correlation(3, 2, 1, torch.device("cpu"), CostVolume(3, 2)) is None
