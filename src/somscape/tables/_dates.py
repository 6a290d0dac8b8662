"""Tell a column of dates from other text, and read a date that is written in ISO form."""

import re
from datetime import UTC, datetime

from somscape.tables._table import Column

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:\d{4}|\d{2})"
_TIME = (
    r"(?:(?:T|,? +)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?: ?Z|[+-]\d{2}:?\d{2})?)?"
)
_PATTERNS = tuple(
    re.compile(date + _TIME)
    for date in (
        rf"\d{{4}}-{_MONTH}-{_DAY}",
        rf"\d{{4}}/{_MONTH}/{_DAY}",
        rf"{_DAY}\.{_MONTH}\.{_YEAR}",
        rf"{_DAY}/{_MONTH}/{_YEAR}",
        rf"{_MONTH}/{_DAY}/{_YEAR}",
        rf"{_DAY}-{_MONTH}-{_YEAR}",
        rf"{_DAY}[ -][A-Za-z]{{3,9}}[ -]{_YEAR}",
        rf"[A-Za-z]{{3,9}} {_DAY}, {_YEAR}",
    )
)


def looks_like_dates(column: Column) -> bool:
    """Return whether all present cells of a column are dates written in one way.

    Parameters
    ----------
    column : Column
        Any column; one of numbers, or without a present cell, holds no dates.

    Returns
    -------
    bool
        True for ISO dates, dd.mm.yyyy, dd/mm/yyyy, mm/dd/yyyy and dates with the
        name of a month, each with or without a time of day.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"due": ["31.01.2026", None, "5.2.2026"]})
    >>> looks_like_dates(table.column("due"))
    True
    """
    if column.is_number:
        return False
    texts = set(column.cells) - {None}
    return any(all(pattern.fullmatch(text) for text in texts) for pattern in _PATTERNS)


def read_date(cell: str) -> tuple[datetime, bool] | None:
    """Read a date in ISO form, with or without a time of day.

    Parameters
    ----------
    cell : str
        Such as 2026-01-31, 2026-01-31T10:30 or 2026-01-31 10:30:00+01:00; digits after the
        microseconds are left out.

    Returns
    -------
    tuple of datetime and bool, or None
        The moment, in UTC where the cell names a time zone and at midnight where it names no
        time; and whether it names a zone.  None where the cell is no such date.

    Examples
    --------
    >>> read_date("2026-01-31T10:30+01:00")
    (datetime.datetime(2026, 1, 31, 9, 30), True)
    >>> read_date("31.01.2026") is None
    True
    """
    try:
        moment = datetime.fromisoformat(cell)
        if moment.tzinfo is None:
            return moment, False
        return moment.astimezone(UTC).replace(tzinfo=None), True
    except (ValueError, OverflowError):
        return None
