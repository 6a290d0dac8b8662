"""Messages name parameters; what to type on the command line stands beside them."""

import json
import pickle
from pathlib import Path
from typing import Any

import click
import pytest
from command_line import write

from somscape.desk.app._work import describe
from somscape.desk.cli._options import as_typed
from somscape.desk.jobs._detect import rule_of
from somscape.desk.jobs._roles import find_label, roles_from
from somscape.desk.jobs.job import Job
from somscape.errors import InputError, MapFileError
from somscape.tables import read_table, table_from_columns
from somscape.tables._fit_encoding import fit_encoding

TEXTS = ["a", "b", "c", "d"]
TABLE = table_from_columns(
    {"x": [1.0, 2.0, None, 4.0], "t": TEXTS, "same": ["a"] * 4, "a b": ["a"] * 4}, source="t"
)


@pytest.mark.parametrize(
    ("content", "reading", "ends", "options"),
    [
        (b"a,b\n1,2\n3,4,5\n", {}, "or give another delimiter", "--delimiter CHAR"),
        (
            b"a,b\n\xff,2\n",
            {"encoding": "utf-8"},
            "Save the file as UTF-8, or give its encoding",
            "--encoding NAME",
        ),
        (b"\0\0\0", {}, "or give its encoding if it is text", "--encoding utf-16-le"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, content: bytes, reading: dict[str, Any], ends: str, options: str
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "t.csv", **reading)
    assert str(caught.value).endswith(f"{ends}.")
    assert as_typed(caught.value, None).endswith(f"{ends} ({options}).")


def use(job: Job) -> None:
    find_label(TABLE, job.label)
    fit_encoding(TABLE, roles_from(TABLE, job), job.missing or "fill")


@pytest.mark.parametrize(
    ("given", "ends", "options"),
    [
        (
            {"number": ("t",)},
            "Use the column as a category, or drop the column",
            "--category t or --drop t",
        ),
        ({"number": ("t",), "drop": ("t",)}, "only one role", "--drop or --number"),
        ({"ordinal": ("t",)}, "Give the levels from low to high", "--ordinal 't=LOW<MIDDLE<HIGH'"),
        (
            {"drop": ("x", "same", "a b")},
            "Choose columns as numbers or categories",
            "--number COL or --category COL",
        ),
        ({"label": "t"}, "Give the value of the label", "--label t=VALUE"),
        (
            {"label": "same"},
            "Give another label column, or leave the label out and drop this column",
            "leave --label out and pass --drop same",
        ),
        (
            {"missing": "error"},
            "the median of numbers and a separate level of categories",
            "--missing fill",
        ),
    ],
)
def test_settings_that_cannot_be_used(given: dict[str, Any], ends: str, options: str) -> None:
    with pytest.raises(InputError) as caught:
        use(Job(**given))
    assert "--" not in str(caught.value)
    assert str(caught.value).endswith(f"{ends}.")
    assert as_typed(caught.value, None).endswith(f"{ends} ({options}).")


def test_a_column_with_a_slip(tmp_path: Path) -> None:
    rows = [*(f"{i}" for i in range(30)), "word"]
    table = read_table(
        write(tmp_path / "t.csv", "a b,c", [f"{row},{i}.5" for i, row in enumerate(rows)])
    )
    shown = describe(table)["columns"][0]["why"]
    assert shown.endswith("drop the column, or use it as a category.")
    with pytest.raises(InputError) as caught:
        fit_encoding(table)
    assert str(caught.value) == shown
    assert caught.value.options == "--category 'a b' or --drop 'a b'"


def test_a_decimal_mark_that_had_to_be_guessed(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", "x;y", ["1,234;a", "2,345;b"]))
    shown = describe(table)["notes"]
    assert "'1,234' read as 1.234 in 'x'" in shown
    typed = [as_typed(note, None) for note in table.notes]
    assert "'1,234' read as 1.234 in 'x' (--decimal MARK)" in typed
    assert [note for note in shown if "--" in note] == []


def test_a_watch_saves_the_options_that_it_needs_and_gets_them_back() -> None:
    given = Job(drop=("a", "b"), alerts=3, cost=10, seed=0, missing_values=("",), to="sqlite:///a")
    kept = given.to_json()
    expected = {"alerts": 3, "cost": 10, "drop": ["a", "b"], "missing_values": [""], "seed": 0}
    assert json.dumps(kept, sort_keys=True) == json.dumps(expected)
    assert Job.from_json({**kept, "option_of_a_later_version": 1}) == given.without("to")
    with pytest.raises(ValueError, match="'alerts' of the saved options must be a whole number"):
        Job.from_json({"alerts": "three"})


def test_parameters_are_called_by_the_options_of_the_command() -> None:
    command = click.Command("fit", params=[click.Option(["--rows", "n_rows"])])
    message = InputError("`n_rows` and `n_cols` are large.\nleave both 'auto'.", options="--a b")
    assert as_typed(message, command) == "--rows and `n_cols` are large. leave both out (--a b)."
    assert as_typed("`n_rows` is large", None) == "`n_rows` is large"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"alerts": 9}, "`alerts` is 9, but t has only 4 rows. Give a smaller number."),
        ({"fdr": 0.1, "p_value": 0.1}, "`fdr` and `p_value` each set the number of rows to list"),
        ({"cost": 2.0}, "`cost` requires `amount`"),
    ],
)
def test_rules_name_parameters(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        rule_of(Job(**given), TABLE)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("kind", [InputError, MapFileError])
def test_options_go_with_an_error_to_another_process(kind: type[InputError]) -> None:
    again = pickle.loads(pickle.dumps(kind("text", options="--id")))
    assert (type(again), str(again), again.options) == (kind, "text", "--id")
    assert kind("text").options == ""


def test_what_to_write_in_python_is_left_out_where_options_are_typed() -> None:
    with pytest.raises(InputError) as caught:
        fit_encoding(TABLE)
    assert "fill them (missing='fill') with the median" in str(caught.value)
    typed = as_typed(caught.value, None)
    assert "fill them with the median" in typed
    assert typed.endswith("(--missing fill).")
    assert pickle.loads(pickle.dumps(caught.value)).python == caught.value.python
