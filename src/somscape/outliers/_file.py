"""The parts of a detector as JSON data and arrays of a file."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Annotated, Any

import msgspec
import numpy as np

from somscape.errors import ParameterError
from somscape.maps.map import Map, map_of_arrays
from somscape.maps.record import MAX_MEMBERS, MEMBERS, Record, arrays_of_members, arrays_within
from somscape.outliers.calibration import Calibration
from somscape.outliers.marks import Marks
from somscape.outliers.rarity import Rarity, ValueCounts
from somscape.outliers.relation import Relation
from somscape.outliers.score import Decorrelation, Scorer
from somscape.outliers.scoring import Scoring
from somscape.tables._checked import converted, one_of
from somscape.tables.encoding import Encoding

METRIC_NAME = "decorrelated"
"""The only allowed value of the entry ``metric`` in the header of a file."""


class _Header(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The JSON data of a detector in a file.

    The data contain `metric` only if the detector decorrelates columns.  With
    `members_share_metric`, all member maps have the decorrelation of the map of all rows.
    Otherwise, each member has its own decorrelation.  With `p_values_by_bulk`, p-values are
    estimated from the bulk of the scores.  `relations` are those of the
    calibration.  `threshold_is_auto` is `Detector.is_threshold_auto`.  `marks` are the numbers of a
    `Marks` object.
    """

    score: str
    n_prototypes: int
    threshold: float
    metric: Annotated[str, one_of([METRIC_NAME])] | None = None
    members_share_metric: bool = False
    p_values_by_bulk: bool = False
    relations: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    members: Annotated[int, msgspec.Meta(ge=0, le=MAX_MEMBERS)] = 0
    threshold_is_auto: bool = False
    marks: dict[str, Any] | None = None


NAMES_IN_FILE = {"rms_distances": "spread", "deviations": "spread"}
"""Attributes whose names differ in files, and their names in files."""

MARKS = "marks"
"""Beginning of the names of those arrays in a file that belong to a `Marks` object."""


OF_CALIBRATION = {
    "scores": "calibration",
    "weights": "calibration_weights",
    "units": "calibration_units",
    "regions": "regions",
    "lowered": "calibration_lowered",
}
"""Arrays of a `Calibration`, and their names in files."""

ADDED = {"rarity": Rarity, "counts": ValueCounts, "relation": Relation}
"""Parts of a detector that it can lack and that contain only arrays."""

BY_UNIT = ("usual", "spread", "regions")
"""Names of those arrays in a detector file that contain one value for each unit."""


def record_of_detector(detector: Scoring) -> Record:
    """Return a record that contains the detector's map and its other parts."""
    record, calibration = detector.map_.to_record(), detector.calibration
    whole = detector.of_all_rows
    arrays = _arrays_of(whole) | {"mean_contributions": detector.mean_contributions}
    arrays |= {name: getattr(calibration, part) for part, name in OF_CALIBRATION.items()}
    for name in ADDED:
        arrays |= _parts_by_name(name, getattr(detector, name))
    marks = None
    if detector.marks is not None:
        parts = {part.name: getattr(detector.marks, part.name) for part in fields(Marks)}
        marks = {n: v for n, v in parts.items() if not isinstance(v, np.ndarray)}
        arrays |= {f"{MARKS}.{n}": v for n, v in parts.items() if n not in marks}
    has_metric = whole.decorrelation is not None
    is_shared = all(member.decorrelation is whole.decorrelation for member in detector.members)
    header = _Header(
        score=whole.score,
        n_prototypes=whole.n_prototypes,
        threshold=detector.threshold,
        metric=METRIC_NAME if has_metric else None,
        members_share_metric=bool(detector.members) and has_metric and is_shared,
        p_values_by_bulk=calibration.by_bulk,
        relations=calibration.relations,
        members=len(detector.members),
        threshold_is_auto=detector.is_threshold_auto,
        marks=marks,
    )
    for i, member in enumerate(detector.members):
        of_member = {"codebook": member.map_.codebook, "hits": member.map_.hits}
        of_member |= _arrays_of(replace(member, decorrelation=None) if is_shared else member)
        arrays |= {f"{MEMBERS}.{i}.{name}": values for name, values in of_member.items()}
    there = {name: values for name, values in arrays.items() if values is not None}
    data = msgspec.to_builtins(header, enc_hook=np.generic.item)  # also numbers of NumPy
    return Record({**record.header, "detector": data}, record.arrays | there)


def _arrays_of(scorer: Scorer) -> dict[str, Any]:
    own = {"usual": scorer.usual, "spread": scorer.rms_distances, "reach": scorer.reach}
    return own | _parts_by_name("decorrelation", scorer.decorrelation)


def _parts_by_name(beginning: str, whole: Any) -> dict[str, Any]:
    """Return the parts of an object by their names in a file.  None does not have any parts."""
    parts = () if whole is None else fields(whole)
    return {_name_of(beginning, part.name): getattr(whole, part.name) for part in parts}


