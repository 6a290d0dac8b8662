"""What the result of a command may replace: no input, and only what somscape wrote."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import customers, customers_csv, listing, run, run_process, write
from disks import fill_up, small_disk
from forked import start
from texts import rejected

from somscape.desk.cli._out import check_replaceable

FOREIGN = b"somebody's own file\n"
WORDS: dict[str, tuple[str, ...]] = {
    "fit.som": ("fit", "customers.csv", "--out"),
    "model.som": ("fit", "customers.csv", "--target", "answer", "--out"),
    "score.csv": ("score", "map.som", "customers.csv", "--out"),
    "score.parquet": ("score", "map.som", "customers.csv", "--out"),
    "score.xlsx": ("score", "map.som", "customers.csv", "--out"),
    "predict.csv": ("predict", "model.som", "customers.csv", "--out"),
    "page.html": ("report", "map.som", "customers.csv", "--out"),
    "converted.som": ("convert", "map.som"),
    "planes.csv": ("convert", "map.som"),
    "planes.xlsx": ("convert", "map.som"),
    "map.onnx": ("convert", "map.som"),
    "cases.csv": ("cases", "export", "w", "--state", "state", "--out"),
    "cases.xlsx": ("cases", "export", "w", "--state", "state", "--out"),
    "roles.toml": ("info", "map.som", "--save-roles"),
}
"""A command for each kind of result, without its last word, by the name of the result."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a detector, a model and a state."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "customers.csv").write_bytes(customers_csv())
    write(folder / "rows.csv", "a,b", (f"{i},{i * i % 7}" for i in range(20)))
    table, out = folder / "customers.csv", folder / "found"
    words = ("detect", table, "--watch", "w", "--id", "cust_id", "--state", folder / "state")
    assert run(*words, "--out", out).code == 0
    assert run("fit", table, "--target", "answer", "--out", folder / "model.som").code == 0
    shutil.copy(out / "map.som", folder / "map.som")
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def refused(*words: Any) -> str:
    outcome = run(*words)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1), outcome
    return outcome.err


@pytest.mark.parametrize("name", WORDS)
def test_a_result_replaces_its_own_kind_and_nothing_foreign_without_force(
    here: Path, name: str
) -> None:
    if name.endswith(".onnx"):
        pytest.importorskip("onnx")
    if name.endswith(".xlsx"):
        pytest.importorskip("xlsxwriter")
    new, words = f"new-{name}", WORDS[name]
    Path(new).write_bytes(FOREIGN)
    Path("link").symlink_to("kept")
    before = listing(here)
    err = refused(*words, new)
    assert f"{new}, which already exists" in err
    assert "--force" in err
    assert (Path(new).read_bytes(), listing(here)) == (FOREIGN, before)
    assert run(*words, new, "--force").code == 0
    first = Path(new).read_bytes()
    assert first != FOREIGN
    assert run(*words, new).code == 0  # the same command again
    Path(new).write_bytes(b"")
    assert run(*words, new).code == 0
    assert listing(here) == before


@pytest.mark.parametrize("name", ["fit.som", "score.csv", "score.parquet", "page.html"])
def test_a_link_is_replaced_and_the_file_at_its_end_stays(here: Path, name: str) -> None:
    Path("victim").write_bytes(FOREIGN)
    link = Path(f"link-{name}")
    link.symlink_to("victim")
    assert run(*WORDS[name], link).code == 0
    assert not link.is_symlink()
    assert Path("victim").read_bytes() == FOREIGN
    link.unlink()
    link.symlink_to("nothing")
    assert run(*WORDS[name], link).code == 0
    assert (link.is_symlink(), Path("nothing").exists()) == (False, False)


def test_results_of_one_kind_do_not_replace_another_kind(here: Path) -> None:
    for name in ("score.csv", "predict.csv", "score.parquet"):
        assert run(*WORDS[name], name).code == 0
    assert "header of the new file" in refused(*WORDS["score.csv"], "predict.csv")
    assert run("predict", "model.som", "customers.csv", "--out", "predict.parquet").code == 0
    assert "other columns than the new file" in refused(*WORDS["score.parquet"], "predict.parquet")
    shutil.copy("page.html" if Path("page.html").exists() else "found/report.html", "page.som")
    assert "is not a map of somscape" in refused(*WORDS["fit.som"], "page.som")
    more = ("--columns", "age")
    assert "header of the new file" in refused(*WORDS["score.csv"], "score.csv", *more)


