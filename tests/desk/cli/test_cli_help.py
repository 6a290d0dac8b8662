"""Help lists every option, and asking for it loads none of the heavy libraries."""

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import run, run_process

import somscape
from somscape.desk.cli._commands import main
from somscape.desk.cli._options import Command, FieldOption, option_rows

HEAVY = (
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "rich",
    "narwhals",
    "safetensors",
    "starlette",
    "uvicorn",
    "pyarrow",
    "duckdb",
    "psycopg",
    "adbc_driver_manager",
)
COMMANDS = (
    *(
        "demo",
        "example",
        "detect",
        "fit",
        "score",
        "predict",
        "report",
        "convert",
        "app",
    ),
    *(
        "serve",
        "info",
        "run",
        "cases",
        "audit",
        "backup",
        "restore",
    ),
)


def process(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_help_lists_the_commands_in_the_order_in_which_people_meet_them() -> None:
    outcome = run("--help")
    assert outcome.code == 0
    listed = re.findall(r"^  ([\w-]+)  ", outcome.out.partition("Commands:")[2], flags=re.M)
    assert tuple(listed) == COMMANDS
    assert tuple(main.commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_lists_all_of_its_options(command: str) -> None:
    outcome = run(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    for parameter in main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            for option in parameter.opts:
                assert re.search(rf"^  (-\w, )?{option}\b", outcome.out, flags=re.M), option
        else:
            assert str(parameter.metavar) in outcome.out
    assert main.commands[command].help


def commands(group: click.Group = main, words: str = "somscape") -> Iterator[tuple[str, Command]]:
    """All commands, also those below `cases` and `audit`, with the words that call them."""
    for name, command in group.commands.items():
        assert isinstance(command, Command)
        yield f"{words} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")


def test_each_help_has_a_short_first_sentence_headings_and_two_examples() -> None:
    verbs = set()
    for words, command in commands():
        first = str(command.help).split("\n\n")[0]
        assert first.endswith("."), words
        assert len(first) <= 65, words  # or the list of commands would cut it
        verbs.add(first.split()[0])
        assert len(command.examples) == 2, words
        assert all(example.startswith("somscape ") for example in command.examples)
        rows = option_rows(command, click.Context(command, **main.context_settings))
        n_options = sum(isinstance(each, click.Option) for each in command.params)
        assert sum(map(len, rows.values())) == n_options + 1, words  # and --help
        assert all(len(some) <= 14 for some in rows.values()), words
        assert all(text.strip() for some in rows.values() for _, text in some), words
    assert {"Rank", "Train", "Mark", "Show"} <= verbs
    assert not [verb for verb in verbs if verb.endswith(("s", "ing")) and verb != "Process"]


def test_help_of_the_first_commands(snapshot: object) -> None:
    assert run("--help").out == snapshot
    assert run("detect", "--help").out == snapshot


def test_ranges_and_defaults_are_shown_without_the_marks_of_click() -> None:
    shown = " ".join(run("fit", "--help").out.split())
    assert "[default: chosen from the data; R>=1]" in shown
    assert "[default: detected]" in shown
    for words, _ in commands():
        shown = run(*words.split()[1:], "--help").out
        assert not re.search(r"\bx[<>]|[<>]=?x\b|default: \(", shown), words


@pytest.mark.nightly
def test_examples_of_the_help_work(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "states"))
    monkeypatch.setenv("SOMSCAPE_AUDIT_KEY", "audit.key")
    Path("audit.key").write_text("k" * 32)
    Path("audit.key").chmod(0o600)
    early = ("example ", "detect ", "fit ", "run ", "export ")
    late = (" forget ", "backup monday", " restore ", "--state copy")

    def place(text: str) -> int:
        found = [i - len(early) for i, part in enumerate(early) if part in text]
        found += [i + 1 for i, part in enumerate(late) if part in text]
        return found[0] if found else 0

    examples = {example for _, command in commands() for example in command.examples}
    for example in sorted(examples, key=place):
        if example.split()[1] in ("app", "serve"):
            continue  # these wait for a person
        words = shlex.split(example)[1:]
        outcome = run(*words)
        assert outcome.code in (0, 3), (example, outcome.err)


def test_the_work_of_a_command_has_a_parameter_for_each_option() -> None:
    for name, command in commands():
        if isinstance(command, click.Group):
            continue
        given = {
            p.kind.__name__.lower() if isinstance(p, FieldOption) else p.name
            for p in command.params
            if p.expose_value
        }
        assert command.callback is not None
        parameters = inspect.signature(command.callback()).parameters.values()
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            continue
        needed = {p.name for p in parameters if p.default is inspect.Parameter.empty}
        assert needed <= given <= {p.name for p in parameters}, name


def test_detect_has_the_options_of_the_plan() -> None:
    options = {o for p in main.commands["detect"].params for o in p.opts if o.startswith("--")}
    plan = "--id --label --drop --category --number --missing --alerts --contamination --seed --out"
    assert {*plan.split(), "--force"} <= options


def test_defaults_are_seed_0_missing_fill_and_no_share() -> None:
    given = main.commands["detect"].make_context("detect", ["t.csv", "--out", "found"]).params
    assert (given["seed"], given["contamination"], given["alerts"]) == (0, None, None)
    assert given["missing"] == "fill"
    shown = " ".join(run("detect", "--help").out.split())
    for default in ("[default: fill]", "[default: 0;"):
        assert default in shown
    (share,) = re.findall(r"--contamination F (.*?) --", shown)
    assert share.startswith("Share of the rows in the list")
    assert "default" not in share


def test_short_help_option_works_too() -> None:
    assert run("detect", "-h").out == run("detect", "--help").out


def test_version_is_that_of_the_package() -> None:
    assert run("--version").out == f"somscape, version {somscape.__version__}\n"


def test_no_command_shows_the_help() -> None:
    outcome = run()
    assert "detect" in outcome.out + outcome.err


def test_unknown_command_is_refused() -> None:
    outcome = run("detct")
    assert outcome.code == 2
    assert "No such command 'detct'" in outcome.err


def test_no_help_loads_a_heavy_library() -> None:
    # One process for all: whichever loads one is to blame.
    code = f"""
import sys
from somscape.desk.cli._commands import main
from somscape.desk.cli._options import Command, option_rows
from somscape.desk.cli._options import FieldOption
for words in (["--help"], ["--version"], *([c, "--help"] for c in {COMMANDS!r})):
    try:
        main(words, prog_name="somscape")
    except SystemExit as end:
        assert not end.code
print("loaded:", *[name for name in {HEAVY!r} if name in sys.modules])
"""
    assert process(code).splitlines()[-1] == "loaded:"


def test_help_works_in_a_process_of_its_own() -> None:
    outcome = run_process("detect", "--help", is_fork=False)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: somscape detect [OPTIONS] TABLE")


def test_importing_somscape_loads_no_library() -> None:
    code = f"import sys, somscape; print(*[n for n in {HEAVY!r} if n in sys.modules])"
    assert process(code).strip() == ""


def test_importing_somscape_offers_its_public_names() -> None:
    code = (
        "import somscape; names = dir(somscape); print(*names); "
        "print(*[name for name in names if not hasattr(somscape, name)])"
    )
    names, absent = process(code).split("\n")[:2]
    assert {
        "SOM",
        "SOMDetector",
        "Detector",
        "Map",
        "Lattice",
        "load",
        "measures",
        "plots",
        "report",
    } <= set(names.split())
    assert absent == ""


def test_name_that_somscape_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'somscape' has no attribute 'SON'"):
        _ = somscape.SON


def test_predictions_are_not_called_a_list_for_decisions() -> None:
    assert "column for decisions" in " ".join(run("score", "--help").out.split())
    said = " ".join(run("predict", "--help").out.split())
    assert "decisions" not in said
    assert "unknown_row" in said


def test_the_package_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "somscape", "--version"], capture_output=True)
    assert done.returncode == 0
    assert done.stdout.decode() == f"somscape, version {somscape.__version__}\n"
