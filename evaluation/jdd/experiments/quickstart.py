"""The small network: the shipped one with all frames and with 1, and your own where it has been trained."""

from evaluation.common_utils.network_param import NetworkParam, shipped_and_trained


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return shipped_and_trained("two_stage_align_quickstart.safetensors", "two_stage_align", "quickstart")
