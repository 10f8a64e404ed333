"""A trained network, written as for the original toolkits."""

from evaluation.common_utils.network_param import NetworkParam


def main():
    return [NetworkParam(module="mylab", parameter="sr_synthetic", burst_sz=2, unique_name="mine")]
