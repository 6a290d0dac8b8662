"""The listed rows -> a table of a database, where a run that is repeated doubles nothing."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.outliers import AlertRule, Alerts, Detector
from somscape.tables import Table, check_sink, counted, is_url, write_sql

RUN_LETTERS = 16
"""Of the hash, in hexadecimal digits."""


def run_of(table: Table, detector: Detector, rule: AlertRule) -> str:
    """Return the name of a run, which is that of all runs like it.

    The same data, map, roles of columns and rule give the same name.

    Parameters
    ----------
    table : Table
    detector : Detector
        Its encoding says what the columns are taken as.
    rule : AlertRule

    Returns
    -------
    str
        The first 16 hexadecimal digits of a SHA-256.

    Examples
    --------
    >>> from somscape import SOMDetector
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"age": [41.0, 40.0, 39.0, 90.0] * 5})
    >>> detector = SOMDetector(random_state=0).fit(table).detector_
    >>> first, again = (run_of(table, detector, AlertRule(n_alerts=2)) for _ in range(2))
    >>> first == again, first == run_of(table, detector, AlertRule(n_alerts=3))
    (True, False)
    """
    digest = hashlib.sha256()
    _add_table(digest, table)
    record = detector.to_record()
    _add(digest, {name: value for name, value in record.header.items() if name != "versions"})
    for name, array in sorted(record.arrays.items()):
        _add(digest, name, str(array.dtype), array.shape, np.ascontiguousarray(array).tobytes())
    _add(digest, repr(rule))
    return digest.hexdigest()[:RUN_LETTERS]


def data_hash(table: Table) -> str:
    """Return what tells a table from others, by its names and cells.

    Parameters
    ----------
    table : Table

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> data_hash(table_from_columns({"age": [41.0, 40.0]}))[:8]
    '81ba0665'
    """
    digest = hashlib.sha256()
    _add_table(digest, table)
    return digest.hexdigest()


def _add_table(digest: Any, table: Table) -> None:
    for column in table.columns:
        if column.numbers is None:
            codes, texts = column.coded()
            _add(digest, column.name, codes.tobytes(), texts)
        else:
            numbers = np.where(column.missing, np.nan, column.numbers)
            _add(digest, column.name, numbers.tobytes())


def _add(digest: Any, *parts: Any) -> None:
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "little") + data)


def check_sink_of(options: Mapping[str, Any]) -> None:
    """Look, before the work, whether listed rows can be written where options say.

    Parameters
    ----------
    options : mapping
        With ``to``, the URL of a database, and ``to_table``, if rows are to be written.

    Raises
    ------
    InputError
        If one of the two is missing, or the database cannot be written.
    """
    url, name = options.get("to"), options.get("to_table")
    if url is None and name is None:
        return
    if url is None or name is None:
        lacking, given = ("`to_table`", "`to`") if name is None else ("`to`", "`to_table`")
        raise InputError(f"{given} needs {lacking} as well: a database and the name of its table.")
    if not is_url(url):
        raise InputError(f"`to` must be the URL of a database; got {url!r}")
    check_sink(url, name)


def send_alerts(
    alerts: Alerts, detector: Detector, table: Table, rule: AlertRule, options: Mapping[str, Any]
) -> str | None:
    """Write the listed rows where options say, if they do.

    Parameters
    ----------
    alerts : Alerts
    detector : Detector
    table : Table
    rule : AlertRule
    options : mapping
        As for `check_sink_of`.

    Returns
    -------
    str or None
        What was written, for people.

    Raises
    ------
    InputError
        If they cannot be written; the database is as before then.
    """
    if options.get("to") is None:
        return None
    n, run = alerts.n_alerts, run_of(table, detector, rule)
    is_unique = alerts.ids.are_unique
    key = alerts.ids[:n] if is_unique else [int(row) + 1 for row in alerts.rows[:n]]
    name = options["to_table"]
    write_sql(alerts.to_table(detector.map_, table), options["to"], name, run=run, key=key)
    return f"{counted(n, 'row')} to the table {name}, run {run}"
