"""One page for a person: a map and ranked rows become plain data and a self-contained HTML file."""

from somscape.report._build import build, with_regions
from somscape.report.page import Report, render

__all__ = ["Report", "build", "render", "with_regions"]
