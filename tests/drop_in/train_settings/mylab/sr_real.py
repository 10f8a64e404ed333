"""Fine-tuning on real bursts, written as for the original DBSR toolkit: note the list that `IndexedBurst` is given."""

# mypy: ignore-errors

import torch.optim as optim

import actors.dbsr_actors as dbsr_actors
import dataset as datasets
from data import DataLoader, processing, sampler
from models.alignment.pwcnet import PWCNet
from models.loss.image_quality_v2 import PSNR, PixelWiseError
from trainers import SimpleTrainer
from utils.loading import load_network


def run(settings):
    settings.description = "a user's own fine-tuning"
    settings.batch_size = 1
    settings.num_workers = 0
    settings.print_interval = 1
    settings.crop_sz = 12
    settings.burst_sz = 2

    burstsr_train = datasets.BurstSRDataset(split="train")
    burstsr_val = datasets.BurstSRDataset(split="val")
    processing_train = processing.BurstSRProcessing(
        transform=None, random_flip=True, substract_black_level=True, crop_sz=settings.crop_sz
    )
    processing_val = processing.BurstSRProcessing(
        transform=None, random_flip=False, substract_black_level=True, crop_sz=settings.crop_sz
    )
    dataset_train = sampler.RandomBurst(
        [burstsr_train],
        [1],
        burst_size=settings.burst_sz,
        samples_per_epoch=settings.batch_size,
        processing=processing_train,
        random_reference_image=False,
    )
    dataset_val = sampler.IndexedBurst(
        [burstsr_val], burst_size=settings.burst_sz, processing=processing_val, random_reference_image=False
    )
    loader_train = DataLoader(
        "train", dataset_train, training=True, num_workers=settings.num_workers, stack_dim=0, batch_size=1
    )
    loader_val = DataLoader(
        "val", dataset_val, training=False, num_workers=settings.num_workers, stack_dim=0, batch_size=1
    )

    net = load_network("mylab/sr_synthetic")
    alignment_net = PWCNet(
        load_pretrained=True, weights_path=f"{settings.env.pretrained_nets_dir}/pwcnet-network-default.pth"
    )
    objective = {"rgb": PixelWiseError(metric="l1", boundary_ignore=40), "psnr": PSNR(boundary_ignore=40)}
    loss_weight = {"rgb": 10.0}
    actor = dbsr_actors.DBSRRealWorldActor(
        net=net, objective=objective, loss_weight=loss_weight, alignment_net=alignment_net
    )
    optimizer = optim.Adam([{"params": actor.net.parameters(), "lr": 1e-4}], lr=2e-4)
    lr_scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=15, gamma=0.2)
    trainer = SimpleTrainer(actor, [loader_train, loader_val], optimizer, settings, lr_scheduler)
    trainer.train(40, load_latest=True, fail_safe=True)
