"""Read dates in any common form. In a column, all dates have the same order of day and month."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape.errors import InputError
from somscape.tables._cells import as_bools, as_numbers, numbers, strings
from somscape.tables._late import pa, pc
from somscape.tables._messages import Note, listed, quoted
from somscape.tables.column import Column

Moments: TypeAlias = NDArray[np.datetime64]

ORDERS = ("dmy", "mdy", "ymd")
"""Orders of day, month and year in a date. If the dates of a column fit several orders, the first
of these orders is the default."""

FIRST = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}

GUESS = "; they do not show it"
"""Last words of the reason for a column's kind if the order of day, month and year is a guess."""

CENTURY_ENDS = 69
"""Smallest two-digit year that is read as a year of the 1900s. POSIX uses the same limit."""

_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>[Zz]|[+-]\d{2}:?\d{2}))?)?"
)
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_PATTERNS = tuple(
    f"^{date}{_TIME}$"
    for date in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P<mark2>[-/.])(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second_>\d{1,2})(?P<mark2>[-/.])(?P<last>\d{4}|\d{2})",
        rf"(?P<day>\d{{1,2}})(?:\. ?| |-){_NAME}(?:,? |-)(?P<year>\d{{4}}|\d{{2}})",
        rf"{_NAME} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})",
    )
)
"""Patterns of dates that begin with the year, of dates with only numbers, and of dates with the
name of the month."""

_CLOCK = r"\d{1,2}:\d\d"
N_TRIED = 3
"""Number of texts of a column of which one must look like a date or a time of day."""
MAX_UNREAD = 0.01
"""Maximum share of the cells in a column of times of day that may be other texts."""

_TIME_PART = re.compile(r"\d:\d\d|T\d")
"""Pattern of the time in the text of a date."""

_PADDED = r"^(\d\d)(?:\.(\d\d)\.|/(\d\d)/|-(\d\d)-)(\d{4})([ T].*)?$"
_AS_ISO = {"dmy": (3, r"\5-\2\3\4-\1\6"), "mdy": (0, r"\5-\1-\2\3\4\6")}
"""For each order of day and month, two values for dates of fixed width: the index of the month's
first digit, and the replacement that converts the date to ISO form."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = np.int64(86_400_000_000)
_NO_DAY = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Dates:
    """The dates of a column.

    Attributes
    ----------
    column : Column
        Source of the dates.
    moments : ndarray of shape (n_rows,), datetime64[us]
        Date of each row.  Dates with a time zone are converted to UTC. NaT means a missing value or
        a text that is not a date.
    has_zone : ndarray of shape (n_rows,), bool
    order : {"dmy", "mdy", "ymd"}
        Order of day, month and year with which dates such as 1/2/26 were read.
    is_guess : bool
        Whether the column could also be read in another order and would then give other dates.
    """

    column: Column
    moments: Moments
    has_zone: NDArray[np.bool_]
    order: str
    is_guess: bool = False

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Mask of the rows without a date."""
        return np.isnat(self.moments)


@dataclass(frozen=True, eq=False)
class DateTexts:
    """The distinct texts of a column, read as dates in each order of day, month and year.

    Attributes
    ----------
    column : Column
    codes : ndarray of shape (n_rows,)
        Index of each row's text among the distinct texts, or -1 for a missing value.
    days : dict of str to ndarray of shape (n_texts,), int64
        For each order, the date of each text in days since 1970.  The smallest integer means that
        the text is not a date in this order.
    times : ndarray of shape (n_texts,), int64
        Microseconds since midnight.  Times with a time zone are converted to UTC.
    has_zone : ndarray of shape (n_texts,), bool
    """

    column: Column
    codes: NDArray[np.int32]
    days: dict[str, NDArray[np.int64]]
    times: NDArray[np.int64]
    has_zone: NDArray[np.bool_]

    @property
    def orders(self) -> tuple[str, ...]:
        """Those orders of day, month and year in which every text of the column is a date."""
        return tuple(order for order in ORDERS if (self.days[order] > _NO_DAY).all())

    @property
    def is_open(self) -> bool:
        """Whether day first and month first both fit all texts, but give different dates."""
        can_be = {*self.orders} >= {"dmy", "mdy"}
        return can_be and not np.array_equal(self.days["dmy"], self.days["mdy"])

    def dates(self, order: str) -> Dates:
        """Return the date of each row, read in the given order of day, month and year."""
        days = self.days[order]
        is_date = days > _NO_DAY
        moments = np.where(is_date, days, 0) * _DAY + self.times
        texts = np.append(moments, 0).astype("datetime64[us]")
        texts[:-1][~is_date] = texts[-1] = np.datetime64("NaT", "us")
        zones = np.append(self.has_zone, False)
        return Dates(self.column, texts[self.codes], zones[self.codes], order, self.is_open)


