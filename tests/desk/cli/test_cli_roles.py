"""`--roles` and `--save-roles`: what columns are lasts from one table to the next."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import customers, run, write

from somscape import TableEncoder, load
from somscape.outliers import Detector
from somscape.tables import read_table, write_table
from somscape.tables._roles import read_roles
from somscape.tables.kinds import Roles

ROLES = {"id": "cust_id", "label": "answer", "numbers": ("amount", "age"), "categories": ("job",)}


@pytest.fixture
def saved(table: Path) -> Path:
    """The roles of the 60 customers."""
    words = ("--label", "answer", "--alerts", 5, "--out", "first", "--save-roles", "roles.toml")
    outcome = run("detect", table, *words)
    assert outcome.code == 0, outcome.err
    assert "Wrote roles.toml\n" in outcome.out
    return Path("roles.toml")


def alerts(folder: str) -> list[list[str]]:
    return list(csv.reader(Path(folder, "alerts.csv").read_text().splitlines()))


def columns(outcome_text: str) -> dict[str, str]:
    lines = outcome_text.split("because")[1].split("\n\n")[0].splitlines()[1:]
    return {line.split()[0]: line.split()[1] for line in lines}


def test_the_same_list_comes_from_the_roles(saved: Path, table: Path) -> None:
    expected = {"label_value": "yes", "missing": "fill", "others": "drop"}
    assert read_roles(saved) == Roles(**ROLES, **expected)
    outcome = run("detect", table, "--roles", saved, "--alerts", 5, "--out", "second")
    assert outcome.code == 0, outcome.err
    assert alerts("second") == alerts("first")
    assert "Unusual against answer = yes" in outcome.out
    method = json.loads(Path("second/report.json").read_text())["method"]
    assert "--roles roles.toml --missing fill --alerts 5" in method["command"]


def test_a_pattern_stands_for_columns(here: Path) -> None:
    rows = [",".join(str((7 * i + j) % (3 + j)) for j in range(6)) + f",{i}.5" for i in range(60)]
    write(Path("t.csv"), "p_1,p_2,p_3,q_1,q_2,size,x", rows)
    words = (
        "--number",
        "p_*",
        "--category",
        "p_2",
        "--drop",
        "q_?",
        "--ordinal",
        "si*=0<1<2<3<4<5<6<7",
    )
    outcome = run("detect", "t.csv", *words, "--save-roles", "r.toml", "--out", "found")
    assert outcome.code == 0, outcome.err
    roles = read_roles("r.toml")
    assert (roles.numbers, roles.categories, roles.drop) == (
        ("p_1", "p_3", "x"),
        ("p_2",),
        ("q_1", "q_2"),
    )
    assert list(roles.ordinals) == ["size"]
    Path("p.toml").write_text(
        '[columns]\n"p_*" = "number"\np_2 = "category"\n"q_?" = "drop"\n'
        '"si*" = { kind = "ordinal", levels = [0, 1, 2, 3, 4, 5, 6, 7] }\n'
    )
    outcome = run("detect", "t.csv", "--roles", "p.toml", "--save-roles", "two.toml", "--out", "p")
    assert outcome.code == 0, outcome.err
    again = read_roles("two.toml")
    assert (again.numbers, again.categories, again.drop) == (
        roles.numbers,
        roles.categories,
        roles.drop,
    )
    frame = pd.read_csv("t.csv")
    encoder = TableEncoder.from_roles("p.toml").fit(frame)
    encoder.save_roles("three.toml")
    assert read_roles("three.toml").numbers == roles.numbers
    outcome = run("detect", "t.csv", "--number", "z*", "--out", "two")
    assert outcome.code == 2


def test_other_columns_are_told_and_never_used_in_silence(saved: Path) -> None:
    header, rows = customers()
    short = [row.rpartition(",")[0] for row in rows]
    names = header.rpartition(",")[0]
    write(Path("new.csv"), f"{names},counter", [f"{row},{i}" for i, row in enumerate(short)])
    words = ("--alerts", 5, "--out", "found", "--verbose")
    outcome = run("detect", "new.csv", "--roles", saved, *words)
    assert outcome.code == 0, outcome.err
    notes = json.loads(Path("found/report.json").read_text())["notes"]
    assert ["'answer'" in notes[-2], "'counter'" in notes[-1]] == [True, True]
    assert "\n".join(notes[-2:]) in outcome.out
    assert columns(outcome.out)["counter"] == "dropped"
    assert [row[1] for row in alerts("found")[1:]] == [row[1] for row in alerts("first")[1:]]

    words = ("--number", "counter", "--out", "m.som", "--verbose")
    outcome = run("fit", "new.csv", "--roles", saved, *words)
    assert columns(outcome.out)["counter"] == "number"
    assert "left out" not in outcome.out

    write(Path("new.csv"), names.replace("age", "Age"), short)
    outcome = run("detect", "new.csv", "--roles", saved, "--out", "other")
    assert (outcome.code, outcome.err) == (
        2,
        "Error: new.csv lacks these columns of roles.toml: 'age' (is it 'Age'?). Add or rename "
        "the columns, or change roles.toml.\n",
    )
    assert not Path("other").exists()


def test_what_is_typed_takes_precedence(saved: Path, table: Path) -> None:
    words = ("--drop", "age", "--label", "job=nurse", "--category", "answer")
    again = ("--save-roles", "changed.toml", "--out", "found")
    outcome = run("detect", table, "--roles", saved, *words, *again)
    assert outcome.code == 0, outcome.err
    assert "Unusual against job = nurse" in outcome.out
    assert read_roles("changed.toml") == Roles(
        id="cust_id",
        label="job",
        label_value="nurse",
        drop=("age",),
        categories=("answer",),
        numbers=("amount",),
        missing="fill",
        others="drop",
    )


def test_a_short_file_leaves_the_rest_to_the_rules(table: Path, snapshot: object) -> None:
    Path("mine.toml").write_text('missing = "error"\n[columns]\nanswer = "label"\n')
    outcome = run("detect", table, "--roles", "mine.toml", "--out", "found")
    assert outcome.code == 0, outcome.err
    assert "mine.toml" in outcome.out
    assert "'cust_id', 'amount', 'age', 'job'" in outcome.out
    assert outcome.out.partition("Table:")[2].partition("Kernels:")[0] == snapshot
    header, rows = customers()
    write(table, header, [*rows, "x,,3,clerk,no"])
    outcome = run("detect", table, "--roles", "mine.toml", "--out", "found")
    assert (outcome.code, "1" in outcome.err, "'amount'" in outcome.err) == (2, True, True)
    outcome = run("detect", table, "--roles", "mine.toml", "--missing", "fill", "--out", "found")
    assert outcome.code == 0, outcome.err


def test_reading_lasts_and_is_for_text_only(here: Path) -> None:
    header, rows = customers()
    write(Path("t.csv"), header.replace(",", "|"), [row.replace(",", "|") for row in rows])
    words = ("--delimiter", "|", "--decimal", ".")
    outcome = run("detect", "t.csv", *words, "--out", "f", "--save-roles", "r.toml")
    assert outcome.code == 0, outcome.err
    assert read_roles("r.toml").reading == {"delimiter": "|", "decimal": "."}
    detector = load("f/map.som")
    assert isinstance(detector, Detector)
    assert detector.map_.encoding.roles.reading == {"delimiter": "|", "decimal": "."}
    assert run("detect", "t.csv", "--roles", "r.toml", "--out", "f").code == 0
    assert run("score", "f/map.som", "t.csv").code == 0
    write(Path("t.csv"), header, rows)
    outcome = run("score", "f/map.som", "t.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert run("score", "f/map.som", "t.csv", "--delimiter", ",").code == 0
    write_table(Path("t.parquet"), read_table("t.csv"))
    assert run("score", "f/map.som", "t.parquet").code == 0


def test_info_shows_and_writes_the_roles_of_a_map(table: Path) -> None:
    words = ("--label", "answer=no", "--delimiter", ",", "--ordinal", "job=smith<clerk<nurse")
    run("detect", table, *words, "--out", "f", "--save-roles", "first.toml")
    outcome = run("info", "f/map.som", "--save-roles", "second.toml")
    assert outcome.code == 0, outcome.err
    shown = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert {"label value no", "delimiter ,", "Wrote second.toml"} <= set(shown)
    assert read_roles("second.toml") == read_roles("first.toml")
    assert read_roles("first.toml").ordinals == {"job": ("smith", "clerk", "nurse")}


def test_a_file_puts_columns_into_layers(table: Path) -> None:
    layers = '[layers]\nperson = ["age", "amount"]\nwork = ["job"]\n[layer_weights]\nwork = 2.5\n'
    write(Path("layers.toml"), 'others = "rules"', [layers, "[columns]", 'answer = "label"'])
    outcome = run(
        "fit", table, "--roles", "layers.toml", "--out", "m.som", "--save-roles", "r.toml"
    )
    assert outcome.code == 0, outcome.err
    encoding = load("m.som").encoding
    assert {code.name: code.factor == 1 for code in encoding.used} == dict.fromkeys(
        ("amount", "age", "job"), False
    )
    again = read_roles("r.toml")
    assert again.layers == {"person": ("age", "amount"), "work": ("job",)}
    assert again.layer_weights == {"work": 2.5}
    shown = " ".join(run("info", "m.som").out.split())
    assert "layers person (2 columns, weight 1), work (1 column, weight 2.5)" in shown
    assert run("fit", table, "--roles", "r.toml", "--out", "n.som").code == 0
    used = load("n.som").encoding.used
    assert [code.factor for code in used] == [code.factor for code in encoding.used]
    outcome = run("fit", table, "--roles", "layers.toml", "--drop", "job", "--out", "o.som")
    assert outcome.code == 2
    assert "'work'" in outcome.err
    assert "('job': as asked)" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--save-roles", "x/roles.toml"), "the folder x"),
        (("--save-roles", "found/roles.toml"), "--save-roles is found/roles.toml"),
        (("--save-roles", "customers.csv"), "--save-roles is customers.csv"),
        (("--save-roles", "roles.csv"), "such as roles.toml"),
        (
            ("--roles", "r.toml", "--save-roles", "r.toml"),
            "--save-roles is r.toml",
        ),
        (("--roles", "none.toml"), "none.toml"),
        (("--roles", "customers.csv"), "customers.csv, line 1"),
        (("--roles", "bad.toml"), "bad.toml, line 2: column 'age' cannot be 'text'"),
        (("--roles", "mask.toml"), '(missing = "mask")'),
        (("--roles", "job.toml"), "'job' of customers.csv"),
        (("--roles", "old.toml"), "'price'"),
    ],
)
def test_what_cannot_be_is_one_line(table: Path, words: tuple[str, ...], said: str) -> None:
    Path("r.toml").write_text("")
    Path("bad.toml").write_text('[columns]\nage = "text"\n')
    Path("mask.toml").write_text('missing = "mask"\n')
    Path("job.toml").write_text('[columns]\njob = "number"\n')
    Path("old.toml").write_text('[columns]\nprice = "number"\n')
    before = {path: path.read_bytes() for path in Path().iterdir()}
    outcome = run("detect", table, *words, "--out", "found")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert said in outcome.err
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
