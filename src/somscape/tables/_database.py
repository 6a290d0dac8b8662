"""The URL of a database: its engine, its file, its name in messages; without a password."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from somscape._files import full_disk, shown
from somscape.errors import InputError
from somscape.tables._words import quoted

SCHEME = re.compile("([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
NOT_DATABASES = ("file", "http", "https", "s3", "gs", "gcs", "abfs", "abfss", "hdfs")
FORMS = "sqlite:///FILE, duckdb:///FILE or postgresql://USER@HOST/NAME"

CONNECT_SECONDS = 20
"""After which a PostgreSQL server that does not answer is given up."""

NAME = re.compile("[a-z_]+")
WHERE_PASSWORDS_STAND = (
    "a password does not belong in a URL, which others see in lists of processes and in reports."
    " Leave it out; PostgreSQL's client takes it from ~/.pgpass, a service file or the environment"
    " variable PGPASSWORD"
)


@dataclass(frozen=True)
class Database:
    """A database.

    Attributes
    ----------
    engine : "sqlite", "duckdb" or "postgresql"
    url : str
        For the driver of PostgreSQL.
    file : Path or None
        None for a server.
    name : str
        What messages call it, such as "sqlite database bank.db".
    """

    engine: str
    url: str
    file: Path | None
    name: str


def is_url(text: object) -> bool:
    """Return whether a text is the URL of a database."""
    match = SCHEME.match(text) if isinstance(text, str) else None
    return match is not None and match[1].lower() not in NOT_DATABASES


def database_at(url: str) -> Database:
    """Take a URL apart; messages show nothing of it that may be a password."""
    match = SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if scheme in ("sqlite", "duckdb"):
        return _file_database(scheme, url)
    if scheme in ("postgresql", "postgres"):
        return _server_database(url)
    raise InputError(f"{quoted(scheme)} is no database that can be used; give {FORMS}")


def _file_database(engine: str, url: str) -> Database:
    place = url[len(engine) + 3 :]
    if not place.startswith("/") or len(place) == 1 or "?" in place:
        raise InputError(
            f"a URL of {engine} is {engine}:///FILE, with three slashes before a relative path,"
            " four before an absolute one, and nothing behind it"
        )
    file = Path(unquote(place[1:]))
    return Database(engine, url, file, f"{engine} database {shown(file.name)}")


def _server_database(url: str) -> Database:
    bad = InputError(f"this URL cannot be read; give {FORMS}, with %40 for an @ in a name")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise bad from None  # its message may hold a part of a password
    user, _, hosts = parts.netloc.rpartition("@")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if ":" in user or any("password" in name.lower() for name in parameters):
        raise InputError(WHERE_PASSWORDS_STAND, options="--ask-password asks for it")
    # A password with a slash or a question mark in it ends up here.
    ports = [re.sub(r"^(\[.*\]|[^:]*)", "", host) for host in hosts.split(",")]
    is_clean = (
        all(re.fullmatch("(:[0-9]*)?", port) for port in ports)
        and "@" not in parts.path + parts.fragment
        and not parts.fragment
        and parts.query.count("&") + bool(parts.query) == len(parameters)
        and all(NAME.fullmatch(name) for name in parameters)
    )
    if not is_clean:
        raise bad
    if "connect_timeout" not in parameters:
        url += f"{'&' if parts.query else '?'}connect_timeout={CONNECT_SECONDS}"
    name = unquote(parts.path[1:]) or parameters.get("dbname") or parameters.get("service") or ""
    return Database("postgresql", url, None, " ".join(["postgresql database", shown(name)]).strip())


def quote_name(name: str) -> str:
    """Return an identifier in quotes, as all three engines write it."""
    if not name or "\0" in name:
        raise InputError(f"{quoted(name)} cannot be the name of a table or column")
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def one_line(doing: str, database: Database) -> Iterator[None]:
    """Turn what a driver raises, and a missing driver, into one line without a secret."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise InputError(f"{doing} needs {package}; run: pip install 'somscape[sql]'") from error
    except InputError:
        raise
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        # Not `from error`: a log of the cause could show the connection string.
        raise InputError(f"{doing}: {_reason(error, database)}") from None


def _is_of_a_driver(error: Exception) -> bool:
    # By name: importing them to compare would take what is not installed.
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"sqlite3", "duckdb", "_duckdb", "adbc_driver_manager", "pyarrow"}) or (
        isinstance(error, OSError | UnicodeError)
    )


def _reason(error: Exception, database: Database) -> str:
    """Return the first line of what a driver says, without what it repeats of us."""
    text = str(error)
    if match := re.search(r"(?:ERROR|FATAL):\s+(.*)", text):
        text = match[1]
    else:
        text = re.sub(r"^[A-Z_]+: (\[\w+\] )?", "", text).strip()
        text = re.split("\n", text, maxsplit=1)[0]
    text = re.sub(r"\.? SQLSTATE: \w+$", "", text)
    if text == "not authorized":  # SQLite's word for all that `read_sql` forbids
        return "a query may only read the tables of its database"
    if database.file is not None and re.search("disk is full|No space left on device", text):
        return str(full_disk(OSError(errno.ENOSPC, text, database.file)))
    for secret in (database.url, os.environ.get("PGPASSWORD")):
        if secret:
            text = text.replace(secret, "...")
    return shown(text.strip().rstrip(".")) or type(error).__name__
