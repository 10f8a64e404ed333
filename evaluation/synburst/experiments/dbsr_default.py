"""The released DBSR network, trained on synthetic bursts."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam(network_path="dbsr_synthetic_default.pth", unique_name="DBSR_syn")]