def date_texts(
    column: Column, *, is_named: bool = False, order: str | None = None
) -> DateTexts | None:
    """Read the texts of a column as dates in each order. Return None if they are not dates."""
    if column.is_number and not is_named:
        return None
    codes, texts = _coded(column)
    if not (is_named or (texts and any(re.match(each, texts[0]) for each in _PATTERNS))):
        return None
    found = _read(texts, may_mix=is_named, order=order)
    if is_named:
        _read_others(texts, found)
    read = DateTexts(column, codes, *found)
    return read if is_named or read.orders else None


def dates_of(column: Column, order: str) -> Dates:
    """Return the dates of a column whose texts are known to be dates."""
    read = date_texts(column, is_named=True, order=order)
    assert read is not None  # because the column is named
    return read.dates(order)


def times_of_day(column: Column) -> NDArray[np.float64] | None:
    """Return times such as 13:05 in seconds (NaN if missing), or None for other columns.

    At most 1 % of the cells may be other texts, which are treated as missing.
    """
    if column.is_number:
        return None
    codes, texts = column.coded()
    if not any(re.match(_CLOCK, text) for text in texts[:N_TRIED]):
        return None
    seconds = np.append(_clock_seconds(texts), np.nan)[codes]
    n_unread = (np.isnan(seconds) & ~column.missing).sum()
    return seconds if n_unread <= MAX_UNREAD * (~column.missing).sum() else None


def times_within(dates: Dates) -> NDArray[np.float64]:
    """Return the time of day of each date in seconds. A date without a time has NaN."""
    if dates.column.is_number:
        return np.full(len(dates.moments), np.nan)
    codes, texts = dates.column.coded()
    has_time = np.array([*(_TIME_PART.search(text) is not None for text in texts), False])[codes]
    of_day = dates.moments.astype(np.int64) % _DAY / 1e6
    return np.where(has_time & ~dates.missing, of_day, np.nan)


def are_with_times(texts: list[str]) -> bool:
    """Return whether some of the texts, which are dates, have a time of day."""
    return any(_TIME_PART.search(text) for text in texts)


