"""The errors and warnings of somscape, to catch and to filter by."""

__all__ = ["EngineError", "InputError", "MapFileError", "SomscapeError", "SomscapeWarning"]


class SomscapeError(Exception):
    """Base class of somscape's own errors.

    A parameter of the wrong type or value raises Python's ``TypeError`` or ``ValueError``.  An
    estimator that is not fitted raises scikit-learn's ``NotFittedError``.

    Examples
    --------
    >>> from somscape import load
    >>> from somscape.errors import SomscapeError
    >>> try:
    ...     load("missing.som")
    ... except SomscapeError as error:
    ...     print(error)
    missing.som: no such file. Give the path of a map saved by somscape.
    """


class InputError(SomscapeError, ValueError):
    """A file, table, column or option that cannot be used as it is.

    The message is one line for the person who gave the input: it names the file, line, column or
    parameter, says what came and what is allowed, and what to do.  The command line prints it,
    with `options`, and ends with exit code 2.

    Parameters
    ----------
    message : str
        It names parameters, not options of the command line.
    options : str, default=""
        What to type on the command line instead, such as "--encoding NAME".
    python : str, default=""
        The part of the message that says what to write in Python, which `options` replaces.

    Attributes
    ----------
    options, python : str

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM
    >>> SOM(3, 4).fit(np.array([[1.0, 2.0], [3.0, np.nan]]))
    Traceback (most recent call last):
    somscape.errors.InputError: ...
    """

    def __init__(self, message: str = "", *, options: str = "", python: str = "") -> None:
        super().__init__(message)
        self.options, self.python = options, python


class MapFileError(InputError):
    """A file that is not a somscape map, is damaged, or is of a later version.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from somscape import load
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes.som"
    >>> _ = path.write_text("not a map")
    >>> load(path)
    Traceback (most recent call last):
    somscape.errors.MapFileError: ...
    """


class EngineError(SomscapeError, RuntimeError):
    """A cluster that gave up: its workers died, were gone, or could not read.

    Examples
    --------
    >>> from somscape.errors import EngineError, SomscapeError
    >>> issubclass(EngineError, SomscapeError)
    True
    """


class SomscapeWarning(UserWarning):
    """Category of every warning that somscape issues.

    Examples
    --------
    Turn them into errors in a job that nobody watches:

    >>> import warnings
    >>> from somscape.errors import SomscapeWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SomscapeWarning)
    """
