"""How Sphinx builds the documentation."""

import upgraph

project = "Upgraph"
copyright = "The Upgraph authors"
version = release = upgraph.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
smartquotes = False  # two hyphens are the start of a flag, not a dash
html_theme = "furo"
html_title = f"Upgraph {release}"
html_show_sphinx = False
html_last_updated_fmt = None

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
nitpick_ignore_regex: list[tuple[str, str]] = []
