"""What a classifier says of the rows of a report, why, and how often it is right."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Ints, Objects
from somscape.encode import words_of_column, words_of_level
from somscape.recognize import Recognizer, classes_of_cells
from somscape.report._values import numbers
from somscape.tables import Table

NAMED_ROWS = 1 << 13
"""Rows whose probabilities are in memory at once."""

MAX_TABLED = 20
"""Classes of the table of true and named ones: those with the most rows."""

REFUSED = -1


@dataclass(frozen=True, eq=False)
class NamedRows:
    """All rows of a table, with what a classifier says of them and what they are.

    Attributes
    ----------
    recognizer : Recognizer
    table : Table
    names : list of str
        The classes, in order.
    named : ndarray of shape (n_rows,)
        Place of each row's class in `names`; -1 if it is refused.
    sure : ndarray of shape (n_rows,)
        Probability of the most probable class.
    target : str or None
        The column that the classifier predicts, if it has a name.
    true : ndarray of shape (n_rows,), object
        What the rows are, as text; None where that is not known.
    """

    recognizer: Recognizer
    table: Table
    names: list[str]
    named: Ints
    sure: Float64s
    target: str | None
    true: Objects

    @classmethod
    def of(cls, recognizer: Recognizer, table: Table) -> "NamedRows":
        """Name the rows of a table."""
        rows = recognizer.map_.rows_of(table)
        named, sure = np.empty(len(rows), dtype=np.intp), np.empty(len(rows))
        for part in blocks(len(rows), NAMED_ROWS):
            probabilities, p_values = recognizer.probabilities_of_rows(rows[part])
            named[part], sure[part] = probabilities.argmax(axis=1), probabilities.max(axis=1)
            if recognizer.reject is not None:
                named[part][p_values <= recognizer.reject] = REFUSED
        names = [str(name) for name in recognizer.classes.tolist()]
        encoding = recognizer.map_.encoding
        target = encoding.named("label")
        true = np.full(table.n_rows, None, dtype=object)
        if target is not None:
            if target in table.names:
                true = classes_of_cells(table.column(target), recognizer.classes)
            words = partial(words_of_level, encoding, target)
            names = [words(name) for name in names]
            true = np.array([text and words(text) for text in true], dtype=object)
            target = words_of_column(encoding, target)
        return cls(recognizer, table, names, named, sure, target, true)

    @cached_property
    def is_known(self) -> NDArray[np.bool_]:
        """Of which rows the class is known."""
        return np.array([text is not None for text in self.true], dtype=bool)

    @cached_property
    def is_wrong(self) -> NDArray[np.bool_]:
        """Which rows are named wrongly: known ones that are not refused."""
        found = np.array([*self.names, None], dtype=object)[self.named]
        return self.is_known & (self.named != REFUSED) & (found != self.true)

    def planes(self, units: Ints) -> list[dict[str, Any]]:
        """Return planes of the class of each cell, and of mistakes if rows are known."""
        shares = self.recognizer.shares
        stands_for = shares.argmax(axis=1)
        shown = [
            {
                "key": "class",
                "name": f"Class: {self.target}" if self.target else "Class",
                "group": "map",
                "kind": "level",
                "unit": "class",
                "levels": self.names,
                "values": stands_for.tolist(),
            }
        ]
        if self.is_known.any():
            n_wrong = np.bincount(units[self.is_wrong], minlength=len(shares))
            shown.append(
                {
                    "key": "mistakes",
                    "name": "Rows named wrongly",
                    "group": "map",
                    "kind": "count",
                    "unit": "rows named wrongly",
                    "levels": [],
                    "values": n_wrong.tolist(),
                }
            )
        return shown

    def told(self, listed: Ints) -> dict[str, Any]:
        """Return what the page says of classes."""
        is_known = self.is_known
        n_refused = int((self.named == REFUSED).sum())
        n_known_refused = int((is_known & (self.named == REFUSED)).sum())
        n_wrong = int(self.is_wrong.sum())
        whys = self.recognizer.reasons(self.table.take(listed)) if len(listed) else []
        return {
            "target": self.target,
            "names": self.names,
            "accuracy": self.recognizer.accuracy,
            "most_frequent": self.recognizer.most_frequent,
            "leaks": self.recognizer.leaks_in_words(),
            "n_known": int(is_known.sum()),
            "n_right": int(is_known.sum()) - n_known_refused - n_wrong,
            "n_wrong": n_wrong,
            "n_refused": n_refused,
            "confusion": self._confusion() if is_known.any() else None,
            "rows": {
                "named": [None if i == REFUSED else int(i) for i in self.named[listed]],
                "probabilities": numbers(self.sure[listed]),
                "true": self.true[listed].tolist(),
                "why": [why.sentence() for why in whys],
            },
        }

    def _confusion(self) -> dict[str, Any]:
        """Return how many rows of each class are named what."""
        known = np.flatnonzero(self.is_known & (self.named != REFUSED))
        texts, sizes = np.unique(self.true[self.is_known].astype(str), return_counts=True)
        size = dict(zip(texts.tolist(), sizes.tolist(), strict=True))
        every = [*self.names, *sorted(set(size) - set(self.names))]
        most = sorted(every, key=lambda name: -size.get(name, 0))[:MAX_TABLED]
        shown = [name for name in every if name in most]
        place = {name: i for i, name in enumerate(shown)}
        counts = np.zeros((len(shown), len(shown) + 1), dtype=np.intp)  # last: classes left out
        for row in known:
            true, named = place.get(self.true[row]), place.get(self.names[self.named[row]], -1)
            if true is not None:
                counts[true, named] += 1
        return {
            "names": shown,
            "counts": counts[:, :-1].tolist(),
            "sizes": counts.sum(axis=1).tolist(),
            "n_left_out": len(every) - len(shown),
        }
