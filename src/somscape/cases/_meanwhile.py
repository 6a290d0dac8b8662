"""Somebody else was first: what was to be saved goes by what is no longer so."""

from somscape.cases._records import Decision
from somscape.errors import InputError


class DecidedMeanwhileError(InputError):
    """Somebody decided a case since it was seen; nothing was saved.

    Parameters
    ----------
    last : Decision
        What the other person said.
    """

    def __init__(self, last: Decision) -> None:
        said = f" ({last.comment})" if last.comment else ""
        super().__init__(
            f"{last.author or 'somebody'} has decided {last.state!r} of case {last.key!r} "
            f"meanwhile{said}. Look at it again, then decide."
        )
        self.last = last


class RunMeanwhileError(Exception):
    """Another run was added since this one was compared; nothing was saved."""