def without_filler(of_day: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times of day without midnight if more than half of them are exactly midnight."""
    is_midnight = of_day == 0
    is_filler = is_midnight.sum() > (~np.isnan(of_day)).sum() / 2
    return np.where(is_midnight & is_filler, np.nan, of_day)


def are_times(texts: list[str]) -> bool:
    """Return whether there are texts, and all are times of day."""
    is_time = bool(texts) and re.match(_CLOCK, texts[0]) is not None
    return is_time and not np.isnan(_clock_seconds(texts)).any()


def _clock_seconds(texts: list[str]) -> NDArray[np.float64]:
    """Return times of day in seconds since midnight, or NaN for other texts."""
    days, times, _ = _read([f"2000-01-01 {text}" for text in texts], may_mix=True)
    return np.where(days["ymd"] == _NO_DAY, np.nan, times / 1e6)


def date_fault(column: Column) -> str:
    """Return why a column with mostly dates or times is not read as such, or "" without a fault."""
    texts = [] if column.is_number else column.coded()[1]
    if any(re.match(_CLOCK, text) for text in texts[:N_TRIED]):
        is_read, has_zone = ~np.isnan(_clock_seconds(texts)), np.zeros(1, bool)
        what = "a time of day"
    elif any(re.match(each, text) for each in _PATTERNS for text in texts[:N_TRIED]):
        days, _, has_zone = _read(texts, may_mix=True)
        is_read, what = max((day > _NO_DAY for day in days.values()), key=np.sum), "a date"
    else:
        return ""
    if is_read.mean() <= 0.5:
        return ""
    if not is_read.all():
        return f"{quoted(texts[int(is_read.argmin())])} is not {what}"
    return "only some dates have a time zone" if len(np.unique(has_zone)) > 1 else ""


def find_dates(
    columns: Iterable[Column], named: Collection[str] = (), date_format: str | None = None
) -> dict[str, Dates]:
    """Return, by column name, the dates of each of the columns that contains dates."""
    found: dict[str, DateTexts] = {}
    for column in columns:
        is_named = column.name in named
        read = date_texts(column, is_named=is_named)
        if read is not None and (is_named or len(np.unique(read.has_zone)) == 1):
            found[column.name] = read
    shown = {read.orders[0] for read in found.values() if len(read.orders) == 1}
    likely = date_format or ("mdy" if shown == {"mdy"} else "dmy")
    return {
        name: read.dates(likely if likely in read.orders else next(iter(read.orders), likely))
        for name, read in found.items()
    }


def check_date_format(order: str | None) -> None:
    """Raise InputError unless `order` is None or an order of day, month and year."""
    if order not in (None, *ORDERS):
        raise InputError(
            f"`date_format` must be {', '.join(map(repr, ORDERS))} or None, but is {order!r}.",
            value=order,
            allowed=ORDERS,
        )


def note_of_guess(names: Iterable[str], order: str) -> Note:
    """Return a note on the columns for which the order of day, month and year is a guess."""
    other = "mdy" if order == "dmy" else "dmy"
    text = f"dates in {listed(names)} fit several orders and are read {FIRST[order]}"
    return Note(text, f"--date-format {other}")


def looks_like_dates(column: Column) -> bool:
    """Return whether all values of a column, except missing values, are dates."""
    return date_texts(column) is not None


def _coded(column: Column) -> tuple[NDArray[np.int32], list[str]]:
    """Return a column as codes and texts. Whole numbers, such as 20260131, become texts."""
    numbers = column.numbers
    if numbers is None:
        return column.coded()
    values, codes = np.unique(numbers, return_inverse=True)
    places = np.where(np.isnan(numbers), -1, codes).astype(np.int32)
    return places, [f"{n:.0f}" if n == np.rint(n) else "" for n in values.tolist() if n == n]


_Read: TypeAlias = tuple[dict[str, NDArray[np.int64]], NDArray[np.int64], NDArray[np.bool_]]


def _read(texts: list[str], *, may_mix: bool, order: str | None = None) -> _Read:
    """Return each text's day in each order, its time of day, and whether it has a time zone."""
    arrow = strings(texts)
    found = _read_iso(arrow) if texts else None
    if found is not None and (order is None or (found[0][order] > _NO_DAY).any()):
        return found
    n = len(texts)
    days = {order: np.full(n, _NO_DAY) for order in ORDERS}
    times, has_zone, left = np.zeros(n, np.int64), np.zeros(n, bool), np.arange(n)
    for pattern in _PATTERNS:
        if not len(left) or (len(left) < n and not may_mix):
            break
        at, by_order, time, zone = _read_pattern(arrow.take(numbers(left)), pattern)
        for order, day in by_order.items():
            days[order][left[at]] = day
        times[left[at]], has_zone[left[at]] = time, zone
        left = np.delete(left, at)
    return days, times, has_zone


def _read_iso(texts: Any) -> _Read | None:
    """Read texts of ISO form or equal width, ten times as fast as others, or return None."""
    first = texts[0].as_py()
    if first[:4].isdigit():
        found = _iso_moments(texts, first)
        if found is None:
            return None
        days, times = np.divmod(found, _DAY)
        return dict.fromkeys(ORDERS, days), times, np.full(len(days), _names_zone(first))
    if not re.match(_PADDED, first):
        return None
    by_order = {order: np.full(len(texts), _NO_DAY) for order in ORDERS}
    times = np.empty(0, np.int64)
    for order, (month, as_iso) in _AS_ISO.items():
        months = pc.utf8_slice_codeunits(texts, month, month + 2)
        if pc.max(months).as_py() <= "12":
            found = _iso_moments(pc.replace_substring_regex(texts, _PADDED, as_iso), first)
            if found is not None:
                by_order[order], times = np.divmod(found, _DAY)
    if not len(times):
        return None
    return by_order, times, np.full(len(times), _names_zone(first))


def _iso_moments(texts: Any, first: str) -> NDArray[np.int64] | None:
    """Return the time of each text in microseconds since 1970, or None if their forms differ."""
    try:
        moments = pc.cast(texts, pa.timestamp("us", "UTC" if _names_zone(first) else None))
    except pa.ArrowInvalid:
        return None
    return as_numbers(moments.cast(pa.int64()), np.int64)


def _names_zone(text: str) -> bool:
    return re.search(r":\d\d.*([Zz]|[+-]\d\d:?\d\d)$", text) is not None


def _read_pattern(
    texts: Any, pattern: str
) -> tuple[NDArray[np.intp], dict[str, NDArray[np.int64]], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the indices of texts that match a pattern, and the dates of these texts."""
    groups = pc.extract_regex(texts, pattern)
    at = np.flatnonzero(as_bools(groups.is_valid()))
    found = groups.take(numbers(at))
    parts = dict(zip((f.name for f in found.type), found.flatten(), strict=True))
    times, is_time, has_zone = _times(parts)
    is_right = is_time
    if "mark" in parts:
        is_right = is_right & as_bools(pc.equal(parts["mark"], parts["mark2"]))
    if "last" in parts:
        first, second, last = (_whole(parts[name]) for name in ("first", "second_", "last"))
        is_short = _lengths(parts["last"]) == 2
        year = _full_year(last, is_short)
        start = np.where(is_short, _full_year(first, is_short), 0)
        days = {
            "dmy": _days(year, second, first),
            "mdy": _days(year, first, second),
            "ymd": _days(start, second, last),
        }
    else:
        year, day = _whole(parts["year"]), _whole(parts["day"])
        is_short = _lengths(parts["year"]) == 2
        month = _named_month(parts["name"]) if "name" in parts else _whole(parts["month"])
        days = dict.fromkeys(ORDERS, _days(_full_year(year, is_short), month, day))
    return at, {k: np.where(is_right, d, _NO_DAY) for k, d in days.items()}, times, has_zone


def _read_others(texts: list[str], found: _Read) -> None:
    """Read other ISO 8601 dates, such as 20260131 and week dates, and store them in `found`."""
    days, times, has_zone = found
    unread = np.logical_and.reduce([days[order] == _NO_DAY for order in ORDERS])
    for i in np.flatnonzero(unread).tolist():
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(texts[i])
            if is_zoned := moment.tzinfo is not None:
                moment = moment.astimezone(UTC).replace(tzinfo=None)
            has_zone[i] = is_zoned
            day, times[i] = np.divmod(np.datetime64(moment, "us").astype(np.int64), _DAY)
            for order in ORDERS:
                days[order][i] = day


def _times(parts: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return times of day in microseconds (UTC), and masks of valid times and of time zones."""
    is_half = _lengths(parts["half"]) == 1
    hour, minute, second = (_whole(parts[name], 0) for name in ("hour", "minute", "second"))
    is_time = (minute < 60) & (second < 60)
    is_time &= np.where(is_half, (hour >= 1) & (hour <= 12), hour < 24)
    hour = np.where(is_half, hour % 12 + 12 * _is_letter(parts["half"], "p"), hour)
    digits = pc.utf8_rpad(pc.utf8_slice_codeunits(parts["part"], 0, 6), 6, "0")
    times = ((hour * 60 + minute) * 60 + second) * 1_000_000 + _whole(digits, 0)
    zone = parts["zone"]
    has_zone = _lengths(zone) > 0
    if has_zone.any():
        is_offset = has_zone & ~_is_letter(zone, "z")
        plain = pc.replace_substring(zone, ":", "")
        hours = np.where(is_offset, _whole(pc.utf8_slice_codeunits(plain, 1, 3), 0), 0)
        minutes = np.where(is_offset, _whole(pc.utf8_slice_codeunits(plain, 3, 5), 0), 0)
        is_west = as_bools(pc.starts_with(zone, "-"))
        is_time &= (hours < 24) & (minutes < 60)
        times = times - np.where(is_west, -1, 1) * (hours * 60 + minutes) * 60_000_000
    return times, is_time, has_zone


def _whole(digits: Any, empty: int = -1) -> NDArray[np.int64]:
    """Convert texts that consist of digits to whole numbers, and other texts to `empty`."""
    texts = pc.if_else(pc.utf8_is_decimal(digits), digits, strings([str(empty)])[0])
    return as_numbers(pc.cast(texts, pa.int64()), np.int64).astype(np.int64)


def _lengths(texts: Any) -> NDArray[np.int32]:
    return as_numbers(pc.utf8_length(texts), np.int32)


def _is_letter(texts: Any, letter: str) -> NDArray[np.bool_]:
    """Return a mask of the texts that equal a letter, in upper or lower case."""
    return as_bools(pc.is_in(pc.utf8_lower(texts), value_set=strings([letter])))


def _full_year(year: NDArray[np.int64], is_short: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(is_short, year + np.where(year < CENTURY_ENDS, 2000, 1900), year)


def _named_month(names: Any) -> NDArray[np.int64]:
    """Return the month (1 to 12) for English names, in full or of three letters. Others are 0."""
    full = [f"{datetime(2000, m, 1):%B}".lower() for m in range(1, 13)]
    known = [*_MONTHS, *full, "sept"]
    place = as_numbers(pc.index_in(pc.utf8_lower(names), value_set=strings(known)), np.int32)
    found = np.nan_to_num(place, nan=-1).astype(np.int64)
    return np.where(found < 0, 0, np.where(found == 24, 9, found % 12 + 1))


def _days(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Convert dates to days since 1970. For impossible dates, return the smallest integer."""
    can_be = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(can_be, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (np.where(can_be, day, 1) - 1)
    is_day = can_be & (days.astype("datetime64[M]") == months)
    return np.where(is_day, days.astype(np.int64), _NO_DAY)
