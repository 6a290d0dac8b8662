"""Drift of the table of a run, and levels of categories that the map has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.outliers.detector import Detector
from somscape.outliers.drift import Drift, Month, drift_sentence, examples, percent_text
from somscape.tables._messages import counted
from somscape.tables.codes import CategoryCode, level_texts
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table

MAX_KEYS, MAX_LEVELS, MAX_COLUMNS = 20, 2, 20
"""Maximum number of keys to name, of levels to name, and of columns to describe."""


@dataclass(frozen=True)
class Unseen:
    """Levels of a column in a run that the training data do not contain.

    Attributes
    ----------
    column : str
    levels : tuple of str
        The first two unseen levels.
    n_levels : int
        Number of unseen levels.
    n : int
        Number of rows with an unseen level.
    keys : tuple of str
        Keys of rows with an unseen level, at most twenty.
    """

    column: str
    levels: tuple[str, ...]
    n_levels: int
    n: int
    keys: tuple[str, ...]

    @property
    def what(self) -> str:
        """Phrase that names the column and its unseen levels."""
        levels = ", ".join(f'"{level}"' for level in self.levels)
        new = "the training table does not have"
        if self.n_levels == 1:
            return f"{self.column} has the value {levels}, which {new}"
        these = levels if self.n_levels == len(self.levels) else f"such as {levels}"
        return f"{self.column} has {self.n_levels:,} values that {new}, {these}"

    @property
    def sentence(self) -> str:
        """Sentence that names the column, its unseen levels, and the rows with these levels."""
        if self.n_levels > 1:
            some = examples(self.keys, range(self.n), "for example")
            return f"{self.what} ({counted(self.n, 'row')}{some})."
        more = f" and {self.n - len(self.keys)} more" if self.n > len(self.keys) else ""
        return f"{self.what}: {', '.join(self.keys)}{more}."


def sentences(unseen: Sequence[Unseen]) -> list[str]:
    """Return one sentence for each column that contains unseen levels. The last sentence can count
    further columns."""
    more = len(unseen) - MAX_COLUMNS
    rest = [f"The same is true for {counted(more, 'more column')}."] if more > 0 else []
    return [*(each.sentence for each in unseen[:MAX_COLUMNS]), *rest]


def unseen_levels(encoding: Encoding, table: Table, keys: Sequence[str]) -> tuple[Unseen, ...]:
    """Return, for each column, its unseen levels and the keys of the rows with these levels."""
    found = []
    for code in (each for each in encoding.used if isinstance(each, CategoryCode)):
        column = table.column(code.name)
        cells = column.coded()[0] if column.numbers is None else column.numbers
        _, firsts, places = np.unique(cells, return_index=True, return_inverse=True)
        different, seen = column.take(firsts), {*code.levels}
        levels = level_texts(different)
        is_new = np.array([level not in seen for level in levels], dtype=bool) & ~different.missing
        rows = np.flatnonzero(is_new[places])
        new = [*dict.fromkeys(levels[i] for i in np.flatnonzero(is_new))]
        if new:
            some = tuple(keys[row] for row in rows[:MAX_KEYS])
            found.append(Unseen(code.name, tuple(new[:MAX_LEVELS]), len(new), len(rows), some))
    return tuple(found)


FAR_SHARE = 0.01
"""Share of the rows in the first run with a map that count as far from the map."""

MANY_TIMES = 2.0
"""Multiple of the expected share of far or flagged rows above which a map may be outdated."""

NOT_FACTS = ("lasting", "month", "is_other")
"""Fields of a drift that its facts do not contain, or only sometimes."""


@dataclass(frozen=True)
class RunDrift(Drift):
    """Result of comparing the rows of a run with the rows of earlier runs of the map.

    Attributes
    ----------
    far : float
        Distance from the map above which a row counts as far.
    share_far : float
        Share of rows that are far from the map. This share is 0.01 in the first run of a map.
    is_first : bool
        Whether this is the map's first run.
    is_known : bool
        Whether an earlier run had the same table.
    is_other : bool
        Whether this is the map's first run, but not the table on which the map was trained.
    unseen : mapping of str to int
        Number of rows that contain an unseen level, by column.
    """

    far: float = 0.0
    share_far: float = FAR_SHARE
    is_first: bool = False
    is_known: bool = False
    is_other: bool = False
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_usual(self) -> bool:
        """Whether the rows are like those of earlier tables, or the map is new."""
        is_judged = self.is_first or (self.n_months > 0 and not self.is_known)
        return is_judged and not self.is_found

    @property
    def sentence(self) -> str:
        """A sentence on the drift."""
        return drift_words({**self.facts(), "changes": self.changes})

    @property
    def train_anew(self) -> str:
        """A sentence with the reasons to train the map again, or "" if there is no reason."""
        n = max(1, self.n_rows)
        above = (self.n_above / n, self.expected / n, "above the threshold of the map")
        far = (self.share_far, FAR_SHARE, "far from the map")
        many = [each for each in (above, far) if each[0] > MANY_TIMES * each[1]]
        if not self.is_found or not many:
            return ""
        said = [
            f"{percent_text(share)} of the rows are {where} instead of {percent_text(usual)}."
            for share, usual, where in many
            if where != above[2] or "" not in self.columns  # else said by the sentence on drift
        ]
        why = " ".join(said) or "Many rows do not fit the map."
        return f"{why} If the data are right, train again with this command:"

    def facts(self) -> dict[str, Any]:
        """Return the drift as JSON data that do not contain values of rows."""
        facts = {name: value for name, value in vars(self).items() if name not in NOT_FACTS}
        lists = {"columns": list(self.columns), "changes": list(self.lasting)}
        own = {"expected": round(self.expected, 1), "unseen": dict(self.unseen)}
        own |= {"is_other": True} if self.is_other else {}
        return {**facts, **lists, **own, "is_found": self.is_found}


def drift_words(facts: Mapping[str, Any]) -> str:
    """Return a sentence on the drift in a run from the facts of the run."""
    if not facts:
        return ""
    pairs = zip(facts["columns"], facts["changes"], strict=True)
    changes = [change or f"{name!r} changed" for name, change in pairs]
    if not changes and facts["is_known"]:
        return "No drift: an earlier run had the same table."
    if not changes and facts["is_first"]:
        which = "the table of a replaced run" if facts.get("is_other") else "this table"
        return f"Drift cannot be judged yet, because the map was trained on {which}."
    return drift_sentence(facts["n_rows"], facts["n_months"], changes)


def drift_of(
    detector: Detector,
    table: Table,
    rows: Float64s,
    scores: Float64s,
    earlier: Sequence[Mapping[str, Any]],
    unseen: Sequence[Unseen] = (),
    *,
    keys: Sequence[str] = (),
    is_known: bool = False,
    is_trained: bool = True,
) -> RunDrift:
    """Compare the rows of a run with the rows of earlier runs of the map.

    `earlier` contains the facts on drift of these runs, the newest first.
    """
    distances = detector.map_.nearest(rows)[1][:, 0]
    is_first = not earlier
    far = 0.0 if is_first else float(earlier[-1]["far"])
    if is_first and len(rows):
        far = float(np.quantile(distances, 1 - FAR_SHARE, method="higher"))
    months = [Month.from_json(facts["month"]) for facts in earlier if facts.get("month")]
    scored = detector._scored(table, rows, scores, keys)
    found = dict(vars(scored.drift(months, is_training=is_first and is_trained)))
    if is_known:
        found |= {"columns": (), "changes": (), "lasting": ()}
    return RunDrift(
        **found,
        far=far,
        share_far=FAR_SHARE if is_first else float((distances > far).mean()) if len(rows) else 0.0,
        is_first=is_first,
        is_known=is_known,
        is_other=is_first and not is_trained,
        unseen={} if is_first else {each.column: each.n for each in unseen},
    )
