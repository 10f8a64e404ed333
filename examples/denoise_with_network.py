"""Load a network that comes with the toolkit and denoise a burst with it: python -m examples.denoise_with_network"""

from pathlib import Path

import torch

from admin.environment import env_settings
from admin.loading import load_network
from evaluation.burst_denoise.benchmark import view
from evaluation.burst_denoise.photos import PhotoBursts
from evaluation.common_utils.network_param import SHIPPED_NETWORKS
from models.loss.psnr import PSNR
from utils.image_io import write_image
from utils.log import output

if __name__ == "__main__":
    # A checkpoint folder of your own works alike: load_network("workspace/checkpoints/own/denoiser").
    net, content = load_network(SHIPPED_NETWORKS / "deeprep_quickstart.safetensors")
    output(f"trained with: {content['notes']['command']}")

    burst, truth, info = PhotoBursts(noise_level=5)[0]  # [8, 3, 96, 96], linear, sensor gain 8
    with torch.no_grad():
        image, _ = net.eval()(burst[None], noise_estimate=info["sigma_estimate"][None])

    psnr = PSNR(boundary_ignore=8)
    white = info["white_level"]
    for name, shown in (("frame 0", burst[:1]), ("mean", burst.mean(dim=0, keepdim=True)), ("network", image)):
        output(f"{name}: {psnr(shown / white, truth[None] / white):.2f} dB in linear light")
    out = Path(env_settings().workspace_dir) / "examples" / "denoised.png"
    write_image(out, view(torch.cat((burst[0], image[0], truth), dim=2), info))
    output(f"Look at {out} (frame 0, network, ground truth)")
