"""The released DeepRep network, trained on synthetic bursts."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam(network_path="deeprep_sr_synthetic_default.pth", unique_name="DeepRep")]
