"""Recordings of joint denoising and demosaicking: camera model, noise, samples, sequences, metrics, windows."""

from __future__ import annotations

import numpy as np
import torch

from data import camera_pipeline as pipeline
from data import jdd_camera
from data.clip_sampler import window_around
from data.jdd_camera import Camera, NoiseLevel
from data.jdd_processing import JDDProcessing, augmented
from evaluation.common_utils.benchmark import Compared, Item
from evaluation.jdd.benchmark import METRICS
from evaluation.jdd.noisy_clips import noisy_frame
from tests.golden.cases.replay import RecordedDraws
from tests.golden.recording import Case, Judge
from tests.golden.registry import checks
from utils.ops.mosaic import mosaic

PART = "two_stage_align"
FLOAT: dict[str, float] = {"rtol": 1e-4, "atol": 1e-6}


def recorded_photos(case: Case) -> torch.Tensor:
    """RGB in 0..1, [3, H, W] or [N, 3, H, W], of the recorded 8-bit BGR arrays."""
    rgb = case["in.bgr_u8"].flip(-1)
    return rgb.movedim(-1, -3).to(torch.float32) / 255.0


def recorded_camera(case: Case) -> Camera:
    gains = (float(case[f"in.{name}"].reshape(-1)[0]) for name in ("rgb_gain", "red_gain", "blue_gain"))
    return Camera(case["in.rgb2cam"].reshape(3, 3), *gains)


@checks(PART, names=["unprocess*"], functions=["sRGB -> linear raw"])
def unprocess(case: Case, judge: Judge) -> None:
    photo, camera = recorded_photos(case), recorded_camera(case)
    fixed = Camera.fixed(rgb_gain=2.0)
    linear = jdd_camera.photo_to_linear(photo, camera)
    results = {
        "inverse_smoothstep": pipeline.invert_smoothstep(photo),
        "gamma_expansion": pipeline.gamma_expansion(photo),
        "apply_ccm": pipeline.apply_ccm(photo, camera.rgb2cam),
        "safe_invert_gains": pipeline.safe_invert_gains(photo, camera.rgb_gain, camera.red_gain, camera.blue_gain),
        "mosaic": mosaic(photo),
        "linear": linear,
        "linear_mosaic": mosaic(linear),
        "linear_val_metadata": jdd_camera.photo_to_linear(photo, fixed),
    }
    for name, expected in case.group("out.").items():
        judge.close(name, results[name], expected, **FLOAT)
    judge.close("cam2rgb", camera.cam2rgb, case["in.cam2rgb"].reshape(3, 3), rtol=1e-4, atol=1e-5)
    judge.close("fixed rgb2cam", fixed.rgb2cam, case["aux.fixed_rgb2cam"], **FLOAT)
    judge.close("fixed cam2rgb", fixed.cam2rgb, case["aux.fixed_cam2rgb"], rtol=1e-4, atol=1e-5)


@checks(PART, names=["process*"], functions=["linear -> sRGB"])
def process(case: Case, judge: Judge) -> None:
    linear, cam2rgb = case["in.linear"], case["in.cam2rgb"]
    red, blue, rgb = case["in.red_gain"], case["in.blue_gain"], case["in.rgb_gain"]
    balanced = jdd_camera.white_balanced(linear, red, blue)
    tested = jdd_camera.develop(linear, cam2rgb, rgb, red, blue)
    results = {
        "input_after_process_train": balanced,
        "process_train": jdd_camera.to_srgb(balanced, cam2rgb),
        "process_test": tested,
        "process_test_tonemapped": pipeline.apply_smoothstep(tested),
        "ccm": torch.stack([pipeline.apply_ccm(*pair) for pair in zip(linear, cam2rgb, strict=True)]),
        "gamma": pipeline.gamma_compression(linear),
        "smoothstep": pipeline.apply_smoothstep(linear.clamp(0.0, 1.0)),  # the original clips first
    }
    for name, expected in case.group("out.").items():
        if not name.startswith("raw_"):  # unused by everything published, and recorded with flips of wrong axes
            judge.close(name, results[name], expected, **FLOAT)


