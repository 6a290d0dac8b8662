"""The file of a run that another run can go on from: a map, and in it the journal of the run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s
from somscape.errors import InputError, MapFileError
from somscape.fit._fingerprint import Fingerprint, fingerprint_of
from somscape.fit._journal import Journal
from somscape.fit._pieces import AnyRows
from somscape.fit._progress import Callback
from somscape.fit._settings import Settings
from somscape.grid import Lattice, lattice_parts
from somscape.maps import Map
from somscape.records import Record, read_record, write_record

PART = "checkpoint"
"""Name of the part of the header, and prefix of the arrays, that a mere map lacks."""

MAX_SHOWN = 8
"""Most values of a parameter that are shown; of more, a digest."""

ANEW = "leave `resume` out to start anew"


@dataclass(frozen=True, eq=False)
class Identity:
    """What a run's bits follow from.

    Attributes
    ----------
    settings : dict of str to str
        Each parameter, as text.
    rows : Fingerprint
    """

    settings: Mapping[str, str]
    rows: Fingerprint

    @classmethod
    def of(cls, settings: Settings, rows: AnyRows, weights: Float64s | None) -> "Identity":
        """Return what the run of these settings on these rows follows from."""
        names = [field.name for field in fields(settings) if field.name != "callbacks"]
        said = {name: _text(getattr(settings, name)) for name in names}
        return cls(said, fingerprint_of(rows, weights))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {"settings": dict(self.settings), "rows": self.rows.to_json()}

    def difference(self, now: "Identity") -> str:
        """Say what differs from this and what to do, or return "" if nothing does."""
        for name in sorted({*self.settings, *now.settings}):
            was, is_ = (found.settings.get(name, "absent") for found in (self, now))
            if was != is_:
                name = "random_state" if name == "seed" else name
                return f"`{name}` was {was} then, and is {is_} now. Pass what it was"
        other = self.rows.difference(now.rows)
        return f"{other}. Pass the rows that it was trained on" if other else ""


@dataclass(frozen=True, eq=False)
class PastRun:
    """What a file tells of a run, which another can go on from.

    Attributes
    ----------
    path : str
    identity : Identity
    journal : Journal
    """

    path: str
    identity: Identity
    journal: Journal

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.identity.settings["seed"])

    def check(self, now: Identity) -> None:
        """Raise InputError if another run follows from other things, and say which."""
        other = self.identity.difference(now)
        if other:
            raise InputError(f"`resume`: {self.path} is of another training: {other}, or {ANEW}.")


def write_checkpoint(path: str | Path, map_: Map, journal: Journal, identity: Identity) -> None:
    """Write a file from which a run can go on."""
    record, arrays = map_.to_record(), journal.to_arrays()
    part = {**identity.to_json(), "digest": _digest(identity, arrays)}
    named = {f"{PART}.{name}": values for name, values in arrays.items()}
    write_record(path, Record({**record.header, PART: part}, {**record.arrays, **named}))


def read_checkpoint(
    path: str | Path, versions: Mapping[str, str], callbacks: Sequence[Callback] = ()
) -> PastRun | None:
    """Read what a run has done."""
    target = Path(path).resolve()
    if not target.exists():
        own = [given for c in callbacks if (given := getattr(c, "path", None)) is not None]
        if any(Path(given).resolve() == target for given in own):
            return None
        raise InputError(
            f"`resume`: {path}: no such file. Pass the file of an earlier training, or {ANEW}. The "
            f"first training may have it with `callbacks=[Checkpoint({str(path)!r})]`."
        )
    record = read_record(path)
    part = record.header.get(PART)
    if part is None:
        raise InputError(
            f"`resume`: {path} is a map, and no checkpoint. Pass a file that a `Checkpoint` wrote, "
            f"or {ANEW}.",
        )
    written = record.header["versions"]
    if written != dict(versions):
        raise InputError(
            f"`resume`: {path} was written by {_listed(written)}; this is {_listed(versions)}, "
            f"whose maps may differ. Go on with those versions, or {ANEW}."
        )
    prefix = f"{PART}."
    arrays = {k.removeprefix(prefix): v for k, v in record.arrays.items() if k.startswith(prefix)}
    try:
        identity = Identity(part["settings"], Fingerprint.from_json(part["rows"]))
        is_whole = part["digest"] == _digest(identity, arrays)
        found = PastRun(str(path), identity, Journal.from_arrays(arrays)) if is_whole else None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        found = None
    if found is None:
        raise damaged(path)
    return found


def damaged(path: str | Path) -> MapFileError:
    """Return the error of a file that is not as it was written."""
    return MapFileError(
        f"`resume`: {path} is a damaged checkpoint: it is not what was written. Take a copy of it, "
        f"or {ANEW}."
    )


def _digest(identity: Identity, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a digest of all that a run goes on from."""
    found = blake2b(json.dumps(identity.to_json(), sort_keys=True).encode(), digest_size=16)
    for name, values in sorted(arrays.items()):
        found.update(f"{name} {values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).data)
    return found.hexdigest()


def _listed(versions: Any) -> str:
    pairs = versions.items() if isinstance(versions, dict) else ()
    return " and ".join(f"{name} {number}" for name, number in sorted(pairs)) or "another program"


def _text(value: Any) -> str:
    """Return a parameter as text, the same for equal ones."""
    if value is None or isinstance(value, str | bool):
        return repr(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, Map):
        parts = (value.lattice, value.codebook, *value.metric.to_arrays().values())
        parameters = json.dumps(dict(value.parameters), sort_keys=True)
        said = [*map(_text, parts), value.metric.name, parameters]
        return f"a map ({_short(' '.join(said).encode())})"
    if isinstance(value, Lattice):
        kind, arrays = lattice_parts(value)
        return f"{kind} {' '.join(map(_text, arrays.values()))}".strip()
    numbers: Float64s = np.asarray(value, dtype=np.float64)
    if numbers.size > MAX_SHOWN:
        shape = " x ".join(map(str, numbers.shape))
        return f"an array of {shape} ({_short(np.ascontiguousarray(numbers).tobytes())})"
    if numbers.ndim == 0 and numbers == np.rint(numbers):
        return str(int(numbers))
    return repr(numbers.tolist())


def _short(data: bytes) -> str:
    return blake2b(data, digest_size=4).hexdigest()
