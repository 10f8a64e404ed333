"""Scores depend on network and burst alone, come from files and from networks alike, and errors name what is wrong."""

import logging

import pytest
import torch

from evaluation.common_utils import engine
from evaluation.common_utils.benchmark import Compared, Item, Protocol
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor, seeded
from evaluation.common_utils.saved_predictions import SavedPredictions
from tests.evaluation_fixtures import NOISY, Bursts, NoisyMean, call, fabricated, psnr_metric

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def saved_here(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path))
    NoisyMean.calls = 0
    return tmp_path


def values(scores):
    return {row.name: [dict(burst.values) for burst in row.bursts] for row in scores.rows}


def test_scores_of_saved_predictions_equal_direct_scores_to_the_last_digit():
    benchmark = fabricated()
    direct = engine.score(benchmark, [NOISY], device=CPU)
    engine.save_predictions(benchmark, [NOISY], device=CPU)
    NoisyMean.calls = 0
    loaded = engine.score(benchmark, [NOISY], load_saved=True, device=CPU)
    assert NoisyMean.calls == 3 + 1  # on one burst, for its time and to count the operations
    assert values(loaded) == values(direct)
    assert loaded.means() == direct.means()


def test_only_missing_predictions_are_run_and_named(saved_here, caplog):
    benchmark = fabricated()
    direct = engine.score(benchmark, [NOISY], save=True, device=CPU)
    (saved_here / "fabricated/level_1/noisy/b2.png").unlink()
    (saved_here / "fabricated/level_1/noisy/b5.png").unlink()
    NoisyMean.calls = 0
    with caplog.at_level(logging.INFO):
        loaded = engine.score(benchmark, [NOISY], load_saved=True, device=CPU)
    assert values(loaded) == values(direct)
    assert NoisyMean.calls == 2 + 1  # one more call counts the operations
    assert "2 of 6 predictions of noisy mean" in caplog.text
    assert "(b2, b5)" in caplog.text


def test_scores_do_not_depend_on_the_order_of_bursts_or_on_the_generator():
    class Reversed(Bursts):
        def __getitem__(self, index):
            return super().__getitem__(len(self) - 1 - index)

    forward = engine.score(fabricated(), [NOISY], device=CPU)
    torch.manual_seed(99)
    torch.rand(7)
    backward = engine.score(fabricated(data=Reversed), [NOISY], device=CPU)
    assert values(backward)["noisy mean"] == values(forward)["noisy mean"][::-1]
    other_seed = engine.score(fabricated(), [NOISY], seed=1, device=CPU)
    assert values(other_seed) != values(forward)


def test_scoring_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    engine.score(fabricated(), [NOISY], device=CPU)
    assert torch.equal(torch.rand(4), expected)
    with seeded(0, "a", "b", CPU):
        first = torch.rand(1)
    with seeded(0, "a", "c", CPU):
        assert torch.rand(1) != first


def test_scoring_writes_predictions_only_when_asked(saved_here):
    engine.score(fabricated(), [NOISY], device=CPU)
    assert not list(saved_here.rglob("*.png"))
    engine.score(fabricated(), [NOISY], save=True, device=CPU)
    assert len(list(saved_here.rglob("*.png"))) == 6  # of the network, not of the training-free row


def test_predictions_alone_are_a_row(saved_here):
    benchmark = fabricated()
    engine.save_predictions(benchmark, [NOISY], device=CPU)
    direct = engine.score(benchmark, [NOISY], device=CPU)
    alone = NetworkParam(unique_name="noisy", display_name="noisy mean")
    assert values(engine.score(benchmark, [alone], device=CPU)) == values(direct)
    (saved_here / "fabricated/level_1/noisy/b1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 6 predictions of noisy mean.*b1"):
        engine.score(benchmark, [alone], device=CPU)


def test_a_saved_prediction_of_another_size_is_refused():
    benchmark = fabricated()
    engine.save_predictions(benchmark, [NOISY], device=CPU)
    SavedPredictions.of(benchmark, "noisy").save("b3", torch.zeros(1, 3, 4, 4))
    shapes = r"noisy mean: prediction of shape \(3, 4, 4\) for burst b3.*\(3, 10, 12\)"
    with pytest.raises(ValueError, match=shapes + r"; delete .*noisy/b3\.png"):
        engine.score(benchmark, [NOISY], load_saved=True, device=CPU)


def test_bursts_of_one_name_are_refused():
    class Twice(Bursts):
        def __getitem__(self, index):
            burst, truth, info = super().__getitem__(index)
            return burst, truth, info | {"burst_name": f"b{index // 2}"}

    for run in (engine.score, engine.save_predictions):
        with pytest.raises(ValueError, match="two bursts of fabricated/level_1 are named 'b0'"):
            run(fabricated(data=Twice), [NOISY], device=CPU)


def test_a_network_that_works_in_place_changes_nothing_for_the_others():
    kept = [Bursts()[index] for index in range(6)]

    def spoil(net, burst, info):
        info["sigma_estimate"].zero_()
        return burst.zero_()[:, 0]

    benchmark = fabricated(data=lambda: kept)
    before = engine.score(benchmark, [], device=CPU)
    engine.score(fabricated(data=lambda: kept, call=spoil), [NOISY], baselines=False, device=CPU)
    assert values(engine.score(benchmark, [], device=CPU)) == values(before)
    assert all(info["sigma_estimate"].min() > 0 for _, _, info in kept)


