"""The losses and metrics of DBSR and DeepRep under the name by which settings and experiments import them.

All are called ``(pred, gt, valid=None)`` unless their own text says otherwise; the metrics have ``per_image``
for one value an image.
"""

from models.loss.aligned_l2 import AlignedL2
from models.loss.lpips_metric import LPIPS, LPIPSUnavailable, why_no_lpips
from models.loss.mapped import MappedLoss
from models.loss.msssim import MSSSIM, MultiScaleSSIM, msssim
from models.loss.pixel_wise import PixelWiseError
from models.loss.psnr import PSNR
from models.loss.ssim import SSIM

__all__ = [
    "LPIPS",
    "MSSSIM",
    "PSNR",
    "SSIM",
    "AlignedL2",
    "LPIPSUnavailable",
    "MappedLoss",
    "MultiScaleSSIM",
    "PixelWiseError",
    "msssim",
    "why_no_lpips",
]
