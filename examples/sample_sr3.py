"""Draw super-resolved images from a diffusion model and watch each on its way: python -m examples.sample_sr3"""

from pathlib import Path

import torch

from admin.environment import env_settings
from admin.loading import load_network
from evaluation.common_utils.network_param import SHIPPED_NETWORKS
from evaluation.sr3.clips import PhotoClips
from models.sr3.diffusion import GaussianDiffusion, condition_of
from utils.data_format_utils import torch_to_numpy
from utils.image_io import write_image
from utils.log import output

if __name__ == "__main__":
    net, _ = load_network(SHIPPED_NETWORKS / "sr3_quickstart.safetensors")
    assert isinstance(net, GaussianDiffusion)
    net.eval()
    frames, truth, _ = PhotoClips()[5]  # [3, 3, 32, 32] RGB 0..1, enlarged from 8 x 8 pixels
    condition = condition_of(frames[None].expand(2, -1, -1, -1, -1), net.n_frames)  # two samples, [2, 9, 32, 32]

    way: list[torch.Tensor] = []

    def keep(t: int, image: torch.Tensor) -> None:
        """Called after every step, with t counting down to 0."""
        way.append(image)

    torch.manual_seed(0)
    with torch.no_grad():
        samples = net.sample_images(condition, sampler="dpm_solver", steps=10, callback=keep)
    output(
        f"{len(way)} steps; the two samples differ by {(samples[0] - samples[1]).abs().mean() / 2:.3f} of full scale"
    )
    known = 2 * torch.stack((frames[1], truth)) - 1
    columns = [torch.cat((images[0], images[1]), dim=1) for images in (known, *way)]
    strip = (torch.cat(columns, dim=2).clamp(-1, 1) + 1) / 2
    out = Path(env_settings().workspace_dir) / "examples" / "sr3.png"
    write_image(out, (torch_to_numpy(strip) * 255).round().astype("uint8"))
    output(f"Look at {out} (first column: what is known, and the truth)")
