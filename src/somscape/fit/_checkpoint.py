"""Checkpoint files, from which an interrupted training can be resumed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from hashlib import blake2b
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats
from somscape._weights import blocks, ones_or
from somscape.errors import InputError, MapFileError, ParameterError
from somscape.fit.pieces import AnyRows, RowsElsewhere
from somscape.fit.problem import DIGEST_BYTES, EpochSums
from somscape.fit.settings import Callback, Progress, Settings
from somscape.grid.graph import lattice_parts
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import DeviceArray, Rows, SparseRows
from somscape.maps.map import Map
from somscape.maps.record import Record, arrays_within, read_record, write_record

OPTIONAL = ("counts", "totals", "error", "seen")
"""Names of those arrays in a stored training state that can be absent."""


class StepState(NamedTuple):
    """State of a training run after one epoch or block.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features)
        Prototypes after the transformation by the metric.  In online training, prototypes have the
        data type of the rows.
    sums : EpochSums or None
        Sums from which the codebook was computed.  None for an initial codebook and in online
        training.
    """

    codebook: Floats
    sums: EpochSums | None = None

    def to_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        arrays: dict[str, NDArray[Any]] = {f"{prefix}prototypes": self.codebook}
        if self.sums is not None:
            found = {name: getattr(self.sums, name) for name in OPTIONAL}
            found["error"] = np.array([self.sums.error], dtype=np.int64)
            arrays |= {f"{prefix}{name}": a for name, a in found.items() if a is not None}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "StepState":
        """Create a state from named arrays."""
        codebook = arrays[f"{prefix}prototypes"].copy()
        counts, totals, error, seen = (arrays.get(f"{prefix}{name}") for name in OPTIONAL)
        if counts is None or totals is None or error is None:
            return cls(codebook)
        seen = None if seen is None else seen.copy()
        return cls(codebook, EpochSums(counts.copy(), totals.copy(), int(error[0]), seen))


@dataclass
class Journal:
    """Record of a training run.

    Attributes
    ----------
    steps : list of Progress
        Reports of the epochs, or of the blocks of online updates.
    digests : list of bytes
        For each epoch at the last radius, the digest of its sums.  Training stops if a digest
        repeats.
    errors : list of float
        Error of the map after each start and each round of moving units.
    state : State or None
        State after the last epoch or block.  None before the first epoch or block.
    best : State or None
        State with the lowest error of all starts and rounds of moving units.  None before the end
        of the first start.
    """

    steps: list[Progress] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    state: StepState | None = None
    best: StepState | None = None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the journal as named arrays."""
        digests = np.frombuffer(b"".join(self.digests), dtype=np.uint8)
        arrays: dict[str, NDArray[Any]] = {
            "steps": np.array(self.steps, dtype=np.float64).reshape(-1, len(Progress._fields)),
            "digests": digests.reshape(-1, DIGEST_BYTES),
            "errors": np.array(self.errors, dtype=np.float64),
        }
        for prefix, state in (("", self.state), ("best_", self.best)):
            arrays |= {} if state is None else state.to_arrays(prefix)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Journal":
        """Create a journal from named arrays, or raise an error if there are no reports."""
        steps = [_progress_of(values) for values in arrays["steps"].tolist()]
        digests = [bytes(values) for values in arrays["digests"].tolist()]
        if not steps:
            raise ParameterError("no step")
        best = StepState.from_arrays(arrays, "best_") if "best_prototypes" in arrays else None
        state = StepState.from_arrays(arrays, "")
        return cls(steps, digests, arrays["errors"].tolist(), state, best)


def _progress_of(values: list[float]) -> Progress:
    step, n_steps, radius, error, movement, n_units, n_samples = values
    return Progress(int(step), int(n_steps), radius, error, movement, int(n_units), int(n_samples))


HASHED_VALUES = 1 << 15
"""Number of values hashed at a time.  The values fit into a cache."""

