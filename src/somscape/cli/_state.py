"""The state that options name, and who asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from somscape._files import read_secret
from somscape.cases import State, state_folder, user_of_computer
from somscape.errors import InputError

MIN_KEY = 16
"""Bytes of a secret that nobody guesses."""


def open_state(options: Mapping[str, Any]) -> State:
    """Open the state that ``state`` and ``audit_key`` name."""
    key, where = options["audit_key"], options["state"]
    may_be_readable = bool(options["allow_readable_secrets"])
    return State(where or state_folder(), None if key is None else _secret(key, may_be_readable))


def author_of(options: Mapping[str, Any]) -> str:
    """Return who asks: ``author``, or the user of this computer."""
    return str(options.get("author") or user_of_computer())


def _secret(path: Path, may_be_readable: bool) -> bytes:
    key = read_secret(path, "`audit_key`", may_be_readable=may_be_readable).strip()
    if len(key) < MIN_KEY:
        raise InputError(
            f"`audit_key` {path} holds {len(key)} bytes; a secret has at least {MIN_KEY}. Make one "
            f"with: (umask 077; openssl rand -hex 32 > {path})"
        )
    return key
