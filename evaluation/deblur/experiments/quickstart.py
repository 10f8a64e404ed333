"""The small deblurrer: the shipped one, and your own where it has been trained."""

from evaluation.common_utils.network_param import NetworkParam, shipped_and_trained


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    networks = shipped_and_trained("burst_deblur_quickstart.safetensors", "burst_deblur", "quickstart")
    # This benchmark goes through all numbers of frames anyway.
    return [network for network in networks if network.burst_sz is None]
