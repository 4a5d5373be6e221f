"""How the documentation is built: ``python -m sphinx -W -b html docs docs/_build/html``."""

import sys
from pathlib import Path

import journeykit

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parent)]

project = "journeykit"
version = release = journeykit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "from_code", "api_pages"]
exclude_patterns = ["_build", "_ext"]
myst_heading_anchors = 3

# Single backticks in docstrings name things of the library; what is none stays as it is.
default_role = "thing"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # from_code tells the types, in short
add_module_names = False
python_maximum_signature_line_length = 80

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.highlight-text):not(.highlight-none) > div.highlight > pre"  # no button on outputs

html_theme = "furo"
html_title = f"journeykit {version}"
html_static_path = ["_static"]
html_css_files = ["journeykit.css"]
html_extra_path = ["playbook.schema.json", "summary.schema.json"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
