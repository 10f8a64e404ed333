"""A trained network with all frames and with one, written as for the original toolkits."""

from evaluation.common_utils.network_param import NetworkParam


def main():
    network_list = []
    network_list.append(NetworkParam("mylab", "denoise", display_name="mine"))
    network_list.append(NetworkParam(module="mylab", parameter="denoise", epoch=1, burst_sz=1))
    return network_list
