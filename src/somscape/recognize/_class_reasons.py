"""The reasons for the class of a row, as records and as sentences."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClassReason:
    """A column that speaks for the class of a row, or against it.

    Attributes
    ----------
    column : str
    value : str
        The row's value, in original units.
    side : str
        For example "below 2.9": on which side of the border between the two classes the value
        lies; "" for a category and for a missing cell.
    part : float
        What the column adds to the margin; below 0 if it speaks for the runner-up.
    share : float
        The part as a share of the sizes of all parts, from -1 to 1.

    See Also
    --------
    ClassReasons : All of a row.

    Examples
    --------
    >>> from somscape.recognize import ClassReason
    >>> reason = ClassReason("alcohol", "11.2", "below 12.8", part=0.9, share=0.6)
    >>> print(reason)
    alcohol 11.2 (below 12.8)
    """

    column: str
    value: str
    side: str
    part: float
    share: float

    def __str__(self) -> str:
        return f"{self.column} {self.value}" + (f" ({self.side})" if self.side else "")

    def clause(self) -> str:
        """Return the reason as a part of a sentence.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.recognize import ClassReason
        >>> ClassReason("petal length", "1.4", "below 2.9", 3.6, 0.5).clause()
        'petal length is 1.4, below 2.9'
        """
        return f"{self.column} is {self.value}" + (f", {self.side}" if self.side else "")


@dataclass(frozen=True, slots=True)
class UnitReason:
    """A unit near a row, and what it says of the row's class.

    Attributes
    ----------
    unit : int
    weight : float
        How much the unit counts in the answer; all units near the row have the sum 1.
    share : float
        Share of the class around the unit.

    See Also
    --------
    ClassReasons : All of a row.

    Examples
    --------
    >>> from somscape.recognize import UnitReason
    >>> near = [UnitReason(14, weight=0.75, share=1.0), UnitReason(15, weight=0.25, share=0.6)]
    >>> round(sum(each.weight * each.share for each in near), 2)
    0.9
    """

    unit: int
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class ClassReasons:
    """Why a row is of its class, rather than of the runner-up.

    Attributes
    ----------
    named, other : text, number or truth value
        The most probable class, and the second one.
    probability, of_other : float
        Of both.
    margin : float
        Squared distance to the nearest prototype of `other`, less that of `named`.  Below 0 where
        the units near the row name another class than the nearest one.
    columns : tuple of ClassReason
        Those with the largest parts, largest first; the parts of all columns, which
        `Recognizer.contributions` gives, have the sum `margin`.
    units : tuple of UnitReason
        The units that answer, nearest first: weights times shares have the sum `probability`.

    See Also
    --------
    ClassReason, UnitReason : Parts of it.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClassifier
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> classifier = SOMClassifier(random_state=0).fit(X, np.where(X[:, 0] > 0, "high", "low"))
    >>> reasons = classifier.reasons([[0.4, 0.0]])[0]
    >>> print(reasons)
    high 97 %, rather than low: x0 0.4 (above -0.0425)
    """

    named: Any
    other: Any
    probability: float
    of_other: float
    margin: float
    columns: tuple[ClassReason, ...]
    units: tuple[UnitReason, ...]

    @property
    def reasons_for(self) -> tuple[ClassReason, ...]:
        """The columns that speak for the class."""
        return tuple(reason for reason in self.columns if reason.part > 0)

    @property
    def reasons_against(self) -> tuple[ClassReason, ...]:
        """The columns that speak for the runner-up."""
        return tuple(reason for reason in self.columns if reason.part < 0)

    def __str__(self) -> str:
        for_it, against = (
            ", ".join(map(str, reasons)) for reasons in (self.reasons_for, self.reasons_against)
        )
        parts = [for_it, against and f"against it {against}"]
        why = "; ".join(part for part in parts if part)
        named = f"{self.named} {percent(self.probability)}, rather than {self.other}"
        return f"{named}: {why}" if why else named

    def sentence(self) -> str:
        """Return the reasons as sentences.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.recognize import ClassReason, ClassReasons
        >>> length = ClassReason("petal length", "1.4", "below 2.9", 3.6, 0.7)
        >>> why = ClassReasons("setosa", "virginica", 0.98, 0.01, 2.1, (length,), ())
        >>> why.sentence()
        'setosa (98 %), rather than virginica: petal length is 1.4, below 2.9.'
        """
        for_it, against = (
            "; ".join(reason.clause() for reason in reasons)
            for reasons in (self.reasons_for, self.reasons_against)
        )
        said = f"{self.named} ({percent(self.probability)}), rather than {self.other}"
        said = f"{said}: {for_it}." if for_it else f"{said}."
        said += f" Against it: {against}." if against else ""
        if self.margin < 0:
            said += f" The nearest prototype of the two is that of {self.other}."
        return said


def percent(share: float) -> str:
    """Return a probability in words; one just below 1 is none of 100 %."""
    is_nearly_all = 0.995 <= share < 1 - 1e-9
    return "> 99 %" if is_nearly_all else f"{100 * share:.0f} %"
