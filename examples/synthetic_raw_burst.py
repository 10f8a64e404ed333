"""Make a RAW burst from a photograph, as for training super-resolution, and look at it.

python -m examples.synthetic_raw_burst [PHOTO]
"""

import sys
from pathlib import Path

import torch

from admin.environment import env_settings
from admin.tensordict import TensorDict
from data.postprocessing_functions import SimplePostProcess
from data.processing import SyntheticBurstProcessing
from dataset import SamplePhotos
from utils.data_format_utils import rggb_to_rgb, torch_to_numpy
from utils.draws import Draws
from utils.image_io import read_image, write_image
from utils.log import output

if __name__ == "__main__":
    photo = read_image(sys.argv[1]) if len(sys.argv) > 1 else SamplePhotos("heldout").get_image(1)[0]
    motion = {"max_translation": 24.0, "max_rotation": 1.0, "border_crop": 24}
    make = SyntheticBurstProcessing(256, 4, 4, burst_transformation_params=motion, return_shifts=True)
    sample = make(TensorDict(frame=photo, draws=Draws(7)))  # another key, another burst; the same key, the same one

    burst, truth, meta = sample["burst"], sample["frame_gt"], sample["meta_info"]
    output(f"burst {tuple(burst.shape)}, packed RGGB; ground truth {tuple(truth.shape)}; both linear sensor colours")
    output(f"noise variance = {meta['shot_noise_level']:.2g} * signal + {meta['read_noise_level']:.2g}")
    output(f"mean shift of the last frame (x, y): {sample['shifts'][-1].mean(dim=(1, 2)).tolist()}")

    develop = SimplePostProcess().process
    frames = torch.nn.functional.interpolate(rggb_to_rgb(burst), scale_factor=8, mode="nearest")
    shown = torch.cat([torch.as_tensor(develop(image, meta)) for image in (*frames, truth)], dim=2)
    out = Path(env_settings().workspace_dir) / "examples" / "raw_burst.png"
    write_image(out, (torch_to_numpy(shown) * 255).round().astype("uint8"))
    output(f"Look at {out}")
