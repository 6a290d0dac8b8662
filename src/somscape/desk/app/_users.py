"""Read and write the private file with the names, roles and password hashes of users."""

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from somscape._files import read_secret, shown, whole
from somscape.errors import InputError
from somscape.tables._messages import check_libraries
from somscape.tables._roles import decoded, key_text, line_of, parsed, value_text

LOOK, DECIDE, RUN = ROLES = ("look", "decide", "run")
"""Roles of users. Each role includes the roles before it."""

MAY = {DECIDE: "mark rows", RUN: "add, run, change or delete"}
"""Actions that users without a role may not do, in words."""

MIN_LENGTH, MAX_LENGTH = 12, 256
"""Minimum and maximum number of characters of a password."""

MAX_USER_NAME = 64
MAX_BYTES = 1 << 20
"""Maximum size in bytes of a file of users."""

HASH = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)
"""Format of an Argon2id hash. Its three numbers are the memory in KiB, the passes and the lanes."""

MIN_MEMORY, MAX_MEMORY = 7168, 1 << 20
"""Minimum and maximum memory in KiB that is used to compute the hash of a password."""

MIN_WORK, MAX_WORK = 35_000, 1 << 24
"""Minimum and maximum product of the memory in KiB and the number of passes of a password hash. The
minimum is that of the weakest recommendation for Argon2id."""

MAX_LANES = 64

WRITTEN = """\
# Who may use the app, for: somscape app --users FILE
# Users are added, changed and removed by: somscape app --add-user NAME --users FILE
# Roles: look, decide (may also mark rows), run (may also add, run and delete)
"""


@dataclass(frozen=True)
class User:
    """A user of the app.

    Attributes
    ----------
    name : str
    role : str
        One of `ROLES`.
    password : str
        Hash of the user's password, or "" if a proxy identifies users.
    """

    name: str
    role: str
    password: str


def roles_in(role: str) -> tuple[str, ...]:
    """Return the roles that a role includes."""
    return ROLES[: ROLES.index(role) + 1]


def plain_name(text: str) -> str:
    """Return the name of a user in normalized form, or "" if the name is not allowed."""
    name = unicodedata.normalize("NFC", text.strip())
    return name if len(name) <= MAX_USER_NAME and name.isprintable() else ""


