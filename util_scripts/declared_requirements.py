"""Write the requirements that pyproject.toml declares, one a line, for `pip install -r`.

    python util_scripts/declared_requirements.py [EXTRA ...]

Without EXTRA the requirements of the toolkit itself, else those of the named extras. `opencv-python` is left out where
another build of OpenCV (headless, contrib) is installed: two builds would overwrite each other's files.
"""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
OTHER_OPENCV_BUILDS = ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def declared_requirements(extras: list[str], pyproject: Path = PYPROJECT) -> list[str]:
    """The requirements of the toolkit (no extras named) or of the named extras, without what is served otherwise.

    Raises:
        ValueError: pyproject.toml declares no such extra.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    groups = project["optional-dependencies"]
    unknown = [extra for extra in extras if extra not in groups]
    if unknown:
        raise ValueError(f"{pyproject} declares no extra {unknown[0]!r}; it has {', '.join(groups)}")
    lines = [line for extra in extras for line in groups[extra]] if extras else project["dependencies"]
    if any(_is_installed(build) for build in OTHER_OPENCV_BUILDS):
        lines = [line for line in lines if not re.match(r"opencv-python\b(?!-)", line)]
    return lines


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.stdout.write("\n".join(declared_requirements(sys.argv[1:])) + "\n")
