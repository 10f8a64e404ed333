"""A command line that is described by the docstring of its script."""

from __future__ import annotations

import argparse


def script_parser(docstring: str | None, prog: str | None = None) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of the script: a summary, then examples and notes as they stand.

    Args:
        docstring: of the script.
        prog: how the command is called; the name of the file if None.
    """
    summary, _, notes = (docstring or "").partition("\n\n")
    return argparse.ArgumentParser(
        prog=prog, description=summary, epilog=notes, formatter_class=argparse.RawDescriptionHelpFormatter
    )
