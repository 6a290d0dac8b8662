"""Tables to numbers and back: what each column becomes, with its inverse."""

from somscape.encode._codes import (
    CategoryCode,
    NumberCode,
    UnusedColumn,
    level_texts,
)
from somscape.encode._date_parts import CycleCode, LeveledCode, PartCode, SpanCode
from somscape.encode._encoding import MISSING, ColumnCode, Encoding, FeatureCode, sources_of
from somscape.encode._fit import SCALES, fit_encoding
from somscape.encode._kinds import MAX_LEVELS, Roles
from somscape.encode._notes import notes_of
from somscape.encode._ordered import DateCode, OrdinalCode
from somscape.encode._text import number_text

__all__ = [
    "MAX_LEVELS",
    "MISSING",
    "SCALES",
    "CategoryCode",
    "ColumnCode",
    "CycleCode",
    "DateCode",
    "Encoding",
    "FeatureCode",
    "LeveledCode",
    "NumberCode",
    "OrdinalCode",
    "PartCode",
    "Roles",
    "SpanCode",
    "UnusedColumn",
    "fit_encoding",
    "level_texts",
    "notes_of",
    "number_text",
    "sources_of",
]
