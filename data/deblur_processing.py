"""The engines of burst synthesis for deblurring, by name."""

from __future__ import annotations

from typing import Any

from data.deblur_bursts import DeblurBursts
from data.deblur_original import OriginalDeblurBursts
from data.deblur_paper import PaperDeblurBursts
from utils.suggestions import unknown_name_message

ENGINES: dict[str, type[DeblurBursts]] = {"paper": PaperDeblurBursts, "original": OriginalDeblurBursts}


def deblur_processing(engine: str = "paper", **options: Any) -> DeblurBursts:
    """Blurred bursts of photographs.

    Args:
        engine: ``paper``, physically plausible, or ``original``, for comparison with results of the implementation of
            2020.
        options: of the engine, see :class:`PaperDeblurBursts` and :class:`OriginalDeblurBursts`.

    Raises:
        ValueError: another engine, or options that make no burst.
    """
    if engine not in ENGINES:
        raise ValueError(unknown_name_message("engine of burst deblurring", engine, ENGINES))
    return ENGINES[engine](**options)
