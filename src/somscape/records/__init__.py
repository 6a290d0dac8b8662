"""A record: named arrays and a JSON header, the contents of one file."""

from somscape.records._record import (
    FORMAT,
    MAX_MEMBERS,
    MEMBERS,
    Record,
    arrays_of_members,
    built_from,
    pay_for_map,
    read_record,
    write_record,
)

__all__ = [
    "FORMAT",
    "MAX_MEMBERS",
    "MEMBERS",
    "Record",
    "arrays_of_members",
    "built_from",
    "pay_for_map",
    "read_record",
    "write_record",
]
