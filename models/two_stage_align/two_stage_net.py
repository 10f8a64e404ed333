"""Both stages in one network: patch matching, then pixel-wise alignment and reconstruction.

S. Guo, X. Yang, J. Ma, G. Ren, L. Zhang, A Differentiable Two-stage Alignment Scheme for Burst Image Reconstruction
with Large Shift, CVPR 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from admin.model_constructor import model_constructor
from models.two_stage_align.features import MATCHING_SCALE, FeatureDownsampler
from models.two_stage_align.patch_matching import (
    Corner,
    Visit,
    cut_patches,
    frame_positions,
    match_progressively,
    match_softly,
    search_radius,
)
from models.two_stage_align.reconstruction import RAW_CHANNELS, BurstReconstruction, check_inputs
from models.two_stage_align.tiles import merge_tiles, pad_to_next_multiple, tile_corners
from utils.progress import track


@dataclass
class Tiling:
    """How a whole frame is restored. Lengths in packed pixels.

    Attributes:
        patch: side of the tiles.
        margin: how far the network looks beyond a tile at every side.
        search_window: of stage one, in full-resolution pixels; the search reaches half of it from frame to frame.
        max_batch: tiles in one call of the reconstruction network; does not change the result.
        inclusive_search: let matched patches touch the last row and column of the padded frame.
    """

    patch: int = 64
    margin: int = 4
    search_window: int = 48
    max_batch: int = 16
    inclusive_search: bool = False

    def __post_init__(self) -> None:
        for name in ("patch", "margin"):
            value = getattr(self, name)
            if value % MATCHING_SCALE or value < 0 or (name == "patch" and value == 0):
                raise ValueError(f"{name}={value} packed pixels: it must be a multiple of {MATCHING_SCALE}")
        if self.max_batch < 1:
            raise ValueError(f"max_batch={self.max_batch}: at least one tile has to be restored at a time")
        check_search_window(self.search_window)


@dataclass(frozen=True)
class PatchToTrain:
    """The patch that a training step restores.

    Attributes:
        corner: in packed pixels.
        size: its side in packed pixels, a multiple of 4.
        search_window: in full-resolution pixels.
        temperature: of the soft selection.
        step: between candidates, in quarter-size pixels.
        inclusive_search: as in :class:`Tiling`.
    """

    corner: Corner
    size: int
    search_window: int = 64
    temperature: float = 1e-2
    step: int = 2
    inclusive_search: bool = False


def check_search_window(search_window: int) -> None:
    """Raises ``ValueError`` if the window is too small to hold a candidate."""
    if search_radius(search_window) < 1:
        raise ValueError(
            f"search_window={search_window} full-resolution pixels; it must be at least {2 * MATCHING_SCALE}"
        )


class TwoStageNet(nn.Module):
    """``pred, aux = net(burst, noise_map)`` restores the whole centre frame of each burst.

    In training a patch is restored instead, with candidates mixed by differentiable weights.

    Args:
        reconstruction: stage two.
        downsampling: features of stage one; None leaves stage one out: patches lie at the same place in all frames.
        tiling: how whole frames are restored.
        noise_map: which formula of the noise map the network was trained with, ``'variance'`` (shot x + read) or
            ``'deviation'`` (√(shot x + read²)). Only remembered, for those who make its inputs.

    Attributes:
        noise_map_mode: the formula.
    """

    def __init__(
        self,
        reconstruction: BurstReconstruction,
        downsampling: FeatureDownsampler | None,
        tiling: Tiling,
        noise_map: str = "variance",
    ) -> None:
        super().__init__()
        self.reconstruction, self.downsampling = reconstruction, downsampling
        self.tiling, self.noise_map_mode = tiling, noise_map

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles stage two, where the time goes: stage one cuts another patch in every step."""
        self.reconstruction.compile(*args, **kwargs)

    def forward(
        self,
        burst: torch.Tensor,
        noise_map: torch.Tensor,
        patch: PatchToTrain | None = None,
        clean_burst: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """Restores the centre frame.

        Args:
            burst: [B, N, 4, H, W], packed RGGB, linear 0..1, N odd.
            noise_map: the same shape.
            patch: restore this patch, with stage one differentiable; needed in training.
            clean_burst: noise-free burst, for the scores that the features should reach; only with ``patch``.

        Returns:
            Linear camera RGB, not clipped. Without ``patch`` [B, 3, 2H, 2W], and ``positions``
            [B, N, rows, columns, 2]: where each tile was found in each frame, in packed pixels, with its margin.
            With ``patch`` [B, 3, 2P, 2P], and ``patches`` [B, N, 4, P, P] that went into it; ``scores``, ``weights``
            and ``clean_scores`` [B, N-1, n] of the candidates, absent without stage one; and ``interpolated``, like the
            image but restored without the centre frame, in training with the interpolation branch.

        Raises:
            ValueError: shapes or dtypes do not fit; training without ``patch``; no candidate inside the frame.
        """
        check_inputs(self, burst, noise_map)
        if patch is not None:
            return self._restored_patch(burst, noise_map, patch, clean_burst)
        if self.training:
            raise ValueError("in training, TwoStageNet restores a patch: name it (patch=), or call net.eval() first")
        restored = [self._restored_frame(*one) for one in zip(burst, noise_map, strict=True)]
        return torch.stack([image for image, _ in restored]), {
            "positions": torch.stack([where for _, where in restored])
        }

    def _restored_patch(
        self, burst: torch.Tensor, noise_map: torch.Tensor, patch: PatchToTrain, clean_burst: torch.Tensor | None
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        check_inputs(self, burst, noise_map, MATCHING_SCALE)
        check_search_window(patch.search_window)
        (row, column), size = patch.corner, patch.size
        height, width = burst.shape[-2:]
        if size % MATCHING_SCALE or not (0 <= row <= height - size and 0 <= column <= width - size):
            raise ValueError(
                f"a patch of {size} packed pixels at row {row}, column {column} of frames of {height} x {width}: it "
                f"must lie inside, and its side must be a multiple of {MATCHING_SCALE}"
            )
        both = torch.cat((burst, noise_map), dim=2)
        if self.downsampling is None:
            patches, aux = both[..., row : row + size, column : column + size], {}
        else:
            with torch.autocast(burst.device.type, enabled=False):  # scores of neighbours differ in the fourth digit
                found = match_softly(
                    both,
                    self.downsampling.of_burst(burst),
                    patch.corner,
                    size,
                    search_radius(patch.search_window),
                    patch.temperature,
                    clean_burst,
                    patch.inclusive_search,
                    patch.step,
                )
            patches = found.patches
            aux = {"scores": found.scores, "weights": found.weights, "clean_scores": found.clean_scores}
        aligned = patches[:, :, :RAW_CHANNELS]
        images = self.reconstruction(aligned, patches[:, :, RAW_CHANNELS:])
        aux["patches"] = aligned
        if len(images) > len(burst):
            aux["interpolated"] = images[len(burst) :]
        return images[: len(burst)], aux

    def _restored_frame(self, burst: torch.Tensor, noise_map: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One burst [N, 4, H, W]: the image [3, 2H, 2W] and the positions [N, rows, columns, 2] of its tiles."""
        tiling = self.tiling
        height, width = burst.shape[-2:]
        both = self.padded(torch.cat((burst, noise_map), dim=1))
        positions, _ = self.matched_tiles(both[:, :RAW_CHANNELS])
        # What lies in the padding altogether is cut away in the end.
        used_rows, used_columns = -(-height // tiling.patch), -(-width // tiling.patch)
        used = positions[:, :used_rows, :used_columns].flatten(1, 2)
        size, margin = tiling.patch + 2 * tiling.margin, 2 * tiling.margin
        parts = used.split(tiling.max_batch, dim=1)
        tiles = torch.cat(
            [
                self._restored_tiles(cut_patches(both, part, size))[
                    ..., margin : 2 * size - margin, margin : 2 * size - margin
                ]
                for part in (track(parts, "Tiles") if len(parts) > 1 else parts)
            ]
        )
        image = merge_tiles(tiles, used_rows, used_columns, margin=0)[:, : 2 * height, : 2 * width]
        return image, MATCHING_SCALE * positions

    def _restored_tiles(self, tiles: torch.Tensor) -> torch.Tensor:
        restored: torch.Tensor = self.reconstruction(tiles[:, :, :RAW_CHANNELS], tiles[:, :, RAW_CHANNELS:])
        return restored

    def padded(self, images: torch.Tensor) -> torch.Tensor:
        """[..., H, W] with zeros up to whole tiles and for the margins."""
        margin = self.tiling.margin
        # A patch as large as the whole frame would have no candidate.
        whole_tiles = pad_to_next_multiple(images, self.tiling.patch, least=1 if self.downsampling is None else 2)
        return F.pad(whole_tiles, (margin, margin, margin, margin))

    def matched_tiles(self, burst: torch.Tensor) -> tuple[torch.Tensor, list[Visit]]:
        """Where the tiles of a padded burst [N, 4, H, W] lie in its frames.

        Returns:
            Positions [N, rows, columns, 2] in quarter-size pixels, margin included, and the searches of all tiles, row
            by row (none without stage one).
        """
        tiling = self.tiling
        rows, columns = ((side - 2 * tiling.margin) // tiling.patch for side in burst.shape[-2:])
        starts = tile_corners(rows, columns, tiling.patch // MATCHING_SCALE, burst.device)
        visits: list[Visit] = []
        positions = starts.expand(len(burst), -1, -1)
        if self.downsampling is not None:
            with torch.autocast(burst.device.type, enabled=False):
                visits = match_progressively(
                    self.downsampling(burst),
                    starts,
                    (tiling.patch + 2 * tiling.margin) // MATCHING_SCALE,
                    search_radius(tiling.search_window),
                    tiling.inclusive_search,
                )
            positions = frame_positions(visits, starts)
        return positions.unflatten(1, (rows, columns)), visits


@model_constructor
def two_stage_align(
    channels: int = 64,
    deformable_groups: int = 8,
    interpolation: bool = True,
    patch_matching: bool = True,
    noise_map: str = "variance",
    patch: int = 64,
    margin: int = 4,
    search_window: int = 48,
    max_batch: int = 16,
    inclusive_search: bool = False,
) -> TwoStageNet:
    """The published network by default, with the tiles of its REDS4 evaluation.

    Args:
        channels, deformable_groups, interpolation: see :class:`BurstReconstruction`.
        patch_matching: False leaves stage one out.
        noise_map: see :class:`TwoStageNet`.
        patch, margin, search_window, max_batch, inclusive_search: see :class:`Tiling`.
    """
    return TwoStageNet(
        BurstReconstruction(channels, deformable_groups, interpolation),
        FeatureDownsampler() if patch_matching else None,
        Tiling(patch, margin, search_window, max_batch, inclusive_search),
        noise_map,
    )
