"""Files of each kind that commit 8cdcb1a4 wrote open today, and nothing in them is lost."""

import asyncio
import copy
import json
import re
import shutil
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from command_line import customers_csv, run
from disks import held, read_only
from golden.make import HERE, KEY, customers
from golden.make_8cdcb1a4 import (
    REMOVED,
    app_facts,
    facts_of,
    rows_from,
    state_facts,
    state_of,
)
from some_cases import new_database
from team import Member
from texts import rejected
from web_client import serving

from somscape import TableEncoder, load, plots, regions
from somscape.desk.app._results import MarkStore
from somscape.desk.app._store import Store
from somscape.desk.cases import State, audit_lines, verify
from somscape.errors import InputError

FOLDER = HERE / "8cdcb1a4"
MAPS = FOLDER / "maps"
FACTS = json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))
NUMBERS = ("p-values", "probabilities", "accuracy", "numbers", "intervals")
"""Facts about classes and numbers that are numbers."""

STATES = {
    "open": (HERE / "state-8cdcb1a4" / "open.sqlite", None),
    "sealed": (HERE / "state-8cdcb1a4" / "sealed.sqlite", KEY),
    "app": (FOLDER / "app" / "cases.sqlite", None),
}


def copy_of(folder: Path, to: Path) -> Path:
    """Copy the state folder of the app, which an app changes."""
    shutil.copytree(folder, to, copy_function=shutil.copyfile)
    return to


# Map files


