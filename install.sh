#!/usr/bin/env bash
# Make .venv beside this file and install what BurstLab needs. Run twice it does nothing twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--weights] [--cuda-extras]

  Makes the virtual environment .venv and installs what pyproject.toml declares, in the versions of constraints.txt.
  --weights      also fetch the released networks into pretrained_networks/
  --cuda-extras  also compile spatial-correlation-sampler (needs a compiler and the CUDA toolkit that matches torch)

  PYTHON=/path/to/python ./install.sh    make .venv with this Python (3.11 or newer) instead of python3
TEXT
}

say() { printf '%s\n' "install.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

weights=no
cuda_extras=no
positional=()
for argument in "$@"; do
    case "$argument" in
        --weights) weights=yes ;;
        --cuda-extras) cuda_extras=yes ;;
        -h | --help) usage; exit 0 ;;
        -*) usage >&2; fail "unknown option $argument" ;;
        *) positional+=("$argument") ;;
    esac
done
if [ "${#positional[@]}" -gt 2 ]; then
    usage >&2
    fail "unexpected argument ${positional[2]}"
elif [ "${#positional[@]}" -gt 0 ]; then
    say "no conda environment is made: '${positional[*]}' is ignored, everything goes into .venv"
fi

case "$(uname -s)" in
    MINGW* | MSYS* | CYGWIN*)
        fail "this script is for Linux and macOS; on Windows, in this folder:
    py -m venv .venv
    .venv\\Scripts\\python util_scripts\\declared_requirements.py >requirements.tmp
    .venv\\Scripts\\python util_scripts\\declared_requirements.py raw downloads stores dev >>requirements.tmp
    .venv\\Scripts\\python -m pip install -c constraints.txt -r requirements.tmp" ;;
esac

venv_python=.venv/bin/python
if [ ! -x "$venv_python" ]; then
    base_python="${PYTHON:-python3}"
    command -v "$base_python" >/dev/null || fail "no '$base_python' here; name a Python 3.11 or newer: PYTHON=/path/to/python ./install.sh"
else
    base_python="$venv_python"
fi
"$base_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$base_python is $("$base_python" --version 2>&1), but 3.11 or newer is needed; name one: PYTHON=/path/to/python ./install.sh$(
        [ "$base_python" = "$venv_python" ] && printf ' (and move .venv away first)')"
if [ ! -x "$venv_python" ]; then
    say "making .venv with $("$base_python" --version)"
    "$base_python" -m venv .venv || fail "'$base_python -m venv' failed; on Debian and Ubuntu install the package python3-venv, then run this again"
fi

# install_group NAME DESCRIPTION REQUIREMENTS [PIP OPTION ...]: once for every state of requirements and tested versions.
install_group() {
    local name=$1 description=$2 requirements=$3
    shift 3
    local stamp=".venv/.installed-$name" state
    state="$(printf '%s\n' "$requirements" "$*" "$("$venv_python" --version)" | cat - constraints.txt | cksum)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
        return
    fi
    "$venv_python" -m pip --version >/dev/null 2>&1 || "$venv_python" -m ensurepip --upgrade >/dev/null ||
        fail ".venv has no pip, and Python cannot add it; move .venv away and run this again"
    say "installing $description"
    printf '%s\n' "$requirements" >".venv/requirements-$name.txt"
    "$venv_python" -m pip install -qq --disable-pip-version-check "$@" \
        --constraint constraints.txt --requirement ".venv/requirements-$name.txt" ||
        fail "installing $description failed; the lines above say why. Nothing needs undoing: correct it and run this again"
    printf '%s\n' "$state" >"$stamp"
    installed=yes
}

installed=no

declared() { "$venv_python" util_scripts/declared_requirements.py "$@"; }

requirements="$(declared && declared raw downloads stores docs dev)"
install_group toolkit "the toolkit's libraries (PyTorch is large: this takes some minutes)" "$requirements"
[ "$installed" = no ] || "$venv_python" -c 'import cv2' || fail "OpenCV is installed but cannot be loaded, see above. Where libGL or libglib is missing, either install
    it, or replace the build: .venv/bin/pip uninstall -y opencv-python && .venv/bin/pip install opencv-python-headless"

if [ "$cuda_extras" = yes ]; then
    install_group build-tools "build tools" "$(printf 'setuptools\nwheel\nninja')"
    install_group cuda-extras "spatial-correlation-sampler (compiled here)" "$(declared cuda-extras)" --no-build-isolation
fi

if [ "$weights" = yes ]; then
    "$venv_python" util_scripts/download_weights.py || fail "everything is installed, but not all released networks could be fetched; run this again to go on"
fi
[ "$installed" = no ] || say "ready: .venv/bin/python"
