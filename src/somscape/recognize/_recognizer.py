"""The fitted recognizer: a frozen record of a map and the classes of its units."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats
from somscape._validate import check_number
from somscape.errors import InputError
from somscape.maps import Map, table_and_rows
from somscape.recognize._answering import (
    Answering,
    check_numbers,
    pulls,
    record_of,
)
from somscape.recognize._class_reasons import ClassReasons
from somscape.recognize._other_class import OtherClass, other_classes_of
from somscape.recognize._shares import mixed
from somscape.recognize._why import compared, contributions_of, reasons_of_classes
from somscape.records import CLASSES, Record
from somscape.tables import free_name


@dataclass(frozen=True, eq=False)
class Recognizer(Answering):
    """A map whose units know classes.

    Get one from ``recognizer_`` of a fitted `SOMClassifier`, or from `somscape.load`.

    Attributes
    ----------
    map_ : Map
    n_nearest : int
        Number of units near a row that answer together.
    power : float
        A unit that is twice as far away counts ``2 ** -power``.
    far : ndarray of shape (n_calibration,)
        Distance to the map of rows that did not train it, in order; a row of weight 2 is two rows.
    classes : ndarray of shape (n_classes,)
        The classes, in order: text, numbers or truth values.
    shares : ndarray of shape (n_units, n_classes)
        Share of each class among the rows around each unit.
    prior : float
        Rows of its own class that each unit counted in addition.
    centers : ndarray of shape (n_units, n_features)
        Mean of the training rows of each unit; of one without rows, of those next to it.  The
        prototypes of the map may lie far from all rows: they only tell classes apart.
    accuracy : float or None, default=None
        Share of rows named rightly by maps that did not see them; None if none was left out.
    most_frequent : float or None, default=None
        Share of the training rows of known class that the most frequent class has; None in files
        of earlier versions.
    reject : float or None, default=None
        Share of rows like those of the training that `predict` may refuse; at least
        ``1 / (1 + n_calibration)``, the least p-value there is.
    leaks : dict of str to float, default={}
        Columns that alone named the class of nearly all training rows, as `somscape fit --target`
        found, and the share of rows that each did.

    Raises
    ------
    ValueError, TypeError
        If the parts do not fit together; the message names one of them.

    See Also
    --------
    somscape.SOMClassifier : Trains one, as an estimator of scikit-learn.

    Examples
    --------
    >>> from somscape import SOMClassifier
    >>> X = [[0.0, 1.0], [1.0, 0.0]] * 20
    >>> recognizer = SOMClassifier(random_state=0).fit(X, ["a", "b"] * 20).recognizer_
    >>> recognizer.predict([[0.1, 0.9]])
    array(['a'], dtype='<U1')
    """

    PART, KIND = CLASSES, "classifier"
    EXPLAINS = "names the '{target}' of {share:.1f} % of the rows"
    WITHOUT = (
        "this is a map without classes, so it cannot name rows. Save a fitted SOMClassifier, or "
        "use `somscape fit --target`."
    )

    classes: NDArray[Any]
    shares: Float64s
    prior: float
    centers: Float64s
    accuracy: float | None = None
    most_frequent: float | None = None
    reject: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        is_text = isinstance(self.classes, np.ndarray) and self.classes.dtype.kind == "U"
        if not is_text:
            check_numbers("classes", self.classes, (-1,), "biuf")
        if len(self.classes) < 2 or not np.array_equal(np.unique(self.classes), self.classes):
            raise ValueError("`classes` must be at least two, each once and in order.")
        check_numbers("shares", self.shares, (self.map_.n_units, len(self.classes)))
        if not ((self.shares >= 0).all() and np.allclose(self.shares.sum(axis=1), 1)):
            raise ValueError("`shares` must have the sum 1 for each unit.")
        check_number("prior", self.prior, 0)
        check_numbers("centers", self.centers, self.map_.codebook.shape)
        if self.accuracy is not None:
            check_number("accuracy", self.accuracy, 0, 1, low_is_allowed=True)
        if self.most_frequent is not None:
            check_number("most_frequent", self.most_frequent, 0, 1)
        if self.reject is not None:
            check_number("reject", self.reject, 0, 0.5)
            least = 1 / (1 + len(self.far))
            if self.reject < least:
                raise InputError(
                    f"`reject` can be at least {least:.2g}, as {len(self.far)} rows were left out "
                    f"of training to tell how far rows may lie; got {self.reject:g}. Ask for "
                    f"{'None' if least > 0.5 else 'that'}, or train on more rows."
                )

    def __repr__(self) -> str:
        return f"Recognizer({self.map_!r}, {len(self.classes)} classes)"

    @property
    def unknown(self) -> str:
        """What a file calls a row that is refused: a word that is none of the classes."""
        return free_name("unknown", [str(name) for name in self.classes.tolist()], "_row")

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            As for `Map.rows_of`.

        Returns
        -------
        ndarray of shape (n_samples,)
            With `reject`, of objects: None for a row that lies too far from the map.
        """
        return self.classes_of(*self.probabilities_of_rows(self.map_.rows_of(X)))

    def probabilities(self, X: Any) -> Float64s:
        """Return how probable each class is for each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes`; each row has the sum 1.
        """
        return self.probabilities_of_rows(self.map_.rows_of(X))[0]

    def probabilities_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """Return how probable each class is, and how many rows lie as far from the map.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            From `Map.rows_of`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Each row has the sum 1.
        p_values : ndarray of shape (n_samples,)
            Share, in (0, 1], of rows like those of the training that lie at least as far from their
            nearest prototype.
        """
        probabilities = np.empty((len(rows), self.shares.shape[1]))
        p_values = np.empty(len(rows))
        for part, units, distances in self.near(rows):
            probabilities[part] = mixed(self.shares, units, pulls(distances, self.power))
            p_values[part] = self.p_values_of(distances)
        return probabilities, p_values

    def classes_of(self, probabilities: Float64s, p_values: Float64s) -> NDArray[Any]:
        """Return the class of each row by what `probabilities_of_rows` gave.

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_classes)
        p_values : ndarray of shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        found: NDArray[Any] = self.classes[probabilities.argmax(axis=1)]
        if self.reject is None:
            return found
        answers = found.astype(object)
        answers[p_values <= self.reject] = None
        return answers

    def contributions(self, X: Any) -> Float64s:
        """Return how much each column speaks for each row's class.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Columns in the order of ``map_.encoding.features``, with the levels of a category
            merged.  Each row adds up to the squared distance to the nearest prototype of the
            runner-up, the second most probable class, less that of the class named.  A column's
            part tells how far its value lies beyond the border between the two, which is taken
            where it passes nearest to the mean of the training rows.
        """
        rows = self.map_.rows_of(X)
        return contributions_of(self, rows, compared(self, rows))[0]

    def reasons(self, X: Any) -> list[ClassReasons]:
        """Return why each row is of its class: which columns and units say so.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        list of ClassReasons
            One for each row, also for one that `predict` refuses.  ``str`` and ``sentence()`` say
            it in words, with values in original units.
        """
        return reasons_of_classes(self, *table_and_rows(self.map_, X))

    def counterfactuals(self, X: Any) -> list[OtherClass | None]:
        """Return what would have to change for each row to be named another class.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        list of OtherClass or None
            For each row few columns and the values that they become, near to its own; with these
            `predict` names the row that class.  None where no mean of a unit's rows is named so.
        """
        return other_classes_of(self, *table_and_rows(self.map_, X))

    def to_record(self) -> Record:
        """Return the recognizer as JSON data and named arrays, the contents of a file.

        Returns
        -------
        Record
        """
        is_text = self.classes.dtype.kind == "U"
        header = {
            "names": self.classes.tolist() if is_text else None,
            "n_nearest": self.n_nearest,
            "power": float(self.power),
            "prior": float(self.prior),
            "accuracy": self.accuracy,
            "most_frequent": self.most_frequent,
            "leaks": self.leaks or None,
            "reject": self.reject,
        }
        arrays = {
            "values": None if is_text else self.classes,
            "shares": self.shares,
            "far": self.far,
            "centers": self.centers,
        }
        return record_of(self.map_, self.PART, header, arrays)

    @classmethod
    def _of(cls, map_: Map, parts: dict[str, Any]) -> Self:
        names, values = parts.pop("names", None), parts.pop("values", None)
        if (names is None) == (values is None):
            raise ValueError("classes must have either names or values")
        if names is not None and not (
            isinstance(names, list) and all(isinstance(name, str) for name in names)
        ):
            raise TypeError("classes.names must be texts")
        return cls(map_, classes=values if names is None else np.array(names), **parts)
