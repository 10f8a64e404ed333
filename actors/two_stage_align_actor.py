"""Actor of two-stage alignment (Guo et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from actors.base_actor import BaseActor, Objective, Stats, WeightedTerms
from actors.pictures import linear_panels
from data.jdd_camera import develop, to_srgb, white_balanced
from models.loss.charbonnier import edge_mask
from models.two_stage_align.patch_matching import Corner
from models.two_stage_align.two_stage_net import PatchToTrain
from utils.draws import Draws
from utils.suggestions import unknown_name_message

# The published weights. All terms are sums, so how much they count depends on the size of the patch.
LOSS_WEIGHT = {
    "linear": 1.0,
    "srgb": 1.0,
    "inter_linear": 1.0,
    "inter_srgb": 1.0,
    "weight_variance": 1e5,
    "score": 1e3,
}


class TwoStageAlignActor(BaseActor):
    """Trains stage one and stage two together on one random patch of every batch.

    Terms of the loss, all of them sums over all elements: ``linear`` and ``srgb`` compare the restored patch in
    white-balanced (not clipped) and in displayed colours; ``inter_linear`` and ``inter_srgb`` do so for the patch that
    was restored without the centre frame, where the ground truth has fine structure; ``weight_variance`` makes the
    choice between candidates a hard one (their weights sum to one by construction, so the published term for that is
    left out: it is rounding noise); ``score`` pulls the scores of the features towards those of the clean frames.

    In evaluation mode whole frames are restored and compared.

    Args:
        net: a :class:`models.two_stage_align.two_stage_net.TwoStageNet`.
        objective: ``charbonnier`` ``(pred, gt, mask)`` is the error of all terms, ``psnr`` ``(pred, gt)`` is logged.
        loss_weight: ``LOSS_WEIGHT`` by default. Terms that do not apply (no interpolation branch, no stage one) do
            not count.
        patch_size: side of the patch in packed pixels.
        search_window: of stage one in full-resolution pixels.
        search_step: between candidates, in quarter-size pixels.
        inclusive_search: let candidates touch the last row and column.
        temperatures: of the soft choice, up to step ``sharpen_after`` and from then on.
        sharpen_after: see there.
        score_until: ``score`` counts in the steps before this one.

    Raises:
        ValueError: a weight has an unknown name.
    """

    loss_is_sum = True

    def __init__(
        self,
        net: nn.Module,
        objective: Objective,
        loss_weight: Mapping[str, float] | None = None,
        patch_size: int = 64,
        search_window: int = 64,
        search_step: int = 2,
        inclusive_search: bool = False,
        temperatures: tuple[float, float] = (1e-2, 1e-3),
        sharpen_after: int = 300_000,
        score_until: int = 200_000,
    ) -> None:
        super().__init__(net, objective)
        self.loss_weight = dict(LOSS_WEIGHT if loss_weight is None else loss_weight)
        for name in self.loss_weight:
            if name not in LOSS_WEIGHT:
                raise ValueError(unknown_name_message("loss term in loss_weight", name, LOSS_WEIGHT))
        self.patch_size, self.search_window, self.search_step = patch_size, search_window, search_step
        self.inclusive_search, self.temperatures = inclusive_search, temperatures
        self.sharpen_after, self.score_until = sharpen_after, score_until

    def __call__(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """The loss of a batch.

        Args:
            data: ``burst``, ``noise_map`` and, in training with stage one, ``burst_gt`` (clean) [B, N, 4, H, W];
                ``frame_gt`` [B, 3, 2H, 2W] linear sensor RGB of the middle frame; ``meta_info`` with ``red_gain``,
                ``blue_gain``, ``rgb_gain`` [B] and ``cam2rgb`` [B, 3, 3]; ``step`` (1 if absent) and ``settings``,
                whose seed fixes the patch.

        Raises:
            ValueError: the frames are smaller than the patch.
        """
        if not self.net.training:
            return self._validated(data)
        step = int(data.get("step", 1))
        patch = self.patch_of_step(data, step)
        clean = data.get("burst_gt") if step < self.score_until else None
        pred, aux = self.net(data["burst"], data["noise_map"], patch=patch, clean_burst=clean)
        (row, column), size = patch.corner, patch.size
        gt = data["frame_gt"][..., 2 * row : 2 * (row + size), 2 * column : 2 * (column + size)]
        loss, stats = self._terms(pred, gt, aux, data["meta_info"]).total()
        return loss, stats | self._psnr(pred.detach(), gt, data["meta_info"])

    def patch_of_step(self, data: Mapping[str, Any], step: int) -> PatchToTrain:
        """The patch of a batch: the same one in every process, and in a resumed run.

        As published, patches keep away from the right border by their own width, where frames are wide enough.
        """
        height, width = data["burst"].shape[-2:]
        size = self.patch_size
        if min(height, width) < size:
            raise ValueError(f"packed frames of {height} x {width} pixels are smaller than patch_size={size}")
        draws = Draws(data["settings"].seed, step) if "settings" in data else Draws()
        last_column = width - 2 * size - 1 if width > 2 * size else width - size
        return PatchToTrain(
            Corner(draws.integer(0, height - size), draws.integer(0, last_column)),
            size,
            self.search_window,
            self.temperatures[0] if step <= self.sharpen_after else self.temperatures[1],
            self.search_step,
            self.inclusive_search,
        )

    def _terms(
        self, pred: torch.Tensor, gt: torch.Tensor, aux: Mapping[str, Any], camera: Mapping[str, Any]
    ) -> WeightedTerms:
        terms, error = WeightedTerms(), self.objective["charbonnier"]
        mask = edge_mask(gt)  # of what the sensor sees, before white balance
        gt, gt_srgb = _developed(gt, camera)
        for prefix, image, weight in (("", pred, None), ("inter_", aux.get("interpolated"), mask)):
            if image is None:
                continue
            linear, srgb = _developed(image, camera)
            self._add(terms, f"{prefix}linear", error, linear, gt, weight)
            self._add(terms, f"{prefix}srgb", error, srgb, gt_srgb, weight)
        weights = aux.get("weights")
        if weights is not None and weights.shape[-1] > 1 and weights.numel() > 0:
            self._add(terms, "weight_variance", _variance_gap, weights)
        if aux.get("clean_scores") is not None:
            self._add(terms, "score", error, aux["clean_scores"], aux["scores"])
        return terms

    def _add(self, terms: WeightedTerms, name: str, term: Any, *arguments: Any) -> None:
        if name in self.loss_weight:
            terms.add(name, self.loss_weight[name], lambda: term(*arguments))

    def _validated(self, data: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """Whole frames: the errors of the image, PSNR of what is displayed, and of linear colours in 8 bits."""
        pred, _ = self.net(data["burst"], data["noise_map"])
        gt, camera = data["frame_gt"], data["meta_info"]
        middle = data["burst"].shape[1] // 2
        self.show(lambda: linear_panels(data["burst"][:, middle : middle + 1], pred, gt))
        loss, stats = self._terms(pred, gt, {}, camera).total()
        linear8 = (torch.round(255 * image.clamp(0, 1)) / 255 for image in (pred.detach(), gt))
        stats["Stat/psnr_linear8"] = self.objective["psnr"](*linear8)
        return loss, stats | self._psnr(pred.detach(), gt, camera)

    def _psnr(self, pred: torch.Tensor, gt: torch.Tensor, camera: Mapping[str, Any]) -> Stats:
        values = [camera[name] for name in ("cam2rgb", "rgb_gain", "red_gain", "blue_gain")]
        return {"Stat/psnr": self.objective["psnr"](develop(pred, *values), develop(gt, *values))}


def _developed(linear: torch.Tensor, camera: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """White-balanced linear colours, not clipped, and the sRGB of training, without brightness gain."""
    balanced = white_balanced(linear, camera["red_gain"], camera["blue_gain"])
    return balanced, to_srgb(balanced, camera["cam2rgb"])


def _variance_gap(weights: torch.Tensor) -> torch.Tensor:
    """How far the variance of n weights is from 1/n, that of one weight of 1 among zeros; summed over all searches."""
    return (weights.var(dim=-1) - 1 / weights.shape[-1]).abs().sum()
