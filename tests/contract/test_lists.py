"""Lists in the source and the pages, commands and messages that repeat them say the same."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

import somscape
from somscape import SOM, TableEncoder, changes, measures, paths, plots
from somscape.desk.cli._commands import main
from somscape.desk.jobs.job import Job
from somscape.grid._neighborhood import NEIGHBORHOODS
from somscape.save import _load as _read
from somscape.tables._roles import ROLE_OF_KIND
from somscape.tables.kinds import ROLE_WORDS, SETTINGS

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    *("out", "force", "save_roles", "state", "audit_key", "allow_readable_secrets"),
    *("author", "replace", "verbose"),
}
"""Options of `detect` that are no part of the command that a report repeats."""


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_ending_of_a_program_stands_wherever_endings_are_listed() -> None:
    help_text = main.commands["convert"].help or ""
    places = {
        "docs/howto/files.md": page("docs/howto/files.md"),
        "somscape.load": inspect.getdoc(somscape.load) or "",
        "convert --help": help_text,
        "the message in maps/record.py": page("src/somscape/maps/record.py"),
    }
    assert len(_read.READERS) > 3
    for ending in _read.READERS:
        assert not [name for name, text in places.items() if ending not in text], ending


def test_every_neighborhood_stands_in_the_guide_and_in_som() -> None:
    for name in NEIGHBORHOODS:
        for place in (page("docs/howto/choosing.md"), SOM.__doc__ or ""):
            assert f'"{name}"' in place, name


def test_every_measure_stands_in_the_reference() -> None:
    listed = re.findall(r"^   measures\.(\w+)$", page("docs/reference.md"), re.M)
    public = {name for name in measures.__all__ if name not in ("nearest_counted",)}
    assert set(listed) == public


def test_every_picture_stands_in_the_reference_and_the_guide() -> None:
    listed = re.findall(r"^   plots\.(\w+)$", page("docs/reference.md"), re.M)
    assert set(listed) == set(plots.__all__)
    guide = page("docs/howto/pictures.md")
    assert not [name for name in plots.__all__ if name.islower() and name not in guide]


@pytest.mark.parametrize("folder", [paths, changes])
def test_everything_of_a_folder_stands_in_the_reference(folder: ModuleType) -> None:
    name = folder.__name__.rpartition(".")[2]
    listed = re.findall(rf"^   {name}\.(\w+)$", page("docs/reference.md"), re.M)
    assert set(listed) == set(folder.__all__)


def test_the_command_of_a_report_has_every_option_of_detect() -> None:
    command = main.commands["detect"]
    options = [p for p in command.params if isinstance(p, click.Option)]
    flags = {p.name for p in options if p.is_flag} - ELSEWHERE
    assert flags == {"ask_password", "bom", "fill"}
    for name in flags:
        flag = f"--{name.replace('_', '-')} "
        assert flag in Job(**{name: True}).command(["detect", "t.csv"], "DIR")
    names = {p.name for p in options} - ELSEWHERE - flags
    assert len(names) > 15
    for name in names:
        line = Job(**{name: ("given",)}).command(["detect", "t.csv"], "DIR")
        assert " given " in f"{line} ", name


def test_every_kind_and_part_of_a_roles_file_stands_in_the_guide() -> None:
    text = page("docs/howto/roles.md")
    assert f"kinds: {', '.join(ROLE_OF_KIND)}" in text
    for name in {*SETTINGS, "columns"} - {"label_value"}:
        assert re.search(rf"^(\[{name}\]|{name} = )", text, re.M), name
    options = {p.opts[0] for p in main.commands["detect"].params}
    assert {f"--{kind}" for kind in ROLE_OF_KIND} <= options


def test_every_role_of_a_file_is_a_parameter_of_the_encoder() -> None:
    parameters = set(TableEncoder().get_params())
    assert set(ROLE_WORDS) - parameters == {"per"}  # which an encoder refuses: rows come one by one
    # The others are about files, labels, lists and customers, and an encoder does not know these.
    assert (
        set(SETTINGS) - {"label_value", "reading", "missing_values", "rules"} - {"just_below"}
        <= parameters
    )
