"""The released networks of the two-stage alignment paper.

Put 600000_G.pth and 600000_DSNet.pth (folder experiments/J0007_JDDB_PBMNet_wgr_ncc_gt_s2h/models of the authors'
repository) into `pretrained_nets_dir`. They were tested with the deviation of the noise, unlike trained.
"""

from torch import nn

from admin.loading import load_weights
from data.jdd_camera import PUBLISHED_TEST_MAP
from evaluation.common_utils.network_param import NetworkParam, find_network_file
from models.two_stage_align.two_stage_net import two_stage_align

FILES = ("600000_G.pth", "600000_DSNet.pth")


def released() -> nn.Module:
    """Both networks in one.

    Raises:
        FileNotFoundError: a file is not there; says where it was looked for.
    """
    reconstruction, downsampling = map(find_network_file, FILES)
    net = two_stage_align(noise_map=PUBLISHED_TEST_MAP)
    assert net.downsampling is not None
    load_weights(net.reconstruction, reconstruction)
    load_weights(net.downsampling, downsampling)
    return net


def main() -> list[NetworkParam]:
    """The networks that are compared.

    Raises:
        FileNotFoundError: a file is not there; now, and not after other rows have been run.
    """
    for file in FILES:
        find_network_file(file)
    return [NetworkParam(network=released, unique_name="two_stage_released", display_name="two-stage alignment")]
