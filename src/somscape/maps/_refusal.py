"""Why something is no map or detector: a file's name, an estimator not fitted, another thing."""

import os
from typing import Any

from somscape.errors import InputError


def refusal_of(thing: Any, wanted: str, example: str, *marks: str) -> Exception:
    """Return the error for what came instead of a map or a detector."""
    if isinstance(thing, str | os.PathLike):
        path = os.fspath(thing)
        return TypeError(
            f"{wanted} is needed; got the name of a file. Load it first: somscape.load({path!r})."
        )
    name = type(thing).__name__
    if hasattr(thing, "fit") and any(hasattr(thing, mark) for mark in marks):
        return InputError(f"this {name} is not fitted; call `fit` first.")
    return TypeError(f"{wanted} is needed, such as {example}; got {name}.")