def test_a_file_of_other_rows_with_the_same_header_is_replaced(here: Path) -> None:
    header, rows = customers()
    write(Path("few.csv"), header, rows[:30])
    for name in ("score.csv", "score.parquet"):
        assert run(*WORDS[name], name).code == 0
        whole = Path(name).read_bytes()
        assert run("score", "map.som", "few.csv", "--out", name).code == 0
        assert Path(name).read_bytes() != whole
    assert run(*WORDS["score.csv"], "score.csv", "--bom").code == 0  # a mark of the order of bytes
    assert run(*WORDS["score.csv"], "score.csv").code == 0


def test_a_workbook_that_another_program_saved_needs_force(here: Path) -> None:
    workbooks = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    assert run(*WORDS["cases.xlsx"], "cases.xlsx").code == 0
    book = workbooks.load_workbook("cases.xlsx")
    book.active.cell(2, 3).value = "confirmed"
    book.save("cases.xlsx")
    assert "is not a list of somscape" in refused(*WORDS["cases.xlsx"], "cases.xlsx")


@pytest.mark.parametrize("way", ["itself", "symbolic", "hard"])
@pytest.mark.parametrize(
    ("words", "source", "ending"),
    [
        (("score", "map.som", "customers.csv", "--out"), "customers.csv", ".csv"),
        (("score", "map.som", "customers.csv", "--out"), "map.som", ""),
        (("fit", "customers.csv", "--roles", "roles.toml", "--out"), "roles.toml", ".som"),
        (("fit", "customers.csv", "--dictionary", "words.csv", "--out"), "words.csv", ".som"),
        (("convert", "map.som"), "map.som", ".som"),
        (("predict", "model.som", "customers.csv", "--out"), "customers.csv", ".csv"),
        (("cases", "export", "w", "--state", "state", "--out"), "state/cases.sqlite", ".csv"),
        (("info", "map.som", "--save-roles"), "map.som", ".toml"),
    ],
)
def test_a_file_that_is_read_is_replaced_by_no_way_and_no_force(
    here: Path, words: tuple[str, ...], source: str, ending: str, way: str
) -> None:
    assert run(*WORDS["roles.toml"], "roles.toml").code == 0
    write(Path("words.csv"), "column,code,words", ["job,clerk,a clerk"])
    out = Path(f"out{ending}") if way != "itself" else Path(source)
    if way == "symbolic":
        out.symlink_to(source)
    elif way == "hard":
        os.link(source, out)
    before = Path(source).read_bytes()
    for force in ((), ("--force",)):
        assert f"{out}, which the command also reads" in refused(*words, out, *force)
    assert (Path(source).read_bytes(), out.is_symlink()) == (before, way == "symbolic")


def test_a_state_and_files_of_options_are_not_lost_with_a_folder(here: Path) -> None:
    Path("out").mkdir()
    assert run(*WORDS["roles.toml"], "out/roles.toml").code == 0
    words = ("detect", "customers.csv", "--out", "out", "--force")
    assert "--out is out, which contains out/roles.toml" in refused(
        *words, "--roles", "out/roles.toml"
    )
    shutil.copytree("state", "out/state")
    assert "--out is out, which contains out/state" in refused(
        *words, "--watch", "w", "--state", "out/state"
    )
    assert Path("out/state/cases.sqlite").exists()


def test_standard_input_is_not_replaced(here: Path) -> None:
    words = ("score", "map.som", "-", "--out", "customers.csv", "--force")
    with (
        Path("customers.csv").open("rb") as file,
        start(*words, stdin=file, stderr=subprocess.PIPE, text=True) as process,
    ):
        _, said = process.communicate(timeout=120)
    assert (process.returncode, "--out is customers.csv" in said) == (2, True)
    assert Path("customers.csv").read_bytes() == customers_csv()


def test_standard_output_and_a_pipe_by_name_get_the_result(here: Path) -> None:
    assert run(*WORDS["score.csv"], "scores.csv").code == 0
    expected = Path("scores.csv").read_text()
    assert run_process(*WORDS["score.csv"], "/dev/stdout").out == expected
    Path("link.csv").symlink_to("/dev/stdout")
    assert run_process(*WORDS["score.csv"], "link.csv").out == expected
    assert Path("link.csv").is_symlink()
    with Path("log").open("w") as log:
        log.write("before\n")
        log.flush()
        Path("log.csv").symlink_to(f"/dev/fd/{log.fileno()}")
        assert run(*WORDS["score.csv"], "log.csv").code == 0
    assert Path("log").read_text() == f"before\n{expected}"


def redirected(file: str, mode: str, *words: Any) -> tuple[int, str]:
    """Run a command whose standard output is a file; return its exit code and what it says."""
    with (
        Path(file).open(mode) as out,
        start(*words, stdout=out, stderr=subprocess.PIPE, text=True) as process,
    ):
        _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs a name of standard output")