@checks(PART, names=["noise*"], functions=["noise synthesis*"])
def noise(case: Case, judge: Judge) -> None:
    level, clean, recorded = NoiseLevel(case.kwargs["shot"], case.kwargs["read"]), case["in.clean"], case["aux.noise"]
    deviation = jdd_camera.noise_map(clean, level, "deviation")
    noisy = jdd_camera.add_noise(clean, level, recorded / deviation)
    judge.close("noisy", noisy, case["out.noisy"], **FLOAT)
    judge.close("noisy_unclipped", clean + recorded, case["out.noisy_unclipped"], **FLOAT)
    judge.close("noise_map_train", jdd_camera.noise_map(noisy, level, "variance"), case["out.noise_map_train"], **FLOAT)
    judge.close("noise_map_test", jdd_camera.noise_map(noisy, level, "deviation"), case["out.noise_map_test"], **FLOAT)
    own = jdd_camera.published_test_noise((clean.shape[-2], clean.shape[-1]), case.kwargs["seed"]) * deviation
    judge.close("seeded noise", own, recorded, **FLOAT)
    levels = torch.stack([case["aux.kpn_shot"], case["aux.kpn_read"]], dim=1).tolist() if "aux.kpn_shot" in case else []
    for i, (shot, read) in enumerate(levels):
        drawn = NoiseLevel.draw(RecordedDraws([np.log10(read), np.log10(shot)]))
        judge.close(f"drawn level {i}", [drawn.shot, drawn.read], [shot, read], rtol=1e-6)


@checks(PART, names=["test_sequence*"], functions=["read_rggb_img_seq_opts_joint*"])
def sequence(case: Case, judge: Judge) -> None:
    level, first = NoiseLevel(case.kwargs["shot"], case.kwargs["read"]), case.kwargs["first_seed"]
    for i, photo in enumerate(recorded_photos(case)):
        linear, noisy = noisy_frame(photo, level, first + i)
        judge.close(f"linear {i}", linear, case["out.linear_rgb"][i], **FLOAT)
        judge.close(f"noisy {i}", noisy, case["out.noisy"][i], **FLOAT)
        judge.close(f"noise map {i}", jdd_camera.noise_map(noisy, level, "deviation"), case["out.nmap"][i], **FLOAT)


@checks(PART, names=["train_sample*"], functions=["training sample composition*"])
def train_sample(case: Case, judge: Judge) -> None:
    photos, camera, kwargs = recorded_photos(case), recorded_camera(case), case.kwargs
    level = NoiseLevel(kwargs["shot"], kwargs["read"])
    height, width = photos.shape[-2:]
    processing = JDDProcessing((height, width), use_flip=False, use_rot=False, noise_map_mode="variance")
    # The recording holds the scaled noise, a sample takes it at deviation 1.
    deviation = jdd_camera.noise_map(case["out.GT_raw"], level, "deviation")
    params = {
        "crop": (0, 0),
        "camera": camera,
        "noise_level": level,
        "flip_rows": kwargs["hflip"],
        "flip_columns": kwargs["vflip"],
        "transpose": kwargs["rot90"],
        "noise": case["aux.noise"] / deviation,
    }
    sample = processing.render(list(photos), params)
    names = {"LQs": "burst", "NMaps": "noise_map", "GT": "frame_gt", "GT_raw": "burst_gt"}
    for name, expected in case.group("out.").items():
        judge.close(name, sample[names[name]], expected, **FLOAT)


@checks(PART, names=["augment*"], functions=["augment2"])
def augment(case: Case, judge: Judge) -> None:
    for name, expected in case.group("out.").items():
        judge.equal(name, augmented(case["in.x"], *(flag == "1" for flag in name)), expected)


@checks(PART, names=["index_generation*"], functions=["index_generation"])
def windows(case: Case, judge: Judge) -> None:
    count = case.kwargs["max_n"]
    for padding, rows in case.group("out.").items():
        for centre, expected in enumerate(rows.tolist()):
            if all(0 <= i < count for i in expected):
                judge.equal(f"{padding} {centre}", window_around(centre, count, case.kwargs["N"], padding), expected)


@checks(PART, names=["metrics*"], functions=["calculate_psnr*"])
def metrics(case: Case, judge: Judge) -> None:
    first, second = (case[f"in.{name}"].permute(2, 0, 1)[None] for name in "ab")
    compared = Compared(first, second, Item(first, second[0], {"burst_name": case.name}))
    for metric in METRICS:
        protocol = metric.protocol
        prepared = protocol.prepare(torch.device("cpu"))(compared) if protocol.prepare else compared
        value = float(metric.build(torch.device("cpu"))(prepared))
        judge.close(metric.key, value, case[f"out.{metric.key}"], atol=case.meta["tolerance"][metric.key])
    image = case["in.tensor"].clamp(0, 1).mul(255).round().to(torch.uint8)
    judge.equal("8-bit image", image.permute(1, 2, 0).flip(-1), case["out.image_bgr_u8"])
