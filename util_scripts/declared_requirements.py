"""Write the requirements that pyproject.toml declares, one a line, for `pip install -r`.

    python util_scripts/declared_requirements.py [--oldest] [EXTRA ...]

Without EXTRA the requirements of the toolkit itself, else those of the named extras; with --oldest the oldest versions
that they allow, which the hosted tests run with as well as with the newest. `opencv-python` is left out where another
build of OpenCV (headless, contrib) is installed: two builds would overwrite each other's files.
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


def oldest(requirement: str) -> str:
    """The smallest version that a requirement allows, with its newest corrections: ``torch>=2.6`` as ``torch==2.6.*``.

    Raises:
        ValueError: it says no smallest version.
    """
    named = re.fullmatch(r"([\w.-]+)\s*>=\s*([\w.]+)", requirement)
    if named is None:
        raise ValueError(f"{requirement!r} does not say from which version on, as NAME>=VERSION")
    return f"{named[1]}=={named[2]}.*"


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    wanted = [name for name in sys.argv[1:] if name != "--oldest"]
    found = declared_requirements(wanted)
    sys.stdout.write("\n".join(map(oldest, found) if "--oldest" in sys.argv else found) + "\n")
