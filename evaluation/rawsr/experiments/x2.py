"""The network of the papers for scale 2: trained here, and the converted released one where it is at hand."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared; the released one is converted by util_scripts/convert_rawsr_checkpoint.py."""
    networks = [
        NetworkParam("rawsr", "x2", display_name="trained here"),
        NetworkParam(network_path="rawsr_x2.safetensors", unique_name="rawsr_x2_released", display_name="released"),
    ]
    return [network for network in networks if network.is_at_hand()] or networks[:1]
