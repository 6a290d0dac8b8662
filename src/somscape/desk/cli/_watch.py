"""Open the state, and make a watch from the result of a detection."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from somscape._files import read_secret
from somscape._types import Ints
from somscape.changes import difference
from somscape.desk.cases._begin import begin_watch, check_name, detector_of_watch, known_cases
from somscape.desk.cases._database import state_folder, user_of_computer
from somscape.desk.cases._watch import key_columns, source_of
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cases.state import State
from somscape.desk.cli._options import Access
from somscape.desk.jobs._detect import Found
from somscape.desk.jobs._roles import PerOptions
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.maps.map import Map
from somscape.tables._messages import listed
from somscape.tables.encoding import Encoding

MIN_KEY = 16
"""Minimum number of bytes of a secret. Shorter secrets could be guessed."""


def open_state(access: Access) -> State:
    """Open the state with the options of a command."""
    path = access.audit_key
    key = None if path is None else _secret(path, access.allow_readable_secrets)
    return State(access.state or state_folder(), key)


def files_of(access: Access) -> list[Path]:
    """Return the file of the key, and the folder of the state with its files."""
    state = Path(access.state or state_folder())
    return [*([access.audit_key] if access.audit_key else []), state, *state.glob("*")]


def author_of(access: Access) -> str:
    """Return the value of the option ``author``, or else the name of the computer's user."""
    return access.author or user_of_computer()


def _secret(path: Path, may_be_readable: bool) -> bytes:
    key = read_secret(path, "`audit_key`", may_be_readable=may_be_readable).strip()
    if len(key) < MIN_KEY:
        raise InputError(
            f"`audit_key` {path} has {len(key)} bytes, but a secret must have at least {MIN_KEY}. "
            f"Make a secret with (umask 077; openssl rand -hex 32 > {path})",
            file=path,
        )
    return key


@dataclass(frozen=True, eq=False)
class NewWatch:
    """A new watch to be saved, or an existing watch that receives a new map.

    Attributes
    ----------
    state : State
    job : Job
    path : str
        The table.
    author : str
    key : tuple of str
        Columns that identify the rows.
    known : ndarray or None
        Known decisions on the rows, for training.
    map_before : Map or None
        Map that the watch had before, or None for a new watch.
    """

    state: State
    job: Job
    path: str
    author: str
    key: tuple[str, ...]
    known: Ints | None
    map_before: Map | None

    def begun(self, found: Found) -> RunOutcome:
        """Save the watch, and record the result of a detection as its first run."""
        notes = []
        if found.detector.marks is not None:
            notes.append(found.detector.effect_of_marks)
        if self.map_before is not None:
            notes += _map_change_notes(self.map_before, found.detector.map_)
        return begin_watch(
            self.state,
            str(self.job.watch),
            found,
            key=self.key,
            source=source_of(self.path),
            job=self.job,
            author=self.author,
            clear_for=self.job.clear_for,
            notes=notes,
        )


def _map_change_notes(before: Map, after: Map) -> list[str]:
    if before.lattice != after.lattice:
        return ["The new map has another size, so the two maps cannot be compared."]
    try:
        lines = str(difference(before, after)).splitlines()
    except InputError:
        return ["The new map has other columns, so the two maps cannot be compared."]
    return [f"Comparison of the new map with the earlier map: {lines[0]}", *lines[1:]]


def check_watch(job: Job, path: str, *, replace: bool) -> None:
    """Raise InputError if options for a watch are given without a watch or with invalid values."""
    if job.watch is None:
        given = [*job.only("key", "clear_for").given(), *(["replace"] if replace else [])]
        if given:
            raise InputError(
                f"`{given[0]}` is only for a watch. Give the watch a name with `watch`."
            )
        return
    check_name(job.watch)
    source_of(path)


@contextmanager
def watch_of(
    job: Job, access: Access, path: str, subject: PerOptions, encoding: Encoding, *, replace: bool
) -> Iterator[NewWatch | None]:
    """Yield the watch that the options name, or None."""
    name = job.watch
    if name is None:
        yield None
        return
    per, id_column = subject.given.per, encoding.named("id")
    key = key_columns(subject.as_read, job.key, per=per, id_column=id_column)
    with open_state(access) as state:
        before = detector_of_watch(state, name)
        if before is not None and state.watch(name).key != key:
            raise InputError(
                f"The watch {name} identifies rows by {listed(state.watch(name).key)}, but the key "
                f"is now {listed(key)}. The earlier decisions need the same key. Give `key` the "
                "same columns, or start another watch.",
                parameter="key",
                allowed=", ".join(state.watch(name).key),
            )
        new = partial(NewWatch, state, job, path, author_of(access), key)
        if before is None:
            yield new(None, None)
            return
        if not replace:
            _check_columns(name, before.map_.encoding, encoding)
        known = known_cases(state, name, subject.table, key, before)
        yield new(known, before.map_)


def _check_columns(name: str, before: Encoding, now: Encoding) -> None:
    """Raise InputError if the new map of a watch would use other columns than its old map."""
    old, new = ([code.name for code in each.used] for each in (before, now))
    only = {
        "only the watch uses": [column for column in old if column not in new],
        "only this training uses": [column for column in new if column not in old],
    }
    differ = [f"{words} {listed(names, 5)}" for words, names in only.items() if names]
    if differ:
        raise InputError(
            f"The watch {name} and this training use different columns ({', and '.join(differ)}). "
            "Start another watch, or let the new map replace the map of the watch.",
            options="--replace",
            parameter="watch",
            value=name,
        )
