"""The released DeepRep network, fine-tuned on BurstSR."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam(network_path="deeprep_sr_burstsr_default.pth", unique_name="DeepRep")]
