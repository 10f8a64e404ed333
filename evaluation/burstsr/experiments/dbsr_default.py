"""The released DBSR network, fine-tuned on BurstSR."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam(network_path="dbsr_burstsr_default.pth", unique_name="DBSR_burstsr")]
