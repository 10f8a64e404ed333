"""The small colour denoiser: the shipped one with 8 frames and with 1, and your own where it has been trained."""

from evaluation.common_utils.network_param import NetworkParam, has_checkpoint


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    shipped = "deeprep_quickstart.safetensors"
    networks = [
        NetworkParam(network_path=shipped, unique_name="quickstart_shipped", display_name="shipped, 8 frames"),
        NetworkParam(
            network_path=shipped, burst_sz=1, unique_name="quickstart_shipped_bsz01", display_name="shipped, 1 frame"
        ),
    ]
    if has_checkpoint("deeprep", "quickstart"):
        networks.append(NetworkParam("deeprep", "quickstart", display_name="trained here"))
    return networks
