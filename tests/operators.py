"""What every image operator has to do, whatever it computes: the checks that tests/test_operator_*.py share.

Such a file lists the operators of a family as `OPERATORS` and gives them to a class derived from `OperatorChecks`.
`tests/test_operator_registry.py` fails if an operator is in no list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch

BATCH = 3
Tensors = tuple[torch.Tensor, ...]


def unchanged(height: int, width: int) -> tuple[int, int]:
    """The size of a result that is as large as its input."""
    return height, width


def times(factor: int) -> Callable[[int, int], tuple[int, int]]:
    """The size of a result that is so many times as large."""
    return lambda height, width: (factor * height, factor * width)


def divided_by(factor: int) -> Callable[[int, int], tuple[int, int]]:
    """The size of a result that has one pixel for every `factor`, the last ones fewer."""
    return lambda height, width: (-(-height // factor), -(-width // factor))


@dataclass(frozen=True)
class Operator:
    """An operator and what holds for it.

    Attributes:
        name: says which one, and in which mode.
        run: the operator on a batch; the first dimension of all inputs and of the result is that of the batch.
        inputs: its inputs for images of (height, width), random, float64, a batch of `BATCH`.
        covers: the functions and classes that are tested by this.
        sizes: of images that it takes.
        shape: height and width of the result for an image of (height, width).
        linear: in its first input.
        adjoint: `adjoint(values, *other inputs)`, where the code has one; else autograd's.
        gradients: the numbers of the inputs that get exact gradients.
        leading: takes [..., C, H, W], so that a burst of frames may stand where a batch may.
        one_frame: (result for bursts of one frame, what is expected) of the inputs, where `leading` does not say it.
        dtype: the precision that it computes in; float64 in gives float64 out unless this is float32.
    """

    name: str
    run: Callable[..., torch.Tensor]
    inputs: Callable[[int, int], Tensors]
    covers: tuple[Any, ...]
    sizes: tuple[tuple[int, int], ...] = ((5, 7), (4, 9), (1, 2))
    shape: Callable[[int, int], tuple[int, int]] = unchanged
    linear: bool = True
    adjoint: Callable[..., torch.Tensor] | None = None
    gradients: tuple[int, ...] = (0,)
    leading: bool = False
    one_frame: Callable[..., tuple[torch.Tensor, torch.Tensor]] | None = None
    dtype: torch.dtype = torch.float64

    def __str__(self) -> str:
        return self.name

    def agree(self, actual: torch.Tensor, expected: torch.Tensor) -> None:
        """Fails unless both are the same but for rounding."""
        atol, rtol = (1e-11, 1e-9) if self.dtype == torch.float64 else (1e-5, 1e-5)
        torch.testing.assert_close(actual, expected, atol=atol, rtol=rtol)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(BATCH, *shape, dtype=torch.float64)


def same_size(channels: int) -> Callable[[int, int], Tensors]:
    """Inputs of operators of one image [B, C, H, W]."""
    return lambda height, width: (random(channels, height, width),)


class OperatorChecks:
    """Tests of each of some `operators`, as far as they apply to it."""

    operators: ClassVar[list[Operator]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        applies = _APPLIES.get(metafunc.function.__name__, lambda operator: True)
        metafunc.parametrize("operator", [one for one in self.operators if applies(one)], ids=str)

    def test_a_batch_is_its_images_one_by_one_at_any_size(self, operator: Operator) -> None:
        for size in operator.sizes:
            inputs = operator.inputs(*size)
            result = operator.run(*inputs)
            assert result.isfinite().all()
            assert tuple(result.shape[-2:]) == operator.shape(*size), size
            singles = [operator.run(*(part[i : i + 1] for part in inputs)) for i in range(BATCH)]
            operator.agree(result, torch.cat(singles))

    def test_linear_operators_are_linear(self, operator: Operator) -> None:
        for size in operator.sizes:
            first, *others = operator.inputs(*size)
            second = torch.randn_like(first)
            together = operator.run(2 * first - 3 * second, *others)
            apart = 2 * operator.run(first, *others) - 3 * operator.run(second, *others)
            operator.agree(together, apart)

    def test_dot_products_agree_with_the_adjoint(self, operator: Operator) -> None:
        for size in operator.sizes:
            first, *others = operator.inputs(*size)
            first.requires_grad_()
            result = operator.run(first, *others)
            values = torch.randn_like(result)
            (back,) = torch.autograd.grad(result, first, values)
            operator.agree((result * values).sum(), (first * back).sum())
            if operator.adjoint is not None:
                operator.agree(operator.adjoint(values, *others), back)

    def test_gradients_are_exact(self, operator: Operator) -> None:
        inputs = operator.inputs(*operator.sizes[0])
        for i in operator.gradients:
            inputs[i].requires_grad_()
        assert torch.autograd.gradcheck(operator.run, inputs, fast_mode=True)

    def test_a_burst_may_have_one_frame(self, operator: Operator) -> None:
        if operator.leading:
            inputs = operator.inputs(*operator.sizes[0])
            frames = operator.run(*(part[:, None] for part in inputs))
            operator.agree(frames, operator.run(*inputs)[:, None])
        else:
            assert operator.one_frame is not None
            operator.agree(*operator.one_frame(*operator.inputs(*operator.sizes[0])))

    def test_precision_is_that_of_the_input(self, operator: Operator) -> None:
        inputs = operator.inputs(*operator.sizes[0])
        single = operator.run(*(part.float() for part in inputs))
        double = operator.run(*inputs)
        assert single.dtype == torch.float32
        assert double.dtype == operator.dtype
        torch.testing.assert_close(single.double(), double.double(), atol=2e-4, rtol=1e-3)


_APPLIES: dict[str, Callable[[Operator], bool]] = {
    "test_linear_operators_are_linear": lambda operator: operator.linear,
    "test_dot_products_agree_with_the_adjoint": lambda operator: operator.linear and operator.dtype == torch.float64,
    "test_gradients_are_exact": lambda operator: bool(operator.gradients),
    "test_a_burst_may_have_one_frame": lambda operator: operator.leading or operator.one_frame is not None,
}
