"""The report as a local web app: a table in, marks and decisions out."""

from somscape.app._server import Limits, serve
from somscape.app._work import work

__all__ = ["Limits", "serve", "work"]
