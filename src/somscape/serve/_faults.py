"""What is wrong with rows that a map cannot encode: row, column and kind, no cell."""

import numpy as np

from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.serve._refused import Refused
from somscape.tables import Table

FARTHEST = 1e100
"""As in `encode`: beyond, distances overflow."""


def refusal_of(encoding: Encoding, table: Table) -> Refused:
    """Return the answer to rows that were refused; the encoding's own message quotes a cell."""
    for code in encoding.used:
        try:
            source = code.read(table.column(code.name))
            problem = code.problem(source)  # type: ignore[arg-type]
            if problem is not None:
                row, needed = problem
                return Refused(422, f"Row {row + 1}: column '{code.name}' {needed}.")
            if encoding.missing == "error" and source.missing.any():
                row = int(source.missing.argmax())
                return Refused(422, f"Row {row + 1}: column '{code.name}' has no value.")
            is_near = (np.abs(code.encode(source)) <= FARTHEST).all(axis=1)  # type: ignore[arg-type]
        except InputError:
            return Refused(422, f"Column '{code.name}' cannot be read as a {code.kind}.")
        if not is_near.all():
            row = int(is_near.argmin())
            return Refused(
                422,
                f"Row {row + 1}: the number in column '{code.name}' is too far from those that "
                "the map was made from.",
            )
    return Refused(422, "The rows cannot be encoded as this map's columns.")
