"""The library's messages in the words of the command line: options instead of parameters."""

import re

import click

from somscape._files import shown


def as_typed(message: object, command: click.Command | None) -> str:
    """Return a message in one line, with the options that it advises at its end.

    Parameters
    ----------
    message : Exception, Warning or str
        Its `options`, where it has some, are added in parentheses, and its `python` left out.
    command : click.Command or None
        The parameters of its options are called by those options; None: by their own names.

    Returns
    -------
    str
    """
    line = " ".join(str(message).replace(getattr(message, "python", ""), "").split())
    line = line.replace("leave them 'auto'", "leave them out")
    parts = command.commands.values() if isinstance(command, click.Group) else ()
    for parameter in (p for each in (command, *parts) if each for p in each.params):
        if isinstance(parameter, click.Option):
            line = line.replace(f"`{parameter.name}`", parameter.opts[0])
    options = getattr(message, "options", "")
    if options and line.endswith("."):
        line = f"{line[:-1]} ({options})."
    elif options:
        line = f"{line} ({options})"
    return shown(without_password(line))


def without_password(line: str) -> str:
    """Return a line without the password that a URL in it may hold.

    Parameters
    ----------
    line : str

    Returns
    -------
    str

    Examples
    --------
    >>> without_password("postgresql://anna:secret@bank/loans: no such file")
    'postgresql://...@bank/loans: no such file'
    """
    line = re.sub(r"(:/+)\S*:\S*@", r"\1...@", line)
    return re.sub(r"(?i)(password=)[^&\s]*", r"\1...", line)
