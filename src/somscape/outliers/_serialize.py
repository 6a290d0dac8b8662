"""A detector as JSON data and named arrays, and back."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.encode import Encoding
from somscape.maps import Map, map_of_arrays
from somscape.outliers._calibration import Calibration
from somscape.outliers._counts import ValueCounts
from somscape.outliers._decorrelation import Decorrelation
from somscape.outliers._marks import Marks
from somscape.outliers._rarity import Rarity
from somscape.outliers._scorer import Scorer
from somscape.records import MEMBERS, Record, arrays_of_members

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

METRIC = "metric"
"""Entry of the header that says that a detector decorrelates columns; absent if it does not."""

SHARED = "members_share_metric"
"""Entry of the header where the members decorrelate as the map of all rows; else they have parts
of their own."""

BY_BULK = "p_values_by_bulk"
"""Entry of the header where the bulk of the scores tells p-values; absent where they count rows,
as in older files."""

METRIC_NAME = "decorrelated"
"""Its only value."""

NAMES_IN_FILE = {"rms_distances": "spread", "deviations": "spread", "label_factors": "lift"}
"""Attributes that have another name in format 1."""

MARKS = "marks"
"""Entry of the header with the numbers of `Marks`, and beginning of the names of its arrays."""

BY_UNIT = ("usual", "spread", "lift", "regions")


def record_of_detector(detector: "Detector") -> Record:
    """Return the record of a detector: the record of its map, and the parts of the detector."""
    record, calibration = detector.map_.to_record(), detector.calibration
    whole = detector.of_all_rows
    header: dict[str, Any] = {
        "score": whole.score,
        "n_prototypes": whole.n_prototypes,
        "threshold": detector.threshold,
    }
    arrays = _arrays_of(whole) | {
        "calibration": calibration.scores,
        "calibration_weights": calibration.weights,
        "calibration_units": calibration.units,
        "regions": calibration.regions,
        "lift": detector.label_factors,
        "mean_contributions": detector.mean_contributions,
    }
    if detector.rarity is not None:
        arrays |= {_rarity_name(p.name): getattr(detector.rarity, p.name) for p in fields(Rarity)}
    if detector.counts is not None:
        of_counts = {p.name: getattr(detector.counts, p.name) for p in fields(ValueCounts)}
        arrays |= {_counts_name(name): values for name, values in of_counts.items()}
    if calibration.by_bulk:
        header[BY_BULK] = True
    if detector.marks is not None:
        header[MARKS] = {}
        for part in fields(Marks):
            value = getattr(detector.marks, part.name)
            if isinstance(value, np.ndarray):
                arrays[f"{MARKS}.{part.name}"] = value
            else:
                header[MARKS][part.name] = value
    if whole.decorrelation is not None:
        header[METRIC] = METRIC_NAME
    if detector.members:
        header[MEMBERS] = len(detector.members)
    is_shared = all(member.decorrelation is whole.decorrelation for member in detector.members)
    if detector.members and whole.decorrelation is not None and is_shared:
        header[SHARED] = True
    for i, member in enumerate(detector.members):
        of_member = {"codebook": member.map_.codebook, "hits": member.map_.hits}
        of_member |= _arrays_of(replace(member, decorrelation=None) if is_shared else member)
        arrays |= {f"{MEMBERS}.{i}.{name}": values for name, values in of_member.items()}
    there = {name: values for name, values in arrays.items() if values is not None}
    return Record({**record.header, "detector": header}, record.arrays | there)


def _arrays_of(scorer: Scorer) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "usual": scorer.usual,
        "spread": scorer.rms_distances,
        "reach": scorer.reach,
    }
    if scorer.decorrelation is not None:
        for part in fields(scorer.decorrelation):
            arrays[_name_of(part.name)] = getattr(scorer.decorrelation, part.name)
    return arrays


def _rarity_name(part: str) -> str:
    return f"rarity.{part}"


def _counts_name(part: str) -> str:
    return f"counts.{part}"


def _name_of(part: str) -> str:
    return f"decorrelation.{NAMES_IN_FILE.get(part, part)}"


def parts_of_detector(record: Record, map_: Map) -> dict[str, Any]:
    """Return the parts that `record_of_detector` put into a record, checked."""
    header, arrays = record.header["detector"], record.arrays
    if not isinstance(header, dict):
        raise TypeError("detector must be an object of names and values")
    sizes = dict.fromkeys(BY_UNIT, map_.n_units)
    _check_sizes(arrays, {**sizes, "mean_contributions": len(map_.encoding.features)})
    known = {"score", "n_prototypes", "threshold", METRIC, SHARED, BY_BULK, MEMBERS, MARKS}
    unknown = sorted(header.keys() - known)
    if unknown:
        raise TypeError(f"a detector has no {unknown[0][:40]!r}")
    if METRIC in header and header[METRIC] != METRIC_NAME:
        raise ValueError(
            f"a detector's metric must be '{METRIC_NAME}' or absent; got {header[METRIC]!r}"
        )
    if not isinstance(header.get(SHARED, False), bool) or (
        SHARED in header and METRIC not in header
    ):
        raise ValueError(f"a detector's {SHARED} must be true, beside a metric, or absent")
    if header.get(BY_BULK, True) is not True:
        raise ValueError(f"a detector's {BY_BULK} must be true or absent")
    found = {"score": header["score"], "n_prototypes": header["n_prototypes"]}
    whole = _scorer_of(map_, arrays, METRIC in header, **found)
    shared = whole.decorrelation if header.get(SHARED) else None
    return {
        "of_all_rows": whole,
        "threshold": header["threshold"],
        "calibration": Calibration(
            arrays["calibration"],
            arrays.get("calibration_weights"),
            arrays.get("calibration_units"),
            arrays.get("regions"),
            BY_BULK in header,
        ),
        "members": tuple(
            _alike(_member_of(map_, parts, shared, **found), whole)
            for parts in arrays_of_members(arrays, header.get(MEMBERS, 0))
        ),
        "label_factors": arrays.get("lift"),
        "mean_contributions": arrays.get("mean_contributions"),
        "rarity": _rarity_of(arrays, map_.encoding),
        "counts": _counts_of(arrays, len(map_.encoding.features)),
        "marks": _marks_of(header, arrays),
    }


def _check_sizes(arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        if name in arrays and arrays[name].shape != (size,):
            raise ValueError(f"{name} must have {size} values")


def _member_of(
    whole: Map,
    parts: dict[str, Any],
    shared: Decorrelation | None,
    *,
    score: str,
    n_prototypes: int,
) -> Scorer:
    _check_sizes(parts, dict.fromkeys(BY_UNIT, whole.n_units))
    map_ = map_of_arrays(parts, whole.lattice, whole.encoding, whole.metric)
    is_decorrelated = "decorrelation.matrix" in parts  # then all parts of it
    scorer = _scorer_of(map_, parts, is_decorrelated, score=score, n_prototypes=n_prototypes)
    return scorer if shared is None else replace(scorer, decorrelation=shared)


def _alike(scorer: Scorer, whole: Scorer) -> Scorer:
    """Return a member that holds the arrays of the map of all rows where its own are the same."""
    own, of_all = scorer.decorrelation, whole.decorrelation
    if own is not None and of_all is not None and own is not of_all:
        parts = {part.name: getattr(own, part.name) for part in fields(own)}
        same = {name: _same(values, getattr(of_all, name)) for name, values in parts.items()}
        scorer = replace(scorer, decorrelation=Decorrelation(**same))
    return replace(scorer, reach=_same(scorer.reach, whole.reach))


def _same(values: Any, of_all: Any) -> Any:
    return of_all if np.array_equal(values, of_all) else values


def _scorer_of(
    map_: Map, arrays: Mapping[str, Any], is_decorrelated: bool, *, score: str, n_prototypes: int
) -> Scorer:
    decorrelation = _decorrelation_of(arrays, map_.encoding) if is_decorrelated else None
    usual, far, reach = (arrays.get(name) for name in ("usual", "spread", "reach"))
    return Scorer(map_, score, n_prototypes, usual, far, decorrelation, reach)


def _rarity_of(arrays: Mapping[str, Any], encoding: Encoding) -> Rarity | None:
    if _rarity_name("features") not in arrays:
        return None
    parts = {part.name: arrays[_rarity_name(part.name)] for part in fields(Rarity)}
    rarity = Rarity(**parts)
    rarity.check(encoding.n_features)
    return rarity


def _counts_of(arrays: Mapping[str, Any], n_columns: int) -> ValueCounts | None:
    if _counts_name("starts") not in arrays:
        return None
    counts = ValueCounts(**{p.name: arrays[_counts_name(p.name)] for p in fields(ValueCounts)})
    counts.check(n_columns)
    return counts


def _marks_of(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Marks | None:
    """Return what marks taught; the detector checks it."""
    if MARKS not in header:
        return None
    beginning = f"{MARKS}."
    of_marks = {name: arrays[name] for name in arrays if name.startswith(beginning)}
    return Marks(
        **header[MARKS], **{name.removeprefix(beginning): a for name, a in of_marks.items()}
    )


def _decorrelation_of(arrays: Mapping[str, Any], encoding: Encoding) -> Decorrelation:
    parts = {part.name: arrays[_name_of(part.name)] for part in fields(Decorrelation)}
    for part, values in parts.items():
        shape = (encoding.n_features,) * (2 if part == "matrix" else 1)
        if values.dtype != np.float64 or values.shape != shape or not np.isfinite(values).all():
            raise ValueError(f"{_name_of(part)} must hold finite float64 numbers by feature")
    if not (parts["deviations"] > 0).all():
        raise ValueError(f"{_name_of('deviations')} must be above 0")
    return Decorrelation(**parts)
