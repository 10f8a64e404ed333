"""TensorDict: tensor methods on a whole batch."""

import pickle

import pytest
import torch

from admin.tensordict import TensorDict


def make() -> TensorDict:
    inner = TensorDict(a=torch.ones(2), name="inner")
    return TensorDict(burst=torch.ones(2, 3), n=3, sample=["x", "y"], meta={"w": torch.ones(1)}, inner=inner)


def test_tensor_methods_reach_tensors_and_nested_dicts_and_leave_the_rest():
    batch = make()
    result = batch.double()
    assert isinstance(result, TensorDict)
    assert isinstance(result["inner"], TensorDict)
    assert result["burst"].dtype == result["inner"]["a"].dtype == torch.float64
    assert result["meta"]["w"].dtype == torch.float32
    assert result["sample"] is batch["sample"]
    assert batch["burst"].dtype == torch.float32


def test_method_arguments_are_handed_on():
    assert make().to(device="cpu", dtype=torch.float16)["burst"].dtype == torch.float16


def test_a_method_that_tensors_do_not_have_is_an_error():
    with pytest.raises(AttributeError, match="flaot"):
        make().flaot()


def test_concat_copy_attribute_and_apply():
    batch = TensorDict(a=torch.ones(2), b=torch.zeros(3))
    joined = batch.concat({"b": 1, "c": 2})
    assert list(joined) == ["a", "b", "c"]
    assert joined["b"] == 1
    assert batch["b"].shape == (3,)
    other = batch.copy()
    other["a"] = None
    assert isinstance(other, TensorDict)
    assert batch["a"] is not None
    assert batch.attribute("shape")["b"] == (3,)
    assert TensorDict(x=1).attribute("shape", None)["x"] is None
    assert float(batch.apply(torch.add, 2)["b"].sum()) == 6


def test_pickles_for_worker_processes():
    back = pickle.loads(pickle.dumps(make()))
    assert isinstance(back, TensorDict)
    assert torch.equal(back["inner"]["a"], torch.ones(2))
