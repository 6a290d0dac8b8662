"""What is remembered from run to run: watches, cases, decisions, and the audit of all changes."""

from somscape.cases._chain import NOTHING, add_line, hidden, next_head, now, seal_of
from somscape.cases._database import Change, Database
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
    "Listed",
    "NewRun",
    "State",
    "Watch",
    "WatchRun",
    "add_line",
    "hidden",
    "new_id",
    "next_head",
    "now",
    "seal_of",
    "state_folder",
]
