"""The released colour denoiser: DeepRep with PWC-Net (the original toolkit labels it `DeepRep-Custom`)."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [
        NetworkParam(network_path="deeprep_denoise_color_pwcnet.pth", unique_name="DeepRep-PWCNet"),
    ]
