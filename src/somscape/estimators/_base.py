"""The base classes of all estimators, and the callback that shows progress if `verbose` is 1."""

import inspect
import logging
import sys
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from somscape._validate import did_you_mean
from somscape.errors import ParameterError
from somscape.fit.settings import Progress
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table


class Base(BaseEstimator):
    """Base class of estimators.  Fitted attributes raise NotFittedError before `fit`."""

    _SPARSE: ClassVar[str] = "refused"
    """Whether sparse rows are "refused", "kept" sparse or made "dense"."""

    _SOM: ClassVar[Any]
    """The class `SOM` (set after its definition), whose parameters ``som=None`` has."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters.  If `som` is None, the parameters of ``SOM()`` are included."""
        found: dict[str, Any] = super().get_params(deep)
        if deep and found.get("som", 0) is None:
            found |= {f"som__{name}": value for name, value in self._SOM().get_params().items()}
        return found

    def __new__(cls, *args: Any, **parameters: Any) -> Self:
        """Raise TypeError for parameters that have another name in somscape.

        Signatures show ``__init__``, which raises TypeError for all other unknown parameters.
        """
        known = inspect.signature(cls.__init__).parameters if parameters else {}
        if not any(each.kind is each.VAR_KEYWORD for each in known.values()):
            for name in [name for name in parameters if name not in known]:
                if hint := did_you_mean("parameter", name, known.__contains__):
                    raise TypeError(f"{cls.__name__} does not have the parameter `{name}`.{hint}")
        return super().__new__(cls)

    def set_params(self, **params: Any) -> Any:
        """Set parameters.  ``som__n_rows=8`` sets a parameter of `som`, also if `som` is None."""
        known = self._get_param_names()
        for name in [name for name in params if name not in known]:
            if hint := did_you_mean("parameter", name, known.__contains__):
                raise ParameterError(
                    f"{type(self).__name__} does not have the parameter `{name}`.{hint}",
                    parameter=name,
                )
        of_som = any(name.startswith("som__") for name in params)
        if of_som and params.get("som", getattr(self, "som", 0)) is None:
            params["som"] = self._SOM()
        return super().set_params(**params)

    def __getattr__(self, name: str) -> Any:
        # Python calls this method only for attributes that do not exist.
        shown = type(self).__name__
        hint = did_you_mean("attribute", name, partial(hasattr, type(self)))
        if hint and not hasattr(type(self), name):
            raise AttributeError(f"{shown!r} object has no attribute {name!r}.{hint}")
        if _is_set_by_fit(name) and not any(map(_is_set_by_fit, vars(self))):
            raise NotFittedError(f"This {shown} is not fitted yet. Call `fit` first.")
        raise AttributeError(f"{shown!r} object has no attribute {name!r}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._SPARSE != "refused"
        tags.input_tags.allow_nan = missing_of(self) in ("fill", "mask")
        return tags


class Encoder(Base):
    """Base class of `TableEncoder`."""

    missing: str

    def _unused_columns(self) -> set[str]:
        """Check the parameters, and return the names of columns that are not features."""
        raise NotImplementedError

    def _encoding_of(self, data: Any, table: Table, sample_weight: Any) -> Encoding:
        """Choose the encoding of data.  The table has the same columns as the data."""
        raise NotImplementedError


def missing_of(estimator: Any) -> str:
    """Return the parameter `missing` of the encoder, or of the estimator if there is no encoder."""
    encoder = getattr(estimator, "encoder", None)
    if not isinstance(encoder, Encoder):
        return str(getattr(estimator, "missing", "error"))
    fitted = getattr(encoder, "encoding_", None)
    return str(encoder.missing if fitted is None else fitted.missing)


def _is_set_by_fit(name: str) -> bool:
    """Return whether a name is a name of a fitted attribute (set by `fit`)."""
    return name.endswith("_") and not name.startswith("_")


logger = logging.getLogger("somscape")

SECONDS_BETWEEN_LINES = 0.3
"""Minimum number of seconds between two progress lines on standard error (not in a log)."""


WIDTH = 90
"""Minimum number of characters of a progress line in a notebook, which replaces the last line."""


class Verbose:
    """A callback that shows the progress of training.

    Attributes
    ----------
    n_maps : int
        Total number of maps that are trained.  If there are several maps, each progress line
        contains the number of the current map.
    """

    n_maps = 1
    _n_begun = 0

    def begin(self) -> None:
        """Prepare the callback for the training of the next map."""
        self._n_begun += 1
        self._next_time = 0.0
        self._waiting_line = ""
        self._start_time = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        line = self._with_map_number(
            f"step {progress.step} of {progress.n_steps}: radius {progress.radius:.3g}, "
            f"quantization error {progress.quantization_error:.4g}"
        )
        if _is_notebook() and progress.step:
            passed = time.monotonic() - self._start_time
            left = passed * (progress.n_steps - progress.step) / progress.step
            line += f", about {left:.0f} s left"
        if _is_logged():
            logger.info(line)
        elif time.monotonic() < self._next_time:
            self._waiting_line = line
        else:
            self._write(line)

    def end(self, reason: str) -> None:
        """Show the last progress line, and then the reason why training ended."""
        line = self._with_map_number(f"training ended: {reason}")
        if _is_logged():
            logger.info(line)
            return
        if self._waiting_line and not _is_notebook():
            self._write(self._waiting_line)
        self._write(line, "\n")

    def _with_map_number(self, line: str) -> str:
        return f"map {self._n_begun} of {self.n_maps}: {line}" if self.n_maps > 1 else line

    def _write(self, line: str, end: str = "") -> None:
        if sys.stderr is not None:  # None in a program without a console
            # A notebook replaces the line that begins with a carriage return.
            line = f"\rsomscape: {line:<{WIDTH}}{end}" if _is_notebook() else f"somscape: {line}\n"
            sys.stderr.write(line)
        self._next_time, self._waiting_line = time.monotonic() + SECONDS_BETWEEN_LINES, ""


def expect_maps(callbacks: Iterable[Any], n_maps: int) -> None:
    """Set `n_maps` of all `Verbose` callbacks in a list of callbacks."""
    for callback in callbacks:
        if isinstance(callback, Verbose):
            callback.n_maps = n_maps


def _is_notebook() -> bool:
    """Return whether the code runs in a cell of a notebook."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return type(get_shell()).__name__ == "ZMQInteractiveShell"


def _is_logged() -> bool:
    """Return whether messages of level INFO are logged, because the user configured logging."""
    return logger.hasHandlers() and logger.isEnabledFor(logging.INFO)
