"""`serve`: a saved map as a service."""

from pathlib import Path
from typing import Any

from somscape.cli._console import make_console, say
from somscape.serve import Limits, serve_map


def run_service(map_file: str, *, max_body: float, max_rows: int, **options: Any) -> None:
    """Serve a map until SIGTERM or Ctrl-C."""
    console = make_console()
    serve_map(
        Path(map_file),
        limits=Limits(int(max_body * 1e6), max_rows),
        say=lambda line: say(console, line),
        **options,
    )
    say(console, "Stopped; requests that had come were answered.")
