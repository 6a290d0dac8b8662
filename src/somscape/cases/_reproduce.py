"""A run once more: the same bytes, or which input changed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from somscape.cases._facts import scores_hash, versions
from somscape.cases._keys import keys_of
from somscape.cases._maps import detector_of
from somscape.cases._options import options_of_run, rule_for
from somscape.cases._records import WatchRun
from somscape.cases._rows import damaged
from somscape.cases._state import State
from somscape.errors import InputError
from somscape.jobs import data_hash, reading_of, ready_for
from somscape.outliers import Detector, ranked
from somscape.tables import Table, counted, is_url, read_table

NEEDED = {"options", "n_rows", "rule", "key"}
"""Facts of a run without which it cannot be repeated."""

NOT_KEPT = "The run cannot be repeated: its table was uploaded or piped in, and is not kept."


@dataclass(frozen=True)
class Repeated:
    """What came out when a run was repeated.

    Attributes
    ----------
    run : WatchRun
        As it was.
    is_same : bool
        Whether all scores, and score and p-value of each listed case, are the same to the last bit.
    said : tuple of str
        Sentences: what is the same, or which input changed.

    See Also
    --------
    reproduce : Gives one.

    Examples
    --------
    >>> from somscape.cases import State, reproduce
    >>> with State("state") as state:
    ...     print(reproduce(state, state.last_run("cards")).said[0])
    The same bytes: the scores of 60 rows, 3 of them listed.
    """

    run: WatchRun
    is_same: bool
    said: tuple[str, ...]


def reproduce(state: State, run: str) -> Repeated:
    """Read the table of a run again, and score it by its map with its rule.

    Nothing is recorded.

    Parameters
    ----------
    state : State
    run : str
        Its id.

    Returns
    -------
    Repeated

    Raises
    ------
    InputError
        If there is no such run, or somebody damaged it.

    See Also
    --------
    run_watch : A run that is recorded.

    Examples
    --------
    >>> from somscape.cases import State, reproduce
    >>> with State("state") as state:
    ...     last = state.last_run("cards")
    ...     print(reproduce(state, last).is_same)
    True
    """
    old = state.run(run)
    if not old.facts.keys() >= NEEDED:
        raise damaged(f"the run {run} is damaged")
    if not (is_url(old.source) or Path(old.source).is_absolute()):  # as `source_of` writes them
        return Repeated(old, False, (NOT_KEPT,))
    content = state.map(old.map)
    if hashlib.sha256(content).hexdigest() != old.map:
        return Repeated(old, False, ("The map of the run was changed in the state.",))
    others = _other_versions(old)
    detector = detector_of(content)
    try:
        table = _table(old, detector)
    except (InputError, OSError) as error:
        problem = " ".join(str(error).split()).rstrip(".")
        return Repeated(old, False, (f"The table cannot be read as it was: {problem}.", *others))
    if data_hash(table) != old.data:
        then, now = old.facts["n_rows"], table.n_rows
        rows = f"{counted(then, 'row')} then, {now} now" if then != now else "as many rows"
        return Repeated(old, False, (f"The table changed: {rows}, other cells.", *others))
    differ = _differences(state, old, detector, table)
    if differ:
        why = others or ("Table, map, rule and versions are the same; the computer may differ.",)
        return Repeated(old, False, (*differ, *why))
    n = len(state.listed(old.id))
    said = f"The same bytes: the scores of {counted(table.n_rows, 'row')}, {n} of them listed."
    return Repeated(old, True, (said, *others))


def _table(old: WatchRun, detector: Detector) -> Table:
    options = options_of_run(old.facts["options"])
    how = reading_of(old.source, old.facts["options"] | options, detector.map_.encoding.roles)
    return ready_for(detector.map_, read_table(old.source, **how), options).table


def _differences(state: State, old: WatchRun, detector: Detector, table: Table) -> list[str]:
    """Say how scores, p-values and the list differ from those of the run."""
    rule = rule_for(options_of_run(old.facts["options"]), table)
    rows = np.asarray(detector.map_.rows_of(table), dtype=np.float64)
    units = detector.map_.winners_of_rows(rows)
    scores = detector.scores_of_rows(rows, units)
    alerts = ranked(detector, table, rows, rule, units, scores)
    p_values = np.empty(table.n_rows)
    p_values[alerts.rows] = alerts.p_values
    place = {key: row for row, key in enumerate(keys_of(table, old.facts["key"]))}
    said = []
    if scores_hash(scores) != old.facts.get("scores"):
        said.append("The scores of all rows are not the same bytes.")
    if rule.words(detector) != old.facts["rule"]:
        said.append(f"The rule was {old.facts['rule']}; it is {rule.words(detector)}.")
    other = [
        row.key
        for row in state.listed(old.id)
        if row.key not in place
        or (scores[place[row.key]], p_values[place[row.key]]) != (row.score, row.p_value)
    ]
    if other:
        said.append(f"{counted(len(other), 'listed case')} with another score or p-value.")
    return said


def _other_versions(old: WatchRun) -> tuple[str, ...]:
    then, now = old.facts.get("versions", {}), versions()
    other = [
        f"{name} {then[name]} then, {now.get(name)} now"
        for name in then
        if then[name] != now.get(name)
    ]
    return (f"Other versions: {'; '.join(other)}.",) if other else ()
