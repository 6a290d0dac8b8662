"""A ranking: from a table and what was asked to a folder of results."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import whole
from somscape._types import Ints
from somscape.app._edited import carry_regions
from somscape.app._results import KEYS, keys_text
from somscape.app._store import REPORT, RESULTS
from somscape.cases import keys_of
from somscape.fit import Progress
from somscape.jobs import (
    MapCount,
    command_line,
    detect,
    detection_of,
    ready,
    roles_from,
    rule_of,
)
from somscape.outliers import UNKNOWN, Outermost, n_trainings
from somscape.tables import Table


@dataclass(frozen=True)
class Known:
    """What is known of a table from before.

    Attributes
    ----------
    marks : mapping of int to int
        By number of the row: 1 confirmed, 0 cleared.
    before : Path or None
        Folder of an earlier run of the table, whose edited regions come over.
    key : tuple of str
        Columns that tell the cases of its watch apart; none without one.
    """

    marks: Mapping[int, int]
    before: Path | None
    key: tuple[str, ...] = ()


def rank(
    table: Table,
    options: Mapping[str, Any],
    known: "Known",
    folder: Path,
    tell: Callable[[dict[str, Any]], None],
    warned: Callable[[], list[str]],
) -> dict[str, Any]:
    """Rank a table and write the results."""
    subject = ready(table, roles_from(table, options))
    table = subject.table
    rule = rule_of(options, table)
    outermost = Outermost()
    encoding = subject.encoding(outermost.look)
    teller = _Teller(n_trainings(table.n_rows, detection_of(options)), tell)
    found = detect(
        table,
        encoding,
        rule,
        options,
        label=subject.label,
        callbacks=(teller,),
        known=_known(known.marks, table.n_rows),
        grouped=subject.grouped,
        outermost=outermost,
    )
    tell({"stage": "writing"})
    detector, said = carry_regions(found.detector, table, known.before)
    found = replace(found, detector=detector)
    notes = [*options.get("told", ()), *([said] if said else []), *warned()]
    if known.marks:
        notes.append(f"{found.detector.effect_of_marks} The command below ranks without them.")
    data = found.report(command_line(["detect", table.source], options, "DIR"), notes)
    with whole(folder / RESULTS) as making:
        making.mkdir()
        found.write(making)
        (making / REPORT).write_text(data.to_json(), encoding="utf-8")
        if known.key:
            text = keys_text(data, keys_of(table, known.key))
            (making / KEYS).write_text(text, encoding="utf-8")
    return {
        "n_rows": table.n_rows,
        "n_alerts": found.alerts.n_alerts,
        "headline": found.alerts.headline,
        "n_known": len(known.marks),
        "effect": found.detector.effect_of_marks,
    }


def _known(marks: Mapping[int, int], n_rows: int) -> Ints | None:
    if not marks:
        return None
    known = np.full(n_rows, UNKNOWN)
    known[[*marks]] = [*marks.values()]
    return known


class _Teller:
    """Tells of each epoch: which map, which of its epochs, its error."""

    def __init__(self, n_maps: int, tell: Callable[[dict[str, Any]], None]) -> None:
        self._n_maps = n_maps
        self._tell = tell
        self._count = MapCount()

    def __call__(self, step: Progress) -> None:
        self._count.note(step)
        error = step.quantization_error
        progress = {
            "stage": "training",
            "map": self._count.n_done + 1,
            "n_maps": self._n_maps,
            "step": step.step,
            "n_steps": step.n_steps,
            "error": error if isfinite(error) else None,
        }
        self._tell(progress)
