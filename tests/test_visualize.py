"""Looking at results: bursts as viewers get them, the window over them, pages, pictures and plots."""

import importlib
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.common_utils import engine, visualize, window
from evaluation.common_utils.benchmark import FRAMES, MOTION, NOISE_LEVEL, Grouping, Item
from evaluation.common_utils.encoding import PredictionEncoding
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.properties import camera_noise, motion_of, motion_size
from evaluation.common_utils.viewed_bursts import join_viewings, view_benchmark
from evaluation.common_utils.viewing import GROUND_TRUTH
from evaluation.plots.flow_error import flow_errors
from tests.evaluation_fixtures import NOISY, Bursts, NoisyMean, fabricated
from utils import opencv_plotting
from utils.image_io import read_image
from utils.opencv_plotting import NoDisplay

CPU = torch.device("cpu")
BENCHMARKS = ("burst_denoise", "burstsr", "deblur", "jdd", "rawsr", "sr3", "synburst")


@pytest.fixture(autouse=True)
def _own_predictions(tmp_path, monkeypatch):
    monkeypatch.setenv("BURSTLAB_SAVE_DATA_PATH", str(tmp_path / "saved"))


class Moving(Bursts):
    """Bursts whose motion is known, and differs from burst to burst."""

    def __getitem__(self, index):
        burst, truth, info = super().__getitem__(index)
        return burst, truth, info | {"shifts": torch.tensor([[0.0, 0.0], [index, 0.0], [0.0, index]])}


class WithFlow(NoisyMean):
    """Predicts that nothing moves."""

    def forward(self, burst, noise_estimate=None):
        prediction, aux = super().forward(burst, noise_estimate)
        return prediction, aux | {"offsets": torch.zeros(1, burst.shape[1] - 1, 2, 5, 6)}


def networks():
    return [
        NetworkParam(network=WithFlow, unique_name="flow", display_name="with flow"),
        NetworkParam(network=NoisyMean, unique_name="flow_bsz02", burst_sz=2, display_name="2 frames"),
    ]


def moving(**changes):
    fields = {
        "data": Moving,
        "per_frame_info": ("sigma_estimate", "shifts"),
        "properties": {MOTION: motion_of, NOISE_LEVEL: lambda item: 3.0},
    }
    return fabricated(**fields | changes)


def use(monkeypatch, *experiment):
    monkeypatch.setattr(visualize, "load_experiment", lambda package, name: list(experiment))


def test_bursts_have_every_result_with_the_scores_that_the_table_has():
    benchmark = fabricated()
    viewing = view_benchmark(benchmark, [NOISY], device=CPU)
    assert viewing.labels == ("first frame", "noisy mean")
    assert len(viewing.bursts) == 6
    scores = engine.score(benchmark, [NOISY], device=CPU)
    for number, burst in enumerate(viewing.bursts):
        for result in burst.results:
            assert result.metrics == scores.row(result.label).bursts[number].values
    assert (burst.name, burst.scene, burst.properties) == ("b5", "scene2", {FRAMES: 3.0})


def test_values_are_the_stored_ones_and_pictures_those_of_the_benchmark():
    encoding = PredictionEncoding(full_scale=1000, is_picture=True)
    benchmark = fabricated(encoding=encoding)
    viewing = view_benchmark(benchmark, [], device=CPU)
    item = benchmark.items()[2]
    result, truth = viewing.bursts[2].image("first frame"), viewing.bursts[2].image(GROUND_TRUTH)
    expected = (item.burst[0].clamp(0, 1) * 1000).floor().permute(1, 2, 0).numpy().astype(np.uint16)
    assert result.values().dtype == np.uint16
    assert np.abs(result.values().astype(int) - expected).max() <= 1, "float32 holds no thousandths"
    assert np.array_equal(truth.picture(), benchmark.view(item.ground_truth, item.info))
    assert np.array_equal(result.picture(), benchmark.view(torch.tensor(result.values() / 1000).permute(2, 0, 1), {}))
    with pytest.raises(KeyError, match="no result 'other'"):
        viewing.bursts[2].image("other")


