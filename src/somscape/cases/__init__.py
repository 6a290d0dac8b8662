"""What is remembered from run to run: watches, cases, decisions, and the audit of all changes."""

from somscape.cases._backup import backup, restore
from somscape.cases._chain import NOTHING, add_line, hidden, next_head, now, seal_of
from somscape.cases._database import Change, Database
from somscape.cases._forget import Forgotten, forget, forget_old
from somscape.cases._place import state_folder
from somscape.cases._records import (
    CLEARED,
    CONFIRMED,
    FOLDED,
    LATER,
    NEW,
    OPEN,
    RETURNED,
    RISEN,
    STATES,
    STILL,
    Case,
    Decision,
    Listed,
    NewRun,
    Watch,
    WatchRun,
)
from somscape.cases._state import DecidedMeanwhileError, State, new_id
from somscape.cases._verify import Verdict, audit_lines, verify

__all__ = [
    "CLEARED",
    "CONFIRMED",
    "FOLDED",
    "LATER",
    "NEW",
    "NOTHING",
    "OPEN",
    "RETURNED",
    "RISEN",
    "STATES",
    "STILL",
    "Case",
    "Change",
    "Database",
    "DecidedMeanwhileError",
    "Decision",
    "Forgotten",
    "Listed",
    "NewRun",
    "State",
    "Verdict",
    "Watch",
    "WatchRun",
    "add_line",
    "audit_lines",
    "backup",
    "forget",
    "forget_old",
    "hidden",
    "new_id",
    "next_head",
    "now",
    "restore",
    "seal_of",
    "state_folder",
    "verify",
]
