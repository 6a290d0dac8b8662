"""Whoever changes a line, or what a line tells of, is found out by `verify`."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from forgeries import (
    AUDIT,
    AUDIT_KEY,
    FORGERIES,
    HEAD,
    NEVER,
    OPENING,
    VERIFY,
    WITHOUT_SEALS,
)
from some_cases import KEY, PLACES, fill, place_for
from texts import rejected

from somscape.desk.cases import Decision, State, Verdict, Watch, audit_lines, forget, verify
from somscape.desk.cases.decide import NewDecision, decide
from somscape.desk.cases.records import NOTHING, NewRun, Upload, next_head
from somscape.errors import InputError


@pytest.fixture
def in_a_file(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state") as state:
        fill(state)
        yield state


@pytest.fixture(params=PLACES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    with State(place_for(request.param, request, tmp_path)) as state:
        fill(state)
        yield state


def do(state: State, sql: str, *values: object) -> None:
    with state.database.change() as change:
        change.rows(sql, values)


def lines(state: State) -> list[dict]:
    return state.database.rows("SELECT * FROM audit ORDER BY number")


def rewritten(state: State, change: Callable[[dict], None], first: int = 1) -> None:
    """Rewrite lines from one on, with heads that are right again, as an insider would."""
    head = NOTHING
    for line in lines(state):
        said = json.loads(line["said"])
        if line["number"] >= first:
            change(said)
            line["said"] = json.dumps(said, sort_keys=True, separators=(",", ":"))
        head = next_head(head, line["said"])
        do(
            state,
            "UPDATE audit SET said = ?, head = ? WHERE number = ?",
            line["said"],
            head,
            line["number"],
        )


def test_what_nobody_touched_holds(state: State) -> None:
    found = verify(state)
    assert (found.n_lines, found.faults, found.has_seals) == (7, (), False)
    assert found.head == state.head() == lines(state)[-1]["head"]
    for number, line in enumerate(lines(state), 1):
        assert verify(state, line["head"]).found.startswith(f"of line {number}, written 20")
        assert verify(state, line["head"][:16].upper()).faults == ()
    assert verify(state, NOTHING).found == "before the first line"


def test_a_new_state_has_no_lines(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        assert verify(state).n_lines == 0
        assert state.head() == NOTHING


TAMPERED = {
    "a byte of a line": (
        "UPDATE audit SET said = replace(said, 'cleared', 'cleareD') WHERE number = 6",
        "line 6 or its head was changed",
        "the decision of line 6 differs from the line (state).",
    ),
    "a head": (
        "UPDATE audit SET head = replace(head, substr(head, 1, 1), 'x') WHERE number = 3",
        "line 3 or its head was changed",
        "line 4 or its head was changed",
    ),
    "a line is gone": ("DELETE FROM audit WHERE number = 3", "line 3 is missing.", "the run r2"),
    "two lines are gone": ("DELETE FROM audit WHERE number IN (2, 3)", "lines 2 to 3 are missing."),
    "the last line is gone": ("DELETE FROM audit WHERE number = 7", "records the decision 7."),
    "a line is no JSON": (
        "UPDATE audit SET said = '[' WHERE number = 1",
        "line 1 or its head was changed",
        "line 1 cannot be compared with the tables",
    ),
    "a comment": (
        "UPDATE decisions SET comment = 'none' WHERE number = 4",
        "the decision of line 4 differs from the line (comment).",
    ),
    "a cell": ("UPDATE decisions SET cells = '{}' WHERE number = 6", "line (cells)."),
    "a score": ("UPDATE decisions SET score = 1 WHERE number = 6", "line (score)."),
    "an author": ("UPDATE decisions SET author = 'eve' WHERE number = 6", "line (author)."),
    "a time": ("UPDATE decisions SET made = '2020' WHERE number = 6", "line (made)."),
    "another's key": ("UPDATE decisions SET key = 'c' WHERE number = 6", "(case, comment, cells"),
    "a decision is gone": (
        "DELETE FROM decisions WHERE number = 6",
        "the decision of line 6 was deleted.",
    ),
    "a decision of no line": (
        "INSERT INTO decisions SELECT 99, 'x', watch, key, state, comment, author, made, run,"
        " score, cells FROM decisions WHERE number = 6",
        "no line records the decision 99.",
    ),
    "a salt": (
        f"DELETE FROM salts WHERE key = '{KEY}'",
        "the decision of line 6 cannot be compared, because the salt of its case was deleted.",
        "the run of line 2 cannot be compared, because the salt of a case was deleted (listed).",
    ),
    "a listed score": (
        "UPDATE listed SET score = 9 WHERE run = 'r1' AND place = 1",
        "the run of line 2 has a row that differs from its hash (listed).",
    ),
    "a listed score that is no number": (
        "UPDATE listed SET score = 'x' WHERE run = 'r1' AND place = 1",
        "line 2 cannot be compared with the tables",
    ),
    "a listed row": ("DELETE FROM listed WHERE run = 'r1' AND place = 1", "line (listed)."),
    "the source of a run": ("UPDATE runs SET source = 'x' WHERE id = 'r2'", "line (source)."),
    "a watch": ("UPDATE watches SET said = '{}'", "the watch 'cards' differs from its last"),
    "when a watch was made": (
        "UPDATE watches SET made = '2020'",
        "the watch 'cards' differs from its first line in the audit (made).",
    ),
    "which run was first": (
        "UPDATE runs SET number = 4 - number",
        "the run of line 2 differs from the line (run_number).",
    ),
    "a map": ("UPDATE maps SET content = 'x'", "the map ", " was changed."),
    "a row forgotten by nobody": (
        "UPDATE listed SET key = 'forgotten-0123456789abcdef', reasons = '' WHERE place = 3",
        "no line after line 3 records that the case forgotten-0123456789abcdef was forgotten.",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_who_changes_something_is_found_out(in_a_file: State, what: str) -> None:
    sql, *said = TAMPERED[what]
    do(in_a_file, sql)
    faults = "\n".join(verify(in_a_file).faults)
    for words in said:
        assert words in faults


def test_two_decisions_that_change_places_are_found(state: State) -> None:
    for old, new in ((6, 100), (4, 6), (100, 4)):
        do(state, "UPDATE decisions SET number = ? WHERE number = ?", new, old)
    assert [fault[:26] for fault in verify(state).faults] == [
        "the decision of line 4 dif",
        "the decision of line 6 dif",
    ]


def test_two_lines_that_change_places_are_found(in_a_file: State) -> None:
    state = in_a_file
    one, two = lines(state)[3:5]
    for number, line in ((4, two), (5, one)):
        do(state, "UPDATE audit SET said = ? WHERE number = ?", line["said"], number)
    faults = "\n".join(verify(state).faults)
    assert "line 4 contains the text of line 5." in faults
    assert "line 5 contains the text of line 4." in faults


def test_a_chain_that_is_rewritten_is_known_by_an_earlier_head(state: State) -> None:
    noted = [line["head"] for line in lines(state)]
    rewritten(state, lambda said: said.update(author="eve"), 4)
    do(state, "UPDATE decisions SET author = 'eve'")
    assert verify(state).faults == ()  # nothing in the database tells of it
    assert verify(state, noted[2]).faults == ()  # which was before
    for head in noted[3:]:
        [fault] = verify(state, head).faults
        assert fault.startswith(f"no line has the head {head}. Earlier lines were changed")


def test_lines_that_are_cut_off_are_known_by_an_earlier_head(state: State) -> None:
    noted = state.head()
    do(state, "DELETE FROM decisions WHERE number = 7")
    do(state, "DELETE FROM audit WHERE number = 7")
    assert verify(state).faults == ()
    assert verify(state, noted).faults


def test_seals_are_known_by_who_has_the_key(tmp_path: Path) -> None:
    key = b"k" * 32
    with State(tmp_path) as state:
        fill(state)
    with State(tmp_path, key) as state:
        [fault] = verify(state).faults
        assert fault.startswith("no line from 1 on has a seal of this key")
        state.keep_watch(state.watch("cards"), b"a map", author="ann")
        found = verify(state)  # one seal vouches for the lines before it
        assert (found.faults, found.n_sealed, found.n_lines) == ((), 1, 8)
    with State(tmp_path) as state:
        assert verify(state).has_seals
        rewritten(state, lambda said: said.update(author="eve"), 4)
        assert not [f for f in verify(state).faults if "seal" in f]
    for other in (key, b"another key of 32 bytes"):
        with State(tmp_path, other) as state:
            faults = "\n".join(verify(state).faults)
            assert "line 8 has a seal that this key did not make." in faults


@pytest.mark.parametrize("head", ["", "00", "g" * 64, "0" * 65, hashlib.sha512().hexdigest()])
def test_what_is_no_head_is_refused(tmp_path: Path, head: str) -> None:
    with State(tmp_path) as state, rejected(parameter="head"):
        verify(state, head)


def test_a_map_that_is_gone_is_found_and_said(in_a_file: State, tmp_path: Path) -> None:
    hash_ = in_a_file.watch("cards").map
    with closing(sqlite3.connect(tmp_path / "state" / "cases.sqlite")) as db:  # no foreign keys
        db.execute("DELETE FROM maps")
        db.commit()
    assert verify(in_a_file).faults == (f"the map {hash_} was deleted.",)
    with rejected():
        in_a_file.map(hash_)


@pytest.mark.parametrize(
    ("sql", "read", "said"),
    [
        (
            "UPDATE audit SET said = 'xx' WHERE number = 7",
            lambda state: state.decide(Decision("cards", "a", "open")),
            "The audit is damaged at line 7. ",
        ),
        (
            "UPDATE audit SET said = '{}' WHERE number = 7",
            lambda state: state.decide(Decision("cards", "a", "open")),
            "The audit is damaged at line 7. ",
        ),
        (
            "UPDATE runs SET facts = '{' WHERE id = 'r1'",
            lambda state: state.runs("cards"),
            "The run r1 is damaged. ",
        ),
        (
            "UPDATE watches SET said = json_set(said, '$.options.alerts', 'ten')",
            lambda state: state.watch("cards"),
            "The watch 'cards' is da",
        ),
        (
            "UPDATE runs SET facts = json_set(facts, '$.options', json('[]')) WHERE id = 'r1'",
            lambda state: state.run("r1").job,
            "The run r1 is damaged. ",
        ),
        ("UPDATE watches SET said = '['", lambda state: state.watches(), "The watch 'cards' is da"),
        ("UPDATE watches SET said = '[]'", lambda state: state.watch("cards"), "The watch 'cards'"),
        ("UPDATE watches SET said = '{}'", lambda state: state.watch("cards"), "The watch 'cards'"),
        (
            "UPDATE kept SET cells = 5 WHERE run = 'r1'",
            lambda state: state.kept("r1"),
            "of the run r1 is damaged. ",
        ),
        (
            "UPDATE decisions SET cells = '{' WHERE number = 4",
            lambda state: state.cases("cards"),
            "The decision 4 is damaged. ",
        ),
        (
            "UPDATE audit SET said = '{\"facts\": 3}' WHERE number = 2",
            lambda state: list(audit_lines(state)),
            "Line 2 of the audit is damaged. ",
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(
    in_a_file: State, sql: str, read: Callable[[State], object], said: str
) -> None:
    do(in_a_file, sql)
    n_lines = len(lines(in_a_file))
    with pytest.raises(InputError) as error:
        read(in_a_file)
    assert said in str(error.value)
    assert str(error.value).endswith("or restore a backup with `somscape restore`.")
    assert len(lines(in_a_file)) == n_lines
    assert verify(in_a_file).faults


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[bytes | None, tuple[Path, str]]:
    """States of eleven lines, by their audit key, and the head of line 7."""
    made = {}
    for key in (AUDIT_KEY, None):
        folder = tmp_path_factory.mktemp("whole")
        with State(folder, key) as state:
            fill(state)
            made[key] = folder / "cases.sqlite", state.head()
            for content in (b"another", b"a map"):
                state.keep_watch(state.watch("cards"), content, author="ann")
            for said in ("later", "open"):
                state.decide(Decision("cards", "d", said))
    return made


def forged(file: Path, tmp_path: Path, what: str) -> Path:
    """Copy a state, forge the copy, and return its place."""
    copy = shutil.copy(file, tmp_path)
    with closing(sqlite3.connect(copy)) as db, db:
        FORGERIES[what][0](db)
    return tmp_path


ON_A_SERVER = {
    "trigger": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION f()",
        "the database has the trigger 't' on 'decisions', which somscape did not make.",
    ),
    "rule": (
        "CREATE RULE r AS ON DELETE TO decisions DO INSTEAD NOTHING",
        "the database has the rule 'r' on 'decisions', which somscape did not make.",
    ),
    "view": (
        "ALTER TABLE decisions RENAME TO d; CREATE VIEW decisions AS SELECT * FROM d",
        "the database does not have the table 'decisions' any more.",
    ),
    "index": (
        "CREATE UNIQUE INDEX i ON maps (length(content))",
        "the database has the index 'i' on 'maps', which somscape did not make.",
    ),
    "row security": (
        "ALTER TABLE kept ENABLE ROW LEVEL SECURITY",
        "the database has the row security 'kept' on 'kept', which somscape did not make.",
    ),
    "child table": (
        "CREATE TABLE c () INHERITS (kept)",
        "the database has the child table 'c' on 'kept', which somscape did not make.",
    ),
    "column": (
        "ALTER TABLE kept ADD COLUMN x text",
        "the columns of the table 'kept' of the database were changed.",
    ),
    "default": (
        "ALTER TABLE kept ALTER COLUMN cells SET DEFAULT ''",
        "the columns of the table 'kept' of the database were changed.",
    ),
    "check": (
        "ALTER TABLE decisions ADD CONSTRAINT n CHECK (state <> 'x')",
        "the database has the check 'n' on 'decisions', which somscape did not make.",
    ),
}


@pytest.mark.nightly
@pytest.mark.parametrize("what", ON_A_SERVER)
def test_tables_on_a_server_are_as_somscape_made_them(
    what: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    statements, said = ON_A_SERVER[what]
    with State(place_for("postgresql", request, tmp_path)) as state:
        fill(state)
        do(state, "CREATE TABLE of_another_program (x text)")  # which may be there
        assert verify(state).faults == ()
        do(state, statements)
        assert verify(state).faults == (said,)


def verdict_on(place: Path, *head: str, key: bytes | None = None) -> Verdict:
    with State(place, key) as state:
        return verify(state, *head)


@pytest.mark.parametrize("what", FORGERIES)
def test_what_finds_a_forgery_in_a_state_with_seals(
    whole: dict[bytes | None, tuple[Path, str]], tmp_path: Path, what: str
) -> None:
    file, noted = whole[AUDIT_KEY]
    place = forged(file, tmp_path, what)
    expected = FORGERIES[what][1]
    if expected == OPENING:
        with pytest.raises(InputError):
            verdict_on(place)
        return
    alone = verdict_on(place)
    by = {HEAD: verdict_on(place, noted), AUDIT: verdict_on(place, key=AUDIT_KEY)}
    found = VERIFY if alone.faults else " or ".join(n for n in by if by[n].faults) or NEVER
    assert found == expected, (alone.faults, by)


@pytest.mark.parametrize("what", WITHOUT_SEALS)
def test_what_finds_a_forgery_in_a_state_without_seals(
    whole: dict[bytes | None, tuple[Path, str]], tmp_path: Path, what: str
) -> None:
    file, noted = whole[None]
    place, expected = forged(file, tmp_path, what), WITHOUT_SEALS[what]
    if expected == OPENING:
        with pytest.raises(InputError):
            verdict_on(place)
        return
    alone, by_head = verdict_on(place), verdict_on(place, noted)
    found = VERIFY if alone.faults else HEAD if by_head.faults else NEVER
    assert found == expected, (alone.faults, by_head.faults)
    if "as somscape does, without" in what:  # nothing is wrong, but who reads the lines can ask
        [said] = alone.forgotten
        assert said.startswith("ann forgot 1 case of the watch 'cards' on 20")
        assert said.endswith("(line 12).")


@pytest.mark.parametrize("what", ["version 0", "version -1", "version of letters", "no version"])
def test_a_damaged_version_is_said_in_one_line(what: str, in_a_file: State, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state" / "cases.sqlite")) as db, db:
        FORGERIES[what][0](db)
    for use in (lambda: verify(in_a_file), lambda: verdict_on(tmp_path / "state")):
        with rejected(allowed=(1,)) as at:
            use()
        assert at.value.file.endswith("cases.sqlite")


def test_a_key_that_came_later_vouches_for_lines_before_it(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        fill(state)
        forget(state, "cards", "a", author="eve")
    with State(tmp_path, AUDIT_KEY) as state:
        state.decide(Decision("cards", KEY, "open"))
        assert verify(state).faults == ()
        do(state, "UPDATE audit SET seal = NULL")  # so that line 8 is of a time without seals
        assert "line 9 was sealed when it was written" in verify(state).faults[0]
    assert verdict_on(tmp_path).faults


def test_decisions_on_an_upload_move_to_its_watch(tmp_path: Path) -> None:
    with State(tmp_path, AUDIT_KEY) as state:
        decide(state, "upload/1", [NewDecision("0", "confirmed", "twice")], author="bob")
    with State(tmp_path) as app, app.together():  # the app has no key
        app.keep_watch(Watch("w", ("id",), ""), b"a map", author="ann")
        upload = Upload("upload/1", ["a", "b"], "")
        app.name_upload(
            upload,
            "w",
            run=NewRun("r", "x", "0", b"m", {}, ()),
            cells_of=lambda _: {},
            author="ann",
        )
    with State(tmp_path, AUDIT_KEY) as state:
        [moved] = state.history("w", "a")
        assert (moved.author, moved.comment) == ("bob", "twice")
        assert state.last_decisions("upload/1") == {}
        state.keep_watch(Watch("z", ("id",), ""), b"a map", author="ann")
    assert (verdict_on(tmp_path).faults, verdict_on(tmp_path, key=AUDIT_KEY).faults) == ((), ())
