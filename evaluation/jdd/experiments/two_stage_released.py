"""The released networks of the two-stage alignment paper, converted to one file."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam(network_path="two_stage_align.safetensors", unique_name="two_stage", display_name="two-stage")]
