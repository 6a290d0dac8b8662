"""What waits: cases of the newest run that somebody should look at; others are decided or gone."""

from somscape.cases._records import CLEARED, FOLDED, OPEN, Case, WatchRun

GONE = "gone"
"""News of a case that the newest run does not list."""


def is_waiting(case: Case, last: WatchRun | None) -> bool:
    """Return whether a case waits: it is listed, and nobody decided since.

    Parameters
    ----------
    case : Case
    last : WatchRun or None
        The newest run.

    Returns
    -------
    bool
    """
    if last is None or case.listed is None or case.run != last.id or case.listed.news == FOLDED:
        return False
    # One that was cleared before this run is not folded because it returned.
    said = case.decision
    is_before = said is not None and (
        said.made < last.made or (said.made == last.made and said.run != last.id)
    )
    return case.state == OPEN or (case.state == CLEARED and is_before)


def news_now(case: Case, last: str | None) -> str:
    """Return what a case is in the newest run.

    Parameters
    ----------
    case : Case
    last : str or None
        The newest run's id.

    Returns
    -------
    str
        "gone" where only an earlier run lists it, "" where none does.
    """
    if case.listed is None:
        return ""
    return case.listed.news if case.run == last else GONE
