"""Builds the site: no network, no theme from elsewhere at run time."""

import re
import subprocess
import sys
from html import escape
from pathlib import Path

from docutils.nodes import entry, paragraph
from sphinx.application import Sphinx

import somscape

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for what writes and draws beside this file
import commands  # noqa: E402

GENERATED = HERE / "_generated"
DESCRIPTION = 160
"""Characters of a description that search engines show."""

project = "somscape"
author = "The somscape developers"
release = somscape.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_generated", "_templates"]
templates_path = ["_templates"]
html_title = "somscape"
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_prev_next": False,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "navbar_align": "left",
    "header_links_before_dropdown": 9,
    "collapse_navigation": True,
}
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system says
html_show_sourcelink = False
smartquotes = False  # options and texts in quotes stay as they are typed
html_static_path = ["_static"]
html_css_files = ["gallery.css", "landing.css", "learn.css", "reference.css", "phone.css"]
html_js_files = ["learn.js", "pictures.js", "reference.js"]
html_extra_path = ["_generated/beside"]  # the report that the first page shows
html_sidebars = {page: [] for page in ("index", "comparison", "gallery/**")}
sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "subsection_order": [
        f"../examples/gallery/{part}" for part in ("groups", "unusual", "recognize", "map")
    ],
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\d",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "run_stale_examples": True,  # the library may have changed
    "image_scrapers": "gallery_pages.first_picture_at_the_top",
    "download_all_examples": False,
    "notebook_extensions": set(),
    "show_signature": False,
    "thumbnail_size": (520, 400),
    "min_reported_time": 1e9,  # times differ from build to build
    "write_computation_times": False,
}
autosummary_generate = True
autosummary_context = {
    # Classes whose pages have what they inherit, but from these on.
    "inherited": {
        "SOM": "ClassNamePrefixFeaturesOutMixin, TransformerMixin, _SetOutputMixin, Base",
        "SOMDetector": "OutlierMixin, Base",
        "SOMClassifier": "ClassifierMixin, Base",
        "SOMRegressor": "RegressorMixin, Base",
        **dict.fromkeys(("Map", "Recognizer", "Predictor"), "object"),
    },
}
autodoc_typehints = "none"  # the docstrings say more than the annotations
numpydoc_show_class_members = False
myst_heading_anchors = 3


def run_examples() -> None:
    """Draw the pictures that the pages show."""
    import charts
    import learn_figures
    import printed
    import screenshots
    import tumors

    GENERATED.mkdir(exist_ok=True)
    charts.draw(GENERATED)
    learn_figures.draw(GENERATED)
    tumors.check(tumors.write_report(GENERATED / "beside"), HERE / "index.md")
    if lacks := screenshots.take(GENERATED / "monday"):
        sys.stderr.write(f"The pages do without pictures of the app: {lacks}.\n")
    tutorials = sorted(path for path in HERE.glob("tutorials/*.md") if path.stem != "index")
    for page in (HERE / "index.md", HERE / "concepts" / "map.md", *tutorials):
        printed.draw(page, GENERATED)
    for name in ("02_colors.py", "03_pictures.py"):
        example = HERE.parent / "examples" / name
        subprocess.run([sys.executable, str(example)], cwd=GENERATED, check=True)


def prepare_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Put in charts and dark pictures, and take out the pictures that need a browser.

    A chart is a comment in the source, so a code host shows the page without it.
    """
    import printed
    import screenshots

    chart = r"```{raw} html\n:file: _generated/\1.html\n```"
    source[0] = re.sub(r"<!-- chart: (\w+) -->", chart, source[0])
    source[0] = screenshots.without_missing(source[0], (HERE / page).parent)
    source[0] = printed.with_dark(source[0], GENERATED)


def describe(app: Sphinx, page: str, template: str, context: dict, document: object) -> None:
    """Describe a page for search engines by its first sentences, or else by its title."""
    found = [] if document is None else document.findall(paragraph)
    texts = [each.astext() for each in found if not isinstance(each.parent, entry)]
    longest = next((text for text in texts if len(text) > 40), "")
    title = re.sub("<[^>]*>", "", context.get("title") or "")
    text = " ".join((longest or f"{title}: a page of the documentation of somscape").split())
    if len(text) > DESCRIPTION:
        text = text[: DESCRIPTION - 4].rpartition(" ")[0] + " ..."
    meta = f'<meta name="description" content="{escape(text)}" />\n'
    context["metatags"] = context.get("metatags", "") + meta


def look_at_gallery(app: Sphinx) -> None:
    """Stop where a page of the gallery prints or draws nothing."""
    import gallery_pages

    gallery_pages.check(HERE / "gallery")


def setup(app: Sphinx) -> None:
    """Look at each page as it is read, at the gallery once it has run, and at docstrings."""
    import shown_beside

    app.connect("source-read", prepare_page)
    app.connect("html-page-context", describe)
    app.connect("builder-inited", look_at_gallery, priority=900)
    # After numpydoc, which has read the docstrings by then.
    app.connect("autodoc-process-docstring", shown_beside.add_to, priority=600)


run_examples()
commands.write(HERE / "commands")
