"""A batch or a sample: named tensors and whatever belongs to them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch


class TensorDict(OrderedDict[str, Any]):
    """An ordered dict on which any tensor method may be called.

    ``sample.to(device)`` or ``sample.float()`` calls the method of every value that has it, nested
    ``TensorDict`` included, and keeps the other values (strings, lists, plain dicts) as they are. The result is
    a new ``TensorDict``.

    Raises:
        AttributeError: ``torch.Tensor`` has no method of that name.
    """

    def __getattr__(self, name: str) -> Callable[..., TensorDict]:
        if name.startswith("_") or not callable(getattr(torch.Tensor, name, None)):
            raise AttributeError(f"neither TensorDict nor torch.Tensor has a method {name!r}")

        def call_on_values(*args: Any, **kwargs: Any) -> TensorDict:
            return TensorDict(
                (key, getattr(value, name)(*args, **kwargs) if hasattr(value, name) else value)
                for key, value in self.items()
            )

        return call_on_values

    def concat(self, other: Mapping[str, Any]) -> TensorDict:
        """The entries of both; where a key is in both, the value of ``other``."""
        return TensorDict([*self.items(), *other.items()])

    def copy(self) -> TensorDict:
        """A new dict of the same values."""
        return TensorDict(self.items())

    def attribute(self, attr: str, *default: Any) -> TensorDict:
        """``getattr(value, attr)`` of every value; ``default`` as in ``getattr``."""
        return TensorDict((key, getattr(value, attr, *default)) for key, value in self.items())

    def apply(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> TensorDict:
        """``fn(value, *args, **kwargs)`` of every value."""
        return TensorDict((key, fn(value, *args, **kwargs)) for key, value in self.items())
