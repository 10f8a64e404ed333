"""Your own network of the published size, with the average of its weights."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam("sr3", "frames_16_128", display_name="SR3, 3 frames", use_ema=True)]
