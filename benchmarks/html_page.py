"""How long the comparison page of 300 bursts with four results each takes to open, and how it moves.

    python benchmarks/html_page.py [--bursts 300] [--size 256]

Needs Debian's packages chromium and chromium-driver. Times are those of a browser without a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset import SamplePhotos
from evaluation.common_utils.benchmark import NOISE_LEVEL
from evaluation.common_utils.metrics import linear_protocol, psnr
from evaluation.common_utils.viewing import GROUND_TRUTH, ViewedBurst, ViewedResult, Viewing
from evaluation.html_report import write_page
from tests.browser import Page, chromium, skip_reason
from utils.log import configure_logging, output

LABELS = ("reference frame", "mean", "network A", "network B")
FULL_SCALE = 2**14
OPENINGS = 5


class Bursts(Sequence[ViewedBurst]):
    """Crops of the bundled photographs with noise that is different for every result."""

    def __init__(self, count: int, size: int) -> None:
        photos = SamplePhotos("heldout")
        self._photos = [photos.get_image(index)[0].astype(np.float32) / 255 for index in range(len(photos))]
        self._count, self._size = count, size

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # a Sequence also takes slices, which nobody asks for
        if index >= self._count:
            raise IndexError(index)
        draws = np.random.default_rng(index)
        photo = self._photos[index % len(self._photos)]
        top, left = (int(draws.integers(0, length - self._size)) for length in photo.shape[:2])
        truth = photo[top : top + self._size, left : left + self._size] ** 2.2
        noise = 0.02 * 2 ** draws.integers(0, 4)
        results = []
        for number, label in enumerate(LABELS):
            noisy = truth + noise / 3**number * draws.standard_normal(truth.shape, np.float32)
            results.append(_result(label, noisy, -20 * np.log10(np.sqrt(np.square(noisy - truth).mean()))))
        return ViewedBurst(
            f"burst {index:03d}", None, tuple(results), _result(GROUND_TRUTH, truth), {NOISE_LEVEL: float(noise)}
        )


def _result(label: str, linear: np.ndarray, score: float | None = None) -> ViewedResult:
    clipped = linear.clip(0, 1)
    return ViewedResult(
        label,
        lambda: (clipped * FULL_SCALE).astype(np.uint16),
        lambda: (clipped ** (1 / 2.2) * 255).round().astype(np.uint8),
        {} if score is None else {"psnr": float(score)},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bursts", type=int, default=300)
    parser.add_argument("--size", type=int, default=256, help="height and width of an image")
    arguments = parser.parse_args()
    configure_logging()
    reason = skip_reason()
    if reason is not None:
        parser.exit(1, f"{reason}\n")
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments.bursts, arguments.size)


def measure(folder: Path, count: int, size: int) -> None:
    viewing = Viewing("Benchmark", LABELS, (psnr(linear_protocol(0)),), FULL_SCALE, "linear", 0, Bursts(count, size))
    start = time.perf_counter()
    index = write_page(folder, viewing)
    output(f"written in {time.perf_counter() - start:.0f} s")
    opened = []
    for _ in range(OPENINGS):
        with chromium(1600, 1000) as driver:  # a browser that has never seen the page
            page = Page(driver, index).open()
            opened.append(page.run("burstlab.openedAfter") / 1e3)
    output(f"opened, all four pictures drawn: {_range(opened)} s")
    with chromium(1600, 1000) as driver:
        page = Page(driver, index).open()
        output(f"next burst, all pictures drawn: {_range([_next_burst(page) for _ in range(20)])} ms")
        output(f"sorted by gap: {_range([_sort(page, number) for number in range(9)])} ms")
        output(f"a frame while the view moves: {_range(_frames(page, 'burstlab.moveBy(8, 5, burstlab.canvas())'))} ms")
        scroll = "document.getElementById('bursts').scrollTop += 130"
        output(f"a frame while the list is scrolled: {_range(_frames(page, scroll))} ms")
        elements = page.run("document.querySelectorAll('*').length")
        output(f"{elements} elements in the page, {page.run('performance.memory.usedJSHeapSize') / 1e6:.0f} MB of heap")


def _next_burst(page: Page) -> float:
    return float(
        page.driver.execute_async_script("""
      const done = arguments[0], start = performance.now();
      burstlab.stepBurst(1);
      Promise.all(burstlab.state.shown.map((label) => burstlab.labelled(label).ready))
        .then(() => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))));
    """)
    )


def _sort(page: Page, number: int) -> float:
    return float(
        page.driver.execute_async_script(
            """
      const [number, done] = arguments, start = performance.now();
      burstlab.sortBy({ by: "gap", metric: "psnr", first: "network A", second: "mean", descending: number % 2 === 1 });
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
    """,
            number,
        )
    )


def _frames(page: Page, change: str) -> list[float]:
    """Times between frames while something changes in every one."""
    page.run("burstlab.zoomTo(6, burstlab.canvas(), 0, 0)")
    page.settle()
    times = page.driver.execute_async_script(f"""
      const done = arguments[0], times = [];
      const step = (now) => {{
        times.push(now);
        {change};
        if (times.length < 60) requestAnimationFrame(step); else done(times);
      }};
      requestAnimationFrame(step);
    """)
    return [float(between) for between in np.diff(times)]


def _range(values: Sequence[float]) -> str:
    return f"median {statistics.median(values):.3g}, longest {max(values):.3g}"


if __name__ == "__main__":
    main()
