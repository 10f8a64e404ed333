"""The network of full width, trained with `run_training.py burst_deblur synthetic_default`."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam("burst_deblur", "synthetic_default", display_name="U-Net")]
