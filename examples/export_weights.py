"""Hand a network on: weights with their constructor in one file, and a program without this toolkit.

python -m examples.export_weights
"""

from pathlib import Path

import torch

from admin.environment import env_settings
from admin.loading import load_network, load_weights
from admin.weights_file import read_weights_file, save_weights_file
from models.burst_deblur.unet import burst_deblur_eccv18
from utils.log import output

if __name__ == "__main__":
    out = Path(env_settings().workspace_dir) / "examples"
    net = burst_deblur_eccv18(width=4).eval()
    burst = 255 * torch.rand(1, 2, 3, 32, 32)
    with torch.no_grad():
        before, _ = net(burst)

    # 1. One file that rebuilds the network; reading it runs no code.
    file = out / "small_deblur.safetensors"
    save_weights_file(file, net, notes={"trained with": "nothing yet"})
    again, content = load_network(file)
    output(f"{content['constructor']}, {content['notes']}")

    # 2. The weights alone, into a network that is there already; a bare state dict serves as well.
    torch.save(net.state_dict(), out / "weights.pt")
    other = burst_deblur_eccv18(width=4).eval()
    load_weights(other, out / "weights.pt")
    with torch.no_grad():
        output(f"same result: {all(torch.equal(before, copy.eval()(burst)[0]) for copy in (again, other))}")
    output(f"{len(read_weights_file(file)['net'])} tensors in {file}")

    # 3. A graph that runs without this toolkit: util_scripts/export_network.py, for DBSR and DeepRep.