def test_first_frames_only():
    seen = []

    def remember(net, burst, info):
        seen.append((burst.shape[1], info["sigma_estimate"].shape[0]))
        return call(net, burst, info)

    param = NetworkParam(network=NoisyMean, unique_name="short", burst_sz=2)
    engine.score(fabricated(call=remember, baselines=()), [param], device=CPU)
    assert set(seen) == {(2, 2)}
    with pytest.raises(ValueError, match="burst b0 of fabricated/level_1 has 3 frames, burst_sz asks for 9"):
        engine.score(fabricated(), [NetworkParam(network=NoisyMean, unique_name="x", burst_sz=9)], device=CPU)


def test_rows_of_one_name_are_told_apart_or_refused():
    rows = [NetworkParam(network=NoisyMean, unique_name=name, display_name="same") for name in "ab"]
    assert engine.display_names(rows) == ["same (a)", "same (b)"]
    with pytest.raises(ValueError, match="unique name 'noisy'"):
        engine.score(fabricated(), [NOISY, NOISY], device=CPU)


def test_bad_predictions_are_named():
    not_finite = fabricated(call=lambda net, burst, info: burst[:, 0] * float("nan"))
    with pytest.raises(ValueError, match=r"noisy mean predicts values that are not finite for burst b0"):
        engine.score(not_finite, [NOISY], baselines=False, device=CPU)
    not_an_image = fabricated(call=lambda net, burst, info: net(burst, info["sigma_estimate"][None]))
    with pytest.raises(ValueError, match=r"NoisyMean returned tuple for burst b0, expected \[1, C, H, W\]"):
        engine.score(not_an_image, [NOISY], baselines=False, device=CPU)
    whole_numbers = fabricated(call=lambda net, burst, info: (255 * burst[:, 0]).long())
    with pytest.raises(ValueError, match=r"NoisyMean returned torch.int64 for burst b0, expected floats"):
        engine.score(whole_numbers, [NOISY], baselines=False, device=CPU)


def test_bursts_without_ground_truth_can_be_saved_and_not_scored(saved_here):
    benchmark = fabricated(data=lambda: Bursts(2, ground_truth=False))
    engine.save_predictions(benchmark, [NOISY], device=CPU)
    assert len(list(saved_here.rglob("*.png"))) == 2
    with pytest.raises(ValueError, match="no ground truth"):
        engine.score(benchmark, [NOISY], device=CPU)


def test_nothing_to_score_is_said():
    with pytest.raises(ValueError, match="holds no bursts"):
        engine.score(fabricated(data=lambda: Bursts(0)), [NOISY], device=CPU)
    with pytest.raises(ValueError, match="no networks"):
        engine.score(fabricated(), [], baselines=False, device=CPU)


def test_cost_of_a_known_network():
    row = engine.score(fabricated(), [NOISY], device=CPU).row("noisy mean")
    assert row.cost.parameters == 9
    assert row.cost.flops == 2 * 9 * 10 * 12
    assert row.cost.milliseconds is not None
    assert row.cost.milliseconds > 0
    assert engine.score(fabricated(), [NOISY], device=CPU).row("first frame").cost.flops is None


def test_an_unavailable_metric_is_left_out_with_its_reason():
    def build(device):
        raise AssertionError("must not be built")

    absent = psnr_metric(key="lpips", build=build, why_unavailable=lambda: "no weights")
    scores = engine.score(fabricated(metrics=(psnr_metric(), absent)), [NOISY], device=CPU)
    assert scores.metrics == ["psnr"]
    assert scores.unavailable == {"lpips": "no weights"}


def test_each_protocol_prepares_once_per_burst():
    prepared = []

    def prepare(device):
        def darken(compared: Compared) -> Compared:
            prepared.append(compared.item.name)
            return Compared(compared.prediction / 2, compared.ground_truth / 2, compared.item)

        return darken

    half = Protocol("half", "half as bright", prepare=prepare)
    metrics = (psnr_metric(half), psnr_metric(half, key="again"), psnr_metric(key="plain"))
    scores = engine.score(fabricated(metrics=metrics, baselines=()), [NOISY], device=CPU)
    assert prepared == [f"b{i}" for i in range(6)]
    means = scores.means()["noisy mean"]
    assert (
        means["psnr"]
        == means["again"]
        == pytest.approx(means["plain"] + 20 * torch.tensor(2.0).log10().item(), abs=1e-4)
    )


def test_networks_may_differentiate_inside_their_forward_pass():
    class Descent(torch.nn.Module):
        def forward(self, burst, noise_estimate=None):
            with torch.enable_grad():
                x = burst[:, 0].clone().requires_grad_()
                (gradient,) = torch.autograd.grad((x - burst.mean(1)).square().sum(), x)
            return x - 0.5 * gradient, {}

    burst, truth, info = Bursts()[0]
    prediction = Predictor(fabricated(), Descent(), CPU)(Item(burst, truth, info))
    assert torch.allclose(prediction, burst.mean(0, keepdim=True), atol=1e-5)
