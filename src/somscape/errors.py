"""Errors and warnings that somscape raises."""

import re
from typing import Any

__all__ = ["EngineError", "InputError", "MapFileError", "SomscapeError", "SomscapeWarning"]

_NAME = re.compile(r"`([^`\s]+)`|(X) ")
"""Name of a parameter at the start of a message."""


class SomscapeError(Exception):
    """Base class of all errors that somscape raises.

    The message is for people.  The attributes contain the facts of the message, so that programs do
    not have to search the message text.  An attribute is None if the error does not provide this
    fact.

    If a parameter has a wrong value, `ParameterError` is raised, which is a ``ValueError``.  If a
    parameter has a wrong type, `ParameterTypeError` is raised, which is a ``TypeError``.  If an
    estimator is not fitted, ``NotFittedError`` of scikit-learn is raised.

    Parameters
    ----------
    message : str
        Text for the user that contains the problem, the value that was found, the values that are
        allowed, and a solution.
    parameter : str, optional
        Name of the parameter, option or key.  By default, the name in backticks with which the
        message begins, or X if the message begins with X and does not name a file.
    file : str, default=None
        Path or name of the file or table that caused the error.
    line : int, default=None
        Line number in the file, from 1.
    row : int, default=None
        Row number in the table, from 0.
    column : str, default=None
        Name of the column.
    value : object, default=None
        Value that was found.
    allowed : object, default=None
        Values or names that are allowed.

    Attributes
    ----------
    parameter, file, line, row, column, value, allowed : object
        Values of the parameters with these names.

    Examples
    --------
    >>> from somscape import SOM
    >>> from somscape.errors import SomscapeError
    >>> try:
    ...     SOM(boundary="torsu").fit([[1.0], [2.0]])
    ... except SomscapeError as error:
    ...     print(error.parameter, error.value)
    boundary torsu
    """

    def __init__(
        self,
        message: str = "",
        *,
        parameter: str | None = None,
        file: Any = None,
        line: Any = None,
        row: Any = None,
        column: Any = None,
        value: Any = None,
        allowed: Any = None,
    ) -> None:
        super().__init__(message)
        named = _NAME.match(message)
        own = None if named is None else named[1] or (named[2] if file is None else None)
        self.parameter = parameter or own
        self.file, self.line, self.row = file, line, row
        self.column, self.value, self.allowed = column, value, allowed


class ParameterError(SomscapeError, ValueError):
    """Raised if the value of a parameter is not allowed."""


class ParameterTypeError(SomscapeError, TypeError):
    """Raised if the type of a parameter is not allowed."""


class InputError(SomscapeError, ValueError):
    """Raised if a file, table, column or option cannot be used.

    The command line then prints `message` and `options`, and ends with exit code 2.

    Parameters
    ----------
    message : str
        One line that contains names of Python parameters, but not of command-line options.
    options : str, default=""
        Command-line options that solve the problem, such as "--encoding NAME".
    python : str, default=""
        Part of `message` for users of Python, which the command line replaces by `options`.
    **facts : object
        Facts of the message, as in `SomscapeError`.

    Attributes
    ----------
    options, python : str
        Values of the parameters with these names.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM
    >>> SOM(3, 4).fit(np.array([[1.0, 2.0], [3.0, np.nan]]))
    Traceback (most recent call last):
    somscape.errors.InputError: ...
    """

    def __init__(
        self, message: str = "", *, options: str = "", python: str = "", **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.options, self.python = options, python


class MapFileError(InputError):
    """Raised if a map file is invalid, damaged or from a later version of somscape.

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
    """Raised if a cluster stops because workers died, left or could not read data.

    Examples
    --------
    >>> from somscape.errors import EngineError, SomscapeError
    >>> issubclass(EngineError, SomscapeError)
    True
    """


class SomscapeWarning(UserWarning):
    """Category of the warnings that somscape issues.

    Examples
    --------
    Turn warnings into errors in a scheduled job:

    >>> import warnings
    >>> from somscape.errors import SomscapeWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SomscapeWarning)
    """
