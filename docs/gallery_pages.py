"""Pages of the gallery: each prints something and draws a picture, which stands at its top."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imread
from sphinx.errors import ExtensionError
from sphinx_gallery.scrapers import matplotlib_scraper

MIN_DRAWN = 0.05
"""Share of pixels of a first picture of another color than its corner; empty axes have half."""


def first_picture_at_the_top(*place: Any) -> str:
    """Save the pictures of a block, and return how the page shows those that are not the first."""
    shown: str = matplotlib_scraper(*place)
    return "" if "_001.png" in shown else shown


def check(gallery: Path) -> None:
    """Raise an error for a page that printed nothing, or whose first picture is empty."""
    for page in sorted(gallery.glob("*/[0-9]*.rst")):
        if "sphx-glr-script-out" not in page.read_text(encoding="utf-8"):
            raise ExtensionError(f"{page.name} printed nothing")
        picture = page.parent / "images" / f"sphx_glr_{page.stem}_001.png"
        if not picture.exists():
            raise ExtensionError(f"{page.name} drew no picture")
        pixels = np.asarray(imread(picture))
        if (pixels != pixels[0, 0]).any(axis=2).mean() < MIN_DRAWN:
            raise ExtensionError(f"{picture.name} is nearly empty")