GOLDEN, LARGEST = 0x9E3779B97F4A7C15, 1 << 64
"""Multiplier for mixing bits of hashes, and the number 2^64 at which sums of hashes wrap around."""

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Fingerprint:
    """Checksums of rows.

    Attributes
    ----------
    n_rows, n_features : int
    dtype : str
        Name of the data type of the values.
    values, weights, order : int
        Three sums over all rows, modulo 2^64.  For each row, the first sum adds a hash of its
        values, the second a hash of values and weight, and the third a hash of values and row
        number.
    """

    n_rows: int
    n_features: int
    dtype: str
    values: int
    weights: int
    order: int

    @classmethod
    def of(cls, rows: Rows, weights: Float64s | None, first: int = 0) -> "Fingerprint":
        """Return the fingerprint of rows."""
        n_rows, n_features = rows.shape
        factors = mix(np.arange(1, n_features + 1, dtype=np.uint64)) | np.uint64(1)
        sums = [0, 0, 0]
        for part in blocks(n_rows, max(1, HASHED_VALUES // n_features)):
            some = rows[part]
            if isinstance(some, DeviceArray):
                some = np.asarray(some)
            hashes = mix(hash_rows(some, factors))
            share = ones_or(None if weights is None else weights[part], len(hashes))
            place = np.arange(first + part.start, first + part.stop, dtype=np.uint64)
            weighted = hashes + mix(share.view(np.uint64))
            for i, words in enumerate((hashes, mix(weighted), mix(hashes + mix(place)))):
                sums[i] += int(words.sum())
        return cls(n_rows, n_features, str(rows.dtype), *(total % LARGEST for total in sums))

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of the rows of both fingerprints."""
        names = ("values", "weights", "order")
        sums = ((getattr(self, name) + getattr(other, name)) % LARGEST for name in names)
        return Fingerprint(self.n_rows + other.n_rows, self.n_features, self.dtype, *sums)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        return {k: v if k.startswith("n_") else str(v) for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Fingerprint":
        """Create a fingerprint from the result of `to_json`."""
        numbers = (int(data[name]) for name in ("values", "weights", "order"))
        return cls(int(data["n_rows"]), int(data["n_features"]), str(data["dtype"]), *numbers)

    def difference(self, now: "Fingerprint") -> str:
        """Describe how the rows of `now` differ from these rows, or return "" if equal."""
        then = self
        if (then.n_rows, then.n_features) != (now.n_rows, now.n_features):
            shapes = (f"{f.n_rows} x {f.n_features}" for f in (then, now))
            return "X was {}, but is {} now".format(*shapes)
        if then.values != now.values:
            return f"X has the same shape, {now.n_rows} x {now.n_features}, but different values"
        if then.weights != now.weights:
            return "X has the same rows, but different weights"
        if then.order != now.order:
            return "X has the same rows, but in a different order"
        return "" if then.dtype == now.dtype else f"X was {then.dtype}, but is {now.dtype} now"


def fingerprint_of(rows: AnyRows, weights: Float64s | None) -> Fingerprint:
    """Return the fingerprint of rows in memory or in pieces."""
    if not isinstance(rows, RowsElsewhere):
        return Fingerprint.of(rows, weights)
    return rows.total(partial(_fingerprint_of_piece, rows.begins), add)


def _fingerprint_of_piece(begins: Sequence[int], number: int, rows: Floats) -> Fingerprint:
    return Fingerprint.of(rows, None, begins[number])


def hash_rows(rows: Rows, factors: Words) -> Words:
    """Return one hash per row.  A sparse row has the same hash as an equal dense row."""
    if not isinstance(rows, SparseRows):
        found: Words = _convert_to_words(np.asarray(rows)) @ factors
        return found
    values = _convert_to_words(rows.values) * factors[rows.features]
    upto = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    return upto[rows.begin[1:]] - upto[rows.begin[:-1]]


def _convert_to_words(values: Floats) -> Words:
    """Return an integer for each floating-point value, computed from its bits."""
    if values.dtype == np.float32:
        return values.view(np.uint32).astype(np.uint64)
    words = values.view(np.uint64)
    return words ^ (words >> np.uint64(32))


def mix(words: Words) -> Words:
    """Mix the bits of each 64-bit integer."""
    mixed = words.copy()
    for _ in range(2):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(GOLDEN)
    mixed ^= mixed >> np.uint64(32)
    return mixed


PART = "checkpoint"
"""Header entry of a checkpoint file, and prefix of its array names."""

MAX_SHOWN = 8
"""Maximum length of an array of which a message shows all values.  Longer arrays appear as a
digest."""

ANEW = "leave `resume` out to start from the beginning"


@dataclass(frozen=True, eq=False)
class Identity:
    """Settings and rows that determine the result of a run.

    Attributes
    ----------
    settings : dict of str to str
        Each parameter as text.
    rows : Fingerprint
    """

    settings: Mapping[str, str]
    rows: Fingerprint

    @classmethod
    def of(cls, settings: Settings, rows: AnyRows, weights: Float64s | None) -> "Identity":
        """Return the identity of a run with these settings and rows."""
        names = [field.name for field in fields(settings) if field.name != "callbacks"]
        said = {name: _text(getattr(settings, name)) for name in names}
        return cls(said, fingerprint_of(rows, weights))

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        return {"settings": dict(self.settings), "rows": self.rows.to_json()}

    def difference(self, now: "Identity") -> str:
        """Describe how the run `now` differs from this run, or return "" if both are equal."""
        for name in sorted({*self.settings, *now.settings}):
            was, is_ = (found.settings.get(name, "absent") for found in (self, now))
            if was != is_:
                name = "random_state" if name == "seed" else name
                return f"`{name}` was {was}, but is {is_} now. Pass the earlier value"
        other = self.rows.difference(now.rows)
        return f"{other}. Pass the rows of the earlier training" if other else ""


@dataclass(frozen=True, eq=False)
class PastRun:
    """A training run from a checkpoint file.

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
        """Raise InputError if settings or rows of the new run differ from the earlier run."""
        other = self.identity.difference(now)
        if other:
            raise InputError(
                f"`resume` is {self.path}, which belongs to another training. {other}, or {ANEW}.",
                file=self.path,
            )


def write_checkpoint(path: str | Path, map_: Map, journal: Journal, identity: Identity) -> None:
    """Write a checkpoint file."""
    record, arrays = map_.to_record(), journal.to_arrays()
    part = {**identity.to_json(), "digest": _digest(identity, arrays)}
    named = {f"{PART}.{name}": values for name, values in arrays.items()}
    write_record(path, Record({**record.header, PART: part}, {**record.arrays, **named}))


def read_checkpoint(
    path: str | Path, versions: Mapping[str, str], callbacks: Sequence[Callback] = ()
) -> PastRun | None:
    """Read a run from a checkpoint file, or return None if a callback will write this file."""
    target = Path(path).resolve()
    if not target.exists():
        own = [given for c in callbacks if (given := getattr(c, "path", None)) is not None]
        if any(Path(given).resolve() == target for given in own):
            return None
        raise InputError(
            f"`resume` is {path}, but this file does not exist. Pass the file of an earlier "
            f"training, or {ANEW}. The first training can write the file with "
            f"`callbacks=[Checkpoint({str(path)!r})]`.",
            file=path,
        )
    record = read_record(path)
    part = record.header.get(PART)
    if part is None:
        raise InputError(
            f"`resume` is {path}, which is a map and not a checkpoint. Pass a file that a "
            f"`Checkpoint` wrote, or {ANEW}.",
            file=path,
        )
    written = record.header["versions"]
    if written != dict(versions):
        raise InputError(
            f"`resume` is {path}, which was written with {_listed(written)}. The installed "
            f"{_listed(versions)} might give another map. Install the earlier versions, or {ANEW}.",
            file=path,
            value=_listed(written),
            allowed=_listed(versions),
        )
    arrays = arrays_within(record.arrays, PART)
    try:
        identity = Identity(part["settings"], Fingerprint.from_json(part["rows"]))
        is_whole = part["digest"] == _digest(identity, arrays)
        found = PastRun(str(path), identity, Journal.from_arrays(arrays)) if is_whole else None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        found = None
    if found is None:
        raise broken(path)
    return found


def broken(path: str | Path) -> MapFileError:
    """Return the error for a damaged checkpoint."""
    return MapFileError(
        f"`resume` is {path}, which is damaged. Use a copy of the checkpoint, or {ANEW}.", file=path
    )


def _digest(identity: Identity, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a digest of the settings and arrays that a checkpoint stores for a run."""
    found = blake2b(json.dumps(identity.to_json(), sort_keys=True).encode(), digest_size=16)
    for name, values in sorted(arrays.items()):
        found.update(f"{name} {values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).data)
    return found.hexdigest()


def _listed(versions: Any) -> str:
    pairs = versions.items() if isinstance(versions, dict) else ()
    return " and ".join(f"{name} {number}" for name, number in sorted(pairs)) or "another program"


def _text(value: Any) -> str:
    """Return a parameter as text.  Equal parameters give equal texts."""
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
