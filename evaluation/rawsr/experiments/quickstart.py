"""The small network for scale 2: the shipped one, and your own where it has been trained."""

from evaluation.common_utils.network_param import NetworkParam, shipped_and_trained


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return shipped_and_trained("rawsr_quickstart.safetensors", "rawsr", "quickstart", one_frame=False)
