"""The errors and warnings that somscape raises on purpose."""


class SomscapeError(Exception):
    """Base class of every error that somscape raises on purpose."""


class InputError(SomscapeError, ValueError):
    """A file, table, column or option that cannot be used as it came.

    The message is one line for the person who gave the input: it names the file,
    line, column or option, what came, what is allowed, and what to do.  The command
    line prints it and ends with exit code 2.
    """


class MapFileError(InputError):
    """A file that is not a somscape map, or not one this version can read."""


class SomscapeWarning(UserWarning):
    """Category of every warning that somscape issues."""