def hash_password(password: str) -> str:
    """Return the hash of a password."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InputError(
            f"A password must have {MIN_LENGTH} to {MAX_LENGTH} characters, but this password has "
            f"{len(password)}.",
            parameter="password",
        )
    check_libraries("hashing a password", ("team",), "argon2")
    from argon2 import PasswordHasher

    return PasswordHasher().hash(_plain(password))


def is_password(password: str, hashed: str) -> bool:
    """Return whether a password matches a hash."""
    # Late, because only a team needs argon2.
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHash

    try:
        return PasswordHasher().verify(hashed, _plain(password))
    except (Argon2Error, InvalidHash):
        return False


def _plain(password: str) -> bytes:
    # Accented characters may be typed in two ways.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def read_users(
    path: Path, *, has_passwords: bool, may_be_readable: bool = False
) -> dict[str, User]:
    """Read a file of users."""
    source = shown(path)
    try:
        data = read_secret(path, "`users`", may_be_readable=may_be_readable, limit=MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"`users` {source} cannot be read ({error.strerror}). Make the file with somscape "
            f"app --add-user NAME --role decide --users {source}",
            file=path,
        ) from error
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{source} has more than {MAX_BYTES:,} bytes, too many for a file of users. Give a "
            "file of `somscape app --add-user`.",
            file=source,
        )
    text = decoded(data, source)
    return _Reader(text, source, has_passwords).users(parsed(text, source))


@dataclass(frozen=True)
class _Reader:
    """Reads users from parsed data. Error messages never contain a value."""

    text: str
    source: str
    has_passwords: bool

    def users(self, data: Mapping[str, Any]) -> dict[str, User]:
        for part in data:
            if part != "users":
                self._refuse(
                    (part,), f"the part {part!r:.60} is not allowed. A user is [users.NAME]."
                )
        entries = data.get("users")
        if not isinstance(entries, dict) or not entries:
            self._refuse(
                ("users",),
                "the file does not contain a user. Add a user with somscape app --add-user NAME",
            )
        found: dict[str, User] = {}
        for key, entry in entries.items():
            user = self._user(key, entry)
            if user.name in found:
                self._refuse(
                    ("users", key), f"the user {user.name} occurs twice. Remove one of them."
                )
            found[user.name] = user
        return found

    def _user(self, key: str, entry: Any) -> User:
        path, name = ("users", key), plain_name(key)
        if not name:
            self._refuse(path, f"a name must have 1 to {MAX_USER_NAME} printable characters.")
        if not isinstance(entry, dict):
            self._refuse(path, f'{name} must be [users.NAME] with role = "{LOOK}" and a password.')
        for part in entry:
            if part not in ("role", "password"):
                self._refuse(
                    (*path, part), f"{name} may only have role and password, not {part!r:.60}."
                )
        role, password = entry.get("role"), entry.get("password", "")
        if role not in ROLES:
            self._refuse(
                (*path, "role") if "role" in entry else path,
                f'{name} needs role = "look", "decide" or "run".',
            )
        if password != "" or self.has_passwords:
            self._check_password((*path, "password") if "password" in entry else path, password)
        return User(name, role, password)

    def _check_password(self, path: tuple[str, ...], password: Any) -> None:
        cure = (
            f"Set the password with somscape app --add-user {shown(path[1])} --users {self.source}"
        )
        found = HASH.fullmatch(password) if isinstance(password, str) else None
        if found is None:
            self._refuse(
                path, f"this user needs a password that is hashed by Argon2id, v=19. {cure}"
            )
        memory, passes, lanes = map(int, found.groups())
        if memory < MIN_MEMORY or memory * passes < MIN_WORK:
            self._refuse(path, f"this password was hashed with too little time and memory. {cure}")
        if memory > MAX_MEMORY or memory * passes > MAX_WORK or not 0 < lanes <= MAX_LANES:
            self._refuse(path, f"checking this password would need too much time or memory. {cure}")

    def _refuse(self, path: tuple[str, ...], what: str) -> NoReturn:
        line = line_of(self.text, path)
        where = self.source if line is None else f"{self.source}, line {line}"
        raise InputError(f"{where}: {what}", file=self.source, line=line)


def write_users(path: Path, users: Mapping[str, User]) -> None:
    """Write a private file of users."""
    lines = [WRITTEN]
    for user in users.values():
        lines.append(f"\n[users.{key_text(user.name)}]\nrole = {value_text(user.role)}\n")
        if user.password:
            lines.append(f"password = {value_text(user.password)}\n")
    with whole(path.resolve() if path.exists() else path) as making:
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)


class Users:
    """The current users of a file. It is read again after each change.

    As long as the changed file is invalid, the app refuses all users.

    Parameters
    ----------
    path : Path
    has_passwords : bool
        Whether each user needs a password.
    may_be_readable : bool, default=False
        Whether the file may be readable by other users of the computer.
    say : callable
        Function that receives a one-line message if the file becomes invalid.

    Raises
    ------
    InputError
        If the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        has_passwords: bool,
        may_be_readable: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._path, self._say = path, say
        self._read = partial(
            read_users, path, has_passwords=has_passwords, may_be_readable=may_be_readable
        )
        self._stamp = _stamp(path)
        self._users: dict[str, User] | None = self._read()

    def now(self) -> Mapping[str, User] | None:
        """Return the users by name, or None as long as the file is invalid."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._users = self._read()
            except InputError as error:
                self._users = None
                self._say(f"All users are locked out. {' '.join(str(error).split())}")
        return self._users


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