@pytest.mark.parametrize("name", ["fit.som", "model.som", "page.html", "roles.toml"])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_result_on_standard_output_is_the_result_alone(here: Path, name: str, mode: str) -> None:
    new = f"new-{name}"
    code, said = redirected(new, mode, *WORDS[name], "/dev/stdout")
    assert code == 0, said
    assert "Wrote /dev/stdout" in said
    found = Path(new).read_text(encoding="utf-8", errors="replace")
    if name.endswith(".som"):
        assert run("info", new).code == 0  # which refuses bytes before and after a map
    elif name.endswith(".html"):
        assert (found[:15], found.rstrip()[-7:]) == ("<!DOCTYPE html>", "</html>")
    else:
        assert found.startswith("# ")
        assert "Wrote" not in found
    outcome = run(*WORDS[name], f"other-{name}")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"Wrote other-{name}" in outcome.out


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs a name of standard output")
@pytest.mark.parametrize("words", [("--out", "/dev/stdout"), ()])
def test_no_result_is_added_to_the_file_that_is_read(here: Path, words: tuple[str, ...]) -> None:
    code, said = redirected(
        "customers.csv", "ab", "score", "map.som", "customers.csv", *words, "--force"
    )
    assert (code, said.count("\n")) == (2, 1)
    where = "--out /dev/stdout" if words else "standard output"
    assert said.startswith(f"Error: {where} writes to a file that the command also reads.")
    assert Path("customers.csv").read_bytes() == customers_csv()
    code, said = redirected("scores.csv", "ab", "score", "map.som", "customers.csv", *words)
    assert code == 0, said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--out", "same", "--save-roles", "./same"),
            "--out and --save-roles are both same. Give --save-roles another name.",
        ),
    ],
)
def test_results_have_different_names(here: Path, options: tuple[str, ...], said: str) -> None:
    before = listing(here)
    assert refused("fit", "customers.csv", *options) == f"Error: {said}\n"
    assert listing(here) == before


@pytest.mark.parametrize(
    "new",
    [
        "map.som",
        "score.parquet",
        "rows.csv",
    ],
)
def test_a_refusal_names_the_kind_of_the_new_file(here: Path, new: str) -> None:
    if not Path(new).exists():
        assert run(*WORDS[new], new).code == 0
    Path("there").write_bytes(FOREIGN)
    with rejected(parameter="out"):
        check_replaceable(Path("there"), Path(new), force=False)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is full")
@pytest.mark.parametrize("name", ["fit.som", "score.csv", "page.html", "cases.csv"])
def test_a_full_disk_is_named(here: Path, name: str) -> None:
    link = Path(f"link-{name}")
    link.symlink_to("/dev/full")
    said = "the disk is full. Free some space on this disk, or write to another disk."
    assert refused(*WORDS[name], link) == f"Error: {link}: {said}\n"
    assert link.is_symlink()


@pytest.mark.parametrize("name", ["fit.som", "score.csv", "page.html", "cases.csv"])
def test_a_full_disk_leaves_what_was_there(here: Path, name: str) -> None:
    with small_disk(here / "disk", 1 << 20):
        assert run(*WORDS[name], f"disk/{name}").code == 0
        before = Path("disk", name).read_bytes()
        fill_up(here / "disk")
        err = refused(*WORDS[name], f"disk/{name}")
        assert f"disk/{name}: the disk at {here / 'disk'} is full." in err
        assert (Path("disk", name).read_bytes(), listing(here / "disk")) == (before, {"full", name})


def test_a_disk_that_fills_up_meanwhile_is_named(here: Path) -> None:
    with small_disk(here / "disk", 1 << 16):
        for words in (("detect", "customers.csv", "--out"), WORDS["page.html"]):
            err = refused(*words, "disk/found.html")
            assert f"disk/found.html: the disk at {here / 'disk'} is full." in err
            assert listing(here / "disk") == set()


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_database_on_a_full_disk_is_named_and_no_file_is_written(here: Path, engine: str) -> None:
    if engine == "duckdb":
        pytest.importorskip("duckdb")
    with small_disk(here / "disk", 1 << 16):
        fill_up(here / "disk")
        to = ("--to", f"{engine}:///{here / 'disk' / 'bank.db'}", "--to-table", "scores")
        err = refused(*WORDS["score.csv"], "scores.csv", *to)
        assert f"bank.db: the disk at {here / 'disk'} is full." in err
    assert not Path("scores.csv").exists()
