"""Any name that a file can have, and errors of writing with the name of what was written."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Found, customers, listing, run, run_process, write

BAD = os.fsdecode(b"bad\xfe\x1b\n.csv")
BAD_SHOWN = r"bad\xfe\x1b\n.csv"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}
posix = pytest.mark.skipif(os.name != "posix", reason="names of bytes that are no text")


def told(outcome: object) -> str:
    return outcome.out + outcome.err  # type: ignore[attr-defined]


@posix
def test_a_name_that_is_no_text_is_escaped_wherever_it_is_shown(found: Found, here: Path) -> None:
    write(Path(BAD), *customers())
    map_ = found.folder / "map.som"
    out = os.fsdecode(b"found\xfe")
    for words, made in (
        (("detect", BAD, "--out", out), out),
        (("fit", BAD, "--out", f"{out}.som"), f"{out}.som"),
        (("score", map_, BAD, "--out", f"{out}.csv"), f"{out}.csv"),
        (("report", map_, BAD, "--out", f"{out}.html"), f"{out}.html"),
        (("convert", BAD, f"{out}.parquet"), f"{out}.parquet"),
        (("convert", map_, f"{out}-units.csv"), f"{out}-units.csv"),
    ):
        outcome = run(*words)
        assert outcome.code == 0, outcome.err
        assert Path(made).exists()
        assert told(outcome).isascii()
        if words[0] in ("detect", "fit", "report"):
            assert f"60 rows of {BAD_SHOWN}" in outcome.out
        if words[0] in ("detect", "fit", "report", "convert"):
            assert r"Wrote found\xfe" in outcome.out
    data = json.loads(Path(out, "report.json").read_text("utf-8"))
    assert data["source"] == BAD_SHOWN
    assert BAD_SHOWN in data["title"]
    assert data["method"]["command"].startswith(rf"somscape detect $'{BAD_SHOWN}' --missing")
    assert BAD_SHOWN.replace("\\", "\\\\") in Path(f"{out}.html").read_text("utf-8")


@posix
def test_the_command_in_a_report_names_the_same_file(found: Found, here: Path) -> None:
    name = os.fsdecode(b"it's \\ \xfe \xc2\xa0\t.csv")
    write(Path(name), *customers())
    assert run("detect", name, "--out", "f").code == 0
    words = json.loads(Path("f/report.json").read_text("utf-8"))["method"]["command"]
    quoted = words.removeprefix("somscape detect ").partition(" --missing")[0]
    said = subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True)
    assert said.stdout == os.fsencode(name)


@posix
def test_names_are_bytes_where_python_knows_no_letters_but_ascii(here: Path) -> None:
    write(Path("käse.csv"), *customers())
    outcome = run_process("detect", "käse.csv", "--out", "föund", **ASCII)
    assert outcome.code == 0, outcome.err
    assert r"60 rows of k\xe4se.csv" in outcome.out
    assert r"Wrote f\xf6und/" in outcome.out
    data = json.loads(Path("föund/report.json").read_text("utf-8"))
    assert data["source"] == "käse.csv"
    assert shlex.split(data["method"]["command"])[2] == "käse.csv"
    outcome = run_process("fit", "kase.csv", "--out", "m.som", **ASCII)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err


@posix
def test_a_file_that_is_not_there_is_named_without_its_control_characters(here: Path) -> None:
    outcome = run("detect", "no\x1b[1m\u202e.csv", "--out", "f")
    assert outcome.code == 2
    assert r"'no\x1b[1m\u202e.csv'" in outcome.err


def test_a_name_with_brackets_is_no_markup(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    write(Path("a[red]b[]].csv"), *customers())
    outcome = run("detect", "a[red]b[]].csv", "--out", "f")
    assert outcome.code == 0, outcome.err
    assert "reading a[red]b[]].csv" in outcome.err


@posix
@pytest.mark.parametrize(("command", "ending"), [("detect", ""), ("fit", ".som")])
def test_the_longest_name_will_do_and_a_longer_one_is_refused_first(
    table: Path, command: str, ending: str
) -> None:
    most = os.pathconf(".", "PC_NAME_MAX")
    out = "x" * (most - len(ending)) + ending
    assert run(command, table, "--out", out).code == 0
    assert Path(out).exists()
    outcome = run(command, "no.csv", "--out", f"x{out}")
    assert outcome.code == 2
    assert f"--out x{out}: the file cannot be written (File name too long)" in outcome.err


def test_a_folder_where_a_disk_begins_is_refused_first(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a container's volume; it can be filled, and not replaced.
    Path("disk").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "disk")
    outcome = run("detect", "no.csv", "--out", "disk")
    assert outcome.code == 2
    assert "--out is disk, a mount point" in outcome.err


@pytest.mark.parametrize(
    ("command", "out"),
    [("detect", "f"), ("fit", "m.som"), ("score", "s.csv"), ("report", "p.html")],
)
def test_a_full_disk_is_told_with_the_name_of_the_result(
    found: Found, table: Path, command: str, out: str
) -> None:
    resource = pytest.importorskip("resource")
    inputs = [found.folder / "map.som"] if command in ("score", "report") else []
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = listing(Path())
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        outcome = run(command, *inputs, table, "--out", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == f"Error: {out}: File too large."
    assert listing(Path()) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full")
def test_standard_output_that_is_full_is_named(found: Found, table: Path) -> None:
    code = "from somscape.desk.cli._commands import main; main(prog_name='somscape')"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "score", found.folder / "map.som", table],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "Error: standard output: the disk is full. " in done.stderr
    assert "Traceback" not in done.stderr
