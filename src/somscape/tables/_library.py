"""Libraries of an extra: what to install where one is not there."""

import importlib
import importlib.util
from typing import Any

from somscape.errors import InputError


def check_library(module: str, doing: str, extra: str = "excel") -> None:
    """Raise InputError where the library of a module is not installed.

    Parameters
    ----------
    module : str
    doing : str
        What it is needed for, to begin the message with.
    extra : str, default="excel"
        The extra that brings it.

    Examples
    --------
    >>> check_library("json", "reading")
    """
    # Asked before, because an ImportError from within the library is not this one.
    library = module.partition(".")[0]
    if importlib.util.find_spec(library) is None:
        name = library.replace("_", "-")
        raise InputError(f"{doing} needs {name}; run: pip install 'somscape[{extra}]'")


def import_library(module: str, doing: str, extra: str = "excel") -> Any:
    """Return a module of a library, or raise InputError where it is not installed."""
    check_library(module, doing, extra)
    return importlib.import_module(module)
