"""Reports on a map and on ranked rows, as JSON data and as a single HTML file."""

from somscape.report._build import build, with_regions
from somscape.report.page import Report, render

__all__ = ["Report", "build", "render", "with_regions"]
