"""One whole story of a watch with its state in PostgreSQL, and two people at once."""

import pytest
from test_watch_runs import ODD, begun, month, news, run, say

from somscape.cases import CLEARED, DecidedMeanwhileError, Seen, State, import_decisions
from somscape.tables import table_from_columns
