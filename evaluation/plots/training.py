"""Training curves of several runs side by side, from their TensorBoard event files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from admin.environment import env_settings
from utils.plots import Curve, write_line_plots
from utils.suggestions import unknown_name_message

USUAL_TAGS = ("Loss/total", "Stat/psnr")

Curves = dict[str, dict[str, Curve]]


def run_folder(run: str | Path) -> Path:
    """The event files of a run: a folder, or `module/parameter` of a training.

    Raises:
        ValueError: there are none.
    """
    places = [Path(run), Path(env_settings().tensorboard_dir) / run]
    for place in places:
        if any(_event_files(place)):
            return place
    raise ValueError(f"{run}: no TensorBoard event files in {' or '.join(str(place) for place in places)}")


def read_curves(folder: Path) -> Curves:
    """Name of a loader (folder of its event files) → tag → values over epochs.

    Where a run was resumed and an epoch was written twice, the later value counts.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # seconds to import

    found: Curves = {}
    for place in sorted({file.parent for file in _event_files(folder)}):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0, "images": 1, "tensors": 1})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            values = {scalar.step: scalar.value for scalar in events.Scalars(tag)}
            name = "" if place == folder else str(place.relative_to(folder))
            found.setdefault(name, {})[tag] = Curve(sorted(values), [values[step] for step in sorted(values)])
    return found


def plot_training(path: Path, runs: Sequence[str | Path], tags: Sequence[str] = (), title: str = "") -> Path:
    """Writes a panel for each tag with a curve for each run and loader.

    Args:
        path: PNG, SVG or PDF.
        runs: see :func:`run_folder`.
        tags: e.g. `Stat/psnr`; the loss and the PSNR, where there are any, if empty.

    Raises:
        ValueError: a run has no event files; no run has a tag.
    """
    curves = {str(run): read_curves(run_folder(run)) for run in runs}
    there = list(dict.fromkeys(tag for loaders in curves.values() for known in loaders.values() for tag in known))
    for tag in tags:
        if tag not in there:
            raise ValueError(unknown_name_message("tag of these runs", tag, there))
    shown = list(tags) or [tag for tag in USUAL_TAGS if tag in there] or there[:2]
    if not shown:
        raise ValueError(f"{', '.join(curves)}: the event files hold no scalars")
    panels = {
        tag: {
            f"{run}, {loader}" if loader else run: known[tag]
            for run, loaders in curves.items()
            for loader, known in loaders.items()
            if tag in known
        }
        for tag in shown
    }
    return write_line_plots(path, panels, "epoch", title)


def _event_files(folder: Path) -> Iterator[Path]:
    return folder.rglob("events.out.tfevents.*")
