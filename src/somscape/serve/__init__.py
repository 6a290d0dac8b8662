"""A saved map as a service: rows in, scores with reasons out, over HTTP."""

from somscape.serve._limits import Limits
from somscape.serve._server import serve_map

__all__ = ["Limits", "serve_map"]
