"""Tables to numbers and back: what each column becomes, with its inverse."""

from somscape.encode._cells import NO_CELL, cell_text, mark_of, value_shown, values_shown
from somscape.encode._changes import cells_of, changes_text, fewest_changes, rounding_steps
from somscape.encode._codes import CategoryCode, NumberCode, UnusedColumn
from somscape.encode._date_parts import CycleCode, LeveledCode, PartCode, SpanCode, part_names
from somscape.encode._dictionary import (
    checked_dictionary,
    in_words,
    read_dictionary,
    table_in_words,
    words_of_column,
    words_of_level,
)
from somscape.encode._encoding import ColumnCode, Encoding, FeatureCode, sources_of
from somscape.encode._fit import SCALES, fit_encoding
from somscape.encode._kinds import MAX_LEVELS, MISSING, OTHERS, Roles, unfit_columns
from somscape.encode._lasting import comments_on, overridden, pinned, role_of_kind, roles_for
from somscape.encode._layers import checked_layers, in_layers, of_layers
from somscape.encode._levels import level_texts
from somscape.encode._notes import notes_of, notes_of_unfit
from somscape.encode._ordered import DateCode, OrdinalCode, ordinal_levels
from somscape.encode._recoded import recoded
from somscape.encode._roles_file import KINDS, read_roles, roles_from_text, roles_text
from somscape.encode._said import is_layer_weight, said_by
from somscape.encode._text import number_text

__all__ = [
    "KINDS",
    "MAX_LEVELS",
    "MISSING",
    "NO_CELL",
    "OTHERS",
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
    "cell_text",
    "cells_of",
    "changes_text",
    "checked_dictionary",
    "checked_layers",
    "comments_on",
    "fewest_changes",
    "fit_encoding",
    "in_layers",
    "in_words",
    "is_layer_weight",
    "level_texts",
    "mark_of",
    "notes_of",
    "notes_of_unfit",
    "number_text",
    "of_layers",
    "ordinal_levels",
    "overridden",
    "part_names",
    "pinned",
    "read_dictionary",
    "read_roles",
    "recoded",
    "role_of_kind",
    "roles_for",
    "roles_from_text",
    "roles_text",
    "rounding_steps",
    "said_by",
    "sources_of",
    "table_in_words",
    "unfit_columns",
    "value_shown",
    "values_shown",
    "words_of_column",
    "words_of_level",
]
