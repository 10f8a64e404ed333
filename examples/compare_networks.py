"""Score networks on a few bursts and say how sure their difference is: python -m examples.compare_networks"""

from dataclasses import replace
from typing import Any

from evaluation.burst_denoise.benchmark import denoise_benchmark
from evaluation.burst_denoise.photos import PhotoBursts
from evaluation.common_utils import engine
from evaluation.common_utils.network_param import NetworkParam
from utils.log import output


class SomeBursts:
    """Every sixth burst of the held-out photographs at sensor gain 8."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return PhotoBursts(noise_level=5)[6 * index]


if __name__ == "__main__":
    benchmark = replace(denoise_benchmark("photos", 8), name="some_photos", data=SomeBursts)
    file = "deeprep_quickstart.safetensors"
    networks = [
        NetworkParam(network_path=file, unique_name="all_frames", display_name="8 frames"),
        NetworkParam(network_path=file, unique_name="one_frame", display_name="1 frame", burst_sz=1),
    ]
    scores = engine.score(benchmark, networks, baselines=False)
    for row in scores.rows:
        output(f"{row.name}: {scores.summary(row.name, 'psnr').mean:.2f} dB")
    # Both saw the same bursts, so the differences burst by burst vary far less than the scores do.
    difference = scores.difference("8 frames", "1 frame", "psnr")
    output(f"8 frames - 1 frame: {difference.mean:+.2f} dB, 95 % interval {difference.over_bursts}")