def test_saved_predictions_are_shown_and_missing_ones_are_made():
    benchmark = fabricated()
    (saved,) = engine.save_predictions(benchmark, [NOISY], device=CPU)
    saved.path("b1").unlink()
    viewing = view_benchmark(benchmark, [NOISY], device=CPU)
    before = NoisyMean.calls
    shown = [viewing.bursts[number].image("noisy mean").values() for number in range(3)]
    assert NoisyMean.calls == before + 1
    assert not saved.path("b1").is_file(), "looking writes nothing"
    assert np.array_equal(shown[2], (saved.load("b2")[0] * 2**14).permute(1, 2, 0).numpy())


def test_without_ground_truth_results_are_shown_without_scores():
    viewing = view_benchmark(fabricated(data=lambda: Bursts(ground_truth=False)), [NOISY], device=CPU)
    burst = viewing.bursts[0]
    assert burst.ground_truth is None
    assert [dict(image.metrics) for image in burst.images] == [{}, {}]
    panel = window.panel_data(viewing, burst)
    assert panel["titles"] == ["b0, first frame", "noisy mean"]


def test_a_protocol_whose_weights_are_missing_costs_only_the_scores(caplog):
    def missing(device):
        raise FileNotFoundError("pwcnet-network-default.pth is not there")

    benchmark = fabricated()
    metric = replace(benchmark.metrics[0], protocol=replace(benchmark.metrics[0].protocol, prepare=missing))
    viewing = view_benchmark(replace(benchmark, metrics=(metric,)), [], device=CPU)
    assert viewing.metrics == ()
    assert "without scores: pwcnet-network-default.pth" in caplog.text
    assert viewing.bursts[0].results[0].metrics == {}


def test_bursts_can_be_chosen_by_name_and_number():
    def names(**chosen):
        return [burst.name for burst in view_benchmark(fabricated(), [], device=CPU, **chosen).bursts]

    assert names(bursts=["b4", "b1"]) == ["b4", "b1"]
    assert names(first=2) == ["b0", "b1"]
    with pytest.raises(ValueError, match=r"has no burst b9; the first one is b0"):
        names(bursts=["b1", "b9"])
    with pytest.raises(ValueError, match="no networks to look at"):
        view_benchmark(fabricated(), [], baselines=False)


def test_several_benchmarks_of_the_same_networks_are_shown_one_after_the_other():
    names = ["denoise/noise_1", "denoise/noise_2"]
    viewings = [
        view_benchmark(fabricated(name=name, title=f"Bursts, grey, {name}"), [NOISY], first=2, device=CPU)
        for name in names
    ]
    joined = join_viewings(names, viewings)
    assert joined.title == "Bursts, grey"
    assert [burst.name for burst in joined.bursts] == ["noise_1/b0", "noise_1/b1", "noise_2/b0", "noise_2/b1"]
    other = view_benchmark(fabricated(), [], device=CPU)
    with pytest.raises(ValueError, match="cannot be shown together"):
        join_viewings(["a", "b"], [viewings[0], other])


def test_what_is_known_about_bursts_in_numbers():
    shifts = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert motion_size(shifts) == pytest.approx(np.sqrt(25 / 2))
    assert motion_size(shifts[:, :, None, None].expand(-1, -1, 4, 5)) == pytest.approx(np.sqrt(25 / 2))
    assert motion_size(shifts[:1]) == 0
    item = Item(torch.zeros(1, 4, 2, 2), None, {"shot_noise_level": 0.01, "read_noise_level": 0.0002})
    assert camera_noise(item) == pytest.approx(np.sqrt(0.01 * 0.18 + 0.0002))
    assert camera_noise(replace(item, info={})) is None
    assert motion_of(item) is None


