"""Write the listed rows to a table of a database. A repeated run does not add its rows again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.outliers.detector import AlertRule, Alerts, Detector
from somscape.tables._messages import counted
from somscape.tables._sql import is_url
from somscape.tables._write import check_sink, write_sql
from somscape.tables.table import Table

RUN_LETTERS = 16
"""Number of hexadecimal digits in the name of a run."""


def run_of(table: Table, detector: Detector, rule: AlertRule) -> str:
    """Return the name of a run. Runs with the same table, detector and rule have the same name."""
    digest = _digest_of(table)
    record = detector.to_record()
    _add(digest, {name: value for name, value in record.header.items() if name != "versions"})
    for name, array in sorted(record.arrays.items()):
        _add(digest, name, str(array.dtype), array.shape, np.ascontiguousarray(array).tobytes())
    _add(digest, repr(rule))
    return str(digest.hexdigest()[:RUN_LETTERS])


def data_hash(table: Table) -> str:
    """Return a hash of the names and values of all columns of a table."""
    return str(_digest_of(table).hexdigest())


def _digest_of(table: Table) -> Any:
    digest = hashlib.sha256()
    for column in table.columns:
        if column.numbers is None:
            codes, texts = column.coded()
            _add(digest, column.name, codes.tobytes(), texts)
        else:
            numbers = np.where(column.missing, np.nan, column.numbers)
            _add(digest, column.name, numbers.tobytes())
    return digest


def _add(digest: Any, *parts: Any) -> None:
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "little") + data)


def check_sink_of(options: Mapping[str, Any]) -> None:
    """Raise InputError if the options for writing listed rows to a database are not valid."""
    url, name = options.get("to"), options.get("to_table")
    if url is None and name is None:
        return
    if url is None or name is None:
        lacking, given = ("`to_table`", "`to`") if name is None else ("`to`", "`to_table`")
        raise InputError(
            f"{given} requires {lacking}. Give the URL of a database and the name of its table.",
            parameter="to_table" if name is None else "to",
        )
    if not is_url(url):
        raise InputError(
            f"`to` must be the URL of a database, such as sqlite:///alerts.sqlite, but is {url!r}.",
            parameter="to",
            value=url,
        )
    check_sink(url, name)


def send_alerts(
    alerts: Alerts, detector: Detector, table: Table, rule: AlertRule, options: Mapping[str, Any]
) -> str | None:
    """Write the listed rows to the database that the options name, if any."""
    if options.get("to") is None:
        return None
    n, run = alerts.n_alerts, run_of(table, detector, rule)
    key = alerts.ids[:n] if alerts.ids.are_unique else [int(row) + 1 for row in alerts.rows[:n]]
    name = options["to_table"]
    write_sql(alerts.to_table(detector.map_, table), options["to"], name, run=run, key=key)
    return f"{counted(n, 'row')} to the table {name}, run {run}"
