"""What the four published denoising trainings of DeepRep have in common."""

from __future__ import annotations

from typing import Any

import data.transforms as tfm
import dataset as datasets
from admin.settings import Settings
from data import DataLoader, processing, sampler
from models.loss.image_quality_v2 import PixelWiseError
from train_settings import recipes

# fmt: off
NETWORK: dict[str, Any] = {
    "num_iter": 3, "enc_dim": 32, "enc_num_res_blocks": 4, "enc_out_dim": 64, "dec_dim_pre": 64,
    "dec_num_res_blocks": 9, "dec_in_dim": 16, "use_noise_estimate": True, "wp_project_dim": 16,
    "wp_offset_feat_dim": 8, "wp_num_offset_feat_extractor_res": 0, "wp_num_weight_predictor_res": 1,
}
# The flow network that is trained along.
CUSTOM_FLOW: dict[str, Any] = {
    "use_feature_regularization": True, "align_init_dim": 32, "align_num_res_blocks": 6, "align_ds_factor": 4,
    "offset_cdim": 64, "offset_predictor_dims": (128, 64), "corr_max_disp": (2, 3),
}
# fmt: on

DOWNSAMPLING, SMALL_JITTER, LARGE_JITTER = 4, 2, 16
# The largest crop whose bursts fit into the 448 pixels of Zurich images.
FITTING_CROP = 448 // DOWNSAMPLING - 2 * LARGE_JITTER


def flow_terms(border: int) -> dict[str, PixelWiseError]:
    """The terms of the objective that are about the flow."""
    return {
        "offsets": PixelWiseError(metric="l2_sqrt", boundary_ignore=border),
        "photometric": PixelWiseError(metric="l1", boundary_ignore=border),
    }


def loaders(settings: Settings, grayscale: bool) -> list[DataLoader]:
    """Noisy bursts made from OpenImages, validated on those made from the test images of Zurich RAW to RGB.

    ``val`` is the published validation, whose bursts of 128 pixels do not fit into images of 448: these are padded with
    zeros to 640, so its figures cannot be compared with those of the test sets. ``val_unpadded`` has the same motion in
    crops of 80 pixels, which fit exactly. ``settings`` has ``batch_size``, ``burst_sz`` and ``crop_sz``.
    """
    to_tensor, settings.render_on = tfm.ToTensorAndJitter(0.0, normalize=True), "worker"
    train_set = sampler.RandomImage(
        [recipes.packed_or(settings, lambda: datasets.OpenImagesDataset(split="train"))],
        [1],
        samples_per_epoch=recipes.samples_of(recipes.steps_per_epoch(settings), settings),
        processing=_bursts(settings, settings.crop_sz, grayscale, to_tensor, tfm.RandomHorizontalFlip()),
    )
    photographs = datasets.ZurichRAW2RGB(split="test")
    val_sets = {
        name: sampler.IndexedImage(photographs, processing=_bursts(settings, crop_sz, grayscale, to_tensor))
        for name, crop_sz in (("val", settings.crop_sz), ("val_unpadded", min(settings.crop_sz, FITTING_CROP)))
    }
    return [
        recipes.loader("train", train_set, settings),
        *(recipes.loader(name, val_set, settings, every=5) for name, val_set in val_sets.items()),
    ]


def _bursts(
    settings: Settings, crop_sz: int, grayscale: bool, *transforms: tfm.TransformBase
) -> processing.DenoisingProcessing:
    return processing.DenoisingProcessing(
        crop_sz=crop_sz,
        burst_size=settings.burst_sz,
        pre_downsample_factor=DOWNSAMPLING,
        max_jitter_small=SMALL_JITTER,
        max_jitter_large=LARGE_JITTER,
        return_grayscale=grayscale,
        transform=tfm.Transform(*transforms),
        render_on=settings.render_on,
    )
