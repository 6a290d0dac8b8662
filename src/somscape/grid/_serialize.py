"""A lattice as JSON data and named arrays, and back."""

from collections.abc import Mapping
from typing import Any

from somscape.grid._graph import Graph
from somscape.grid._lattice import Lattice


def lattice_parts(lattice: Lattice) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a lattice as JSON data and arrays."""
    if isinstance(lattice, Graph):
        pairs, lengths = lattice.edges
        arrays = {"pairs": pairs, "lengths": lengths, "positions": lattice.positions}
        named = {f"lattice.{name}": values for name, values in arrays.items()}
        return {"kind": "graph", "n_units": lattice.n_units}, named
    return {name: getattr(lattice, name) for name in ("n_rows", "n_cols", "kind", "boundary")}, {}


def lattice_of(header: Any, arrays: Mapping[str, Any], n_units: int) -> Lattice:
    """Return the lattice of the header and arrays that `lattice_parts` gave."""
    if not isinstance(header, dict) or header.get("kind") != "graph":
        return Lattice(**header)
    if header["n_units"] != n_units:
        raise ValueError(f"a graph of {header['n_units']} units and {n_units} prototypes")
    parts = {name: arrays[f"lattice.{name}"] for name in ("pairs", "lengths", "positions")}
    return Graph.from_edges(n_units, **parts)
