"""The loader: reproducible whatever the workers, from any batch on."""

import logging
import os
import pickle
import random
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data

from admin.tensordict import TensorDict
from data import DataLoader, processing, sampler
from data.loader import collate
from tests.golden.cases.sampling import StandInDataset
from utils.draws import SampleKey

PHOTO = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)


class Photos(StandInDataset):
    def get_image(self, image_id, info=None):
        return np.roll(PHOTO, image_id, axis=0), {}


class Keys(torch.utils.data.Dataset):
    """Items that say which key was asked for, and which process answered."""

    def __init__(self, count: int = 10) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key):
        assert isinstance(key, SampleKey)
        return {"index": int(key), "seed": key.seed, "epoch": key.epoch, "pid": os.getpid()}


def noisy_bursts(samples: int = 12) -> sampler.RandomImage:
    small = processing.DenoisingProcessing(8, 3, 2, 1, 2)
    return sampler.RandomImage([Photos("photos", 5, 1)], [1], samples, processing=small)


def indices(loader: DataLoader) -> list[list[int]]:
    return [batch["index"].tolist() for batch in loader]


def test_batches_do_not_depend_on_workers_and_any_batch_can_be_the_first():
    loaders = [DataLoader("train", noisy_bursts(), batch_size=3, num_workers=count) for count in (0, 2)]
    for loader in loaders:
        loader.start(seed=5, epoch=3)
    alone, together = (list(loader) for loader in loaders)
    assert len(alone) == 4
    for ours, theirs in zip(alone, together, strict=True):
        assert ours["sample"] == theirs["sample"]
        assert torch.equal(ours["burst"], theirs["burst"])
    for loader in loaders:
        loader.start(seed=5, epoch=3, first_batch=2)
        rest = list(loader)
        assert len(loader) == 4
        assert [batch["sample"] for batch in rest] == [batch["sample"] for batch in alone[2:]]
        assert torch.equal(rest[0]["burst"], alone[2]["burst"])


def test_workers_live_as_long_as_the_loader():
    loader = DataLoader("train", Keys(), batch_size=5, num_workers=1)
    pids = {int(pid) for _ in range(2) for batch in loader for pid in batch["pid"]}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_shuffled_indices_are_complete_and_new_in_each_epoch():
    loader = DataLoader("train", Keys(), batch_size=5, shuffle=True)
    orders = []
    for seed, epoch in ((0, 0), (0, 1), (1, 0), (0, 0)):
        loader.start(seed, epoch)
        orders.append([index for batch in indices(loader) for index in batch])
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] == orders[3]
    assert len({tuple(order) for order in orders}) == 3


def test_training_goes_on_to_the_next_epoch_and_validation_stays():
    for training, epochs in ((True, [4, 5, 6]), (False, [4, 4, 4])):
        loader = DataLoader("x", Keys(), training=training, batch_size=5)
        loader.start(seed=1, epoch=4)
        assert [int(next(iter(loader))["epoch"][0]) for _ in range(3)] == epochs


def test_first_batch_counts_for_one_iteration_only():
    loader = DataLoader("x", Keys(), training=False, batch_size=5)
    loader.start(seed=0, epoch=0, first_batch=1)
    assert [len(indices(loader)) for _ in range(2)] == [1, 2]
    with pytest.raises(ValueError, match="2 batches, there is no batch 3"):
        loader.start(seed=0, epoch=0, first_batch=3)


def test_own_samplers_and_collation_are_honoured():
    assert indices(DataLoader("x", Keys(), batch_size=2, sampler=[7, 1, 4, 4])) == [[7, 1], [4, 4]]
    batches = DataLoader("x", Keys(), batch_sampler=[[3], [1, 2], [0]])
    batches.start(seed=9, epoch=0, first_batch=1)
    assert [(batch["index"].tolist(), int(batch["seed"][0])) for batch in batches] == [([1, 2], 9), ([0], 9)]
    own = DataLoader("x", Keys(), batch_size=2, collate_fn=lambda items: [item["index"] for item in items])
    assert next(iter(own)) == [0, 1]
    with pytest.raises(ValueError, match="not both"):
        DataLoader("x", Keys(), shuffle=True, sampler=[0])


def test_distributed_samplers_are_told_the_epoch():
    shares: Any = torch.utils.data.DistributedSampler(Keys(), num_replicas=2, rank=0, seed=3)
    loader = DataLoader("x", Keys(), batch_size=5, sampler=shares)
    loader.start(seed=0, epoch=6)
    list(loader)
    assert shares.epoch == 6


def test_incomplete_batches_are_dropped_unless_told_otherwise():
    assert len(DataLoader("x", Keys(), batch_size=4)) == 2
    loader = DataLoader("x", Keys(), batch_size=4, drop_last=False)
    assert [len(batch) for batch in indices(loader)] == [4, 4, 2]


def test_a_loader_without_a_batch_warns(caplog):
    with caplog.at_level(logging.WARNING):
        DataLoader("val", Keys(3), batch_size=4)
    assert "'val'" in caplog.text
    assert "drop_last=False" in caplog.text


def test_loading_leaves_the_global_generators_alone():
    states = global_states()
    list(DataLoader("train", noisy_bursts(), batch_size=3, shuffle=True))
    assert global_states() == states


def global_states() -> list[str]:
    return [str(state) for state in (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state())]  # noqa: NPY002


def test_everything_a_spawned_worker_needs_can_be_pickled():
    loader = DataLoader("train", noisy_bursts(), batch_size=3, stack_dim=1)
    dataset, collate_fn, init = pickle.loads(pickle.dumps((loader.dataset, loader.collate_fn, loader.worker_init_fn)))
    assert torch.equal(collate_fn([dataset[0]])["burst"], loader.collate_fn([loader.dataset[0]])["burst"])
    init(0)


def test_burst_axis_can_come_first():
    loader = DataLoader("train", noisy_bursts(), batch_size=4, stack_dim=1)
    assert next(iter(loader))["burst"].shape == (3, 4, 3, 8, 8)
    with pytest.raises(ValueError, match="stack_dim=2"):
        DataLoader("train", noisy_bursts(), stack_dim=2)


def test_numpy_values_are_collated_like_tensors_and_numbers():
    items = [
        TensorDict(
            image=np.full((2, 2), i, np.float32), gain=np.float32(i), n=np.int64(i), ok=np.bool_(i), name=np.str_(i)
        )
        for i in range(2)
    ]
    batch = collate(items)
    assert batch["image"].shape == (2, 2, 2)
    assert batch["image"].dtype == torch.float32
    assert batch["gain"].dtype == torch.float64
    assert batch["n"].tolist() == [0, 1]
    assert batch["ok"].tolist() == [0, 1]
    assert batch["name"] == ["0", "1"]


def test_samples_that_do_not_fit_together_are_named_by_key():
    with pytest.raises(ValueError, match=r"meta\.gt.*\(2,\).*\(3,\)"):
        collate([{"meta": {"gt": torch.zeros(2)}}, {"meta": {"gt": torch.zeros(3)}}])
    with pytest.raises(ValueError, match="'burst'"):
        collate([{"burst": 1, "x": 1}, {"x": 1}])
