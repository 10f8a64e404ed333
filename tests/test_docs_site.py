"""The pages of docs/ are one whole: each is in the navigation, and every relative link leads to what exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
INDEX = DOCS / "index.md"
PAGES = sorted(DOCS.glob("*.md"))
ALL_PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *PAGES]

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n)\n(?: {4}.*\n?|\n)+")
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)|\ssrc=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def prose(text: str) -> str:
    """The page without its blocks of code, in which nothing is a link or a heading."""
    return _INDENTED.sub("\n\n", _FENCE.sub("", text))


def links(page: Path) -> Iterator[str]:
    """Targets of the links and pictures of a page that lead to files, not to the web."""
    for found in _LINK.finditer(_CODE.sub("", prose(page.read_text(encoding="utf-8")))):
        target = found[1] or found[2]
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """The names that hosting sites give to the headings of a page."""
    names: dict[str, int] = {}
    found = set()
    for heading in _HEADING.findall(prose(page.read_text(encoding="utf-8"))):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.add(f"{name}-{names[name]}" if name in names else name)
        names[name] = names.get(name, 0) + 1
    return found


def problem(page: Path, target: str) -> str | None:
    """Why a link leads nowhere."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if path and not (file.is_relative_to(ROOT) and file.exists()):
        return f"{target}: there is no {path}"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file)):
        return f"{target}: no heading of {file.name} is called {anchor}"
    return None


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_relative_links_resolve(page: Path) -> None:
    assert [found for target in links(page) if (found := problem(page, target))] == []


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A *short* title, twice\n\n[x](#a-short-title-twice) `[y](no.md)`\n\n    [z](no.md)\n")
    assert [problem(page, target) for target in links(page)] == [None]
    assert "no heading" in str(problem(INDEX, "concepts.md#burrst"))
    assert "there is no" in str(problem(INDEX, "concept.md"))


def test_every_page_is_in_the_navigation() -> None:
    sections = re.split(r"^## ", INDEX.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    entries = [entry for section in sections for entry in re.findall(r"\]\(([\w-]+\.md)\)", section)]
    assert sorted(entries) == [page.name for page in PAGES if page != INDEX], "docs/index.md: one link each"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_one_title_and_needs_no_site_to_be_read(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^# ", prose(text), re.MULTILINE)) == 1
    assert "```{" not in text, "directives are shown as code where the page is read as plain Markdown"
