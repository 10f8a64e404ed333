"""Colour denoising with an own flow network, written as for the original DeepRep toolkit."""

# mypy: ignore-errors

import torch.optim as optim

import actors.deeprep_actors as deeprep_actors
import data.transforms as tfm
import dataset as datasets
import models.deeprep.deeprepnet as deeprep_nets
from admin.multigpu import MultiGPU
from data import DataLoader, processing, sampler
from models.loss.image_quality_v2 import PSNR, MappedLoss, PixelWiseError
from trainers import SimpleTrainer


def run(settings):
    settings.description = "a user's own denoiser"
    settings.batch_size = 2
    settings.num_workers = 0
    settings.multi_gpu = False
    settings.print_interval = 1

    settings.crop_sz = 32
    settings.burst_sz = 3
    settings.downsample_factor = 2
    settings.max_jitter_small = 1
    settings.max_jitter_large = 4

    openimages_train = datasets.OpenImagesDataset(split="train")
    zurich_val = datasets.ZurichRAW2RGB(split="test")

    transform_train = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip())
    transform_val = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True))

    processing_train = processing.DenoisingProcessing(
        crop_sz=settings.crop_sz,
        burst_size=settings.burst_sz,
        pre_downsample_factor=settings.downsample_factor,
        max_jitter_small=settings.max_jitter_small,
        max_jitter_large=settings.max_jitter_large,
        return_grayscale=False,
        transform=transform_train,
    )
    processing_val = processing.DenoisingProcessing(
        crop_sz=settings.crop_sz,
        burst_size=settings.burst_sz,
        pre_downsample_factor=settings.downsample_factor,
        max_jitter_small=settings.max_jitter_small,
        max_jitter_large=settings.max_jitter_large,
        return_grayscale=False,
        transform=transform_val,
    )

    dataset_train = sampler.RandomImage(
        [openimages_train], [1], samples_per_epoch=settings.batch_size * 2, processing=processing_train
    )
    dataset_val = sampler.IndexedImage(zurich_val, processing=processing_val)

    loader_train = DataLoader(
        "train",
        dataset_train,
        training=True,
        num_workers=settings.num_workers,
        stack_dim=0,
        batch_size=settings.batch_size,
    )
    loader_val = DataLoader(
        "val",
        dataset_val,
        training=False,
        num_workers=settings.num_workers,
        stack_dim=0,
        batch_size=settings.batch_size,
        epoch_interval=5,
    )

    net = deeprep_nets.deeprep_denoise_custom_flow_iccv21(
        num_iter=1,
        enc_dim=8,
        enc_num_res_blocks=1,
        enc_out_dim=8,
        dec_dim_pre=8,
        dec_num_res_blocks=1,
        dec_in_dim=8,
        use_noise_estimate=True,
        wp_project_dim=8,
        wp_offset_feat_dim=8,
        wp_num_offset_feat_extractor_res=0,
        wp_num_weight_predictor_res=1,
        use_feature_regularization=True,
        align_init_dim=8,
        align_num_res_blocks=2,
        align_ds_factor=4,
        offset_cdim=8,
        offset_predictor_dims=(8, 8),
        corr_max_disp=(2, 3),
    )
    if settings.multi_gpu:
        net = MultiGPU(net, dim=0)

    objective = {
        "rgb": MappedLoss(base_loss=PixelWiseError(metric="l1", boundary_ignore=4), mapping_fn=None),
        "psnr": MappedLoss(base_loss=PSNR(boundary_ignore=4), mapping_fn=None),
        "offsets": PixelWiseError(metric="l2_sqrt", boundary_ignore=4),
        "photometric": PixelWiseError(metric="l1", boundary_ignore=4),
    }
    loss_weight = {"rgb": 1.0, "offsets": 0.0, "photometric": 1.0}
    actor = deeprep_actors.DeepRepDenoisingActor(net=net, objective=objective, loss_weight=loss_weight)

    optimizer = optim.Adam([{"params": actor.net.parameters(), "lr": 1e-4}], lr=2e-4)
    lr_scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=100, gamma=0.2)
    trainer = SimpleTrainer(actor, [loader_train, loader_val], optimizer, settings, lr_scheduler)
    trainer.train(250, load_latest=True, fail_safe=True)
