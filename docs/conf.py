"""How ``make docs`` builds the documentation: offline, with every warning an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["NUMBA_DISABLE_JIT"] = "1"  # functions, with their docstrings, rather than kernels
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import firesale

project = "firesale"
author = "The firesale authors"
copyright = "The firesale authors, Apache-2.0"
release = version = firesale.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "made_pages"]
exclude_patterns = ["_build", "_extensions", "_static"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
toc_object_entries = False
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "firesale"
html_math_renderer = "mathml"
html_show_sourcelink = False
suppress_warnings = ["ref.python"]  # a type's name that two classes have as an attribute
