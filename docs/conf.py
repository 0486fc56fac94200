"""How the site is made of the Markdown of this repository, README first.

    python -m sphinx --fail-on-warning --nitpicky -c docs . site

Then open site/docs/index.html. Links are checked as far as they stay in the repository.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [_HERE, os.path.dirname(_HERE)]

project = "TF BERT toolkit"
extensions = ["myst_parser", "flag_lists"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/*.md",
    "benchmarks/reports/*.md",
    "tf_bert/data/*/*.md",
    "lstm_pretrain/bundled/*/*.md",
]
exclude_patterns = [".*", "runs", "site", "*.egg-info"]
highlight_language = "none"  # of fences that name none
html_theme = "furo"
html_title = project
myst_heading_anchors = 3
smartquotes = False  # two hyphens are a flag
