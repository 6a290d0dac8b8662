"""How `fit` encodes its data, by `encoder` and `missing`, and a text that says why."""

from dataclasses import dataclass, replace
from typing import Any

from somscape._validate import check_choice, warn
from somscape.encode import MISSING, Encoding, fit_encoding
from somscape.engines import pieces_of
from somscape.errors import InputError
from somscape.estimators._elsewhere import (
    brought_here,
    holds_only_numbers,
    learns_in_pieces,
)
from somscape.estimators._prepare import table_for
from somscape.estimators._table_encoder import TableEncoder
from somscape.fit import Pieces
from somscape.maps import Map
from somscape.tables import Table, as_frame, frame_kinds, listed, table_from_frame

PLURALS = {
    "number": "numbers",
    "category": "categories",
    "ordinal": "ordered categories",
    "date": "dates",
    "id": "id",
    "label": "label",
}


@dataclass(frozen=True, eq=False)
class Chosen:
    """The data to encode, and how.

    Attributes
    ----------
    data : Table, data frame or array-like of shape (n_samples, n_features)
        A `Table` if there is an encoding, else what was passed.
    encoding : Encoding or None
        None means that the data are numbers, which are used as they are.
    why : str or None
        What was done with the columns, and why.
    """

    data: Any
    encoding: Encoding | None = None
    why: str | None = None


def choose_encoding(estimator: Any, X: Any, sample_weight: Any, start: Any) -> Chosen:
    """Return how an estimator encodes the data of a `fit`."""
    check_choice("missing", estimator.missing, MISSING)
    lent = start.encoding if isinstance(start, Map) else None
    X = pieces_of(X)
    if isinstance(X, Pieces) and learns_in_pieces(estimator):
        return _of_pieces(estimator, X, lent)
    return _here(estimator, brought_here(X), sample_weight, lent)


def _here(estimator: Any, X: Any, sample_weight: Any, lent: Encoding | None) -> Chosen:
    """Return how data on this machine are encoded."""
    encoder = estimator.encoder
    _check_encoder(estimator)
    if isinstance(encoder, TableEncoder):
        return _by_encoder(estimator, X, sample_weight, lent)
    if encoder is None:
        return Chosen(X)
    return _by_rule(X, estimator.missing, sample_weight, lent)


def _check_encoder(estimator: Any) -> None:
    """Raise if `encoder` is none, or contradicts `missing`."""
    encoder, missing, own = estimator.encoder, estimator.missing, missing_of(estimator)
    if not isinstance(encoder, TableEncoder):
        if encoder is not None and not (isinstance(encoder, str) and encoder == "auto"):
            raise TypeError(
                f'`encoder` must be "auto", None or a somscape.TableEncoder; got {encoder!r:.80}.'
            )
    elif missing not in ("error", own):
        raise InputError(
            f"`missing`={missing!r} contradicts `encoder`, which has missing={own!r}. Leave "
            f"`missing` of {type(estimator).__name__} out, or pass TableEncoder("
            f"missing={missing!r})."
        )


def _of_pieces(estimator: Any, X: Pieces, lent: Encoding | None) -> Chosen:
    """Return how pieces are encoded where they lie; what all rows decide, they decide here."""
    encoder = estimator.encoder
    _check_encoder(estimator)
    known = getattr(encoder, "encoding_", lent)
    if known is not None:
        is_plain = known.is_plain
        return Chosen(X) if is_plain else Chosen(X, known, f"As known before: {_became(known)}.")
    if encoder is None or (not isinstance(encoder, TableEncoder) and holds_only_numbers(X)):
        return Chosen(X)
    return replace(_here(estimator, brought_here(X), None, lent), data=X)


def missing_of(estimator: Any) -> str:
    """Return what an estimator does with missing cells; its encoder, if any, decides."""
    encoder = estimator.encoder
    if not isinstance(encoder, TableEncoder):
        return str(estimator.missing)
    fitted = getattr(encoder, "encoding_", None)
    return str(encoder.missing if fitted is None else fitted.missing)


def _by_encoder(estimator: Any, X: Any, sample_weight: Any, lent: Encoding | None) -> Chosen:
    encoder = estimator.encoder
    known = getattr(encoder, "encoding_", lent)
    if known is not None:
        table, encoding = table_for(estimator, X, known, reset=True), known
    else:
        _, table, encoding = encoder._learn(estimator, X, sample_weight)
    return Chosen(table, encoding, f"As the `TableEncoder` says: {_became(encoding)}.")


def _by_rule(X: Any, missing: str, sample_weight: Any, lent: Encoding | None) -> Chosen:
    frame = None if isinstance(X, Table) else as_frame(X, "X")
    if frame is None and not isinstance(X, Table):
        return Chosen(X)
    kinds = {} if frame is None else frame_kinds(frame)
    n_others = sum(kind != "number" for kind in kinds.values())
    is_lent = lent is not None and not lent.is_plain
    if frame is not None and ("duration" in kinds.values() or not (n_others or is_lent)):
        return Chosen(frame, None, "The frame holds only numbers, which are used as they are.")
    table = X if frame is None else table_from_frame(frame, "X")
    if lent is not None:
        return Chosen(table, lent, "Columns are encoded like those of the map it starts from.")
    encoding = fit_encoding(table, missing=missing, sample_weight=sample_weight)
    reason = "A table is encoded by rule"
    if frame is not None:
        _warn_of_scaled_numbers(kinds, encoding, missing)
        reason = (
            f"{n_others} of {len(kinds)} columns hold text or dates, so the frame was encoded by "
            "rule"
        )
    return Chosen(table, encoding, f"{reason}: {_became(encoding)}.")


def _warn_of_scaled_numbers(kinds: dict[str, str], encoding: Encoding, missing: str) -> None:
    """Warn if columns of numbers are scaled only because a data frame has other columns."""
    scaled = [c.name for c in encoding.columns if c.kind == "number" and kinds[c.name] == "number"]
    if not scaled:
        return
    others = [name for name, kind in kinds.items() if kind != "number"]
    also = "" if missing == "error" else f"missing={missing!r}"
    warn(
        f"X has text or dates in {listed(others)}, so the numbers in {listed(scaled)} are scaled, "
        "and long tails are transformed. Numbers in a data frame without such columns are used as "
        f"they are. Pass encoder=TableEncoder({also}) to state that all columns are encoded, which "
        f"stops this warning, or leave out {listed(others)}."
    )


def _became(encoding: Encoding) -> str:
    """Return what columns became, as text."""
    found: dict[str, list[str]] = {}
    for code in encoding.columns:
        if code.kind in PLURALS:
            found.setdefault(code.kind, []).append(code.name)
    parts = [f"{PLURALS[kind]} {listed(names)}" for kind, names in found.items()]
    if encoding.parts:
        parts.append(f"from dates also {listed(code.name for code in encoding.parts)}")
    if encoding.roles.layers:
        parts.append(f"in the layers {listed(encoding.roles.layers)}")
    left = [f"'{c.name}' ({c.why})" for c in encoding.columns if c.kind not in PLURALS]
    return "; ".join([*parts, *(f"left out {text}" for text in left)])


def check_has_no_gaps(encoding: Encoding | None) -> None:
    """Raise InputError for an encoding that keeps missing cells, which no score supports."""
    if encoding is not None and encoding.missing == "mask":
        raise InputError(
            "`encoder` leaves missing cells out (missing='mask'), and this needs complete rows. "
            "Pass TableEncoder(missing='fill'), or leave `encoder` out and pass missing='fill'."
        )
