"""One whole story of a watch whose state is in PostgreSQL, with two people at once."""

from pathlib import Path

import pytest
from postgresql import Server
from test_watch_runs import INCOME, ODD, begun, month, news, run, say

from somscape.desk.cases import State, import_decisions
from somscape.desk.cases.decide import Seen
from somscape.desk.cases.records import CLEARED, CONFIRMED, DecidedMeanwhileError
from somscape.tables import table_from_columns


@pytest.mark.nightly
def test_three_months_in_postgresql(postgresql: Server, tmp_path: Path) -> None:
    postgresql.run("CREATE DATABASE months")
    january = month(tmp_path / "january.csv", 1, **ODD)
    february = month(tmp_path / "february.csv", 2, c005=(INCOME, 90_100), c020=(INCOME, 70_000))
    march = month(tmp_path / "march.csv", 3, c005=(INCOME, 900_000), c020=(INCOME, 70_000))
    url = postgresql.url(database="months")
    with State(url) as ann, State(url) as bob:
        assert news(begun(ann, january))["c005"] == "new"
        both = [Seen.of(state, "cards").decision("c005", CLEARED) for state in (ann, bob)]
        ann.decide(both[0], seen=0)
        with pytest.raises(DecidedMeanwhileError):
            bob.decide(both[1], seen=0)
        found = news(run(bob, february))
        assert (found["c005"], found["c020"]) == ("folded", "new")
        assert run(ann, february).is_again
        say(ann, "c020", CONFIRMED, "stolen")
        table = table_from_columns(
            {"key": ["c020"], "decision": ["confirmed"], "comment": ["stolen"]}
        )
        assert import_decisions(bob, "cards", table, author="bob").n_same == 1
        outcome = run(bob, march)
        assert news(outcome)["c005"] == "returned"
        assert news(outcome)["c020"] == "still"
        assert outcome.state_of("c020") == CONFIRMED
        assert [r.number for r in ann.runs("cards")] == [3, 2, 1]
        lines = ann.database.rows("SELECT number FROM audit ORDER BY number")
        assert [line["number"] for line in lines] == list(range(1, 7))
