"""How `make docs` builds the site: the pages of docs/, and a reference of the public rooms from their docstrings."""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

_PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
project = "BurstLab"
release = version = _PROJECT["version"]
author = project_copyright = "the BurstLab contributors"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_extensions.pages",
    "sphinx_extensions.reference",
    "sphinx_extensions.code",
]
exclude_patterns = ["sphinx_extensions"]

# Links to headings are those that hosting sites make.
myst_heading_anchors = 4
default_role = "code"
highlight_language = "none"  # of blocks that name none; sphinx_extensions.code looks at what stands in them

autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "ignore-module-all": True,  # a name is documented where it is defined
    "member-order": "bysource",
}
autodoc_inherit_docstrings = False  # torch's page about `forward` would stand below every network
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 100
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

# Every reference inside the toolkit must resolve. Types of other libraries have their own sites.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(abc|accelerate|argparse|collections|datetime|logging|np|nn|numpy|os|pathlib|rich|torch)\..*"),
    ("py:class", r"(.*\.)?(Accelerator|Path)"),
    # Aliases and type variables.
    ("py:class", r"(.*\.)?(Array|Batch|Call|Image|Item|LoaderStats|P|Picture|R|Result|T|View)"),
    ("py:class", r".*\[.*"),  # generic types that could not be taken apart
    ("py:class", r".*\._\w+"),  # bases that are private
]

# Signatures of dataclasses name types as they are written; two rooms have a class `Box`.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"BurstLab {version}"
html_show_sourcelink = False
html_copy_source = False
