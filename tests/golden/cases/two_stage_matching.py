"""Patch matching, tiles and whole-frame inference against their recordings; positions are exact."""

from __future__ import annotations

import torch

from data.jdd_camera import develop
from models.loss.image_quality_v2 import PSNR, SSIM
from models.two_stage_align.features import FeatureDownsampler
from models.two_stage_align.patch_matching import (
    Corner,
    Visit,
    cut_patches,
    frame_positions,
    match_progressively,
    match_softly,
    quarter_size,
)
from models.two_stage_align.similarity import correlation_scores, feature_scores, normalised_cross_correlation
from models.two_stage_align.tiles import merge_tiles, pad_to_next_multiple
from models.two_stage_align.two_stage_net import Tiling, TwoStageNet
from tests.golden.cases.two_stage_networks import GRADIENT_SHARE, PART, reconstruction
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks

SCORE_ATOL = 1e-5
FEATURE_SCALE = 4


@checks(PART, names=["pad_to_multiple*"], functions=["pad_img_2_setscale"])
def check_padding(case: Case, judge: Judge) -> None:
    padded = pad_to_next_multiple(case["in.x"], case.kwargs["need_scale"])
    judge.equal("y", padded, case["out.y"])
    judge.equal("sizes", torch.tensor([*case["in.x"].shape[-2:], *padded.shape[-2:]]), case["out.sizes"])


@checks(PART, names=["merge_back*"], functions=["merge_back"])
def check_merging(case: Case, judge: Judge) -> None:
    kwargs = case.kwargs
    image = merge_tiles(case["in.patches"], kwargs["h_num"], kwargs["w_num"], 2 * kwargs["patch_extend"])
    expected = case["out.image"]
    canvas = torch.zeros_like(expected)
    canvas[0, :, : image.shape[-2], : image.shape[-1]] = image  # the recorded canvas may be larger than the tiles
    judge.equal("image", canvas, expected)


@checks(PART, names=["ncc*"], functions=["normalised cross-correlation"])
def check_correlation(case: Case, judge: Judge) -> None:
    tolerance = case.meta["tolerance"]
    x = case["in.x"].clone().requires_grad_()
    result = normalised_cross_correlation(x, case["in.y"])
    judge.close("per sample", result, case["out.per_sample"], **tolerance)
    judge.close("sum", result.sum(), case["out.sum"], **tolerance)
    terms = case["out.map"]
    judge.close("map, summed", result.detach(), terms.flatten(1).sum(dim=1), **tolerance)
    # The gradient of a constant sample is not defined in the original; it is zero here.
    result.sum().backward()
    varies = (case["in.y"].flatten(1).std(dim=1) > 0) & (x.detach().flatten(1).std(dim=1) > 0)
    assert x.grad is not None
    judge.relative_to_max("grad_in.x", x.grad[varies], case["grad_in.x"][varies], GRADIENT_SHARE)


@checks(PART, names=["pbm_test_mode*", "pbm_image_ncc*"], functions=["progressive patch matching*"])
def check_hard_matching(case: Case, judge: Judge) -> None:
    kwargs = case.kwargs
    size, frames, nmaps = kwargs["patch"], case["in.frames"], case["in.nmap"]
    by_images = "in.features" not in case
    visits: list[tuple[int, Visit]] = []
    patches, nmap_patches = [], []
    for item in range(len(frames)):
        features = quarter_size(frames[item]) if by_images else case["in.features"][item]
        starts = torch.tensor([[kwargs["start_row"], kwargs["start_col"]]]) // FEATURE_SCALE
        found = match_progressively(
            features,
            starts,
            size // FEATURE_SCALE,
            kwargs["search_radius_lr"],
            score=correlation_scores if by_images else feature_scores,
        )
        visits += [(item, visit) for visit in found]
        positions = frame_positions(found, starts)
        patches.append(cut_patches(frames[item], positions, size))
        nmap_patches.append(cut_patches(nmaps[item], positions, size))
    judge_visits(judge, case, [(item, visit, 0) for item, visit in visits])
    judge.equal("patches", torch.cat(patches), case["out.patches"])
    judge.equal("nmap_patches", torch.cat(nmap_patches), case["out.nmap_patches"])


def judge_visits(judge: Judge, case: Case, visits: list[tuple[int, Visit, int]]) -> None:
    """All searches in the recorded order, as (burst or tile in the record, visit, patch in the visit's search)."""
    judge.equal(
        "frame_order", torch.tensor([(item, visit.frame) for item, visit, _ in visits]), case["out.frame_order"]
    )
    for level in ("coarse", "fine"):
        matches = [(getattr(visit, level), patch) for _, visit, patch in visits]
        judge.equal(f"{level}_pos", torch.stack([m.positions[k] for m, k in matches]), case[f"out.{level}_pos"])
        judge.equal(f"{level}_count", torch.stack([m.candidates[k] for m, k in matches]), case[f"out.{level}_count"])
        scores = torch.stack([m.scores[k] for m, k in matches])
        judge.close(f"{level}_score", scores, case[f"out.{level}_score"], atol=SCORE_ATOL)


