"""A record: named arrays and a JSON header, the contents of one file."""

from somscape.records._record import (
    CLASSES,
    FORMAT,
    MAX_MEMBERS,
    MEMBERS,
    TARGETS,
    Record,
    arrays_of_members,
    built_from,
    pay_for_map,
    read_record,
    write_record,
)

__all__ = [
    "CLASSES",
    "FORMAT",
    "MAX_MEMBERS",
    "MEMBERS",
    "TARGETS",
    "Record",
    "arrays_of_members",
    "built_from",
    "pay_for_map",
    "read_record",
    "write_record",
]
