"""The parts of a fitted detector, and the scores of encoded rows."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeVar

from somscape._types import Float64s, Floats
from somscape._validate import check_is, check_number, check_that, is_array
from somscape.maps.map import Map, map_in_words
from somscape.outliers._listing import directions_of, on_other_side, without_other_side
from somscape.outliers.calibration import Calibration
from somscape.outliers.marks import Marks
from somscape.outliers.rarity import Rarity, ValueCounts
from somscape.outliers.relation import Relation
from somscape.outliers.score import Scorer, explained_by, scores_by
from somscape.tables._recoded import table_in_words
from somscape.tables.table import Table


@dataclass(frozen=True, eq=False)
class Scoring:
    """The parts of a detector, by which it scores encoded rows.  See `Detector`."""

    of_all_rows: Scorer
    threshold: float
    calibration: Calibration
    members: tuple[Scorer, ...] = ()
    mean_contributions: Float64s | None = None
    rarity: Rarity | None = None
    counts: ValueCounts | None = None
    marks: Marks | None = None
    relation: Relation | None = None
    is_threshold_auto: bool = False

    def __post_init__(self) -> None:
        parts = {"of_all_rows": Scorer, "calibration": Calibration, "members": tuple}
        for name, kind in parts.items():
            check_is(name, getattr(self, name), kind, f"a {kind.__name__}")
        check_number("threshold", self.threshold, 0, low_is_allowed=True)
        n_units, n_columns = self.map_.n_units, len(self.map_.encoding.features)
        means, regions = self.mean_contributions, self.calibration.regions
        check_that(
            means is None or (is_array(means, (n_columns,)) and (means >= 0).all()),
            "`mean_contributions` must contain one finite number of at least 0 for each column.",
        )
        check_is("is_threshold_auto", self.is_threshold_auto, bool, "True or False")
        check_is("rarity", self.rarity, Rarity | None, "a Rarity or None")
        check_is("marks", self.marks, Marks | None, "Marks or None")
        check_is("relation", self.relation, Relation | None, "a Relation or None")
        for part in (self.rarity, self.relation, self.marks):
            if part is not None:
                part.check(self.map_.codebook.shape[1])
        if self.counts is not None:
            self.counts.check(n_columns)
        check_that(
            regions is None or len(regions) == n_units,
            "`calibration` must have a region for each unit.",
        )
        check_that(
            all(self._fits(one) for one in self.members),
            "`members` must be Scorers with the same score, `n_prototypes`, lattice and features "
            "as `of_all_rows`.",
        )

    def _fits(self, member: Any) -> bool:
        """Return whether a member map has the detector's settings, as files require."""
        main = self.of_all_rows
        return (
            isinstance(member, Scorer)
            and (member.score, member.n_prototypes) == (main.score, main.n_prototypes)
            and member.map_.codebook.shape == self.map_.codebook.shape
            and (
                member.map_.lattice is self.map_.lattice or member.map_.lattice == self.map_.lattice
            )
        )

    @property
    def map_(self) -> Map:
        """The map of all rows."""
        return self.of_all_rows.map_

    @property
    def score(self) -> str:
        """Name of the score, such as ``"combined"``."""
        return self.of_all_rows.score

    @cached_property
    def scorers(self) -> tuple[Scorer, ...]:
        """The maps that score rows.  These are the members, or else the map of all rows."""
        return self.members or (self.of_all_rows,)

    @cached_property
    def directions(self) -> dict[int, bool]:
        """For the index of each column with a direction, whether only high numbers count."""
        return directions_of(self.map_.encoding)

    @cached_property
    def in_words(self) -> Self:
        """The detector, with columns and codes named as in the dictionary."""
        if not self.map_.encoding.roles.dictionary:
            return self
        whole = self.of_all_rows
        found = replace(self, of_all_rows=replace(whole, map_=map_in_words(whole.map_)))
        vars(found)["directions"] = self.directions  # in words, columns have other names
        return found

    def _scores_of_rows(self, rows: Floats) -> Float64s:
        """Return the scores of encoded rows."""
        scores = scores_by(self.scorers, rows, self.rarity, self.relation)
        if self.directions:
            is_other = on_other_side(self.of_all_rows, self.directions, rows)
            by = self.scorers, self.rarity, self.relation
            scores = without_other_side(scores, rows, is_other, *by)
        if self.marks is None:
            return scores
        return self.marks.with_held(rows, scores * self.marks.factors(rows))

    def _contributions_of_rows(self, rows: Floats) -> Float64s:
        """Return each column's contribution to the score of each encoded row."""
        found = self._contributions_by_columns(rows)
        return found if self.marks is None else self.marks.parts_with_held(rows, found)

    def _contributions_by_columns(self, rows: Floats) -> Float64s:
        """Return the contributions of columns before marks fix some scores."""
        _, found = explained_by(self.scorers, rows, self.rarity, self.relation)
        if self.directions:
            found[on_other_side(self.of_all_rows, self.directions, rows)] = 0.0
        if self.marks is not None:
            found *= self.marks.factors(rows)[:, None]
        return found

    def _scores_and_p_values_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """Return `scores` and `p_values` of encoded rows."""
        is_regional = self.calibration.regions is not None
        units = self.map_._winners_of_rows(rows) if is_regional else None
        scores = self._scores_of_rows(rows)
        return scores, self.calibration.p_values(scores, units)


def explained_rows(detector: Scoring, rows: Floats) -> tuple[Float64s, Float64s]:
    """Return two values: the scores of rows, and the contributions of columns to the scores."""
    if detector.marks is None and not detector.directions:
        return explained_by(detector.scorers, rows, detector.rarity, detector.relation)
    return detector._scores_of_rows(rows), detector._contributions_of_rows(rows)


SomeScoring = TypeVar("SomeScoring", bound=Scoring)


def both_in_words(detector: SomeScoring, table: Table) -> tuple[SomeScoring, Table]:
    """Return the detector and the table, both with columns and codes named as in the dictionary."""
    encoding = detector.map_.encoding
    if not encoding.roles.dictionary:
        return detector, table
    return detector.in_words, table_in_words(encoding, table)
