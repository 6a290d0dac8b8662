"""Writes a page for each command, from its own help."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
from guides import guide_of_command

from somscape.desk.cli._commands import main
from somscape.desk.cli._options import Command, option_rows

PROGRAM = "somscape"
HELP = {"info_name": PROGRAM, **main.context_settings}
ENDS = {
    0: "The command finished.",
    1: "The command was stopped, for example by Ctrl-C.",
    2: "The input has an error. The message has one line.",
}
NEWS = {"score": {3: "The command finished, and the watch has new alerts."}}


def commands(group: click.Group = main, words: str = "") -> Iterator[tuple[str, click.Command]]:
    """Go through all commands and those below them, such as `cases mark`."""
    for name in group.list_commands(click.Context(group)):
        command, path = group.commands[name], f"{words} {name}".strip()
        yield path, command
        if isinstance(command, click.Group):
            yield from commands(command, path)


def page_of(words: str) -> str:
    """Return the name of a command's page."""
    return words.replace(" ", "_")


def as_text(plain: str) -> str:
    """Return a text of the help as reStructuredText: options and what is in backticks are code."""
    parts = re.split(r"(`.+?`|(?<![\w-])--[a-z][a-z-]*)", plain)
    parts[::2] = [re.sub(r"([\\*_|])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"``{code.strip('`')}``" for code in parts[1::2]]
    return "".join(parts)


def help_of(command: click.Command) -> Iterator[str]:
    """Go through the paragraphs of a command's help; lines that stay as they are are code."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            lines = paragraph.removeprefix("\b\n").splitlines()
            yield "\n".join([".. code-block:: shell", "", *(f"   {line}" for line in lines)])
        else:
            yield as_text(" ".join(paragraph.split()))


def options_of(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the headings and options of a command in the order of its help."""
    for heading, rows in option_rows(command, context).items():
        yield f".. rubric:: {heading}"
        for names, text in rows:
            yield f".. option:: {names}\n\n   {as_text(text)}"


def examples_of(command: click.Command) -> Iterator[str]:
    """Yield the examples of a command as a block of code."""
    if isinstance(command, Command):
        lines = [".. code-block:: shell", "", *(f"   {line}" for line in command.examples)]
        yield from (".. rubric:: Examples", "\n".join(lines))


def below(words: str, group: click.Command) -> Iterator[str]:
    """Go through the commands of a group, each with its first sentence; others have none."""
    if isinstance(group, click.Group):
        for name in group.list_commands(click.Context(group)):
            page = page_of(f"{words} {name}")
            said = next(help_of(group.commands[name]))
            yield f":doc:`{PROGRAM} {words} {name} <{page}>`\n   {said}"


def page(words: str, command: click.Command) -> str:
    """Return a command's page."""
    title = f"{PROGRAM} {words}"
    context = click.Context(command, info_name=words, parent=click.Context(main, **HELP))
    usage = " ".join([title, *command.collect_usage_pieces(context)])
    codes = [f"* {number}: {said}" for number, said in {**ENDS, **NEWS.get(words, {})}.items()]
    if "exit code" in (command.help or "").lower():
        codes = ["See above. 1 means that the command was stopped, for example by Ctrl-C."]
    parts = [
        f"{title}\n{'=' * len(title)}",
        f".. program:: {title}",
        f".. code-block:: text\n\n   {usage}",
        *help_of(command),
        *below(words, command),
        *examples_of(command),
        *options_of(command, context),
        ".. rubric:: Exit codes",
        "\n".join(codes),
        ".. rubric:: Page with examples",
        f":doc:`/{guide_of_command(words)}`",
    ]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """Return the page that lists all commands."""
    rows = [
        f":doc:`{PROGRAM} {words} <{page_of(words)}>`\n   {next(help_of(command))}"
        for words, command in commands()
        if " " not in words
    ]
    tree = "\n".join(f"   {page_of(words)}" for words, _ in commands())
    return "\n\n".join(
        [
            "Commands\n========",
            f"``{PROGRAM} COMMAND --help`` prints the text of each page.",
            *rows,
            f".. toctree::\n   :hidden:\n\n{tree}\n",
        ]
    )


def write(folder: Path) -> None:
    """Write all pages into a folder, where they have changed."""
    folder.mkdir(exist_ok=True)
    pages = {page_of(words): page(words, command) for words, command in commands()}
    for name, text in {**pages, "index": index()}.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
