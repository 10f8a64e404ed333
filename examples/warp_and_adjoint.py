"""Warps and their adjoint: check that they are a pair, and fuse a burst by least squares with them.

python -m examples.warp_and_adjoint
"""

import torch

from models.layers.burst_warp import BurstWarp
from utils.log import output
from utils.ops.warp import warp

if __name__ == "__main__":
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        """Normal numbers."""
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    # One image, five frames. Flow [B, N, 2, h, w]: x and y in pixels, on the grid of each frame, into the image.
    image, flow = random(1, 3, 24, 32), 2 * random(1, 5, 2, 1, 1).expand(1, 5, 2, 24, 32)
    operator = BurstWarp(flow, size=(24, 32))
    frames = operator.warp(image)  # [B·N, C, h, w]
    plain = warp(image.expand(5, -1, -1, -1), flow[0])
    output(f"as five single warps: {(frames - plain).abs().max():.1e}")

    other = random(*frames.shape)
    left, right = (frames * other).sum(), (image * operator.adjoint(other)).sum()
    output(f"<W x, y> = {left:.12f}, <x, W* y> = {right:.12f}")

    # Least squares: the image that explains all frames, by steepest descent with exact steps.
    found = torch.zeros_like(image)
    for step in range(31):
        gradient = operator.adjoint(operator.warp(found) - frames)
        if step % 10 == 0:
            output(f"step {step}: error of the frames {(operator.warp(found) - frames).square().mean():.2e}")
        found = found - gradient * gradient.square().sum() / operator.warp(gradient).square().sum()
