"""From what to what a unit has moved in a column, in words."""

from typing import Any

import numpy as np

from somscape.encode import (
    CategoryCode,
    NumberCode,
    number_text,
    recoded,
    words_of_column,
    words_of_level,
)
from somscape.maps import Map

DIGITS = 3


def from_to(before: Map, after: Map, column: str, unit: int) -> str:
    """Return from what to what a unit has moved in a column, in original units."""
    encoding = before.encoding
    pairs = zip(encoding.features, encoding.slices, strict=True)
    code, part = next((code, part) for code, part in pairs if code.name == column)
    name = words_of_column(encoding, column)
    rows = [
        before.codebook[[unit]],
        recoded(after.codebook[[unit]], after.encoding, encoding),
    ]
    then, now = (row[:, part] for row in rows)
    if isinstance(code, CategoryCode):
        shares = [
            np.clip(each[0], 0, None) / max(np.clip(each, 0, None).sum(), 1e-12)
            for each in (then, now)
        ]
        level = int(np.abs(shares[1] - shares[0])[:-1].argmax())
        words = words_of_level(encoding, column, code.levels[level])
        low, high = (f"{100 * float(share[level]):.0f} %" for share in shares)
        return f"{name} = {words} from {low} to {high}"
    low, high = (_text(code, code.decode(each)[0]) for each in (then, now))
    return f"{name} from {low} to {high}"


def _text(code: Any, value: Any) -> str:
    if isinstance(code, NumberCode):
        return number_text(float(value), False, DIGITS) if np.isfinite(value) else str(value)
    return str(value)