def test_the_window_goes_forth_and_back_and_saves(tmp_path, monkeypatch):
    answers = iter(["continue", "back", "save", "stop"])
    shown = []

    def plot(self, data):
        self.show(data)
        shown.append((data["titles"][0], self.titles()[1], data["captions"][1]))
        return next(answers)

    monkeypatch.setattr(window, "open_window", lambda: None)
    monkeypatch.setattr(opencv_plotting.BurstSRVis, "plot", plot)
    viewing = view_benchmark(fabricated(), [NOISY], device=CPU)
    window.show_in_window(viewing, tmp_path)
    assert [name for name, _, _ in shown] == [f"b{number}, ground truth" for number in (0, 1, 0, 1)]
    assert shown[0][1].startswith("first frame Score: ")
    assert shown[0][2] == f"PSNR (dB) {viewing.bursts[0].results[0].metrics['psnr']:.3f}"
    assert sorted(path.name for path in (tmp_path / "b0, ground truth").iterdir())[0] == "b0, ground truth.png"
    monkeypatch.setattr(opencv_plotting.BurstSRVis, "plot", lambda self, data: self.show(data) or "continue")
    window.show_in_window(viewing, tmp_path)  # ends after the last burst


def test_pictures_that_do_not_lie_on_each_other_get_no_score_of_the_region():
    viewing = view_benchmark(fabricated(pixels_compare=False), [], device=CPU)
    assert window._metric(viewing, viewing.bursts[0]) is None
    comparable = replace(viewing, pixels_compare=True)
    assert window._metric(comparable, viewing.bursts[0]) is not None


def test_without_a_display_the_way_out_is_said(monkeypatch):
    use(monkeypatch, NOISY)

    def fail():
        raise NoDisplay("there is no display")

    monkeypatch.setattr(window, "open_window", fail)
    with pytest.raises(NoDisplay, match=r"there is no display\. Add --html FOLDER .* --panels FOLDER"):
        visualize.visualize_results("package", "experiment", [fabricated()])


def test_page_plots_and_pictures_are_written_in_one_pass(tmp_path, monkeypatch):
    use(monkeypatch, *networks())
    folders = {name: tmp_path / name for name in ("html", "plots", "panels")}
    benchmarks = [moving(name=f"moving/level_{level}", title=f"Moving, level {level}") for level in (1, 2)]
    before = NoisyMean.calls
    visualize.visualize_results("package", "experiment", benchmarks, **folders, first=3)
    # 6 bursts for page and plots together, 6 for the pictures, and one of each benchmark to see that it has no flow.
    assert NoisyMean.calls - before == 6 + 6 + 2
    assert (folders["html"] / "index.html").is_file()
    assert len(list((folders["html"] / "figures").iterdir())) == len(list(folders["plots"].iterdir()))
    assert sorted(path.name for path in folders["plots"].iterdir()) == [
        "border.png",
        "flow_against_first.png",
        "flow_against_flow_bsz02.png",
        "flow_moving_level_1.png",
        "flow_moving_level_2.png",
        "psnr_against_frames.png",
        "psnr_against_motion.png",
    ]
    panels = sorted(path.name for path in folders["panels"].iterdir())
    assert panels[0] == "level_1_b0.png"
    assert len(panels) == 6
    assert read_image(folders["panels"] / panels[0]).shape == (960, 1700, 3)


def test_plots_alone_need_no_page(tmp_path, monkeypatch):
    use(monkeypatch, NOISY)
    visualize.visualize_results("package", "experiment", [fabricated()], plots=tmp_path / "plots")
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["border.png", "noisy_against_first.png"]
    with pytest.raises(ValueError, match="--first 0"):
        visualize.visualize_results("package", "experiment", [fabricated()], first=0)


