"""Digests of a run's files, with which those of the run once more are compared."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from somscape.cases._outcome import RunOutcome

LIST, PAGE = "alerts.csv", "report.json"

NOT_OF_INPUTS = ("run", "number", "made", "author", "audit_head", "notes", "command_anew")
"""What the page says of a run that does not follow from table, map, rule and decisions."""


def digests_of(outcome: RunOutcome, names: Sequence[str] = (LIST, PAGE)) -> dict[str, str]:
    """Return the SHA-256 of files of a run, by name."""
    make = {LIST: _list, PAGE: _page}
    return {name: hashlib.sha256(make[name](outcome)).hexdigest() for name in names}


def _list(outcome: RunOutcome) -> bytes:
    return b"".join(outcome.found.content(alerts=outcome.table()))


def _page(outcome: RunOutcome) -> bytes:
    table = replace(outcome.found.table, source=outcome.run.source)  # the upload of a name, too
    found = replace(outcome.found, table=table, label=None, agreement=None)
    changed = {n: value for n, value in outcome.to_json().items() if n not in NOT_OF_INPUTS}
    return json.dumps(dict(found.report("", changed=changed)), sort_keys=True).encode()
