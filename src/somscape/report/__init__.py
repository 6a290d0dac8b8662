"""Make a report on a map or on ranked rows, as JSON data or as a single HTML file."""

from somscape.report._build import build, with_regions
from somscape.report.page import Report, render

__all__ = ["Report", "build", "render", "with_regions"]
