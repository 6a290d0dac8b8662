"""Bad input ends with exit code 2 and one line: place, cause and cure; nothing is left behind.

Files that are no tables are cases of ``tests/unit/tables``; here the options are the subject.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import listing, run, run_process, write

GOOD = [f"{i * 1.37 % 7:.2f},{i * 2.71 % 5:.2f}" for i in range(20)]


@dataclass(frozen=True)
class Case:
    """A table that cannot be used, and facts in the message."""

    name: str
    content: str
    says: tuple[str, ...]
    words: tuple[str, ...] = ()


def table(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


CASES = [
    Case(
        "no column to use",
        table("name,same", [f"Ann {i},7" for i in range(20)]),
        ("t.csv", "name: dropped", "same: constant", "--category"),
    ),
    Case(
        "only the id and the label",
        table("id,y", [f"k{i},{i % 2}" for i in range(20)]),
        ("t.csv", "id: id", "y: label"),
        ("--label", "y"),
    ),
    Case(
        "an infinity",
        table("x,y", [*GOOD, "inf,1.5"]),
        ("t.csv, line 22", "'x'", "'inf'", "--drop x"),
    ),
    Case(
        "numbers that span more than a float",
        table("x,y", [f"{'-' * (i % 2)}{1 + i / 100}e308,{i}.5" for i in range(20)]),
        ("'x'", "--drop x"),
    ),
    Case(
        "text that shall be a number",
        table("job,y", [f"{'ab'[i % 2]},{i}.5" for i in range(20)]),
        ("'job'", "t.csv", "--category job", "--drop job"),
        ("--number", "job"),
    ),
    Case(
        "missing cells that are not to be filled",
        table("x,y", [*GOOD, "?,1.5", "NA,1.5", "1.5,"]),
        ("t.csv", "2", "'x'", "1", "'y'", "--missing fill"),
        ("--missing", "error"),
    ),
    Case(
        "an id column that is not there",
        table("x,y", GOOD),
        ("t.csv", "'key'", "'x', 'y'"),
        ("--id", "key"),
    ),
    Case(
        "a label column that is nearly there",
        table("Answer,y", GOOD),
        ("t.csv", "'answer'", "did you mean 'Answer'"),
        ("--label", "answer"),
    ),
    Case(
        "a column to drop that is not there",
        table("x,y", GOOD),
        ("t.csv", "'zebra'"),
        ("--drop", "zebra"),
    ),
    Case(
        "a label with one value",
        table("y,x", [f"no,{i}.5" for i in range(20)]),
        ("'y' of t.csv", "no (20 rows)", "--drop y"),
        ("--label", "y"),
    ),
    Case(
        "a label without a value",
        table("y,x", [f"?,{i}.5" for i in range(20)]),
        ("'y' of t.csv", "all missing", "--drop y"),
        ("--label", "y"),
    ),
    Case(
        "a label value that is not there",
        table("y,x", [f"{'ab'[i % 2]},{i}.5" for i in range(20)]),
        ("'y' of t.csv", "'c'", "a (10 rows), b (10 rows)"),
        ("--label", "y=c"),
    ),
    Case(
        "a column with two roles",
        table("x,y", GOOD),
        ("'x'", "(--id or --drop)"),
        ("--id", "x", "--drop", "x"),
    ),
    Case(
        "a sheet of a text table",
        table("x,y", GOOD),
        ("t.csv", "--sheet"),
        ("--sheet", "Loans"),
    ),
    Case(
        "an encoding that is none",
        table("x,y", GOOD),
        ("'utf-99'", "(--encoding NAME)"),
        ("--encoding", "utf-99"),
    ),
    Case(
        "a delimiter of two characters",
        table("x,y", GOOD),
        ("'||'", "(--delimiter CHAR)"),
        ("--delimiter", "||"),
    ),
]


def check_refusal(code: int, err: str, *says: str) -> None:
    assert code == 2, err
    assert len(err.splitlines()) == 1, err
    assert err.startswith("Error: ")
    assert err.endswith("\n")
    for words in says:
        assert words in err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_table_ends_with_one_line_and_nothing_is_left(here: Path, case: Case) -> None:
    Path("t.csv").write_text(case.content)
    outcome = run("detect", "t.csv", *case.words, "--out", "found")
    check_refusal(outcome.code, outcome.err, *case.says)
    assert listing(here) == {"t.csv"}


@pytest.mark.parametrize("command", ["detect", "fit"])
def test_missing_table_is_refused_and_a_close_name_proposed(here: Path, command: str) -> None:
    write(Path("customers.csv"), "x,y", GOOD)
    outcome = run(command, "customer.csv", "--out", "found")
    check_refusal(outcome.code, outcome.err, "'customer.csv'", "did you mean 'customers.csv'")
    assert listing(here) == {"customers.csv"}


def test_empty_standard_input_is_refused(here: Path) -> None:
    outcome = run("detect", "-", "--out", "found", stdin=b"")
    check_refusal(outcome.code, outcome.err, "<stdin>")
    assert listing(here) == set()


@pytest.mark.parametrize("command", ["detect", "fit"])
def test_target_in_a_folder_that_does_not_exist_is_refused(table: Path, command: str) -> None:
    outcome = run(command, table, "--out", "nowhere/found")
    check_refusal(outcome.code, outcome.err, "--out is nowhere/found", "the folder nowhere")
    assert listing(Path()) == {"customers.csv"}


def test_target_that_is_a_file_is_refused(table: Path) -> None:
    before = table.read_bytes()
    outcome = run("detect", table, "--out", table)
    check_refusal(outcome.code, outcome.err, "--out is customers.csv")
    assert table.read_bytes() == before


def test_target_that_is_a_link_is_refused(table: Path) -> None:
    Path("real").mkdir()
    Path("link").symlink_to("real")
    outcome = run("detect", table, "--out", "link", "--force")
    check_refusal(outcome.code, outcome.err, "--out is link")
    assert listing(Path()) == {"customers.csv", "real", "link"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fit", "a.csv", "--out", "kept.csv"], ["a map", ".som", "kept.som"]),
        (["fit", "a.csv", "--out", "kept.cod"], ["a map", "kept.som"]),
        (["score", "m.som", "a.csv", "--out", "kept.som"], ["a list", "kept.csv"]),
        (["report", "m.som", "a.csv", "--out", "kept.som"], ["a page", "kept.html"]),
    ],
)
def test_result_is_not_named_as_another_kind_of_file(
    here: Path, words: list[str], says: list[str]
) -> None:
    kept = Path(words[-1])
    kept.write_text("old")
    outcome = run(*words)
    check_refusal(outcome.code, outcome.err, f"--out is {kept}", *says)
    assert kept.read_text() == "old"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fit", "--epochs", "1e5", "--out", "m.som"], ["--epochs", "'1e5'", "whole number"]),
        (["detect", "--alerts", "ten", "--out", "d"], ["--alerts", "'ten'", "whole number"]),
        (["detect", "--fdr", "low", "--out", "d"], ["--fdr", "'low'", "number"]),
        (
            ["fit", "--rows", "100000", "--cols", "100000", "--out", "m.som"],
            ["--rows and --cols, or leave both out."],
        ),
        (
            ["fit", "--delimiter", ";", "--out", "m.som"],
            ["customers.csv", "(--delimiter ',')"],
        ),
    ],
)
def test_options_are_spoken_of_as_they_are_typed(
    table: Path, words: list[str], says: list[str]
) -> None:
    outcome = run(words[0], table, *words[1:])
    check_refusal(outcome.code, outcome.err, *says)
    assert "`n_" not in outcome.err


@pytest.mark.filterwarnings("always")  # shown, as on the command line
def test_warnings_call_options_as_they_are_typed(table: Path) -> None:
    outcome = run("fit", table, "--rows", 9, "--cols", 9, "--out", "m.som")
    assert outcome.code == 0
    assert "--rows and --cols, or leave both out." in outcome.err


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["detect", "no.csv", "--out"], "found"),
        (["demo", "--out"], "found"),
        (["fit", "no.csv", "--out"], "m.som"),
        (["score", "no.som", "no.csv", "--out"], "s.csv"),
        (["report", "no.som", "no.csv", "--out"], "page.html"),
        (["convert", "no.som"], "m.cod"),
    ],
)
def test_folder_that_takes_nothing_is_told_first(
    here: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], out: str
) -> None:
    # As in /proc, where the permissions of the administrator would do.
    def fail(**_: object) -> None:
        raise OSError(30, "Read-only file system", str(here / ".temporary"))

    monkeypatch.setattr("tempfile.mkdtemp", fail)
    outcome = run(*words, out)
    name = "OUT" if words[0] == "convert" else "--out"
    check_refusal(
        outcome.code,
        outcome.err,
        f"{name} {out}",
        "(Read-only file system)",
    )
    assert outcome.out == ""


def test_target_is_checked_before_the_table_is_read(here: Path) -> None:
    # A wrong --out must not cost a long training.
    outcome = run("detect", "no.csv", "--out", "nowhere/found")
    check_refusal(outcome.code, outcome.err, "--out is nowhere/found")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--alerts", "0"), "'--alerts': 0 is not in the range"),
        (("--alerts", "few"), "'--alerts': 'few' is not a valid whole number"),
        (("--contamination", "0.6"), "'--contamination': 0.6 is not in the range"),
        (("--contamination", "0"), "'--contamination': 0.0 is not in the range"),
        (("--seed", "-1"), "'--seed': -1 is not in the range"),
        (("--missing", "drop"), "'--missing': 'drop' is not one of 'fill', 'error'"),
        (("--decimal", ";"), "'--decimal': ';' is not one of '.', ','"),
        (("--labels", "x"), "No such option"),
    ],
)
def test_wrong_option_ends_with_exit_code_2_and_names_the_option(
    table: Path, words: tuple[str, ...], says: str
) -> None:
    outcome = run("detect", table, *words, "--out", "found")
    assert outcome.code == 2
    *_, last = outcome.err.splitlines()
    assert last.startswith("Error: ")
    assert says in last
    assert "Traceback" not in outcome.err
    assert listing(Path()) == {"customers.csv"}


@pytest.mark.parametrize("name", ["an infinity", "numbers that span more than a float"])
def test_a_process_of_its_own_says_the_same_one_line(here: Path, name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    Path("t.csv").write_text(case.content)
    outcome = run_process("detect", "t.csv", "--out", "found")
    check_refusal(outcome.code, outcome.err, *case.says)
    assert listing(here) == {"t.csv"}


@pytest.mark.parametrize("over", ["customers.csv", "found/map.som"])
def test_a_file_that_is_read_is_not_written_over(table: Path, over: str) -> None:
    assert run("detect", table, "--out", "found").code == 0
    before = Path(over).read_bytes()
    outcome = run("score", "found/map.som", table, "--out", f"./{over}")
    check_refusal(outcome.code, outcome.err, "--out")
    assert Path(over).read_bytes() == before


def test_a_folder_with_files_of_the_same_names_is_not_taken_for_ones_own(table: Path) -> None:
    Path("mine").mkdir()
    Path("mine/report.html").write_text("hi")
    outcome = run("detect", table, "--out", "mine")
    check_refusal(outcome.code, outcome.err, "--out is mine", "(report.html)", "--force")
    assert Path("mine/report.html").read_text() == "hi"


def test_a_label_with_many_equally_rare_values_must_be_named(here: Path) -> None:
    write(here / "t.csv", "a,b,y", [f"{row},v{i % 5}" for i, row in enumerate(GOOD)])
    outcome = run("detect", "t.csv", "--label", "y", "--out", "o")
    check_refusal(outcome.code, outcome.err, "'y'", "5", "--label y=VALUE")
