"""Where the predictions of a network come from: its saved files, or the network itself."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence

import torch

from evaluation.common_utils.benchmark import Benchmark, Item
from evaluation.common_utils.network_param import NetworkParam
from evaluation.common_utils.predict import Predictor
from evaluation.common_utils.saved_predictions import SavedPredictions
from evaluation.common_utils.scores import Cost

logger = logging.getLogger(__name__)

_TIMED_CALLS = 3  # of a network whose predictions were saved; the first call does not count


class PredictionSource:
    """Where the predictions of one network come from: its files, or the network, which is loaded when first needed."""

    def __init__(
        self,
        benchmark: Benchmark,
        network: NetworkParam,
        device: torch.device,
        seed: int,
        saved: SavedPredictions | None,
    ) -> None:
        self._benchmark, self._network, self._device, self._seed, self._saved = benchmark, network, device, seed, saved
        self._predictor: Predictor | None = None
        # Saved predictions are compared with what is at hand; a network that runs names what it was loaded from.
        self._weights = network.describe_weights() if saved is not None and network.is_at_hand() else None
        self._stale = False
        self.was_run: set[str] = set()
        """Bursts that the network was run on."""
        self.made_by: dict[str, str | None] = {}
        """Burst → the weights that its prediction comes from, as far as that is known."""

    def report_missing(self, burst_names: Sequence[str]) -> None:
        """Say which predictions are not there and will be run.

        Raises:
            FileNotFoundError: there is no network that could make them.
        """
        assert self._saved is not None
        missing = self._saved.missing(burst_names)
        if not missing:
            return
        listed = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        name = self._network.get_display_name()
        text = f"{len(missing)} of {len(burst_names)} predictions of {name} are not in {self._saved.folder}"
        if self._network.predictions_only:
            raise FileNotFoundError(f"{text} ({listed}), and NetworkParam names no network that could make them")
        logger.info("%s (%s); running only these", text, listed)

    def __call__(self, item: Item) -> torch.Tensor:
        """The prediction [1, C, H, W], from the file if there is one.

        Raises:
            FileNotFoundError: there is no network.
            ValueError: a prediction that is not finite, or a saved one of another size than the ground truth.
        """
        if self._saved is not None and self._saved.path(item.name).is_file():
            return self._loaded(self._saved, item)
        if self._predictor is None:
            self._predictor, self._weights = self._load()
        self.was_run.add(item.name)
        self.made_by[item.name] = self._weights
        prediction = self._predictor(item)
        if not bool(torch.isfinite(prediction).all()):
            raise ValueError(
                f"{self._network.get_display_name()} predicts values that are not finite for burst {item.name}"
            )
        return prediction

    def _load(self) -> tuple[Predictor, str | None]:
        """The network and its weights; again where a training has written its next checkpoint meanwhile."""
        weights = self._network.describe_weights()
        while True:
            predictor = Predictor.load(self._benchmark, self._network, self._device, self._seed)
            before, weights = weights, self._network.describe_weights()
            if weights == before:
                return predictor, weights

    def _loaded(self, saved: SavedPredictions, item: Item) -> torch.Tensor:
        prediction = saved.load(item.name)
        if item.ground_truth is not None and prediction.shape[1:] != item.ground_truth.shape:
            raise ValueError(
                f"{self._network.get_display_name()}: prediction of shape {tuple(prediction.shape[1:])} for burst "
                f"{item.name}, the ground truth has {tuple(item.ground_truth.shape)}; delete "
                f"{saved.path(item.name)} and it is made again"
            )
        self.made_by[item.name] = made_by = saved.made_by(item.name)
        if not self._stale and None not in (made_by, self._weights) and made_by != self._weights:
            self._stale = True
            logger.warning(
                "%s: %s was predicted with %s; the network at hand is %s. save_results.py predicts anew, and so does "
                "compute_score.py without --load_saved",
                self._network.get_display_name(),
                saved.path(item.name),
                made_by,
                self._weights,
            )
        return prediction

    def cost(self, item: Item) -> Cost:
        """Parameters, FLOPs of `item` and the median time of a call; unknown if there is no network at hand.

        With saved predictions the network is run on this one burst only.
        """
        if self._predictor is None:
            if not self._network.is_at_hand():
                return Cost()
            self._predictor = Predictor.load(self._benchmark, self._network, self._device, self._seed)
            for _ in range(_TIMED_CALLS):
                self._predictor(item)
        # The first call also pays for memory and kernels that later ones find ready.
        seconds = self._predictor.seconds[1:] or self._predictor.seconds
        return Cost(self._predictor.parameters(), self._predictor.flops(item), 1e3 * statistics.median(seconds))
