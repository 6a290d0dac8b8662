"""Ways to change a state behind somscape's back, each with what finds it.

A forger writes in the file, knows all that is written here, and lacks the audit key unless the name
of the forgery says otherwise.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from typing import Any

from some_cases import KEY

from somscape.desk.cases.records import FORGOTTEN, NOTHING, next_head, seal_of

AUDIT_KEY = b"k" * 32

DECISION = ("watch", "case", "state", "comment", "run", "score", "cells", "token")
"""What a line contains of a decision."""

Forgery = Callable[[sqlite3.Connection], object]


MANY = 10**400
"""More than anything can be, of which Python makes no float."""

TRIGGER = (
    "CREATE TRIGGER {} AFTER INSERT ON decisions BEGIN"
    " UPDATE decisions SET state = 'cleared' WHERE number = new.number; END"
)


def sql(*statements: str) -> Forgery:
    """Run statements; in SQLite nothing checks foreign keys unless somebody asks for that."""
    return lambda db: [db.execute(statement) for statement in statements]


def lines(db: sqlite3.Connection) -> list[tuple[int, dict[str, Any], str, str | None]]:
    found = db.execute("SELECT number, said, head, seal FROM audit ORDER BY number").fetchall()
    return [(number, json.loads(said), head, seal) for number, said, head, seal in found]


def chained(
    db: sqlite3.Connection,
    change: Callable[[dict[str, Any]], object],
    first: int = 1,
    seal: Callable[[str, str | None], str | None] = lambda head, old: None,
) -> None:
    """Rewrite lines from one on, with heads that follow, and with other seals."""
    head = NOTHING
    for number, said, old_head, old_seal in lines(db):
        if number < first:
            head = old_head
            continue
        change(said)
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        head = next_head(head, text)
        values = (text, head, seal(head, old_seal), number)
        db.execute("UPDATE audit SET said = ?, head = ?, seal = ? WHERE number = ?", values)


def add(db: sqlite3.Connection, kind: str, seal: str | None = None, **said: Any) -> None:
    """Add a line as somscape does, with whatever seal."""
    number, last, head, _ = lines(db)[-1]
    line = {"number": number + 1, "made": last["made"], "author": "ann", "kind": kind, **said}
    line["sealed"] = seal is not None
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    values = (number + 1, text, next_head(head, text), seal)
    db.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", values)


TOKEN = f"{FORGOTTEN}-{16 * '0'}"


def forgotten(db: sqlite3.Connection, key: str, seal: str | None = None, **said: Any) -> None:
    """Do all that `forget` does with a case, by hand."""
    of_case = (TOKEN, key)
    db.execute("UPDATE decisions SET key = ?, comment = '', cells = 'null' WHERE key = ?", of_case)
    db.execute("UPDATE listed SET key = ?, reasons = '' WHERE key = ?", of_case)
    db.execute("UPDATE kept SET key = ?, cells = '{}' WHERE key = ?", of_case)
    db.execute("DELETE FROM salts WHERE key = ?", (key,))
    add(db, FORGOTTEN, seal, **{"watch": "cards", "cases": [TOKEN], "emptied": []} | said)


def trigger_of_the_system(db: sqlite3.Connection) -> None:
    """Add a trigger that has the name of a table of SQLite's own."""
    db.execute(TRIGGER.format("t"))
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_master SET name = 'sqlite_stat1',"
        " sql = replace(sql, ' t ', ' sqlite_stat1 ') WHERE name = 't'"
    )


def other_map(db: sqlite3.Connection) -> None:
    content = b"another map"
    values = (hashlib.sha256(content).hexdigest(), content)
    db.execute("INSERT INTO maps VALUES (?, ?)", values)


def forgotten_early(db: sqlite3.Connection) -> None:
    """Add a line that names a case before a later decision on it."""
    forgotten(db, "d")
    said = lines(db)[9][1]
    add(db, "decision", **{name: said[name] for name in DECISION})
    db.execute(
        "INSERT INTO decisions SELECT 13, 'x', watch, key, state, comment, author, made, run,"
        " score, cells FROM decisions WHERE number = 10"
    )


def renamed(db: sqlite3.Connection) -> None:
    for table in ("listed", "kept", "decisions", "salts"):
        db.execute(f"UPDATE {table} SET key = 'z' WHERE key = 'a'")


