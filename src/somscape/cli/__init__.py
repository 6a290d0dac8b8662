"""The command line: thin over the library, which is imported when a command runs."""

from somscape.cli._commands import main

__all__ = ["main"]
