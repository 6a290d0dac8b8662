"""The body of a request as rows: JSON, CSV or Arrow, or one line that says what is wrong."""

import json
from typing import Any, NoReturn

from somscape.errors import InputError
from somscape.serve._columns import kind_found
from somscape.serve._json import from_json
from somscape.serve._limits import Limits
from somscape.serve._refused import Refused
from somscape.tables import Table, table_from_wire

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
WIRES = {CSV: "csv", ARROW: "arrow"}
"""Tables by their media type, as `table_from_wire` calls them."""

TYPES = f"{JSON}, {CSV} or {ARROW}"

NO_TABLE = {
    "csv": "The body cannot be read as CSV in UTF-8 with a line of column names and a row below "
    "it. `somscape score` with the same text in a file says where and why.",
    "arrow": "The body cannot be read as an Arrow stream of numbers, text and dates, or it unpacks "
    "to too much.",
}
"""The reader's own message may hold a cell, which is nothing to send back or to keep in a log."""


def media_type(header: str | None) -> str:
    """Return a media type without its parameters, such as "application/json"."""
    return (header or "").partition(";")[0].strip().lower()


def rows_of_json(body: bytes, limits: Limits) -> list[Any]:
    """Return the rows of one object, of a list of them, or of {"rows": [...]}."""
    try:
        found = from_json(body, _refuse_constant)
    except UnicodeDecodeError:
        raise Refused(400, "The body is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        # Not the text of the error: it may grow to quote what stands there.
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, f"The body is not JSON: something is wrong at {place}.") from None
    except RecursionError:
        raise Refused(400, "The JSON is nested too deeply; rows are flat objects.") from None
    except ValueError:  # a whole number of thousands of digits
        raise Refused(400, "The JSON holds a number with too many digits.") from None
    if isinstance(found, dict):
        found = found["rows"] if found.keys() == {"rows"} else [found]
    if not isinstance(found, list):
        raise Refused(
            422,
            'The body must be a row, a list of rows, or {"rows": [...]}; got '
            f"{kind_found(found)}.",
        )
    _check_length(len(found), limits)
    return found


def table_of_wire(kind: str, body: bytes, limits: Limits, words: tuple[str, ...] | None) -> Table:
    """Return the table of a body of CSV or Arrow."""
    try:
        table = table_from_wire(kind, body, "the body", words)
    except InputError:
        raise Refused(422, NO_TABLE[kind]) from None
    _check_length(table.n_rows, limits)
    return table


def _check_length(n_rows: int, limits: Limits) -> None:
    if not n_rows:
        raise Refused(422, "There is no row in the body; send at least one.")
    if n_rows > limits.max_rows:
        raise Refused(
            413,
            f"These are {n_rows:,} rows, and a request may have {limits.max_rows:,} "
            "(--max-rows); send them in parts.",
        )


def _refuse_constant(name: str) -> NoReturn:
    raise Refused(400, f"{name} is no JSON; send null for a missing value.")
