"""Libraries of an extra: what to install where one is not there."""

import importlib.util

from somscape.errors import InputError


def check_library(module: str, doing: str, extra: str = "excel") -> None:
    """Raise InputError where the library of a module is not installed."""
    # Asked before, because an ImportError from within the library is not this one.
    library = module.partition(".")[0]
    if importlib.util.find_spec(library) is None:
        name = library.replace("_", "-")
        raise InputError(f"{doing} needs {name}; run: pip install 'somscape[{extra}]'")
