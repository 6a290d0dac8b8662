"""Lattice, metric and detector settings as JSON data and named arrays, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from somscape.grid import Graph, Lattice
from somscape.kernels import METRIC_NAMES, Metric
from somscape.maps._settings import DetectorSettings

BY_UNIT = ("usual", "spread", "lift", "regions")
BY_ROW = ("calibration", "calibration_weights", "calibration_units")
DETECTOR_ARRAYS = (*BY_ROW, "mean_contributions", *BY_UNIT)
METRIC_ARRAYS = ("feature_weights", "whitening", "center")


def lattice_parts(lattice: Lattice) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a lattice as JSON data, and arrays for the edges and places of a graph."""
    if isinstance(lattice, Graph):
        pairs, lengths = lattice.edges
        arrays = {"pairs": pairs, "lengths": lengths, "positions": lattice.positions}
        named = {f"lattice.{name}": values for name, values in arrays.items()}
        return {"kind": "graph", "n_units": lattice.n_units}, named
    return {name: getattr(lattice, name) for name in ("n_rows", "n_cols", "kind", "boundary")}, {}


def lattice_of(header: dict[str, Any], arrays: dict[str, Any]) -> Lattice:
    """Return the lattice that `lattice_parts` took apart."""
    if not isinstance(header, dict) or header.get("kind") != "graph":
        return Lattice(**header)
    parts = {name: arrays[f"lattice.{name}"] for name in ("pairs", "lengths", "positions")}
    return Graph.from_edges(header["n_units"], **parts)


def metric_arrays(metric: Metric) -> dict[str, Any]:
    """Return the arrays that a metric has, by name."""
    parts = {f"metric.{name}": getattr(metric, name) for name in METRIC_ARRAYS}
    return {name: values for name, values in parts.items() if values is not None}


def metric_of(name: str, arrays: Mapping[str, Any], n_features: int) -> Metric:
    """Return the metric of a name and arrays, checked."""
    if name not in METRIC_NAMES:
        raise ValueError(f"unknown metric {name!r}")
    parts = {part: arrays.get(f"metric.{part}") for part in METRIC_ARRAYS}
    for part, values in parts.items():
        if values is not None and not (
            values.dtype == np.float64
            and set(values.shape) == {n_features}
            and np.isfinite(values).all()
        ):
            raise ValueError(f"metric.{part} must hold finite numbers by feature")
    if (name == "mahalanobis") != (parts["whitening"] is not None):
        raise ValueError("a whitening belongs to the metric 'mahalanobis'")
    return Metric(name, **parts)


def detector_parts(settings: DetectorSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return detector settings as JSON data and the arrays that there are."""
    header = {name: getattr(settings, name) for name in ("score", "n_prototypes", "threshold")}
    arrays = {name: getattr(settings, name) for name in DETECTOR_ARRAYS}
    return header, {name: values for name, values in arrays.items() if values is not None}


def detector_of(
    header: dict[str, Any] | None, arrays: Mapping[str, Any], n_units: int, n_columns: int
) -> DetectorSettings | None:
    """Return the settings that `detector_parts` took apart, or None where there are none."""
    if header is None:
        return None
    sizes = {**dict.fromkeys(BY_UNIT, n_units), "mean_contributions": n_columns}
    for name, size in sizes.items():
        if name in arrays and arrays[name].shape != (size,):
            raise ValueError(f"{name} must have {size} values")
    arrays["calibration"]  # must be there
    return DetectorSettings(**header, **{n: arrays[n] for n in DETECTOR_ARRAYS if n in arrays})