@checks(PART, names=["pbm_train_mode*"], functions=["patch matching, training mode*"])
def check_soft_matching(case: Case, judge: Judge) -> None:
    kwargs, tolerance = case.kwargs, case.meta["tolerance"]
    close = {"rtol": tolerance["rtol"], "atol": tolerance["atol"]}
    steps = sorted({int(name.split(".")[0].removeprefix("step")) for name in case.group("out.")})
    for step in steps:
        late = step > 300_000
        weights_close = {"rtol": tolerance["rtol"], "atol": 1e-3} if late else close
        features = case["in.features"].clone().requires_grad_()
        found = match_softly(
            torch.cat((case["in.frames"], case["in.nmap"]), dim=2),
            features,
            Corner(kwargs["start_row"], kwargs["start_col"]),
            kwargs["patch"],
            kwargs["search_radius_lr"],
            1e-3 if late else 1e-2,
            case["in.gt_raws"],
        )
        recorded = case.group(f"out.step{step}.")
        patches, nmap_patches = found.patches.split(case["in.frames"].shape[2], dim=2)
        # Patches are mixed with the weights, whose rounding the low temperature amplifies.
        judge.close(f"{step}: patches", patches, recorded["patches"], **weights_close)
        judge.close(f"{step}: nmap_patches", nmap_patches, recorded["nmap_patches"], **weights_close)
        assert found.clean_scores is not None
        # Recorded one after the other: for each burst its visits.
        for what, values, allowed in (
            ("score", found.scores, close),
            ("weight", found.weights, weights_close),
            ("gt_score", found.clean_scores, close),
        ):
            for visit, value in enumerate(values.flatten(0, 1)):
                expected = recorded[f"{what}.{visit}"]
                judge.close(f"{step}: {what} {visit}", value.reshape(expected.shape), expected, **allowed)
        loss = (patches * case["in.probe_patches"]).sum() + (nmap_patches * case["in.probe_nmap"]).sum()
        loss.backward()
        assert features.grad is not None
        judge.relative_to_max(f"{step}: gradient", features.grad, case[f"grad_in.features.step{step}"], GRADIENT_SHARE)


@checks(PART, names=["two_stage_test_method*"], functions=["two-stage inference as used for validation*"])
def check_validation_inference(case: Case, judge: Judge) -> None:
    image = restored(case, judge)
    tolerance = case.meta["tolerance"]
    judge.close("image", image, case["out.image"], tolerance["rtol"], tolerance["atol"])


@checks(PART, names=["two_stage_test_script*"], functions=["two-stage inference as in the stand-alone test scripts*"])
def check_test_inference(case: Case, judge: Judge) -> None:
    tolerance = case.meta["tolerance"]
    linear = restored(case, judge)
    judge.close("linear", linear, case["out.linear"], tolerance["rtol"], tolerance["atol"])
    camera = [case["in.cam2rgb"][None], *(case[f"in.{name}_gain"] for name in ("rgb", "red", "blue"))]
    srgb, gt = develop(linear, *camera), develop(case["in.gt_linear"], *camera)
    judge.close("srgb", srgb, case["out.srgb"], atol=tolerance["srgb_atol"])
    judge.close("gt_srgb", gt, case["out.gt_srgb"], atol=tolerance["srgb_atol"])
    images = (srgb.double(), gt.double())
    judge.close("psnr", PSNR()(*images), case["out.psnr"], atol=tolerance["psnr"])
    judge.close("ssim", SSIM(use_for_loss=False, val_range=1.0)(*images), case["out.ssim"], atol=tolerance["ssim"])


def restored(case: Case, judge: Judge) -> torch.Tensor:
    """The whole frame restored by the recorded networks; also judges where every tile was found."""
    net = recorded_net(case)
    with torch.no_grad():
        image, _ = net(case["in.frames"], case["in.nmap"])
        positions, visits = net.matched_tiles(net.padded(case["in.frames"][0]))
    tiles = positions.shape[1] * positions.shape[2]
    judge_visits(judge, case, [(0, visit, tile) for tile in range(tiles) for visit in visits])
    if "out.grid" in case:
        judge.equal("grid", torch.tensor(positions.shape[1:3]), case["out.grid"])
    return image


def recorded_net(case: Case) -> TwoStageNet:
    """Both recorded networks as one, in evaluation mode."""
    kwargs = case.kwargs
    features = FeatureDownsampler(kwargs.get("DS", {}).get("input_channels", 4))
    tiling = Tiling()
    if "patch" in kwargs:
        tiling = Tiling(kwargs["patch"], kwargs["patch_extend"], kwargs["search_window"], kwargs["max_batch"])
    net = TwoStageNet(reconstruction(kwargs["G"]), features, tiling)
    net.reconstruction.load_state_dict(case.group("state.G."))
    features.load_state_dict(case.group("state.DS."))
    return net.eval()
