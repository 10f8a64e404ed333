"""The order of the pages is that of the links in index.md, which so stays readable without this site.

Every heading of index.md becomes a caption of the navigation, every page linked below it an entry. Two files of the
repository's root become pages as well.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

GENERATED = "generated"
ROOT_PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")

_LINK_TO_PAGE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)?[\w-]+\.md)\)")
_RELATIVE_LINK = re.compile(r"\]\((?!\w+:|#)([^)\s]+)")


def navigation(index: str) -> dict[str, list[tuple[str, str]]]:
    """Caption → name and page (without ending) of its entries, as headings and links of index.md have them."""
    parts = re.split(r"^## +(.+)$", index, flags=re.MULTILINE)
    return {
        caption.strip(): [(name, as_page(page).removesuffix(".md")) for name, page in _LINK_TO_PAGE.findall(text)]
        for caption, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def as_page(target: str) -> str:
    """Where the site has the page that a link from docs/ means: `../CONTRIBUTING.md` is `generated/CONTRIBUTING.md`."""
    if target == "../README.md":
        return "index.md"
    name = target.removeprefix("../")
    return f"{GENERATED}/{name}" if target.startswith("../") and name in ROOT_PAGES else target


def _with_toctrees(app: Sphinx, page: str, source: list[str]) -> None:
    if page.startswith(f"{GENERATED}/"):
        return
    text = source[0]
    if page == app.config.root_doc:
        captions = navigation(text) | {"Reference": [("All rooms", f"{GENERATED}/reference")]}
        text += "".join(_toctree(caption, pages) for caption, pages in captions.items() if pages)
    source[0] = _RELATIVE_LINK.sub(lambda link: f"]({as_page(link[1])}", text)


def _toctree(caption: str, pages: list[tuple[str, str]]) -> str:
    entries = [f"{name} <{page}>" for name, page in pages]
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""])


def _copy_root_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / GENERATED
    folder.mkdir(exist_ok=True)
    for name in ROOT_PAGES:
        text = (Path(app.srcdir).parent / name).read_text(encoding="utf-8")
        text = _RELATIVE_LINK.sub(lambda link: f"](../../{link[1]}", text).replace("](../../docs/", "](../")
        write_if_new(folder / name, text)


def write_if_new(path: Path, text: str) -> None:
    """Writes a generated page unless it is there already: what has not changed is not built again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", _copy_root_pages)
    app.connect("source-read", _with_toctrees)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
