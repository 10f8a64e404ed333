"""Transforms: rolls apart from effects, and crops at the cost of the crop."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import data.transforms as tfm
from data.boxes import Box
from utils.draws import Draws

IMAGE = np.random.default_rng(0).integers(0, 256, (11, 17, 3), dtype=np.uint8)


def test_transform_returns_the_image_and_single_transforms_a_dict():
    alone = tfm.ToTensor()(image=IMAGE)["image"]
    assert torch.equal(tfm.Transform(tfm.ToTensor())(image=IMAGE), alone)
    assert torch.equal(tfm.Transform([tfm.ToTensor()])(image=IMAGE), alone)
    assert alone.shape == (3, 11, 17)
    assert float(alone[2, 4, 5]) == pytest.approx(IMAGE[4, 5, 2] / 255)


def test_images_of_a_list_share_one_roll_unless_told_otherwise():
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.9), tfm.RandomHorizontalFlip())
    for seed in range(5):
        first, second = transform(image=[IMAGE, IMAGE], draws=Draws(seed))
        assert torch.equal(first, second)
        first, second = transform(image=[IMAGE, IMAGE], joint=False, draws=Draws(seed))
        assert not torch.equal(first, second)


def test_the_last_roll_can_be_repeated():
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.9), tfm.RandomHorizontalFlip())
    image = transform(image=IMAGE)
    assert torch.equal(transform(image=IMAGE, new_roll=False), image)


def test_draws_decide_the_roll():
    transform = tfm.Transform(tfm.ToTensorAndJitter(0.9), tfm.RandomHorizontalFlip())
    assert torch.equal(transform(image=IMAGE, draws=Draws(3)), transform(image=IMAGE, draws=Draws(3)))
    assert not torch.equal(transform(image=IMAGE, draws=Draws(3)), transform(image=IMAGE, draws=Draws(4)))


def test_flip_happens_about_as_often_as_asked():
    flip = tfm.RandomHorizontalFlip(0.25)
    assert sum(flip.roll(Draws(i)) for i in range(400)) == pytest.approx(100, abs=30)


def test_brightness_stays_in_its_range_and_values_in_theirs():
    jitter = tfm.ToTensorAndJitter(1.5, normalize=False)
    factors = [jitter.roll(Draws(i)) for i in range(200)]
    assert min(factors) >= 0
    assert 2 < max(factors) < 2.5
    assert float(jitter.apply(IMAGE, 2.4).max()) == 255
    assert float(tfm.ToTensorAndJitter(1.5).apply(IMAGE, 2.4).max()) == 1


@given(
    top=st.integers(0, 8), left=st.integers(0, 12), seed=st.integers(0, 50), grey=st.booleans(), unknown=st.booleans()
)
def test_transforming_a_crop_equals_cropping_the_transformed_image(top, left, seed, grey, unknown):
    steps = [tfm.ToBGR(), tfm.RandomHorizontalFlip(), tfm.ToTensorAndJitter(0.5), tfm.RandomHorizontalFlip()]
    if grey:
        steps.insert(0, tfm.ToGrayscale())
    if unknown:  # a transform of the user that does not say which pixels it needs
        steps.append(UpsideDown())
    transform = tfm.Transform(steps)
    box, roll = Box(top, left, 3, 5), transform.roll(Draws(seed))
    assert torch.equal(transform.apply_to_crop(IMAGE, box, roll), box.cut(transform.apply(IMAGE, roll)))


class UpsideDown(tfm.TransformBase):
    def apply(self, image: torch.Tensor, roll: None) -> torch.Tensor:
        return image.flip(-2)


def test_transforms_of_arrays_refuse_tensors_and_say_why():
    with pytest.raises(TypeError, match="before ToTensor"):
        tfm.ToBGR()(image=torch.zeros(3, 4, 4))


def test_something_that_is_no_transform_is_refused():
    with pytest.raises(TypeError, match=r"data\.transforms"):
        tfm.Transform(lambda image: image)  # type: ignore[arg-type]


def test_random_colours_keep_the_planes_and_only_darken() -> None:
    image = torch.stack([torch.full((2, 3), value) for value in (0.2, 0.5, 1.0)])
    orders = set()
    for seed in range(40):
        seen = tfm.RandomColors(0.5)(image=image, draws=Draws(seed))["image"]
        for plane in seen:
            assert plane.unique().numel() == 1
        roll = tfm.RandomColors(0.5).roll(Draws(seed))
        order = sorted(range(3), key=roll[0].__getitem__)
        factors = seen[:, 0, 0] / image[order][:, 0, 0]
        assert ((factors >= 0.5) & (factors < 1)).all()
        orders.add(tuple(order))
    assert len(orders) == 6
