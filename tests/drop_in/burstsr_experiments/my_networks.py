"""A network of one's own from a file of weights, written as for the original toolkits."""

from evaluation.common_utils.network_param import NetworkParam


def main():
    return [NetworkParam(network_path="my_dbsr.pth.tar", unique_name="mine", display_name="Mine", burst_sz=2)]
