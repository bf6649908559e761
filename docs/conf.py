"""How the documentation is built: `make docs`. Nothing is fetched, neither when it is built nor when it is read."""

from __future__ import annotations

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from darksieve import __version__

project = "darksieve"
copyright = "the darksieve developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "api/modules.rst"]

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

apidoc_modules = [
    {
        "path": "../src/darksieve",
        "destination": "api",
        "module_first": True,
        "automodule_options": ["members", "show-inheritance"],
        "exclude_patterns": [
            f"../src/darksieve/{part}" for part in ("__main__.py", "cli/*", "figures/*", "physics_ai/*")
        ],
    }
]
autodoc_default_options = {"ignore-module-all": True}  # what a package takes from its modules is shown there
autodoc_typehints = "none"  # signatures show them no better than the docstrings, which give shapes and units
default_role = "literal"
suppress_warnings = ["ref.python"]  # types in docstrings, such as Prior, are names that two modules may have
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = "darksieve"
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "mathml"


def setup(app: Sphinx) -> None:
    """Have equations written as MathML, which browsers draw by themselves."""

    def visit_inline(translator: HTML5Translator, node: nodes.Element) -> None:
        translator.body.append(tex2mathml(node.astext()))
        raise nodes.SkipNode

    def visit_block(translator: HTML5Translator, node: nodes.Element) -> None:
        translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
        raise nodes.SkipNode

    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
