"""The classes that a column tells, spelled as a classifier spells its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Objects
from somscape.encode import level_texts
from somscape.tables import Column


def classes_of_cells(column: Column, classes: NDArray[Any]) -> Objects:
    """Return the class of each cell as text."""
    kind, keys = classes.dtype.kind, list[Any]()
    if kind in "biuf" and column.numbers is not None:
        spelled: dict[Any, str] = {float(one): str(one) for one in classes.tolist()}
        keys = column.numbers.tolist()
    else:
        spelled = {str(one): str(one) for one in classes.tolist()}
        keys = list(column.each_cell())
        if kind == "b":
            keys = [cell and cell.capitalize() for cell in keys]
    found = [
        None if gone else spelled.get(key, text)
        for key, text, gone in zip(keys, level_texts(column), column.missing, strict=True)
    ]
    return np.array(found, dtype=object)
