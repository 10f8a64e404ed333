"""Grey levels 0..255 as predictions are stored: 16 bits, 256 steps to a grey level."""

import torch

from evaluation.common_utils.encoding import PredictionEncoding

_STEPS = 256  # of a stored value to a grey level

ENCODING = PredictionEncoding(full_scale=255 * _STEPS, space="display space", is_picture=True)


def to_stored(image: torch.Tensor) -> torch.Tensor:
    """Grey levels [..., H, W] as the 0..1 that `ENCODING` stores; lossless for whole grey levels.

    In the middle of a step, so that no rounding on the way to 16 bits can take it to the one below.
    """
    steps = (image.double().clamp(0, 255) * _STEPS).floor() + 0.5
    return (steps / ENCODING.full_scale).clamp(max=1).float()


def stored_as_8_bit(stored: torch.Tensor) -> torch.Tensor:
    """What was stored, 0..1, as whole grey levels 0..255: truncated, as 8-bit images are made of floats.

    Whole grey levels divided by 255 come out as they were.
    """
    steps = (stored.double() * ENCODING.full_scale).round()
    return (steps / _STEPS).floor().float()
