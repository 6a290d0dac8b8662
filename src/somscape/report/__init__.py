"""One page for a person: map + ranked rows -> plain data -> a self-contained HTML file."""

from somscape.report._again import with_regions
from somscape.report._build import build
from somscape.report._page import Report
from somscape.report._render import page_part, render

__all__ = ["Report", "build", "page_part", "render", "with_regions"]
