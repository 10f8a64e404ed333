"""Recordings of the camera pipeline, crops, post-processing and raw helpers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from data import camera_pipeline as cp
from data import processing_utils, raw_image_processing
from data.postprocessing_functions import DenoisingPostProcess, Identity, SimplePostProcess
from tests.golden.cases.replay import RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from utils import data_format_utils as formats

PART = "data_and_evaluation"
FLOAT: dict[str, float] = {"rtol": 1e-5, "atol": 1e-6}


@checks(PART, names=["camera_functions*"], functions=["data.camera_pipeline.*"])
def camera_functions(case: Case, judge: Judge) -> None:
    image, wide, gains, ccm = case["in.image"], case["in.image_wide"], case["in.gains"].tolist(), case["in.ccm"]
    results: dict[str, torch.Tensor] = {}
    for name in ("apply_smoothstep", "invert_smoothstep", "gamma_expansion", "gamma_compression"):
        results[name], results[f"{name}_wide"] = getattr(cp, name)(image), getattr(cp, name)(wide)
    results["apply_ccm"] = cp.apply_ccm(image, ccm)
    results["apply_ccm_inverse"] = cp.apply_ccm(image, ccm.inverse())
    results["apply_gains3"] = cp.apply_gains(image, *gains)
    results["apply_gains4"] = cp.apply_gains(case["in.image4"], *gains)
    results["safe_invert_gains"] = cp.safe_invert_gains(image, *gains)
    results["safe_invert_gains_wide"] = cp.safe_invert_gains(wide, *gains)
    for mode in ("rggb", "grbg"):
        results[f"mosaic_{mode}"] = cp.mosaic(image, mode)
        results[f"mosaic_{mode}_batch"] = cp.mosaic(case["in.batch"], mode)
    results["add_noise"] = cp.add_noise(case["in.image4"], 0.008, 0.0003, noise=case["in.noise"])
    results["add_noise_default"] = cp.add_noise(case["in.image4"], noise=case["in.noise"])
    for name, expected in case.group("out.").items():
        judge.close(name, results[name], expected, **FLOAT)


@checks(PART, names=["camera_random*"], functions=["random_ccm*"])
def camera_random(case: Case, judge: Judge) -> None:
    for i, weights in enumerate(case["in.ccm_weights"].tolist()):
        rgb2cam = cp.random_ccm(RecordedDraws(weights))
        judge.close(f"rgb2cam {i}", rgb2cam, case["out.rgb2cam"][i], atol=2e-6)
        judge.close(f"cam2rgb {i}", rgb2cam.inverse(), case["out.cam2rgb"][i], atol=2e-6)
        levels = cp.random_noise_levels(RecordedDraws(case["in.noise_draws"][i].tolist()))
        judge.close(f"noise levels {i}", levels, case["out.noise_levels"][i], rtol=1e-12)
        gains = cp.random_gains(RecordedDraws(case["in.gain_draws"][i].tolist()))
        judge.close(f"gains {i}", gains, case["out.gains"][i], rtol=1e-12)


@checks(PART, names=["crops*"], functions=["data.processing_utils.*"])
def crops(case: Case, judge: Judge) -> None:
    image, meta = case["in.image"], case.meta
    for i, record in enumerate(meta["random_resized_crop"]):
        draws = RecordedDraws(value for _, value in record["draws"])
        crop = processing_utils.random_resized_crop(image, **record["kwargs"], draws=draws)
        judge.close(f"random_resized_crop {i}", crop, case[f"out.random_resized_crop_{i}"], atol=2e-6)
    for i, size in enumerate(meta["center_crop_sizes"]):
        judge.equal(f"center_crop {i}", processing_utils.center_crop(image, size), case[f"out.center_crop_{i}"])
    for i, record in enumerate(meta["random_crop"]):
        r1, r2, c1, c2 = record["box_r1_r2_c1_c2"]
        crop, box = processing_utils.random_crop(image, record["crop_sz"], True, draws=RecordedDraws([r1, c1]))
        judge.equal(f"random_crop {i} box", box, (r1, r2, c1, c2))
        judge.equal(f"random_crop {i}", crop, case[f"out.random_crop_{i}"])


@checks(PART, names=["postprocess*"], functions=["data.postprocessing_functions.*"])
def postprocessing(case: Case, judge: Judge) -> None:
    image = case["in.image"]
    rgb_gain, red_gain, blue_gain = case["in.gains"].tolist()
    meta: dict[str, Any] = {"rgb_gain": rgb_gain, "red_gain": red_gain, "blue_gain": blue_gain}
    meta.update(cam2rgb=case["in.cam2rgb"], gamma=True, smoothstep=True)
    white = {"white_level": case["in.white_level"]}
    results = {
        "simple": SimplePostProcess().process(image, meta),
        "simple_np": SimplePostProcess(return_np=True).process(image, meta),
        "simple_meta_off": SimplePostProcess().process(image, {**meta, "gamma": False, "smoothstep": False}),
        "identity": Identity().process(image),
        "identity_noclamp": Identity(clamp=False).process(image),
        "identity_np": Identity(return_np=True).process(image),
        "denoise": DenoisingPostProcess().process(image, white),
        "denoise_noclamp": DenoisingPostProcess(clamp=False).process(image, white),
        "denoise_np": DenoisingPostProcess(return_np=True).process(image, white),
        "denoise_gray_np": DenoisingPostProcess(return_np=True).process(image[:1], white),
        "gamma_values": DenoisingPostProcess.apply_gamma(case["in.gamma_values"]),
    }
    for step in ("gains", "ccm", "gamma", "smoothstep"):
        results[f"simple_no_{step}"] = SimplePostProcess(**{step: False}).process(image, meta)
    for name, expected in case.group("out.").items():
        if expected.dtype == torch.uint8:
            judge.few_steps(name, results[name], expected, share=0.005)
        else:
            judge.close(name, results[name], expected, rtol=1e-5, atol=2e-6)


@checks(PART, names=["raw_and_format_utils*"], functions=["data.raw_image_processing.*"])
def raw_and_format_utils(case: Case, judge: Judge) -> None:
    meta, bayer = case.meta, case["in.bayer"].numpy()
    color_desc = meta["color_desc"].encode()
    for name, pattern in meta["raw_pattern"].items():
        raw = SimpleNamespace(raw_image_visible=bayer, color_desc=color_desc, raw_pattern=np.array(pattern))
        found = raw_image_processing.get_bayer_pattern(color_desc, pattern)
        judge.equal(f"pattern {name}", found, meta["bayer_patterns"][name])
        judge.equal(f"color map {name}", raw_image_processing.get_color_map(raw), meta["color_map"])
        judge.equal(f"rggb {name}", raw_image_processing.convert_to_rggb(raw), case[f"out.rggb_{name}"])
        flat = raw_image_processing.convert_to_rggb(raw, four_channel_output=False)
        judge.equal(f"flat rggb {name}", flat, case[f"out.rggb_flat_{name}"])

    packed, packed_torch = case["out.pack"], case["out.pack_torch"]
    judge.equal("pack", raw_image_processing.pack_raw_image(bayer), packed)
    judge.equal("pack tensor", raw_image_processing.pack_raw_image(case["in.bayer"].float()), packed_torch)
    judge.equal("flatten", raw_image_processing.flatten_raw_image(packed.numpy()), case["out.flatten"])
    judge.equal("flatten tensor", raw_image_processing.flatten_raw_image(packed_torch), case["out.flatten_torch"])

    image, image_u8 = case["in.image"], case["in.image_u8"].numpy()
    judge.equal("rggb_to_rgb", formats.rggb_to_rgb(case["in.rggb"]), case["out.rggb_to_rgb"])
    judge.equal("torch_to_npimage", formats.torch_to_npimage(image), case["out.torch_to_npimage"])
    bgr = formats.torch_to_npimage(image, input_bgr=True)
    judge.equal("torch_to_npimage of BGR", bgr, case["out.torch_to_npimage_bgrin"])
    judge.equal("torch_to_npimage of grey", formats.torch_to_npimage(image[:1]), case["out.torch_to_npimage_gray"])
    judge.equal("npimage_to_torch", formats.npimage_to_torch(image_u8), case["out.npimage_to_torch"])
    rgb = formats.npimage_to_torch(image_u8, input_bgr=False)
    judge.equal("npimage_to_torch of RGB", rgb, case["out.npimage_to_torch_rgbin"])
    unscaled = formats.npimage_to_torch(image_u8, normalize=False)
    judge.equal("npimage_to_torch without scaling", unscaled, case["out.npimage_to_torch_nonorm"])

    record = meta["convert_dict"]
    batch = {**record["in"], "a": torch.arange(record["batch_sz"])}
    items = [
        {key: int(value) for key, value in item.items()} for item in formats.convert_dict(batch, record["batch_sz"])
    ]
    judge.equal("convert_dict", items, record["out"])
