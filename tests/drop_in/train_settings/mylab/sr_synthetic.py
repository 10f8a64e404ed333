"""Super-resolution of synthetic bursts, written as for the original DBSR toolkit."""

# mypy: ignore-errors

import torch.optim as optim

import actors.dbsr_actors as dbsr_actors
import data.transforms as tfm
import dataset as datasets
import models.dbsr.dbsrnet as dbsr_nets
from admin.multigpu import MultiGPU
from data import DataLoader, processing, sampler
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from trainers import SimpleTrainer


def run(settings):
    settings.description = "a user's own DBSR"
    settings.batch_size = 1
    settings.num_workers = 0
    settings.multi_gpu = True
    settings.print_interval = 1

    settings.crop_sz = (96, 96)
    settings.burst_sz = 2
    settings.downsample_factor = 4
    settings.burst_transformation_params = {
        "max_translation": 24.0,
        "max_rotation": 1.0,
        "max_shear": 0.0,
        "max_scale": 0.0,
        "border_crop": 24,
    }
    settings.burst_reference_aligned = True
    settings.image_processing_params = {
        "random_ccm": True,
        "random_gains": True,
        "smoothstep": True,
        "gamma": True,
        "add_noise": True,
    }

    own_photographs = datasets.ImageFolder(root=settings.env.imagefolder_dir)
    transform_train = tfm.Transform(tfm.ToTensorAndJitter(0.0, normalize=True), tfm.RandomHorizontalFlip())
    data_processing_train = processing.SyntheticBurstProcessing(
        settings.crop_sz,
        settings.burst_sz,
        settings.downsample_factor,
        burst_transformation_params=settings.burst_transformation_params,
        transform=transform_train,
        image_processing_params=settings.image_processing_params,
    )
    dataset_train = sampler.RandomImage(
        [own_photographs], [1], samples_per_epoch=settings.batch_size * 2, processing=data_processing_train
    )
    loader_train = DataLoader(
        "train",
        dataset_train,
        training=True,
        num_workers=settings.num_workers,
        stack_dim=0,
        batch_size=settings.batch_size,
    )

    net = dbsr_nets.dbsrnet_cvpr2021(
        enc_init_dim=8,
        enc_num_res_blocks=1,
        enc_out_dim=8,
        dec_init_conv_dim=8,
        dec_num_pre_res_blocks=1,
        dec_post_conv_dim=8,
        dec_num_post_res_blocks=1,
        upsample_factor=8,
        offset_feat_dim=8,
        weight_pred_proj_dim=8,
        num_weight_predictor_res=1,
        gauss_blur_sd=1.0,
        icnrinit=True,
    )
    if settings.multi_gpu:
        net = MultiGPU(net, dim=0)

    objective = {"rgb": PixelWiseError(metric="l1", boundary_ignore=40), "psnr": PSNR(boundary_ignore=40)}
    loss_weight = {"rgb": 1.0}
    actor = dbsr_actors.DBSRSyntheticActor(net=net, objective=objective, loss_weight=loss_weight)

    optimizer = optim.Adam([{"params": actor.net.parameters(), "lr": 1e-4}], lr=2e-4)
    lr_scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=[300, 400], gamma=0.2)
    trainer = SimpleTrainer(actor, [loader_train], optimizer, settings, lr_scheduler)
    trainer.train(500, load_latest=True, fail_safe=True)
