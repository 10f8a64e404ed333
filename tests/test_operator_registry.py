"""No operator without the checks of tests/operators.py."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.operators import Operator

TESTS = Path(__file__).parent
FOLDERS = ("utils/ops", "models/layers", "models/alignment")
FILES = ("models/two_stage_align/deformed_sampling.py", "models/two_stage_align/tiles.py")

# Public functions and classes of those places that are no operators, or have no use for these checks: why.
NOT_HERE = {
    "models.alignment.flow_images.pair_up": "repeats maps; test_fast_correlation.py",
    "models.alignment.global_motion.GlobalMotion": "an estimate; test_global_motion.py",
    "models.alignment.global_motion.find_global_motion": "an estimate; test_global_motion.py",
    "models.alignment.pwcnet.PWCNet": "a network; test_dbsr.py",
    "models.alignment.pwcnet_layers.Decoder": "layers with weights; test_dbsr.py",
    "models.alignment.pwcnet_layers.Extractor": "layers with weights; test_dbsr.py",
    "models.alignment.pwcnet_layers.Network": "a network; test_dbsr.py",
    "models.alignment.pwcnet_layers.Refiner": "layers with weights; test_dbsr.py",
    "models.alignment.pyrcorr.PyrCorr": "a network; test_deeprep.py",
    "models.alignment.wrappers.AlignmentWrapper": "runs networks; test_deeprep.py",
    "models.alignment.wrappers.FrozenUnlessTrained": "runs networks; test_deeprep.py",
    "models.alignment.wrappers.PWCNetAlignment": "runs networks; test_deeprep.py",
    "models.alignment.wrappers.SearchThenFlow": "runs networks; test_global_motion.py",
    "models.layers.blocks.ResBlock": "layers with weights; test_layers.py",
    "models.layers.blocks.activation_layer": "layers of torch; test_layers.py",
    "models.layers.blocks.conv_block": "layers of torch; test_layers.py",
    "models.layers.blocks.res_blocks": "layers with weights; test_layers.py",
    "models.layers.checks.check_burst": "checks inputs; test_layers.py",
    "models.layers.checks.check_dtype": "checks inputs; test_layers.py",
    "models.layers.decoders.ResPixShuffleConv": "layers with weights; test_dbsr.py",
    "models.layers.filtering.centred_gaussian": "makes a kernel; test_layers.py",
    "models.layers.filtering.gauss_1d": "makes a kernel; test_layers.py",
    "models.layers.filtering.gauss_2d": "makes a kernel; test_layers.py",
    "models.layers.filtering.get_gaussian_kernel": "makes a kernel; test_layers.py",
    "models.layers.non_local_means.non_local_means": "float32 and no gradient by design; test_non_local_means.py",
    "models.layers.reference_offsets.burst_offsets": "draws or sets offsets; test_layers.py",
    "models.layers.reference_offsets.draw_reference_offsets": "draws; test_layers.py",
    "models.layers.reference_offsets.set_reference_offset_noise": "sets an attribute; test_layers.py",
    "models.layers.upsampling.ICNR": "draws weights; test_layers.py",
    "models.two_stage_align.tiles.merge_tiles": "tiles to one image; test_two_stage_matching.py",
    "models.two_stage_align.tiles.tile_corners": "makes positions; test_two_stage_matching.py",
    "utils.ops.blur.spread_path": "makes a kernel; test_deblur_synthesis.py",
}


def modules() -> list[ModuleType]:
    root = TESTS.parent
    paths = [path for folder in FOLDERS for path in sorted((root / folder).glob("[!_]*.py"))]
    paths += [root / name for name in FILES]
    return [importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts)) for path in paths]


def name_of(found: Any) -> str:
    return f"{found.__module__}.{found.__qualname__}"


def public(module: ModuleType) -> set[str]:
    """Functions and classes that are defined in a module."""
    return {
        name_of(value)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    }


def operators() -> list[Operator]:
    families = [importlib.import_module(f"tests.{path.stem}") for path in sorted(TESTS.glob("test_operator_*.py"))]
    return [operator for family in families for operator in getattr(family, "OPERATORS", [])]


def test_every_operator_is_in_a_family_or_says_why_not() -> None:
    covered = {name_of(function) for operator in operators() for function in operator.covers}
    found = set().union(*(public(module) for module in modules()))
    assert sorted(found - covered - set(NOT_HERE)) == []
    assert sorted(set(NOT_HERE) - found) == []  # nothing that is gone
    assert sorted(set(NOT_HERE) & covered) == []


def test_the_tests_that_stand_in_exist() -> None:
    named = {reason.rpartition("; ")[2] for reason in NOT_HERE.values()}
    assert {name for name in named if not (TESTS / name).is_file()} == set()


def test_operators_have_names_of_their_own() -> None:
    names = [operator.name for operator in operators()]
    assert len(names) == len(set(names))
