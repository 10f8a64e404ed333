"""The plain score table in the layout of the original toolkits."""

from collections.abc import Mapping


def generate_formatted_report(scores_all: Mapping[str, Mapping[str, float]], table_name: str = "") -> str:
    """Text table with one line per network and one column per metric, three decimals.

    Args:
        scores_all: network name → metric name → mean. The columns are those of the first network.
        table_name: shown in the heading of the first column.

    Raises:
        ValueError: a network lacks a metric that the first one has.
    """
    name_width = max((len(name) for name in [table_name, *scores_all]), default=0) + 5
    metrics = list(next(iter(scores_all.values()), {}))
    widths = {metric: max(10, len(metric) + 3) for metric in metrics}
    lines = [f"{table_name:<{name_width}} |" + "".join(f" {metric:<{widths[metric]}} |" for metric in metrics)]
    for name, scores in scores_all.items():
        missing = [metric for metric in metrics if metric not in scores]
        if missing:
            raise ValueError(
                f"network {name!r} has no score for {', '.join(missing)}; every row needs the same metrics"
            )
        cells = (f" {f'{scores[metric]:.3f}':<{widths[metric]}} |" for metric in metrics)
        lines.append(f"{name:<{name_width}} |" + "".join(cells))
    return "\n" + "\n".join(lines) + "\n"