def _name_of(beginning: str, part: str) -> str:
    return f"{beginning}.{NAMES_IN_FILE.get(part, part)}"


def parts_of_detector(record: Record, map_: Map) -> dict[str, Any]:
    """Check the parts of a detector that `record_of_detector` stored, and return them."""
    header, arrays = converted(record.header["detector"], _Header, "the detector"), record.arrays
    sizes = dict.fromkeys(BY_UNIT, map_.n_units)
    _check_sizes(arrays, {**sizes, "mean_contributions": len(map_.encoding.features)})
    if header.members_share_metric and header.metric is None:
        raise ParameterError(
            "members_share_metric of a detector must be absent, or true together with a metric",
            parameter="members_share_metric",
        )
    whole = _scorer_of(map_, arrays, header, is_decorrelated=header.metric is not None)
    shared = whole.decorrelation if header.members_share_metric else None
    calibration: dict[str, Any] = {n: arrays.get(name) for n, name in OF_CALIBRATION.items()}
    calibration |= {"by_bulk": header.p_values_by_bulk, "relations": header.relations}
    return {
        "of_all_rows": whole,
        "threshold": header.threshold,
        "calibration": Calibration(**calibration),
        "members": tuple(
            _share_arrays(_member_of(map_, parts, shared, header), whole)
            for parts in arrays_of_members(arrays, header.members)
        ),
        "mean_contributions": arrays.get("mean_contributions"),
        "marks": _marks_of(header, arrays),
        "is_threshold_auto": header.threshold_is_auto,
        **{
            name: kind(**_parts_in(arrays, kind, name)) if arrays_within(arrays, name) else None
            for name, kind in ADDED.items()
        },
    }


def _check_sizes(arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        if name in arrays and arrays[name].shape != (size,):
            raise ParameterError(f"{name} must have {size} values", parameter=name)


def _member_of(
    whole: Map, parts: dict[str, Any], shared: Decorrelation | None, header: _Header
) -> Scorer:
    _check_sizes(parts, dict.fromkeys(BY_UNIT, whole.n_units))
    map_ = map_of_arrays(parts, whole.lattice, whole.encoding, whole.metric)
    is_decorrelated = "decorrelation.matrix" in parts  # with all other parts
    scorer = _scorer_of(map_, parts, header, is_decorrelated=is_decorrelated)
    return scorer if shared is None else replace(scorer, decorrelation=shared)


def _scorer_of(
    map_: Map, arrays: Mapping[str, Any], header: _Header, *, is_decorrelated: bool
) -> Scorer:
    decorrelation = _decorrelation_of(arrays, map_.encoding) if is_decorrelated else None
    usual, far, reach = (arrays.get(name) for name in ("usual", "spread", "reach"))
    score, n_prototypes = header.score, header.n_prototypes
    return Scorer(map_, score, n_prototypes, usual, far, decorrelation, reach)


def _share_arrays(scorer: Scorer, whole: Scorer) -> Scorer:
    """Return a member map that shares equal arrays with the map of all rows.  This saves memory."""
    own, of_all = scorer.decorrelation, whole.decorrelation
    if own is not None and of_all is not None and own is not of_all:
        parts = {part.name: getattr(own, part.name) for part in fields(own)}
        same = {
            name: _shared_if_equal(values, getattr(of_all, name)) for name, values in parts.items()
        }
        scorer = replace(scorer, decorrelation=Decorrelation(**same))
    return replace(scorer, reach=_shared_if_equal(scorer.reach, whole.reach))


def _shared_if_equal(values: Any, of_all: Any) -> Any:
    return of_all if np.array_equal(values, of_all) else values


def _parts_in(arrays: Mapping[str, Any], kind: Any, beginning: str) -> dict[str, Any]:
    """Return the parts of a `kind` object by name, read from the arrays of a file."""
    return {part.name: arrays[_name_of(beginning, part.name)] for part in fields(kind)}


def _marks_of(header: _Header, arrays: Mapping[str, Any]) -> Marks | None:
    """Return the changes learned from marks.  The detector checks these changes."""
    return None if header.marks is None else Marks(**header.marks, **arrays_within(arrays, MARKS))


def _decorrelation_of(arrays: Mapping[str, Any], encoding: Encoding) -> Decorrelation:
    parts = _parts_in(arrays, Decorrelation, "decorrelation")
    for part, values in parts.items():
        shape = (encoding.n_features,) * (2 if part == "matrix" else 1)
        if values.dtype != np.float64 or values.shape != shape or not np.isfinite(values).all():
            name = _name_of("decorrelation", part)
            raise ParameterError(
                f"{name} must contain finite float64 numbers for each feature", parameter=name
            )
    if not (parts["deviations"] > 0).all():
        raise ParameterError(
            "decorrelation.spread must be above 0", parameter="decorrelation.spread"
        )
    return Decorrelation(**parts)
