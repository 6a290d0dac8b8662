"""What is remembered from run to run: watches, cases, decisions, and the audit of all changes."""

from somscape.cases._as_it_was import recorded_again
from somscape.cases._backup import backup, restore
from somscape.cases._begin import begin_watch, check_name, detector_of_watch
from somscape.cases._card import card_of, watch_history
from somscape.cases._card_text import card_text
from somscape.cases._chain import NOTHING, add_line, hidden, next_head, now, seal_of
from somscape.cases._compare import NEWS, Gone
from somscape.cases._database import Change, Database
from somscape.cases._decide import Seen
from somscape.cases._drift import Drift
from somscape.cases._exchange import Imported, cases_bytes, cases_table, import_decisions
from somscape.cases._facts import versions
from somscape.cases._forget import Forgotten, forget, forget_old
from somscape.cases._keys import key_columns, keys_of
from somscape.cases._known import known_cases
from somscape.cases._last import INSTEAD_OF, counting
from somscape.cases._meanwhile import DecidedMeanwhileError
from somscape.cases._moves import UsualMoves
from somscape.cases._options import source_of
from somscape.cases._outcome import RunOutcome
from somscape.cases._place import state_folder, user_of_computer
from somscape.cases._recording import recording
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
from somscape.cases._reproduce import Repeated, reproduce
from somscape.cases._run import record_run, run_watch
from somscape.cases._state import State, new_id
from somscape.cases._unseen import Unseen
from somscape.cases._verify import Verdict, audit_lines, verify
from somscape.cases._waiting import GONE, is_waiting, news_now

__all__ = [
    "CLEARED",
    "CONFIRMED",
    "FOLDED",
    "GONE",
    "INSTEAD_OF",
    "LATER",
    "NEW",
    "NEWS",
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
    "Drift",
    "Forgotten",
    "Gone",
    "Imported",
    "Listed",
    "NewRun",
    "Repeated",
    "RunOutcome",
    "Seen",
    "State",
    "Unseen",
    "UsualMoves",
    "Verdict",
    "Watch",
    "WatchRun",
    "add_line",
    "audit_lines",
    "backup",
    "begin_watch",
    "card_of",
    "card_text",
    "cases_bytes",
    "cases_table",
    "check_name",
    "counting",
    "detector_of_watch",
    "forget",
    "forget_old",
    "hidden",
    "import_decisions",
    "is_waiting",
    "key_columns",
    "keys_of",
    "known_cases",
    "new_id",
    "news_now",
    "next_head",
    "now",
    "record_run",
    "recorded_again",
    "recording",
    "reproduce",
    "restore",
    "run_watch",
    "seal_of",
    "source_of",
    "state_folder",
    "user_of_computer",
    "verify",
    "versions",
    "watch_history",
]
