"""The released grey denoiser: DeepRep with its own flow network."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [
        NetworkParam(network_path="deeprep_denoise_grayscale_customflow.pth", unique_name="DeepRep-Custom"),
    ]
