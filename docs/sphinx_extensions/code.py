"""Code in the pages: what names something of the toolkit leads to the reference, and blocks get their language."""

from __future__ import annotations

import ast
import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry, PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

_COMMAND = re.compile(r"\$? ?(python|make|pip|torchrun|git|source|export|bash|\./|\.venv/)")
_CLASS = re.compile(r"[A-Z]\w+")


class LanguageOfBlocks(SphinxTransform):
    """Indented blocks name no language: commands are bash, what Python can parse is Python, all else is text."""

    default_priority = 200

    def apply(self, **kwargs: Any) -> None:
        for block in self.document.findall(nodes.literal_block):
            if block.get("language", "none") == "none":
                block["language"] = language_of(block.astext())


def language_of(text: str) -> str:
    """`bash`, `python` or `none`."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and _COMMAND.match(lines[0]):
        return "bash"
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return "none"
    return "python" if any(not isinstance(getattr(line, "value", None), ast.Name) for line in tree.body) else "none"


class LinksFromCode(SphinxPostTransform):
    """`models/loss/psnr.py`, `admin.loading.load_network(...)` and `SamplePhotos` in a text lead to the reference."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        domain = self.env.domains.python_domain
        for code in list(self.document.findall(nodes.literal)):
            name = _python_name(code.astext())
            entry = domain.objects.get(name) or (_only_one(domain, name, "class") if _CLASS.fullmatch(name) else None)
            if entry is None or entry.docname == self.env.docname or _is_linked(code):
                continue
            code.replace_self(
                make_refnode(self.app.builder, self.env.docname, entry.docname, entry.node_id, code.deepcopy())
            )


def _python_name(code: str) -> str:
    """What would be imported; single words in small letters are left alone, or every `data` would be a link."""
    name = code.split("(")[0]
    if re.fullmatch(r"[\w/.]+", name) is None or not ("." in name or "/" in name or _CLASS.fullmatch(name)):
        return ""
    return name.removesuffix(".py").strip("/").replace("/", ".")


def _only_one(domain: PythonDomain, name: str, role: str) -> ObjectEntry | None:
    """What a short name means in a reference of this kind, if nothing else is called so."""
    kinds = domain.objtypes_for_role(role) or ()
    found: set[ObjectEntry] = {
        entry
        for full, entry in domain.objects.items()
        if full.endswith(f".{name}") and not entry.aliased and entry.objtype in kinds
    }
    return found.pop() if len(found) == 1 else None


def _is_linked(code: nodes.literal) -> bool:
    node: nodes.Node | None = code.parent
    while node is not None:
        if isinstance(node, (nodes.reference, nodes.title, pending_xref)):
            return True
        node = node.parent
    return False


def _unique_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """A docstring may name a class of another module shortly, where there is only one of that name."""
    if node.get("refdomain") != "py":
        return None
    entry = _only_one(env.domains.python_domain, node["reftarget"], node["reftype"])
    return entry and make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_transform(LanguageOfBlocks)
    app.add_post_transform(LinksFromCode)
    app.connect("missing-reference", _unique_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
