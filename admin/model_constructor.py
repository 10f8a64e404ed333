"""How a network remembers the function and the arguments that built it, so that a checkpoint can rebuild it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeGuard, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_weights_will_follow: ContextVar[bool] = ContextVar("weights_will_follow", default=False)


@dataclass
class NetConstructor:
    """The call that built a network: ``fun_module.fun_name(*args, **kwds)``. Arguments are plain values."""

    fun_name: str
    fun_module: str
    args: tuple[Any, ...] = ()
    kwds: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As a dict of plain values: ``module``, ``function``, ``args``, ``kwargs``."""
        return {
            "module": self.fun_module,
            "function": self.fun_name,
            "args": tuple(self.args),
            "kwargs": dict(self.kwds),
        }


def model_constructor(build: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function that returns a network, or a tuple that starts with one.

    The network gets an attribute ``constructor`` (:class:`NetConstructor`). Only functions decorated with this
    may be named by a checkpoint.
    """

    @functools.wraps(build)
    def constructor(*args: P.args, **kwargs: P.kwargs) -> R:
        built = build(*args, **kwargs)
        net: Any = built[0] if isinstance(built, tuple) else built
        net.constructor = NetConstructor(build.__name__, build.__module__, tuple(args), dict(kwargs))
        return built

    constructor.is_model_constructor = True  # type: ignore[attr-defined]
    return constructor


def is_model_constructor(candidate: object) -> TypeGuard[Callable[..., Any]]:
    """True for functions decorated with :func:`model_constructor`."""
    return callable(candidate) and getattr(candidate, "is_model_constructor", False) is True


@contextmanager
def building_from_checkpoint() -> Iterator[None]:
    """While this is open, networks are built whose weights are loaded right afterwards.

    Parts that would load a weights file of their own (PWC-Net) ask :func:`weights_will_follow` and leave it out.
    """
    token = _weights_will_follow.set(True)
    try:
        yield
    finally:
        _weights_will_follow.reset(token)


def weights_will_follow() -> bool:
    """True while a network is rebuilt from a checkpoint, so that no other weights file is needed."""
    return _weights_will_follow.get()
