"""Where each data set comes from, how it must lie on the disk, and where the user has put it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from admin.environment import env_settings

_VISION_LAB = "https://data.vision.ee.ethz.ch/bhatg"
_NO_LICENCE = "no licence is stated with the files; ask the authors before other than research use"


class MissingDataSet(FileNotFoundError):
    """The folder of a data set is not set or not there; names key, download and expected layout."""


@dataclass(frozen=True)
class DataLocation:
    """What a user must know to get a data set.

    Attributes:
        title: what it is called.
        layout: files below the folder, as text.
        sources: where to fetch it, best first.
        licence: what is known about its terms.
    """

    title: str
    layout: str
    sources: tuple[str, ...]
    licence: str


LOCATIONS: dict[str, DataLocation] = {
    "zurichraw2rgb_dir": DataLocation(
        "Zurich RAW to RGB, Canon part",
        "{train,test}/canon/<i>.jpg: 448x448, i = 0..46838 (train), 0..1203 (test)",
        (f"{_VISION_LAB}/zurich-raw-to-rgb.zip", "Google Drive file 12L0LYhG78zQBLkIDyFNE5J6fIH02NUgz"),
        _NO_LICENCE,
    ),
    "openimages_dir": DataLocation(
        "OpenImages",
        "<split>/*: JPEG files, split mostly train",
        ("https://storage.googleapis.com/openimages/web/download.html",),
        "the pages of the data set list the images as CC BY 2.0; each image has its own author",
    ),
    "imagenet_dir": DataLocation(
        "ImageNet, or photographs of your own in the same layout",
        "{train,test}/<class>/*.JPEG, or the images directly in {train,test}",
        ("https://www.image-net.org/download.php",),
        "ImageNet: non-commercial research and education only; each image has its own author",
    ),
    "imagefolder_dir": DataLocation(
        "a folder of images", "*: image files (PNG, JPEG, …)", ("your own photographs",), "yours"
    ),
    "synburstval_dir": DataLocation(
        "SyntheticBurst validation set",
        "bursts/<bbbb>/im_raw_<ii>.png (bbbb = 0000..0299, ii = 00..13), gt/<bbbb>/im_rgb.png, gt/<bbbb>/meta_info.pkl",
        (f"{_VISION_LAB}/SyntheticBurstVal.zip", "Google Drive file 1DHu3-_tGSc_8Wwwu6sHFaPtmd9ymd0rZ"),
        _NO_LICENCE,
    ),
    "burstsr_dir": DataLocation(
        "BurstSR, cropped",
        "{train,val}/<ssss>_<nnnn>/{samsung_00 … samsung_13,canon}/{im_raw.png,meta_info.pkl}",
        (
            "python util_scripts/download_burstsr_dataset.py PATH",
            f"{_VISION_LAB}/BurstSRChallenge/train_00.zip … train_08.zip and val.zip",
            "Google Drive folder 1A8FytFrYP-y7pZZhfFxVRzEPwcKl-Cp7",
        ),
        _NO_LICENCE,
    ),
    "kpn_testset_path": DataLocation(
        "grey burst denoising test set (KPN)",
        "one .npz file with truth [N,H,W], noisy [N,H,W,8], white_level, sig_shot, sig_read; N at least 438",
        ("Google Drive file 1UptBXV4f56wMDpS365ydhZkej6ABTFq1",),
        _NO_LICENCE,
    ),
    "bpn_color_testset_dir": DataLocation(
        "colour burst denoising test set (BPN)",
        "{1,2,4,8}.npz with truth [N,H,W,3], noisy [N,H,W,8,3], white_level, sqrt_sig_shot, sig_read",
        ("Google Drive file 1rXmauXa_AW8ZrNiD2QPrbmxcIOfsiONE",),
        _NO_LICENCE,
    ),
    "sr3_frames_dir": DataLocation(
        "prepared frames of videos for SR3",
        "<name>_<n>_frames_<interval>_seconds_<low>_<high>_{train,val}/{hr_<high>,lr_<low>,sr_<low>_<high>}/<video>/*.png",
        (
            "python util_scripts/prepare_frames.py, from your own videos or those of CelebV-HQ",
            "https://celebv-hq.github.io (videos that the published network was trained on)",
        ),
        "CelebV-HQ: non-commercial research; its page has the terms",
    ),
    "rawsr_dir": DataLocation(
        "RawSR training and test pairs",
        "{x2,x4,x2_nonblind,x4_nonblind}/{Training,Testing}/"
        "{TrainingSet/<stem><4 characters>.npy,GT/<stem>.npy,ISP/<stem><4 characters>.jpeg}",
        (
            "python util_scripts/synthesize_rawsr.py PATH, which makes pairs from photographs or RAW files",
            "python util_scripts/download_rawsr.py, which says what is left of the published set",
        ),
        _NO_LICENCE,
    ),
    "rawsr_real_dir": DataLocation(
        "RAW files of cameras for RawSR", "*: RAW files (DNG, CR2, NEF, ARW, …)", ("your own camera",), "yours"
    ),
    "reds_dir": DataLocation(
        "REDS, sharp frames",
        "{train_sharp,val_sharp}/<clip>/<frame>.png as the archives unpack, or regrouped <clip>/<frame>.png (clips 000 "
        "… 269), or an LMDB file *.lmdb; for REDS4 the clips 000, 011, 015 and 020 are enough",
        ("https://seungjunnah.github.io/Datasets/reds.html (train_sharp and val_sharp; by hand)",),
        "CC BY 4.0, as the page of the data set states",
    ),
    "videezy_dir": DataLocation(
        "Videezy 4K, test clips of the two-stage alignment paper",
        "<clip>/<frame>.png",
        ("Google Drive file 1YDljUONvyKUO24smTx__CUH_4Zxhle09",),
        f"collected from videezy.com; {_NO_LICENCE}",
    ),
    "sc_burst_dir": DataLocation(
        "SC_burst, real RAW bursts of smartphones",
        "Scene*/*.mat (MATLAB 7.3), at least five files a scene",
        ("https://pan.baidu.com/s/1gRQ1im6Qa7vZiuOv9eO2Qw (password d8u8; by hand, with a Baidu account)",),
        _NO_LICENCE,
    ),
}


def how_to_get(key: str) -> str:
    """What to fetch, from where, how it must lie, and the setting that names the place."""
    location = LOCATIONS[key]
    return (
        f"{location.title} ({key})\n"
        f"  download: {'; or '.join(location.sources)}\n"
        f"  layout:   {location.layout}\n"
        f"  licence:  {location.licence}\n"
        f"  then set {key} in admin/local.py, or BURSTLAB_{key.upper()} in the environment, or give root="
    )


def data_folder(key: str, root: str | os.PathLike[str] | None = None) -> Path:
    """The folder (or file) of a data set: ``root`` if given, else what the environment says for ``key``.

    Raises:
        MissingDataSet: nothing is set, or nothing is there.
        KeyError: no data set has this key.
    """
    location = LOCATIONS[key]
    place = Path(root) if root is not None else Path(getattr(env_settings(), key, "") or "")
    if root is None and place == Path():
        raise MissingDataSet(f"The place of {location.title} is not set.\n{how_to_get(key)}")
    if not place.exists():
        raise MissingDataSet(f"{place} does not exist.\n{how_to_get(key)}")
    return place
