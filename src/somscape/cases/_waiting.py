"""What waits: cases of the newest run that somebody should look at; others are decided or gone."""

from somscape.cases._records import CLEARED, FOLDED, OPEN, Case, Decision, WatchRun

GONE = "gone"
"""News of a case that the newest run does not list."""


def is_waiting(case: Case, last: WatchRun | None) -> bool:
    """Return whether a case waits: it is listed, and nobody decided since."""
    if last is None or case.listed is None or case.run != last.id or case.listed.news == FOLDED:
        return False
    # One that was cleared before this run is not folded because it returned.
    said = case.decision
    returned = case.state == CLEARED and said is not None and not is_since(said, last)
    return case.state == OPEN or returned


def is_since(decision: Decision, run: WatchRun) -> bool:
    """Return whether a decision is of what a run lists, or later; times are known to the second."""
    return decision.run == run.id or decision.made > run.made


def news_now(case: Case, last: str | None) -> str:
    """Return what a case is in the newest run."""
    if case.listed is None:
        return ""
    return case.listed.news if case.run == last else GONE
