"""What the classifier and the regressor have in common."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from somscape._types import Float64s, Floats
from somscape._validate import check_choice, checked_weights
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.estimators._base import Base
from somscape.estimators._choose_encoding import check_has_no_gaps, choose_encoding, missing_of
from somscape.estimators._prepare import Prepared, data_for, prepare
from somscape.estimators._som import SOM
from somscape.kernels import select_kernels
from somscape.maps import Map
from somscape.recognize import Answering


class Learner(Base):
    """A map that learns what is known of rows, and answers for new ones."""

    som: SOM | None
    missing: str

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = missing_of(self) == "fill"
        return tags

    def _fitted(self) -> Answering:
        """Return what `fit` made."""
        raise NotImplementedError

    def _answering(self) -> Answering:
        """Return what answers."""
        return self._fitted()

    @property
    def map_(self) -> Map:
        """The map."""
        return self._fitted().map_

    def p_values(self, X: Any) -> Float64s:
        """Return the share of rows like the training's that lie as far from the map.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
            In (0, 1]; small for a row that is like none of the training.
        """
        rows = self._rows(X)
        return self._fitted().p_values_of_rows(rows)

    def save(self, path: str | Path) -> None:
        """Save what answers to one file, completely or not at all.

        Parameters
        ----------
        path : str or Path
            Usually ends in ``.som``.  `somscape.load` reads it back as a
            `somscape.recognize.Recognizer` or `somscape.recognize.Predictor`, which answers the
            same.

        Examples
        --------
        >>> import pathlib, somscape, tempfile
        >>> X, y = [[0.0, 1.0], [1.0, 0.0]] * 20, ["a", "b"] * 20
        >>> classifier = somscape.SOMClassifier(random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     classifier.save(pathlib.Path(folder) / "letters.som")
        ...     somscape.load(pathlib.Path(folder) / "letters.som").predict([[0.1, 0.9]])
        array(['a'], dtype='<U1')
        """
        check_is_fitted(self)
        self._answering().save(path)

    def _rows(self, X: Any) -> Floats:
        """Return data as rows of the map."""
        check_is_fitted(self)
        return self.map_.rows_of(data_for(self, X))

    def _som(self) -> SOM:
        """Return a copy of the map to train."""
        if not (self.som is None or isinstance(self.som, SOM)):
            raise TypeError(f"`som` must be a SOM or None; got {self.som!r}.")
        check_choice("missing", self.missing, ("error", "fill"))
        return SOM() if self.som is None else clone(self.som)

    def _prepared(self, X: Any, sample_weight: Any) -> Prepared:
        """Check and encode the rows of a `fit`, and begin to say what was chosen."""
        chosen = choose_encoding(self, X, sample_weight, None)
        check_has_no_gaps(chosen.encoding)
        prepared = prepare(
            self, chosen.data, sample_weight, encoding=chosen.encoding, missing=self.missing
        )
        said = {} if chosen.why is None else {"encoder": chosen.why}
        self.explain_defaults_: dict[str, str] = said
        self.kernels_used_ = select_kernels().name
        return prepared

    def _explain_size(self) -> None:
        lattice = self.map_.lattice
        said = f"{lattice.n_rows} x {lattice.n_cols}: {lattice.size_text}."
        self.explain_defaults_ = {"n_rows": said, **self.explain_defaults_}


def check_one_per_row(n: int, n_rows: int, what: str) -> None:
    """Raise InputError unless `y` has as many rows as X."""
    if n != n_rows:
        raise InputError(
            f"`y` must have one {what} for each row of X, {n_rows}; got {n}. Pass None or NaN for "
            f"a row of unknown {what}."
        )


def scoring_weights(sample_weight: Any, is_known: NDArray[np.bool_]) -> Float64s:
    """Return how much each row counts in a score, at most 1."""
    weights = ones_or(checked_weights(sample_weight, len(is_known)), len(is_known))
    weights = weights / weights.max()
    if not is_known[weights > 0].any(axis=0).all():
        raise InputError(
            "`sample_weight` is zero for every row of which `y` is known. Give one a weight above "
            "0."
        )
    return weights


def kept_of(prepared: Prepared, y: Any) -> Any:
    """Return what is known of the rows that train."""
    return y if prepared.kept is None else y[prepared.kept]


def rows_of(prepared: Prepared) -> Float64s:
    """Return the rows that train."""
    return np.asarray(prepared.rows, dtype=np.float64)
