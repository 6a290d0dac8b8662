"""Passwords: hashed by Argon2id, and checked in threads, a few at a time."""

import asyncio
import hashlib
import importlib.util
import unicodedata
from collections.abc import Mapping

from somscape.app._users import User
from somscape.errors import InputError

MIN_LENGTH, MAX_LENGTH = 12, 256
"""Letters of a password."""

AT_A_TIME, MAX_WAITING = 2, 20
"""Checks, each of which takes memory for as long as it runs; more must come again."""


def hash_password(password: str) -> str:
    """Return what stands for a password in a file of users."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InputError(
            f"a password has {MIN_LENGTH} to {MAX_LENGTH} letters; this one has {len(password)}."
        )
    if importlib.util.find_spec("argon2") is None:
        raise InputError("passwords need argon2; run: pip install 'somscape[app,team]'")
    from argon2 import PasswordHasher

    return PasswordHasher().hash(_plain(password))


def is_password(password: str, hashed: str) -> bool:
    """Return whether a password is the one that was hashed."""
    # Late, because only a team needs it.
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHash

    try:
        return PasswordHasher().verify(hashed, _plain(password))
    except (Argon2Error, InvalidHash):
        return False


def _plain(password: str) -> bytes:
    # Letters with marks may be typed in two ways.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


class Checks:
    """The checks of passwords that are under way."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._n = 0

    @property
    def is_full(self) -> bool:
        """Whether the line is full: whoever comes now must try again later."""
        return self._n >= MAX_WAITING

    async def user(self, users: Mapping[str, User], name: str, password: str) -> User | None:
        """Return the user with a name and password, or None, after the same time."""
        found = users.get(name)
        number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
        asked = found or [*users.values()][number % len(users)]
        self._n += 1
        try:
            async with self._places:
                is_right = await asyncio.to_thread(is_password, password, asked.password)
        finally:
            self._n -= 1
        return found if is_right else None
