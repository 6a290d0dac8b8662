"""Builds the site: no network, no theme from elsewhere at run time."""

import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

import somscape

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for gallery_pages and what draws figures
GENERATED = HERE / "_generated"

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
    "header_links_before_dropdown": 6,
}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["gallery.css", "landing.css", "learn.css"]
html_js_files = ["learn.js"]
html_extra_path = ["_generated/beside"]  # the report that the first page shows
html_sidebars = {page: [] for page in ("index", "examples", "gallery/**")}
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
        "SOM": "ClassNamePrefixFeaturesOutMixin, TransformerMixin, _SetOutputMixin, Estimator",
        "SOMDetector": "OutlierMixin, Estimator",
        "SOMClassifier": "ClassifierMixin, Base",
        "SOMRegressor": "RegressorMixin, Base",
        **dict.fromkeys(("Map", "Recognizer", "Predictor"), "object"),
    },
    # The page that a class of the reference belongs to, which names the class in turn.
    "guides": {
        **dict.fromkeys(("SOM", "Lattice", "Graph", "Metric"), "guide/choosing"),
        **dict.fromkeys(("Checkpoint", "Progress", "TimeLimit"), "guide/choosing"),
        **dict.fromkeys(("SOMDetector", "Alerts", "AlertRule", "Reason"), "guide/detecting"),
        **dict.fromkeys(("Counterfactual", "Change", "Range"), "guide/detecting"),
        **dict.fromkeys(("Detector", "Scorer", "Calibration", "Decorrelation"), "guide/detecting"),
        **dict.fromkeys(("Rarity", "SimilarRows", "LabelShare"), "guide/detecting"),
        **dict.fromkeys(("Reasons", "Occurrence"), "guide/detecting"),
        **dict.fromkeys(("DriftMonitor", "DriftAlarm"), "guide/streams"),
        **dict.fromkeys(("Pieces", "Problem", "EpochSums"), "guide/clusters"),
        **dict.fromkeys(("SOMImputer", "TableEncoder"), "guide/missing_and_mixed"),
        **dict.fromkeys(("Encoding", "Table", "Column"), "start"),
        **dict.fromkeys(
            ("Map", "Record", "Samples", "BestMatches", "Classes", "Source"), "guide/files"
        ),
        **dict.fromkeys(
            ("Regions", "Region", "Difference", "Quartiles", "Rule", "Condition"), "guide/regions"
        ),
        **dict.fromkeys(("RegionChange", "RegionStability", "SOMRegions"), "guide/regions"),
        **dict.fromkeys(("Alignment", "MapChange"), "guide/regions"),
        "Agreement": "reading",
        **dict.fromkeys(("SOMClassifier", "Recognizer"), "guide/recognizing"),
        **dict.fromkeys(("ClassReasons", "ClassReason", "UnitReason"), "guide/recognizing"),
        **dict.fromkeys(("OtherClass", "ClassChange"), "guide/recognizing"),
        **dict.fromkeys(("SOMRegressor", "Predictor"), "guide/recognizing"),
        **dict.fromkeys(("ColumnPlane", "Display"), "guide/pictures"),
        **dict.fromkeys(("MeasuresReport", "Measure", "DistortionParts"), "guide/measures"),
        **dict.fromkeys(("TopographicFunction", "Stability"), "guide/measures"),
        **dict.fromkeys(("Paths", "Entry", "Windows"), "guide/paths"),
        "Grouped": "guide/customers",
        **dict.fromkeys(("State", "Watch", "Case", "Decision", "RunOutcome"), "guide/watching"),
        "Report": "guide/report",
        "MiniSom": "guide/minisom",
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
    tumors.write_report(GENERATED / "beside")
    if lacks := screenshots.take(GENERATED / "monday"):
        sys.stderr.write(f"The pages do without pictures of the app: {lacks}.\n")
    for page in ("index.md", "learn/map.md"):
        list(printed.run(HERE / page, GENERATED))
    for name in ("02_colors.py", "03_pictures.py"):
        example = HERE.parent / "examples" / name
        subprocess.run([sys.executable, str(example)], cwd=GENERATED, check=True)


def without_pictures(app: Sphinx, page: str, source: list[str]) -> None:
    """Take out the pictures for which there was no browser."""
    import screenshots

    source[0] = screenshots.without_missing(source[0], (HERE / page).parent)


def look_at_gallery(app: Sphinx) -> None:
    """Stop where a page of the gallery prints or draws nothing."""
    import gallery_pages

    gallery_pages.check(HERE / "gallery")


def setup(app: Sphinx) -> None:
    """Look at each page as it is read, and at the gallery once its pages have run."""
    app.connect("source-read", without_pictures)
    app.connect("builder-inited", look_at_gallery, priority=900)


run_examples()
