"""Which settings suit the data: a few candidates tried on samples."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from somscape._types import Floats
from somscape._validate import check_whole
from somscape.errors import InputError, SomscapeWarning
from somscape.estimators._choose_encoding import choose_encoding
from somscape.estimators._prepare import prepare, seed_of
from somscape.estimators._settings import refuse_checkpoint, start_of, weights_of_features
from somscape.estimators._wide import warn_of_wide_column
from somscape.grid import Graph, Lattice
from somscape.kernels import SparseRows
from somscape.measures import stability
from somscape.tables import Table, table_from_columns

SHARES = (0.5, 1.0, 2.0)
"""Numbers of units tried, as multiples of the given or automatic size."""

RADII = (1.0, 0.7, 0.5)
"""Final radii tried, in grid steps."""


def suggest(som: Any, X: Any, *, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    """Train candidates on samples and return their qualities."""
    refuse_checkpoint(som.callbacks, "SOM.suggest")
    rows = _prepared(som, X)
    check_whole("n_samples", n_samples, 2)
    check_whole("n_seeds", n_seeds, 2)
    with warnings.catch_warnings():
        # Each candidate would say again what was said of all rows.
        warnings.filterwarnings("ignore", "column .* carries", SomscapeWarning)
        return _tried(som, rows, n_samples, n_seeds, random_state)


def _prepared(som: Any, X: Any) -> Floats:
    """Return rows as all candidates take them, and set what these take no more."""
    chosen = choose_encoding(som, X, None, start_of(som.init))
    prepared = prepare(
        som, chosen.data, None, encoding=chosen.encoding, missing=som.missing, min_rows=2
    )
    if not isinstance(prepared.rows, np.ndarray):
        kind = "a sparse X" if isinstance(prepared.rows, SparseRows) else "X in pieces"
        raise InputError(
            f"`suggest` supports only dense rows in memory; got {kind}. Pass some rows as an array."
        )
    warn_of_wide_column(prepared, som.metric, som.feature_weight)
    weights = weights_of_features(som.feature_weight, prepared.encoding)
    missing = "mask" if prepared.encoding.missing == "mask" else "error"
    som.set_params(encoder=None, missing=missing, feature_weight=weights)
    return prepared.rows


def _tried(som: Any, X: Floats, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    rng = np.random.default_rng(seed_of(random_state))
    size = min(n_samples, len(X))
    samples = [_drawn(X, size, rng) for _ in range(n_seeds)]
    held = _drawn(X, size, rng)
    seed = int(rng.integers(2**31))
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability"
        )
    }  # fmt: skip
    for candidate in _candidates(som.set_params(random_state=0), samples[0]):
        maps = [clone(candidate).fit(sample).map_ for sample in samples]
        lattice, found = maps[0].lattice, stability(maps, held, random_state=seed)
        errors = (found.quantization_errors, found.topographic_errors)
        tried = (lattice.n_rows, lattice.n_cols, float(maps[0].parameters["radius_end"]))
        for column, value in zip(
            columns.values(),
            (*tried, *(float(np.mean(each)) for each in errors), found.agreement),
            strict=True,
        ):
            column.append(value)
    return table_from_columns(columns)


def _candidates(som: Any, sample: Floats) -> Iterator[Any]:
    """Yield SOMs with the same parameters but different sizes and final radii."""
    natural = clone(som).fit(sample).map_.lattice
    is_fixed = isinstance(natural, Graph) or not isinstance(som.init, str)
    sizes = [{}] if is_fixed else [_size(som, *size) for size in _sizes(natural, sample)]
    for size in sizes:
        for radius in _radii(som, natural.step):
            yield clone(som).set_params(**size, radius_end=radius)


def _radii(som: Any, step: float) -> list[Any]:
    """Return the final radii to try: one if the parameters leave no choice."""
    falls = isinstance(som.radius_decay, str) and som.radius_decay != "constant"
    if som.radius_end != "auto" or not falls:
        return [som.radius_end]
    radii = [step * radius for radius in RADII]
    if som.radius_start != "auto":
        radii = [min(radius, som.radius_start) for radius in radii]
    return list(dict.fromkeys(radii))


def _size(som: Any, n_rows: int, n_cols: int) -> dict[str, Any]:
    """Return the parameters of a SOM that give it a size."""
    if isinstance(som.lattice, Lattice):
        return {"lattice": replace(som.lattice, n_rows=n_rows, n_cols=n_cols)}
    return {"n_rows": n_rows, "n_cols": n_cols}


def _sizes(natural: Lattice, sample: Floats) -> list[tuple[int, int]]:
    """Return distinct numbers of rows and columns around those of a map."""
    even = 2 if natural.is_hexagonal and natural.wraps_rows else 1  # rows come in pairs
    sizes = dict.fromkeys(
        (
            even * max(1, round(natural.n_rows * np.sqrt(share) / even)),
            max(1, round(natural.n_cols * np.sqrt(share))),
        )
        for share in SHARES
    )
    # A map with more units than rows says nothing; it is tried only if asked for.
    asked = (natural.n_rows, natural.n_cols)
    return [size for size in sizes if size == asked or size[0] * size[1] <= len(sample)]


def _drawn(X: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Draw rows with replacement: another sample of the same population."""
    return np.ascontiguousarray(X[np.sort(rng.integers(0, len(X), size))])