def by_eve(said: dict[str, Any]) -> None:
    if said["number"] >= 4:
        said["author"] = "eve"


def rewritten(
    db: sqlite3.Connection, seal: Callable[[str, str | None], str | None] = lambda head, old: None
) -> None:
    def change(said: dict[str, Any]) -> None:
        by_eve(said)
        said["sealed"] = seal("", "old") is not None

    chained(db, change, 1, seal)
    db.execute("UPDATE decisions SET author = 'eve'")


def with_a_late_key(db: sqlite3.Connection) -> None:
    """Add a line without a seal, and one by a person who has the key."""
    forgotten(db, KEY)
    [(said, map_)] = db.execute("SELECT said, map FROM watches").fetchall()
    add(db, "watch changed", "?", watch="cards", said=said, map=map_)
    head = lines(db)[-1][2]
    db.execute("UPDATE audit SET seal = ? WHERE head = ?", (seal_of(head, AUDIT_KEY), head))


def cut(db: sqlite3.Connection, after: int) -> None:
    for table in ("audit", "decisions"):
        db.execute(f"DELETE FROM {table} WHERE number > {after}")
    db.execute("DELETE FROM maps WHERE hash NOT IN (SELECT map FROM watches)")


def swapped_lines(db: sqlite3.Connection) -> None:
    one, two = (db.execute(f"SELECT said FROM audit WHERE number = {n}").fetchone() for n in (4, 5))
    for number, said in ((4, two), (5, one)):
        db.execute("UPDATE audit SET said = ? WHERE number = ?", (*said, number))


def one_line_with_its_head(db: sqlite3.Connection) -> None:
    _, said, head, _ = lines(db)[4]
    text = json.dumps(said | {"author": "eve"}, sort_keys=True, separators=(",", ":"))
    head = next_head(lines(db)[3][2], text)
    db.execute("UPDATE audit SET said = ?, head = ? WHERE number = 5", (text, head))
    db.execute("UPDATE decisions SET author = 'eve' WHERE number = 5")


VERIFY, HEAD, AUDIT, BOTH, NEVER = "verify", "head", "key", "head or key", "never"
OPENING = "opening"

CHANGED = {
    "state": "'open'",
    "comment": "'none'",
    "author": "'eve'",
    "made": "'2020-01-01T00:00:00+00:00'",
    "score": "1",
    "cells": "'{}'",
    "run": "'r1'",
    "token": "'x'",
}

