"""Records of maps that other programs trained: a codebook on a lattice, numbers as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._budget import Budget
from somscape._types import Float64s
from somscape.errors import InputError
from somscape.grid import Lattice
from somscape.records import FORMAT, Record, pay_for_map


@dataclass(frozen=True)
class Origin:
    """Where a codebook comes from.

    Attributes
    ----------
    budget : Budget
        Budget of the file, with its name.
    program : str
        Name of the program that wrote the file.
    parameters : dict of str to JSON data
        What the file says about training.
    metric : str
        Name of the metric that the program used.
    """

    budget: Budget
    program: str
    parameters: dict[str, Any]
    metric: str = "euclidean"


def plain_record(
    codebook: Float64s,
    lattice: dict[str, Any],
    origin: Origin,
    *,
    names: Sequence[str] | None = None,
    hits: Float64s | None = None,
    unit_labels: Sequence[str] = (),
) -> Record:
    """Return the record of a codebook of plain numbers."""
    n_units, n_features = codebook.shape
    pay_for_map(origin.budget, n_features, n_units + 2 * len(unit_labels))
    try:
        Lattice(**lattice)
    except (ValueError, TypeError) as error:
        raise InputError(f"{origin.budget.source}: {error}") from error
    numbered = [f"x{i}" for i in range(n_features)]
    columns = list(names or numbered)
    if len(set(columns)) < len(columns):
        raise InputError(f"{origin.budget.source}: two components have the same name.")
    header: dict[str, Any] = {
        "format": FORMAT,
        "lattice": lattice,
        "encoding": {"columns": columns, "missing": "error", "is_named": columns != numbered},
        "metric": origin.metric,
        "parameters": {"program": origin.program, **origin.parameters},
        "versions": {},
        "detector": None,
    }
    if any(unit_labels):
        header["unit_labels"] = list(unit_labels)
    hits = np.zeros(n_units) if hits is None else hits
    return Record(header, {"codebook": codebook, "hits": hits})


def feature_names(record: Record) -> list[str]:
    """Return the names of a record's encoded features; a category has one for each level."""
    names: list[str] = []
    encoding = record.header["encoding"]
    for column in (*encoding["columns"], *encoding.get("parts", ())):
        code = {"kind": "number", "name": column} if isinstance(column, str) else column
        if code["kind"] == "category":
            names += [f"{code['name']}={level}" for level in (*code["levels"], "(unseen)")]
        elif code["kind"] == "circle":
            names += [f"{code['name']} ({which})" for which in ("cos", "sin")]
        elif code["kind"] in ("number", "ordinal", "date", "days"):
            names.append(code["name"])
    return names


def codebook_of(record: Record) -> Float64s:
    """Return the codebook of a record as float64."""
    return np.asarray(record.arrays["codebook"], np.float64)
