"""Tables to numbers and back: what each column becomes, with its inverse."""

from somscape.encode._codes import (
    CategoryCode,
    NumberCode,
    UnusedColumn,
    level_texts,
)
from somscape.encode._encoding import MISSING, SCALES, ColumnCode, Encoding, fit_encoding
from somscape.encode._kinds import MAX_LEVELS, Roles
from somscape.encode._ordered import DateCode, OrdinalCode
from somscape.encode._text import number_text

__all__ = [
    "MAX_LEVELS",
    "MISSING",
    "SCALES",
    "CategoryCode",
    "ColumnCode",
    "DateCode",
    "Encoding",
    "NumberCode",
    "OrdinalCode",
    "Roles",
    "UnusedColumn",
    "fit_encoding",
    "level_texts",
    "number_text",
]