def check(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare facts to the last bit, or to 12 digits if linear algebra libraries may differ."""
    assert found.keys() == expected.keys()
    is_exact = expected["kind"] not in ("Recognizer", "Predictor")
    for name, value in expected.items():
        if name == "reasons":  # at most three are shown now, and the most telling come first
            for now, then in zip(found[name], value, strict=True):
                assert len(now) == min(3, len(then))
                assert set(now) <= set(then)
        elif is_exact or name not in NUMBERS:
            assert found[name] == value, name
        else:
            np.testing.assert_allclose(numbers(found[name]), numbers(value), rtol=1e-12)


def numbers(texts: Any) -> Any:
    return [numbers(t) for t in texts] if isinstance(texts, list) else float.fromhex(texts)


def test_there_are_facts_about_each_map_file() -> None:
    assert {path.stem for path in MAPS.glob("*.som")} == set(FACTS["maps"])
    kinds = {facts["found"]["kind"] for facts in FACTS["maps"].values()}
    assert kinds == {"Map", "Detector", "Recognizer", "Predictor"}


@pytest.mark.parametrize("name", sorted(FACTS["maps"]))
def test_a_map_file_answers_to_the_last_bit(name: str) -> None:
    facts = FACTS["maps"][name]
    check(facts_of(load(MAPS / f"{name}.som"), rows_from(facts["of"])), facts["found"])


@pytest.mark.parametrize("name", sorted(FACTS["maps"]))
def test_a_map_file_is_drawn_and_saved_again(name: str, tmp_path: Path) -> None:
    facts = FACTS["maps"][name]
    thing = load(MAPS / f"{name}.som")
    plots.umatrix(thing)
    regions.find_regions(thing)
    thing.save(tmp_path / "again.som")
    check(facts_of(load(tmp_path / "again.som"), rows_from(facts["of"])), facts["found"])


@pytest.mark.parametrize("name", REMOVED)
def test_a_detector_by_a_score_that_is_removed_opens_and_does_not_score(name: str) -> None:
    detector = load(MAPS / f"detector_{name}.som")
    assert detector.score == name
    with rejected(parameter="score", value=name):
        detector.scores(rows_from(FACTS["maps"][f"detector_{name}"]["of"]))


def test_a_map_file_gives_back_its_roles(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    assert run("info", MAPS / "detector_with_marks.som", "--save-roles", path).code == 0
    roles = tomllib.loads(path.read_text(encoding="utf-8"))
    assert roles["columns"] == {
        "customer_id": "id",
        "amount": "number",
        "job": "category",
        "grade": {"kind": "ordinal", "levels": ["low", "middle", "high"]},
        "since": "date",
        "country": "drop",
    }
    assert roles["dictionary"] == {"job": {"": "Job", "cook": "works in a kitchen"}}
    assert roles["layers"] == {"money": ["amount"], "person": ["job", "grade", "since"]}
    assert roles["layer_weights"] == {"money": 2.0}


@pytest.mark.parametrize(("name", "n_units"), [("som_pak.cod", 12), ("esom.wts", 9)])
def test_files_for_other_programs_open(name: str, n_units: int) -> None:
    assert load(MAPS / name).n_units == n_units


# Roles


def test_a_roles_file_with_each_kind_of_role_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="customer"):  # an encoder cannot put rows together
        TableEncoder.from_roles(FOLDER / "roles.toml")
    text = (FOLDER / "roles.toml").read_text(encoding="utf-8")
    (tmp_path / "roles.toml").write_text(text.replace('customer = "per"\n', ""))
    encoder = TableEncoder.from_roles(tmp_path / "roles.toml")
    expected = {
        "id": "key_id",
        "label": "churned",
        "drop": ("note",),
        "protect": ("sex",),
        "categories": ("job",),
        "numbers": ("amount",),
        "ordinals": {"size": ("S", "M", "L")},
        "dates": ("opened on",),
        "date_format": "mdy",
        "missing": "mask",
        "others": "rules",
        "dictionary": {"job": {"": "Job", "A171": "unskilled"}},
        "layers": {"work": ("job", "size"), "person": ("amount", "opened on")},
        "layer_weights": {"work": 2.0},
    }
    params = encoder.get_params()
    assert {name: params[name] for name in expected} == expected


def test_a_command_follows_a_roles_file_with_each_kind_of_role(tmp_path: Path) -> None:
    header = "customer;key_id;churned;note;sex;job;amount;size;opened on"
    lines = [
        f"c{i % 30};k{i};{'yes' if i % 9 == 0 else 'no'};n{i};{'fm'[i % 2]};{('A171', 'b')[i % 2]};"
        f"{i * i % 17},5;{'SML'[i % 3]};{1 + i % 12}/{13 + i % 9}/2021"
        for i in range(120)
    ]
    table = tmp_path / "table.csv"
    table.write_text("\n".join([header, *lines, ""]), encoding="latin-1")
    text = (FOLDER / "roles.toml").read_text(encoding="utf-8").replace('sheet = "May"\n', "")
    text = text.replace('missing = "mask"', 'missing = "fill"')
    text = text[: text.index("[layers]")] + text[text.index("[columns]") :]
    roles = tmp_path / "roles.toml"
    roles.write_text(text.replace('key_id = "id"', 'key_id = "drop"'), encoding="utf-8")
    found = run("detect", table, "--roles", roles, "--out", tmp_path / "found")
    assert found.code == 0, found.err
    assert (tmp_path / "found" / "alerts_rows.csv").is_file()  # rows of customers


# States


@pytest.mark.parametrize("name", STATES)
def test_a_state_keeps_each_decision_case_and_line_of_the_audit(name: str) -> None:
    file, key = STATES[name]
    with state_of(file) as place:
        found = state_facts(place, key)
    assert found == FACTS["states"][name]
    assert found["faults"] == []


@pytest.mark.parametrize("name", STATES)
def test_commands_go_on_with_a_state(name: str, tmp_path: Path) -> None:
    file, key = STATES[name]
    facts = FACTS["states"][name]
    key_file = tmp_path / "key"
    key_file.write_bytes(key or b"")
    key_file.chmod(0o600)
    with state_of(file) as place:
        options = ["--state", place, *(["--audit-key", key_file] if key else [])]
        verdict = run("audit", "verify", "--head", facts["head"], *options)
        assert (verdict.code, f"{len(facts['lines'])} lines" in verdict.out) == (0, True)
        assert run("audit", "head", *options).out.strip() == facts["head"]
        lines = json.loads(run("audit", "list", "--format", "json", *options).out)
        assert lines == facts["lines"]
        (decided, *_) = facts["watches"]["cards"]["cases"]
        mark = ("cases", "mark", "cards", decided[0], "later", "--author", "eve")
        assert run(*mark, *options).code == 0
        table = tmp_path / "next.csv"
        table.write_bytes(customers_csv() if name == "app" else customers(4).encode())
        next_run = run("run", "cards", table, "--again", "--author", "eve", *options)
        assert next_run.code in (0, 3), next_run.err
        assert run("audit", "verify", "--head", facts["head"], *options).code == 0
        found = state_facts(place, key)
    assert found["lines"][: len(lines)] == lines
    assert len(found["lines"]) == len(lines) + 2
    for watch, before in facts["watches"].items():
        after = found["watches"][watch]
        for part in ("runs", "decisions"):
            assert all(each in after[part] for each in before[part])
        assert {key for key, _ in before["cases"]} <= {key for key, _ in after["cases"]}


# The app


def app_facts_today() -> dict[str, Any]:
    """Return the facts about the app.

    Runs of a watch now count the decided cases of the watch, and have all settings: no column has
    a chosen kind.
    """
    facts: dict[str, Any] = copy.deepcopy(FACTS["app"])
    decided = [case for case in facts["watches"]["cards"]["cases"] if case[1] != "open"]
    for each in facts["runs"].values():
        if each["watch"] == "cards":
            each["n_decisions"] = len(decided)
        if each["task"] == "watch":
            assert each["settings"] == dict.fromkeys(each["settings"])
            each["settings"]["kinds"] = {}
    return without_numbers(facts)


def without_numbers(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out which number each mark of an upload has, and in which run it was made."""
    for each in facts["runs"].values():
        for mark in each["marks"].values() if each["watch"] is None else ():
            assert mark.pop("seen") > 0
            mark.pop("run", None)
    return facts


def test_the_app_opens_its_folder_with_all_runs_and_marks(tmp_path: Path) -> None:
    with serving(copy_of(FOLDER / "app", tmp_path / "app"), "--jobs", "1") as server:
        client = server.client.enter()
        assert without_numbers(app_facts(client)) == app_facts_today()
        pages = ["/", "/watches/cards", *(f"/runs/{name}/report" for name in FACTS["app"]["runs"])]
        assert {path: client.ask("GET", path).status for path in pages} == dict.fromkeys(pages, 200)


def content(folder: Path) -> dict[str, list[Any]]:
    """Return what both databases of the app contain."""
    found = {}
    for name in ("app.sqlite", "cases.sqlite"):
        with closing(sqlite3.connect(folder / name)) as db:
            found[name] = [*db.iterdump()]
    return found


def test_old_decisions_are_moved_to_the_state_once_after_a_copy_was_kept(tmp_path: Path) -> None:
    folder = copy_of(FOLDER / "app", tmp_path / "app")
    old = content(folder)["app.sqlite"]
    with closing(Store(folder)):
        pass
    after = content(folder)
    assert not any("decisions" in line for line in after["app.sqlite"])
    (copy,) = folder.glob("app.sqlite.before-*")
    with closing(sqlite3.connect(copy)) as db:
        assert [*db.iterdump()] == old
    with State(folder) as state:
        verdict = verify(state)
        assert (verdict.faults, verdict.n_lines) == ((), 12)  # the upload, and four decisions
        assert [watch.name for watch in state.watches()] == ["cards"]
        (*_, line) = audit_lines(state)
        assert line["made"] > line["decided"] == "2026-11-30T04:03:56+00:00"
    before = copy.read_bytes()
    with closing(Store(folder)):
        pass
    assert (content(folder), copy.read_bytes()) == (after, before)


def test_a_server_that_ends_while_it_moves_decisions_moves_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(FOLDER / "app", tmp_path / "app")
    old = content(folder)
    with monkeypatch.context() as patch:  # within the transaction of the state
        patch.setattr("somscape.desk.cases.state.add_line", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Store(folder)
    assert content(folder) == old
    with monkeypatch.context() as patch:  # after it
        decide_all = State.decide_all

        def decide(self: State, *given: Any, **more: Any) -> Any:
            decide_all(self, *given, **more)
            raise KeyboardInterrupt

        patch.setattr(State, "decide_all", decide)
        with pytest.raises(KeyboardInterrupt):
            Store(folder)
    half = content(folder)
    assert half["app.sqlite"] == old["app.sqlite"]
    with closing(Store(folder)):
        pass
    assert content(folder)["cases.sqlite"] == half["cases.sqlite"]
    assert content(folder)["app.sqlite"] != old["app.sqlite"]
    assert len([*folder.glob("app.sqlite.before-*")]) == 1  # the attempts found the same content


def test_marks_of_the_old_version_after_an_unfinished_move_are_moved_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(FOLDER / "app", tmp_path / "app")
    decide_all = State.decide_all

    def decide(self: State, *given: Any, **more: Any) -> Any:
        decide_all(self, *given, **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "decide_all", decide)
        with pytest.raises(KeyboardInterrupt):
            Store(folder)
    with closing(sqlite3.connect(folder / "app.sqlite")) as db:
        (row,) = db.execute("SELECT number FROM decisions WHERE decision = 'cleared'").fetchone()
        db.execute(
            "UPDATE decisions SET decision = 'confirmed', comment = 'again', version = version + 1,"
            " made = '2026-12-01T08:00:00+00:00' WHERE number = ?",
            (row,),
        )
        db.commit()
    with closing(Store(folder)) as store:
        run = next(run for run in store.runs() if run.watch is None)
        marks = {mark["number"]: mark for mark in asyncio.run(MarkStore(store).of(run))}
        assert len(marks) == 4
        assert (marks[row]["decision"], marks[row]["comment"]) == ("confirmed", "again")
        assert len(store.cases.history(run.cases_of, str(row))) == 2
        assert verify(store.cases).faults == ()
    assert [path.name for path in sorted(folder.glob("app.sqlite.before-*"))] == [
        "app.sqlite.before-version-4",
        "app.sqlite.before-version-4-2",
    ]


def test_an_old_folder_that_is_read_only_is_shown_as_it_is(tmp_path: Path) -> None:
    folder = copy_of(FOLDER / "app", tmp_path / "app")
    with read_only(folder):
        before = held(folder)
        with serving(folder, "--jobs", "1") as server:
            client = server.client.enter()
            assert without_numbers(app_facts(client)) == app_facts_today()
            run = next(name for name, each in FACTS["app"]["runs"].items() if not each["watch"])
            row = FACTS["app"]["runs"][run]["rows"][0][0]
            body = json.dumps({"row": row, "decision": "cleared"})
            assert client.ask("POST", f"/api/runs/{run}/mark", body).status == 403
        assert held(folder) == before


@pytest.mark.sql
def test_old_decisions_are_moved_to_a_database(
    tmp_path: Path, postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(FOLDER / "app", tmp_path / "somscape")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = new_database(postgresql)
    for _ in range(2):
        with closing(Store(place)) as store:
            run = next(run for run in store.runs() if run.watch is None)
            marks = asyncio.run(MarkStore(store).of(run))
            assert [mark["decision"] for mark in marks] == ["cleared", "later", "confirmed", "open"]
            assert verify(store.cases).faults == ()
    assert [*folder.glob("app.sqlite.before-*")]


@pytest.mark.sql
def test_a_read_only_folder_writes_no_old_decisions_to_a_database(
    tmp_path: Path, postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(FOLDER / "app", tmp_path / "somscape")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = new_database(postgresql)
    with read_only(folder), pytest.raises(InputError, match="is read-only"):
        Store(place)
    with State(place) as state:
        assert verify(state).n_lines == 0


@pytest.mark.rest
def test_the_app_goes_on_with_its_folder(tmp_path: Path) -> None:
    with serving(copy_of(FOLDER / "app", tmp_path / "app"), "--jobs", "1") as server:
        client = server.client.enter()
        name = next(n for n, each in FACTS["app"]["runs"].items() if each["uses_marks"])
        row = FACTS["app"]["runs"][name]["rows"][0][-1]
        client.post(f"/api/runs/{name}/mark", {"row": row, "decision": "cleared"})
        assert str(row) in client.get(f"/api/runs/{name}/marks")
        more = client.ask(
            "POST", "/api/uploads?name=april.csv&watch=cards&again=true", customers_csv()
        )
        done = client.wait(more.json["run"])
        assert done["state"] == "done", done["problem"]
        assert client.get("/api/watches/cards")["n_runs"] == 3


@pytest.mark.rest
def test_users_of_the_app_log_in_with_their_roles(tmp_path: Path) -> None:
    state = copy_of(FOLDER / "app", tmp_path / "app")
    users = tmp_path / "users.toml"
    shutil.copyfile(FOLDER / "users.toml", users)
    users.chmod(0o600)
    run_of = next(n for n, each in FACTS["app"]["runs"].items() if each["uses_marks"])
    row = FACTS["app"]["runs"][run_of]["rows"][0][-1]
    body = json.dumps({"row": row, "decision": "cleared"})
    with serving(state, "--users", str(users), "--jobs", "1") as server:
        found, port = {}, int(re.findall(r"127\.0\.0\.1:(\d+)", server.address)[0])
        for name in ("anna", "bo", "kim"):
            member = Member(f"http://127.0.0.1:{port}", port).log_in(name)
            marked = member.ask("POST", f"/api/runs/{run_of}/mark", body).status
            again = member.ask("POST", f"/api/runs/{run_of}/again", "{}").status
            found[name] = (member.ask("GET", "/api/watches").status, marked, again)
    assert found == {"anna": (200, 403, 403), "bo": (200, 200, 403), "kim": (200, 200, 200)}
