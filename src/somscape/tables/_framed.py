"""Named columns as a data frame of the library that is asked for, and as HTML for a notebook."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.tables._made import numbers

LIBRARIES = ("pandas", "polars", "pyarrow")
"""From the first that is installed; pyarrow always is."""

MAX_CELL = 200
"""Characters of a cell that a notebook shows."""


def frame_of(columns: Mapping[str, Any], library: str | None = None) -> Any:
    """Make a data frame of named columns."""
    import narwhals as nw

    there = [name for name in LIBRARIES if find_spec(name)]
    if library is not None:
        check_choice("library", library, LIBRARIES)
        if library not in there:
            raise InputError(
                f"`library` is {library!r}, which is not installed. Run: pip install {library}; or "
                f"pass one of {', '.join(map(repr, there))}."
            )
    backend: Any = library or there[0]
    made = {str(name): _values(values, backend) for name, values in columns.items()}
    return nw.from_dict(made, backend=backend).to_native()


def _values(values: Any, library: str) -> Any:
    """Return values as every library takes them: arrays of NumPy's types, else lists."""
    if not isinstance(values, np.ndarray):
        return list(values)
    if values.dtype.kind in "OUS":
        return values.tolist()
    if values.dtype.kind == "f" and library != "pandas":
        return numbers(values, np.isnan(values))  # of the others, NaN is not a missing cell
    # pandas has no days and polars no hours: seconds both have, and Arrow, too.
    is_coarse = values.dtype.kind == "M" and np.datetime_data(values.dtype)[0] in "YMWDhms"
    return values.astype("datetime64[ms]") if is_coarse else np.ascontiguousarray(values)


def html_of(names: Sequence[str], lines: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table as HTML that needs no style sheet."""
    shown = ET.Element("table")
    if caption:
        ET.SubElement(
            shown, "caption", style="caption-side: bottom; text-align: left"
        ).text = caption
    head = ET.SubElement(ET.SubElement(shown, "thead"), "tr")
    for name in names:
        ET.SubElement(head, "th", scope="col").text = name
    body = ET.SubElement(shown, "tbody")
    for line in lines:
        row = ET.SubElement(body, "tr")
        for cell in line:
            is_long = len(cell) > MAX_CELL
            ET.SubElement(row, "td").text = cell[: MAX_CELL - 1] + "…" if is_long else cell
    return ET.tostring(shown, encoding="unicode", method="html")
