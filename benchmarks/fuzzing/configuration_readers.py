"""Configurations of other implementations, of which settings files are made."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from benchmarks.fuzzing.reader import MARKER, Files, Reader, only

_BREAKS_OUT = f'\'"""\\nimport os; os.system("touch {MARKER}")\\n"""\''


def json_() -> Reader:
    """Configurations of SR3."""
    from tests.test_sr3_data import CONFIG
    from util_scripts.import_sr3_config import read_config, settings_file

    text = "// mine\n" + json.dumps(CONFIG, indent=2)
    hostile = json.loads(json.dumps(CONFIG))
    hostile["name"] = f'"""\nimport os; os.system("touch {MARKER}")\n"""'
    attacks: list[Files] = [
        {"a.json": b"[" * 100_000},
        {"a.json": b'{"a":' * 100_000},
        {"a.json": b'{"a": 1' + b"0" * 100_000 + b"}"},
        {"a.json": json.dumps(hostile).encode()},
    ]

    def read(folder: Path) -> str:
        return _as_python(settings_file(read_config(only(folder)), "mine", "a.json"))

    return Reader("JSON configuration", [{"a.json": text.encode()}], read, (ValueError,), attacks)


def yaml_() -> Reader:
    """Options of two-stage alignment."""
    import yaml  # noqa: F401 - only whether it is there

    from tests.test_two_stage_settings import OPTIONS
    from util_scripts.import_two_stage_options import read_options, settings_file

    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    attacks: list[Files] = [
        {"a.yml": f"name: !!python/object/apply:os.system ['touch {MARKER}']\n".encode()},
        {"a.yml": b"name: !!python/name:os.system\n"},
        {"a.yml": laughs.encode() + OPTIONS.encode()},
        {"a.yml": b"[" * 10_000},
        {"a.yml": b"a: " + b"9" * 20_000},
        *({"a.yml": OPTIONS.replace(word, _BREAKS_OUT).encode()} for word in ("J0007", "ROOT", "REDS4")),
    ]

    def read(folder: Path) -> str:
        return _as_python(settings_file(read_options(only(folder)), "mine", "a.yml"))

    return Reader("YAML configuration", [{"a.yml": OPTIONS.encode()}], read, (ValueError,), attacks)


def _as_python(text: str) -> str:
    """The text of a settings file that was made of a configuration; it must run nothing on its own.

    Raises:
        AssertionError: it does more than import, assign literals and define ``run``.
    """
    for statement in ast.parse(text).body:
        if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef)):
            continue
        value = getattr(statement, "value", None)
        assert isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)), ast.dump(statement)
        calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
        assert value is not None, ast.dump(statement)
        assert all(isinstance(call, ast.Name) and call.id.endswith("Restarts") for call in calls), ast.dump(statement)
    return text
