"""Watches, cases and decisions in a state, with an audit that records all changes."""

from somscape.desk.cases._backup import backup, restore
from somscape.desk.cases._run import run_watch
from somscape.desk.cases.audit import Verdict, audit_lines, verify
from somscape.desk.cases.exchange import Imported, import_decisions
from somscape.desk.cases.forgotten import Forgotten, forget, forget_old
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cases.records import Case, Decision, Watch
from somscape.desk.cases.state import State

__all__ = [
    "Case", "Decision", "Forgotten", "Imported", "RunOutcome", "State", "Verdict", "Watch",
    "audit_lines", "backup", "forget", "forget_old", "import_decisions", "restore", "run_watch",
    "verify",
]  # fmt: skip
