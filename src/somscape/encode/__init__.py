"""Tables to numbers and back: what each column becomes, with its inverse."""

from somscape.encode._codes import (
    CategoryCode,
    NumberCode,
    UnusedColumn,
    level_texts,
)
from somscape.encode._encoding import SCALES, ColumnCode, Encoding, fit_encoding
from somscape.encode._kinds import MAX_LEVELS, MISSING, OTHERS, Roles
from somscape.encode._lasting import comments_on, overridden, pinned, role_of_kind, roles_for
from somscape.encode._ordered import DateCode, OrdinalCode, ordinal_levels
from somscape.encode._roles_file import KINDS, read_roles, roles_from_text, roles_text
from somscape.encode._said import said_by
from somscape.encode._text import number_text

__all__ = [
    "KINDS",
    "MAX_LEVELS",
    "MISSING",
    "OTHERS",
    "SCALES",
    "CategoryCode",
    "ColumnCode",
    "DateCode",
    "Encoding",
    "NumberCode",
    "OrdinalCode",
    "Roles",
    "UnusedColumn",
    "comments_on",
    "fit_encoding",
    "level_texts",
    "number_text",
    "ordinal_levels",
    "overridden",
    "pinned",
    "read_roles",
    "role_of_kind",
    "roles_for",
    "roles_from_text",
    "roles_text",
    "said_by",
]
