"""Values of Python and NumPy as text."""

from collections.abc import Iterator
from datetime import date, time
from typing import Any

from numpy import float32
from numpy.typing import NDArray

from somscape._blocks import blocks


def python_values(values: NDArray[Any], n: int = 4096) -> Iterator[Any]:
    """Yield the values of an array as Python's, `n` of them being objects at a time."""
    if values.dtype.kind not in "iuf" or values.dtype == float32:  # whose 0.1 is written "0.1"
        yield from values
        return
    for part in blocks(len(values), n):
        yield from values[part].tolist()


def as_text(value: Any) -> str:
    """Return any value as text: dates and times in ISO form, numbers in their shortest."""
    # str() of Python's and NumPy's numbers is the shortest form that reads back equal.
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