FORGERIES: dict[str, tuple[Forgery, str]] = {
    # What is written in the tables.
    **{
        f"{name} of a decision": (
            sql(f"UPDATE decisions SET {name} = {value} WHERE number = 7"),
            VERIFY,
        )
        for name, value in CHANGED.items()
    },
    "comments swapped": (
        sql(
            "UPDATE decisions SET comment = CASE number WHEN 4 THEN 'her own card'"
            " ELSE 'known' END WHERE number IN (4, 6)"
        ),
        VERIFY,
    ),
    "decision deleted": (sql("DELETE FROM decisions WHERE number = 6"), VERIFY),
    "decision deleted with its salt": (
        sql("DELETE FROM decisions WHERE key = 'c'", "DELETE FROM salts WHERE key = 'c'"),
        VERIFY,
    ),
    "decision added": (
        sql(
            "INSERT INTO decisions SELECT 99, 'x', watch, key, state, comment, author, made, run,"
            " score, cells FROM decisions WHERE number = 6"
        ),
        VERIFY,
    ),
    "key renamed everywhere": (renamed, VERIFY),
    "run deleted": (sql("DELETE FROM runs WHERE id = 'r1'"), VERIFY),
    "run deleted with its rows": (
        sql(
            "DELETE FROM runs WHERE id = 'r1'",
            "DELETE FROM listed WHERE run = 'r1'",
            "DELETE FROM kept WHERE run = 'r1'",
        ),
        VERIFY,
    ),
    "facts of a run": (sql("UPDATE runs SET facts = '{}' WHERE id = 'r1'"), VERIFY),
    "source of a run": (sql("UPDATE runs SET source = 'x' WHERE id = 'r1'"), VERIFY),
    "listed score": (sql("UPDATE listed SET score = 9 WHERE place = 1"), VERIFY),
    "listed news": (sql("UPDATE listed SET news = 'folded' WHERE place = 1"), VERIFY),
    "listed reasons": (sql("UPDATE listed SET reasons = '' WHERE place = 1"), VERIFY),
    "listed row deleted": (sql("DELETE FROM listed WHERE run = 'r1' AND place = 1"), VERIFY),
    "rows of no run": (sql("INSERT INTO kept VALUES ('r9', 'a', '{}', '')"), VERIFY),
    "map deleted that a line names": (
        sql("DELETE FROM maps WHERE hash NOT IN (SELECT map FROM watches)"),
        VERIFY,
    ),
    "salt of no case": (sql("INSERT INTO salts VALUES ('cards', 'z', 'x')"), NEVER),
    "map changed": (sql("UPDATE maps SET content = x'00'"), VERIFY),
    "map deleted": (sql("DELETE FROM maps"), VERIFY),
    "map that nothing names": (other_map, VERIFY),
    "other map of a watch": (sql("UPDATE watches SET map = 'x'"), VERIFY),
    "text of a watch": (sql("UPDATE watches SET said = '{}'"), VERIFY),
    "listed row and its hash changed": (
        sql("UPDATE listed SET score = 9, hash = 'x' WHERE place = 1"),
        VERIFY,
    ),
    "salts deleted": (sql("DELETE FROM salts"), VERIFY),
    "kept cells changed": (
        sql("""UPDATE kept SET cells = '{"age": 5}' WHERE key = 'unlisted'"""),
        VERIFY,
    ),
    "kept row deleted": (sql("DELETE FROM kept WHERE run = 'r1' AND key = 'a'"), VERIFY),
    "kept rows deleted": (sql("DELETE FROM kept"), VERIFY),
    "kept row added": (sql("INSERT INTO kept VALUES ('r1', 'c', '{}', '')"), VERIFY),
    "kept rows swapped": (
        sql("UPDATE kept SET cells = (SELECT max(cells) FROM kept) WHERE key = 'a'"),
        VERIFY,
    ),
    # The tables themselves.
    "trigger on decisions": (sql(TRIGGER.format("t")), VERIFY),
    "trigger with a name like SQLite's own": (sql(TRIGGER.format("sqliteXstat")), VERIFY),
    "trigger with a name of SQLite's own": (trigger_of_the_system, VERIFY),
    "view with a name like SQLite's own": (sql("CREATE VIEW sqliteXstat AS SELECT 1"), VERIFY),
    "statistics of SQLite": (sql("ANALYZE"), NEVER),
    "view in place of decisions": (
        sql("ALTER TABLE decisions RENAME TO d", "CREATE VIEW decisions AS SELECT * FROM d"),
        VERIFY,
    ),
    "view": (sql("CREATE VIEW v AS SELECT 1"), VERIFY),
    "table": (sql("CREATE TABLE t (x)"), VERIFY),
    "index": (sql("CREATE INDEX i ON decisions (key)"), VERIFY),
    "index deleted": (sql("DROP INDEX decisions_of"), VERIFY),
    "column": (sql("ALTER TABLE decisions ADD COLUMN x"), VERIFY),
    "table made anew": (
        sql(
            "CREATE TABLE d AS SELECT * FROM kept",
            "DROP TABLE kept",
            "ALTER TABLE d RENAME TO kept",
        ),
        VERIFY,
    ),
    "version 0": (sql("UPDATE somscape_schema SET version = 0"), OPENING),
    "version -1": (sql("UPDATE somscape_schema SET version = -1"), OPENING),
    "version of letters": (sql("UPDATE somscape_schema SET version = 'a'"), OPENING),
    "no version": (sql("DELETE FROM somscape_schema"), OPENING),
    "two versions": (sql("INSERT INTO somscape_schema VALUES (1)"), OPENING),
    "version 99": (sql("UPDATE somscape_schema SET version = 99"), OPENING),
    "no table audit": (sql("DROP TABLE audit"), OPENING),
    # The lines.
    "line changed": (
        sql("UPDATE audit SET said = replace(said, 'later', 'open') WHERE number = 5"),
        VERIFY,
    ),
    "line changed with its head": (one_line_with_its_head, VERIFY),
    "lines swapped": (swapped_lines, VERIFY),
    "line missing": (sql("DELETE FROM audit WHERE number = 3"), VERIFY),
    "last line cut": (sql("DELETE FROM audit WHERE number = 11"), VERIFY),
    "all after line 4 cut": (lambda db: cut(db, 4), HEAD),
    "all after the noted head cut": (lambda db: cut(db, 7), NEVER),
    "rewritten without the key": (rewritten, BOTH),
    "rewritten with the old seals": (lambda db: rewritten(db, lambda head, old: old), BOTH),
    "rewritten with the key": (
        lambda db: rewritten(db, lambda head, old: seal_of(head, AUDIT_KEY)),
        HEAD,
    ),
    "seals removed": (sql("UPDATE audit SET seal = NULL"), VERIFY),
    "a seal removed": (sql("UPDATE audit SET seal = NULL WHERE number = 7"), VERIFY),
    "a seal of another key": (
        lambda db: db.execute(
            "UPDATE audit SET seal = ? WHERE number = 7", (seal_of(lines(db)[6][2], b"x" * 32),)
        ),
        AUDIT,
    ),
    # Deletions behind a line of forgotten cases.
    "forgotten, and the decision deleted": (
        lambda db: [forgotten(db, "c"), db.execute(f"DELETE FROM decisions WHERE key = '{TOKEN}'")],
        VERIFY,
    ),
    "forgotten, and the state changed": (
        lambda db: [
            forgotten(db, "c"),
            db.execute(f"UPDATE decisions SET state = 'cleared' WHERE key = '{TOKEN}'"),
        ],
        VERIFY,
    ),
    "forgotten, and a comment written": (
        lambda db: [
            forgotten(db, "c"),
            db.execute(f"UPDATE decisions SET comment = 'x' WHERE key = '{TOKEN}'"),
        ],
        VERIFY,
    ),
    "forgotten, and listed row deleted": (
        lambda db: [forgotten(db, "c"), db.execute(f"DELETE FROM listed WHERE key = '{TOKEN}'")],
        VERIFY,
    ),
    "forgotten, and reasons written": (
        lambda db: [
            forgotten(db, "c"),
            db.execute(f"UPDATE listed SET reasons = 'x' WHERE key = '{TOKEN}'"),
        ],
        VERIFY,
    ),
    "forgotten, and the line names another watch": (
        lambda db: forgotten(db, "d", watch="loans"),
        VERIFY,
    ),
    "forgotten, and the line names no case": (lambda db: forgotten(db, "d", cases=[]), VERIFY),
    "forgotten before the decision was made": (forgotten_early, VERIFY),
    "forgotten as somscape does, without a seal": (lambda db: forgotten(db, KEY), VERIFY),
    "forgotten as somscape does, with a made-up seal": (
        lambda db: forgotten(db, KEY, "0" * 64),
        AUDIT,
    ),
    "forgotten as somscape does, before a line with a seal": (with_a_late_key, VERIFY),
    "kept cells deleted as those of old runs": (
        lambda db: [
            db.execute("DELETE FROM kept WHERE run = 'r1'"),
            add(db, FORGOTTEN, "0" * 64, watch="cards", cases=[], emptied=["r1"]),
        ],
        AUDIT,
    ),
    "kept cells said to be deleted": (
        lambda db: add(db, FORGOTTEN, "0" * 64, watch="cards", cases=[], emptied=["r1"]),
        VERIFY,
    ),
    **{
        f"forgotten, with {name} {what}": (
            lambda db, said={name: value}: add(
                *(db, FORGOTTEN, "0" * 64),
                **{"watch": "cards", "cases": [], "emptied": []} | said,
            ),
            VERIFY,
        )
        for name, what, value in (
            ("cases", "beyond all numbers", MANY),
            ("cases", "of numbers", [1]),
            ("cases", "in a table", {}),
            ("emptied", "in a text", "abc"),
            ("emptied", "of numbers", [1]),
            ("watch", "of no text", 5),
        )
    },
    "line of a kind that there is not": (
        lambda db: add(db, "decided", "0" * 64, watch="cards"),
        VERIFY,
    ),
    "line without a kind": (lambda db: add(db, None, "0" * 64, watch="cards"), VERIFY),
}
"""What is done to a state with seals, and what finds this: `verify` alone, with the key or with the
head of line 7, or the opening of the state."""

WITHOUT_SEALS = {
    **{what: by for what, (_, by) in FORGERIES.items() if "seal" not in what and by != BOTH},
    "rewritten without the key": HEAD,
    "forgotten as somscape does, without a seal": NEVER,
    "kept cells deleted as those of old runs": NEVER,
}
"""What finds the same in a state without seals."""
