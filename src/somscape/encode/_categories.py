"""A category as a block of features, one for each level."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from somscape._types import Float64s, Floats, Objects
from somscape.encode._codes import MISMATCH_WEIGHT, PLAIN_NUMBER, Problem, SaysUsual
from somscape.encode._text import number_text
from somscape.tables import Column

MISSING_LEVEL = "(missing)"
UNSEEN_LEVEL = "(unseen)"


@dataclass(frozen=True)
class CategoryCode(SaysUsual):
    """A category as one feature per level, one of which applies.

    The last feature stands for levels that the table did not have: a new level then
    mismatches every known one by the full distance of 1.

    Attributes
    ----------
    name, why : str
        The column, and why it is taken as a category.
    levels : tuple of str
        Levels in order; "(missing)" is one of them where cells were missing.
    """

    kind: ClassVar[str] = "category"
    name: str
    why: str
    levels: tuple[str, ...]

    @cached_property
    def _feature_of(self) -> dict[str, int]:
        return {level: i for i, level in enumerate(self.levels)}

    @property
    def n_features(self) -> int:
        """Encoded features that the column takes."""
        return len(self.levels) + 1

    @property
    def feature_names(self) -> list[str]:
        """Names of the encoded features."""
        return [f"{self.name}={level}" for level in (*self.levels, UNSEEN_LEVEL)]

    @classmethod
    def fit(cls, column: Column, why: str) -> "CategoryCode":
        """Learn the levels of a column."""
        present = set(level_texts(column))
        if column.numbers is None:
            ordered = sorted(present - {MISSING_LEVEL})
        else:
            ordered = sorted(present - {MISSING_LEVEL}, key=float)
        if MISSING_LEVEL in present:
            ordered.append(MISSING_LEVEL)
        return cls(column.name, why, tuple(ordered))

    def read(self, column: Column) -> Column:
        """Return the column: its levels are its texts."""
        return column

    def problem(self, column: Column) -> Problem:
        """Return None: a category accepts any cell."""
        return None

    def encode(self, column: Column) -> Float64s:
        """Return the encoded column, of shape (n_rows, n_features)."""
        which = [self._feature_of.get(t, len(self.levels)) for t in level_texts(column)]
        features = np.zeros((len(which), self.n_features))
        features[np.arange(len(which)), which] = MISMATCH_WEIGHT
        return features

    def decode(self, features: Floats) -> Objects:
        """Return the level with the largest share in each row of encoded features."""
        names = np.array([*self.levels, UNSEEN_LEVEL], dtype=object)
        return names[features.argmax(axis=1)]

    @property
    def encoded_levels(self) -> Float64s:
        """All levels, encoded, of shape (n_levels, n_features)."""
        return MISMATCH_WEIGHT * np.eye(len(self.levels), self.n_features)

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return the levels that prevail in some prototypes (n, n_features), encoded."""
        return self.encoded_levels[prototypes[:, :-1].argmax(axis=1)]

    def level(self, features: Floats) -> str:
        """Return the level of one encoded row of shape (n_features,)."""
        return str(self.decode(features[None, :])[0])

    def prevailing(self, prototypes: Float64s) -> str:
        """Return the level with the largest share among some prototypes."""
        return self.level(prototypes.mean(axis=0))

    def usual(self, prototypes: Float64s) -> str:
        """Return the level that prevails among some prototypes, with its share, in words."""
        share = prototypes.mean(axis=0) / MISMATCH_WEIGHT
        level, percent = self.prevailing(prototypes), round(100 * float(share.max()))
        return level if percent >= 100 else f"{level} ({percent} %)"


def level_texts(column: Column) -> list[str]:
    """Return each cell as a level; 1 and 1.0 are the same one.

    A column may be numbers in one file and, for a single word, text in the next: a cell's
    level must not depend on its neighbors.

    Parameters
    ----------
    column : Column

    Returns
    -------
    list of str
        One level per row; "(missing)" where the cell is missing.
    """
    if column.numbers is not None:
        return [MISSING_LEVEL if v != v else _number_level(v) for v in column.numbers]
    level_of = {cell: _text_level(cell) for cell in set(column.cells)}
    return [level_of[cell] for cell in column.cells]


def _text_level(cell: str | None) -> str:
    if cell is None:
        return MISSING_LEVEL
    return _number_level(float(cell)) if PLAIN_NUMBER.fullmatch(cell) else cell


def _number_level(value: float) -> str:
    return number_text(value, value == int(value), 15)
