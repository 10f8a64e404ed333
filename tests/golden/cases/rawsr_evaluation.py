"""Recordings of RawSR's test loader, tiles, metrics, reading of RAW files, and of a whole evaluation."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from dataset.rawsr_pairs import RawSRPairs
from evaluation.common_utils.benchmark import Compared, Item
from evaluation.common_utils.metrics import psnr, ssim
from evaluation.common_utils.tiles import restore_in_tiles, tile_starts
from evaluation.rawsr.benchmark import SRGB, call_rawsr, eight_bit, mean_absolute_error
from evaluation.rawsr.test_sets import StoredPairs
from models.loss.image_quality_v2 import PSNR, SSIM, PixelWiseError
from models.rawsr.rawsrnet import rawsr
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from utils.image_io import write_image
from utils.raw_files import encoded_reference, read_raw_as_original, remosaicked

PART = "rawsr"
CPU = torch.device("cpu")


def planes(pixels: torch.Tensor) -> torch.Tensor:
    """[..., H, W, C] as [..., C, H, W]."""
    return pixels.movedim(-1, -3).contiguous()


def stored_pair(folder: Path, name: str, gt_name: str, case: Case, prefix: str) -> StoredPairs:
    """The recorded pair in the published layout; its reference as PNG, since JPEG decoders differ."""
    testing = folder / "Testing"
    for part in ("TrainingSet", "GT"):
        (testing / part).mkdir(parents=True, exist_ok=True)
    np.save(testing / "TrainingSet" / f"{name}.npy", case[f"{prefix}raw"].numpy())
    np.save(testing / "GT" / f"{gt_name}.npy", case[f"{prefix}gt"].numpy())
    write_image(testing / "ISP" / f"{name}.png", case[f"{prefix}isp_u8"].numpy())
    return StoredPairs("", case.kwargs["scale"], folder)


@checks(PART, names=["tiles_*"])
def check_tiles(case: Case, judge: Judge) -> None:
    scale, tile, step = (int(case.kwargs[key]) for key in ("scale", "crop", "step"))
    with tempfile.TemporaryDirectory() as folder:
        name, gt_name = (str(case.meta[key]).rstrip(".") for key in ("name", "gt_name"))
        pairs = stored_pair(Path(folder), name, gt_name, case, "in.")
        judge.equal("name of the ground truth", RawSRPairs("", "test", folder).get_scene(0), gt_name)
        burst, gt, info = pairs[0]
    raw, isp = burst[0], info["isp"]
    height, width = raw.shape[-2:]
    judge.equal("trimmed size", [height, width], [case.meta["h"], case.meta["w"]])
    assert gt is not None
    judge.equal("gt", gt, planes(case["out.gt"]))

    rows, columns = tile_starts(height, tile, step), tile_starts(width, tile, step)
    offsets = [(row, column) for row in rows for column in columns]
    judge.equal("offsets", np.array(offsets), case["out.offsets"])
    mask = torch.zeros(scale * height, scale * width)
    for row, column in offsets:
        mask[scale * row : scale * (row + tile), scale * column : scale * (column + tile)] += 1
    judge.equal("mask", mask, case["out.mask"])

    seen: list[tuple[torch.Tensor, ...]] = []
    results = planes(case["in.tile_results"])

    def recorded_network(*part: torch.Tensor) -> torch.Tensor:
        seen.append(part)
        return results[len(seen) - 1][None]

    merged = restore_in_tiles(recorded_network, (raw[None], isp[None]), tile, step, scale).clamp(0, 1)
    judge.equal("raw_tiles", torch.cat([part[0] for part in seen]), planes(case["out.raw_tiles"]))
    judge.equal("isp_tiles", torch.cat([part[1] for part in seen]), planes(case["out.isp_tiles"]))
    judge_picture(judge, "", merged, case["out.merged_255"], case["out.png_u8"], atol=1e-4, near=1e-3)


def judge_picture(
    judge: Judge,
    prefix: str,
    merged: torch.Tensor,
    merged_255: torch.Tensor,
    png: torch.Tensor,
    atol: float,
    near: float,
) -> None:
    """The merged image [1, 3, H, W], and the published 8-bit file: truncated, so free where close to a whole number."""
    judge.close(f"{prefix}merged_255", 255 * merged[0], planes(merged_255), atol=atol)
    ours = torch.from_numpy(eight_bit(merged[0], truncate=True))
    close = (merged_255 - merged_255.round()).abs() <= near
    judge.equal(f"{prefix}png_u8", ours[~close], png[~close])
    judge.close(f"{prefix}png_u8 near whole numbers", ours[close], png[close], atol=1)


@checks(PART, names=["eval_*"])
def check_evaluation(case: Case, judge: Judge) -> None:
    net = rawsr(**case.kwargs)
    net.load_state_dict(case.group("state."))
    scale, tile = int(case.kwargs["scale"]), int(case.meta["crop"])
    judge.equal("step", int(case.meta["step"]), tile // 2)
    metrics = [metric.build(CPU) for metric in (mean_absolute_error(SRGB), psnr(SRGB), ssim(SRGB))]
    tolerances = (2e-6, 1e-3, 5e-5)
    scores = []
    for number in range(int(case.meta["n"])):
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            burst, gt, info = stored_pair(Path(folder), "a0000-img0000", "a0000-img", case, f"in.{number}.")[0]
            merged = call_rawsr(net, burst[None], info, tile, scale).clamp(0, 1)
        out = case.group(f"out.{number}.")
        judge_picture(judge, f"{number}.", merged, out["merged_255"], out["png_u8"], atol=5e-3, near=5e-3)
        assert gt is not None
        compared = Compared(merged, gt[None], Item(burst, gt, info))
        scores.append([float(measure(compared)) for measure in metrics])
        for name, value, expected, atol in zip(
            ("l1", "psnr", "ssim"), scores[-1], out["l1_psnr_ssim"].tolist(), tolerances, strict=True
        ):
            judge.close(f"{number}.{name}", value, expected, atol=atol)
    means = np.mean(scores, axis=0)
    for value, expected, atol in zip(means, case["out.mean_l1_psnr_ssim"].tolist(), tolerances, strict=True):
        judge.close("mean", value, expected, atol=atol)


@checks(PART, names=["metrics*"])
def check_metrics(case: Case, judge: Judge) -> None:
    for number in range(int(case.meta["n"])):
        x, gt, out = planes(case[f"in.{number}.x"]), planes(case[f"in.{number}.gt"]), case.group(f"out.{number}.")
        judge.close("psnr", PSNR().per_image(x, gt), out["psnr_per_image"], atol=1e-3)
        similarity = SSIM(use_for_loss=False, val_range=1.0).per_image(x, gt)
        judge.close("ssim", similarity, out["ssim_per_image"], atol=2e-5)
        for name in ("l1", "l2"):
            judge.close(name, PixelWiseError(name)(x, gt)[None], out[name], atol=1e-6)


@checks(PART, names=["remosaic_gamma*"])
def check_remosaicking(case: Case, judge: Judge) -> None:
    judge.close("mosaic", remosaicked(case["in.rgb16"].numpy()), case["out.mosaic"], atol=1e-6)
    judge.close("srgb", encoded_reference(case["in.linear_u8"].numpy(), 255), case["out.srgb"], atol=1e-6)


@checks(PART, names=["real_*"])
def check_real_file(case: Case, judge: Judge) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shot.dng"
        path.write_bytes(case["in.dng_bytes"].numpy().tobytes())
        photo = read_raw_as_original(path)
    judge.equal("mosaic", photo.mosaic, case["out.mosaic"])
    expected = case["out.isp_linear_u8"].numpy()
    levels = encoded_reference(np.arange(256), 255)
    judge.few_steps("isp_linear_u8", np.searchsorted(levels, photo.reference - 1e-5), expected, share=1e-3)
    judge.close("isp of the recorded values", encoded_reference(expected, 255), case["out.isp"], atol=1e-6)
    judge.equal("lowres_png_u8", eight_bit(planes(case["out.isp"]), truncate=True), case["out.lowres_png_u8"])
    tile, step = int(case.kwargs["crop"]), int(case.kwargs["step"])
    rows, columns = (tile_starts(size, tile, step) for size in photo.mosaic.shape)
    judge.equal("n_tiles", [len(rows) * len(columns)], case["out.n_tiles"])
