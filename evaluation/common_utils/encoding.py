"""How a prediction is stored: 16 bits per value, so that a score from a file equals the score of the network."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class PredictionEncoding:
    """Values 0..1 as whole steps of `1 / full_scale`.

    Attributes:
        full_scale: the number that stands for 1.0; 2^14 in the published SR and denoising benchmarks.
        space: in words, what the stored values are, e.g. `linear sensor RGB`.
        rounded: round to the nearest step instead of truncating, as the published benchmarks do.
        is_picture: other programs shall show the file in its right colours. The published benchmarks store red and blue
            in each other's place (see `utils.image_io`).
    """

    full_scale: int = 2**14
    space: str = "linear"
    rounded: bool = False
    is_picture: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.full_scale < 2**16:
            raise ValueError(f"full_scale {self.full_scale} does not fit into 16 bits; give 1 to 65535")

    def encode(self, prediction: torch.Tensor) -> np.ndarray:
        """Clamp to 0..1, scale, truncate or round.

        Args:
            prediction: [1, C, H, W] or [C, H, W], 0..1.

        Returns:
            uint16 [H, W, C] in the order in which `utils.image_io.write_png16` expects it.

        Raises:
            ValueError: another shape, or a value that is not finite.
        """
        if prediction.ndim == 4 and prediction.shape[0] == 1:
            prediction = prediction[0]
        if prediction.ndim != 3:
            raise ValueError(f"prediction of shape {tuple(prediction.shape)}, expected [1, C, H, W] or [C, H, W]")
        if not bool(torch.isfinite(prediction).all()):
            bad = int((~torch.isfinite(prediction)).sum())
            raise ValueError(f"{bad} of {prediction.numel()} predicted values are not finite")
        steps = prediction.detach().float().clamp(0.0, 1.0).mul_(self.full_scale)  # in place: images may be large
        if self.rounded:
            steps.round_()
        stored = steps.permute(1, 2, 0).cpu().numpy().astype(np.uint16)
        return stored[:, :, ::-1] if self.is_picture else stored

    def decode(self, stored: np.ndarray) -> torch.Tensor:
        """The prediction that `encode` stored.

        Args:
            stored: uint16 [H, W, C] or [H, W].

        Returns:
            float32 [1, C, H, W], 0..1.

        Raises:
            ValueError: not 16 bits, another shape, or values above 1.
        """
        if stored.dtype != np.uint16 or stored.ndim not in (2, 3):
            raise ValueError(f"{stored.dtype} array of shape {stored.shape}, expected a 16-bit image [H, W, C]")
        if stored.size and int(stored.max()) > self.full_scale:
            raise ValueError(
                f"a value is {int(stored.max())}, but {self.full_scale} stands for 1; was it stored otherwise?"
            )
        if stored.ndim == 2:
            stored = stored[:, :, None]
        if self.is_picture:
            stored = stored[:, :, ::-1]
        planes = np.ascontiguousarray(stored.transpose(2, 0, 1)).astype(np.float32)
        return (torch.from_numpy(planes) / self.full_scale)[None]

    def quantise(self, prediction: torch.Tensor) -> torch.Tensor:
        """What is left of a prediction after it was stored: float32 [1, C, H, W] on the CPU."""
        return self.decode(self.encode(prediction))


# Linear space, 2^14 = 1.0, truncated: the published protocol of the SR and denoising benchmarks.
LINEAR_14_BIT = PredictionEncoding()
