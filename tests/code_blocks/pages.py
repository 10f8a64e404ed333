"""Pages of Markdown → blocks of code, with the comments before them that say how they are run."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Comments before a block: `<!-- marker: text -->`, or `<!-- marker (words, other words): text -->`, which holds for
# lines that have one of these words.
MARKERS = ("text", "not run", "only at full length", "setup", "file")

_COMMENT = re.compile(r"<!--\s*(?P<marker>[a-z ]+?)\s*(?:\((?P<words>[^)]*)\))?\s*(?::(?P<text>.*?))?\s*-->", re.DOTALL)
_FENCE = re.compile(r"(```+|~~~+)\s*([\w{}+-]*)")
_LIST_ITEM = re.compile(r"([-*+]|\d+[.)])\s")
_PROGRAM = re.compile(r"(\w+=\S* )*(python|make|torchrun|pip|source|export|git|cd|\.venv/bin/|\./|#!)")


@dataclass(frozen=True)
class Marker:
    """A comment before a block; one of ``words`` is in the lines that it is about, all lines if there are none."""

    name: str
    words: tuple[str, ...]
    text: str

    def holds_for(self, line: str) -> bool:
        """Whether it is about this line."""
        return not self.words or any(word in line for word in self.words)


@dataclass(frozen=True)
class Command:
    """One command line: variables that it sets, and its words. ``text`` is how it stands on the page."""

    text: str
    variables: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A block of code of a page, from line ``line`` on; ``language`` is `bash`, `python`, `text` or empty: unknown."""

    page: str
    line: int
    language: str
    code: str
    markers: tuple[Marker, ...] = field(default=())

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    def marker(self, name: str, line: str = "") -> Marker | None:
        """The marker of that name, if there is one that holds for this line of the block."""
        found = [marker for marker in self.markers if marker.name == name and marker.holds_for(line)]
        return found[0] if found else None

    def commands(self) -> list[Command]:
        """The command lines of a block of bash, without comments; lines that end in a backslash are joined."""
        joined = re.sub(r"\\\n\s*", "", self.code)
        return [command_of(line) for line in joined.splitlines() if shlex.split(line, comments=True)]


def all_pages() -> list[Path]:
    """The pages whose code is run."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page: fenced ones, and those that are indented by four spaces after an empty line.

    Raises:
        ValueError: a fence is not closed; a comment before a block is no marker that is known.
    """
    lines = page.read_text(encoding="utf-8").splitlines()
    name = str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name
    blocks, start, in_list = [], 0, False
    while start < len(lines):
        line = lines[start]
        fence = _FENCE.match(line)
        indented = line.startswith("    ") and (start == 0 or not lines[start - 1].strip()) and not in_list
        if fence:
            end = next((i for i in range(start + 1, len(lines)) if lines[i].strip() == fence[1]), None)
            if end is None:
                raise ValueError(f"{name}, line {start + 1}: the block is not closed")
            code, language = "\n".join(lines[start + 1 : end]), fence[2]
            blocks.append(_block(name, start + 2, code, lines[:start], language))
            start = end + 1
            continue
        if indented:
            end = start
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            code = "\n".join(text[4:] for text in lines[start:end]).rstrip()
            blocks.append(_block(name, start + 1, code, lines[:start]))
            start = end
            continue
        if line.strip() and not line.startswith(" "):
            in_list = _LIST_ITEM.match(line) is not None
        start += 1
    return blocks


def _block(page: str, line: int, code: str, before: list[str], language: str = "") -> Block:
    markers = _markers_at_the_end(before, f"{page}, line {line}")
    if language in ("bash", "sh", "console", "python"):
        language = "python" if language == "python" else "bash"
    elif language or any(marker.name == "text" for marker in markers):
        language = "text"
    else:
        language = language_of(code)
    return Block(page, line, language, code, markers)


def _markers_at_the_end(lines: list[str], place: str) -> tuple[Marker, ...]:
    """The comments that stand directly before a block."""
    text, markers = "\n".join(lines).rstrip(), []
    while text.endswith("-->"):
        start = text.rindex("<!--")
        comment = _COMMENT.fullmatch(text[start:])
        if comment is None or comment["marker"] not in MARKERS:
            known = ", ".join(MARKERS)
            raise ValueError(f"{place}: the comment before the block, {text[start:]!r}, is none of: {known}")
        markers.append(Marker(comment["marker"], _listed(comment["words"]), (comment["text"] or "").strip()))
        text = text[:start].rstrip()
    return tuple(markers)


def _listed(words: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",")) if words else ()


def language_of(code: str) -> str:
    """`bash` where every line starts a program, `text` of BibTeX, `python` where it can be parsed; else empty."""
    if re.match(r"@\w+\{", code):
        return "text"
    lines = [line for line in re.sub(r"\\\n", "", code).splitlines() if line.strip() and not line.startswith("#")]
    if lines and all(_PROGRAM.match(line) for line in lines):
        return "bash"
    try:
        ast.parse(code)
    except SyntaxError:
        return ""
    return "python"


def command_of(line: str) -> Command:
    """The words of a command line."""
    words, variables = shlex.split(line, comments=True), {}
    while words and re.match(r"\w+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return Command(line.strip(), variables, tuple(words))