def test_flow_is_measured_on_the_first_of_the_shown_bursts(tmp_path, monkeypatch):
    use(monkeypatch, networks()[0])
    measured = []

    def note(benchmark, networks, bursts):
        measured.append(list(bursts))
        return flow_errors(benchmark, networks, bursts=bursts, device=CPU)

    monkeypatch.setattr(visualize, "flow_errors", note)
    shown = ["b4", "b1", "b2"]
    options = {"plots": tmp_path, "bursts": shown}
    visualize.visualize_results("package", "experiment", [moving()], **options, flow_bursts=2)
    assert measured == [[4, 1]]
    assert (tmp_path / "flow_fabricated_level_1.png").is_file()
    visualize.visualize_results("package", "experiment", [moving()], **options, flow_bursts=0)
    assert len(measured) == 1
    with pytest.raises(ValueError, match="--flow_bursts -1"):
        visualize.visualize_results("package", "experiment", [moving()], flow_bursts=-1)


def test_groups_and_size_of_a_burst_are_told_in_words():
    grouping = Grouping("scene", lambda info: info["scene"])
    burst = view_benchmark(fabricated(groupings=(grouping,)), [], device=CPU).bursts[1]
    assert burst.meta == {"burst": "3 × 3 × 10 × 12", "scene": "scene1"}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_a_script_whose_arguments_its_benchmark_takes(name, monkeypatch):
    script = importlib.import_module(f"evaluation.{name}.visualize_results")
    declared = getattr(importlib.import_module(f"evaluation.{name}.benchmark"), "ARGUMENTS", {})
    called = []
    monkeypatch.setattr(visualize, "visualize_results", lambda *given, **options: called.append((given, options)))
    script.visualize_results("quickstart", html="folder")
    positional = [next(iter(keywords["choices"])) for key, keywords in declared.items() if not key.startswith("-")]
    monkeypatch.setattr("sys.argv", ["visualize_results.py", "quickstart", *positional, "--html", "folder"])
    with pytest.raises(SystemExit) as ended:
        script.visualize_results.run()
    assert ended.value.code == 0
    for (package, setting, benchmarks), options in called:
        assert (package, setting, str(options["html"])) == (f"evaluation.{name}", "quickstart", "folder")
        assert benchmarks
        assert set(options) <= {key.removeprefix("--") for key in visualize.VIEW_ARGUMENTS}
    assert len(called) == 2


def test_arguments_of_the_benchmark_are_taken_by_place_or_name(monkeypatch):
    script = importlib.import_module("evaluation.burst_denoise.visualize_results")
    names = []
    monkeypatch.setattr(
        visualize, "visualize_results", lambda package, setting, made: names.append([one.name for one in made])
    )
    script.visualize_results("experiment")
    script.visualize_results("experiment", 8, "photos")
    script.visualize_results("experiment", mode="color", noise_level="all")
    levels = [f"denoise_color/noise_{gain}" for gain in (1, 2, 4, 8)]
    assert names == [["denoise_grayscale/noise_2"], ["denoise_photos/noise_8"], levels]


def test_options_of_the_command_line_are_arguments_of_the_engine():
    taken = set(inspect.signature(visualize.view_networks).parameters)
    assert {name.removeprefix("--") for name in visualize.VIEW_ARGUMENTS} <= taken


def test_real_bursts_of_burstsr_do_not_compare_pixel_by_pixel():
    from evaluation.burstsr.benchmark import burstsr_benchmark
    from evaluation.synburst.benchmark import synburst_benchmark

    assert not burstsr_benchmark().pixels_compare
    assert synburst_benchmark("photos").pixels_compare


class Broken(nn.Module):
    def forward(self, burst, noise_estimate=None):
        return torch.full_like(burst[:, 0], float("nan")), {}


def test_a_prediction_that_is_not_finite_is_named():
    broken = NetworkParam(network=Broken, unique_name="broken")
    with pytest.raises(ValueError, match="broken predicts values that are not finite for burst b0"):
        _ = view_benchmark(fabricated(), [broken], device=CPU).bursts[0]
