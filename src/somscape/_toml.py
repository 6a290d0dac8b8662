"""TOML, as far as our files need it: keys and values as text, and the line of a key.

Python reads TOML and does not write it.
"""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from somscape.errors import InputError

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPES = {"\\": r"\\", '"': r"\"", "\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"}

LONG_KEY = re.compile(
    r"""(?m)(?:^|[{,])[ \t\[]*(?:(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.[ \t]*){32}"""
)
"""A key of 32 parts or more: tomllib's time grows with the square of their number."""

PLACE = re.compile(r"(.*) \(at (?:(line \d+), column \d+|end of document)\)")


def key_text(name: str) -> str:
    """Return a name as a key."""
    return name if BARE_KEY.fullmatch(name) else _quoted(name)


def value_text(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(int(value) if isinstance(value, int) else float(value))
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key_text(key)} = {value_text(v)}" for key, v in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    if SURROGATE.search(text):
        raise InputError(f"{text!a} cannot be written: it holds half a letter. Rename it.")
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in ESCAPES:
        return ESCAPES[letter]
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if letter < "\U00010000" else f"\\U{ord(letter):08x}"


def parsed(text: str, source: str) -> dict[str, Any]:
    """Return the data of a text."""
    cure = 'Each line reads NAME = "VALUE"; a name with other marks than - and _ stands in quotes.'
    long_key = LONG_KEY.search(text)
    if long_key:
        number = text.count("\n", 0, long_key.end()) + 1
        raise InputError(f"{source}, line {number}: a key has too many parts. {cure}")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError(f"{source} nests its values too deeply. {cure}") from error
    except ValueError as error:  # a TOMLDecodeError, or a number of too many digits
        found = PLACE.fullmatch(str(error))
        what, line = (found[1], found[2] or "at its end") if found else ("a value is too long", "")
        where = f"{source}, {line}" if line else source
        said = f"{what[0].lower()}{what[1:]}"
        raise InputError(f"{where}: this is no TOML ({said}). {cure}") from error


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """Return the number of the line on which a key stands."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        keys = _keys(line)
        if line.lstrip().startswith("["):
            table = found = keys
        else:
            found = (*table, *keys)
        if found[: len(path)] == path:
            return number
    return None


def _keys(line: str) -> tuple[str, ...]:
    """Return the keys that one line names, each in the one before."""
    data: Any = {}
    for whole in (line, f"{line.partition('=')[0]}= 0"):  # a value may go on on the next line
        with suppress(ValueError, RecursionError):
            data = tomllib.loads(whole)
            break
    keys = []
    while data and isinstance(data, dict):
        key, data = next(iter(data.items()))
        keys.append(key)
    return tuple(keys)
