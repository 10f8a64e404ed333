"""Your own training on REDS: `run_training.py two_stage_align reds_jdd`."""

from evaluation.common_utils.network_param import NetworkParam


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    return [NetworkParam("two_stage_align", "reds_jdd", display_name="two-stage alignment, trained here")]
