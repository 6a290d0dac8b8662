"""Functions that check an estimator's parameters, and the search for a suitable map size."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from somscape._types import Floats
from somscape._validate import check_flag, check_whole
from somscape.errors import InputError, ParameterError, ParameterTypeError, SomscapeWarning
from somscape.estimators._base import Verbose
from somscape.estimators._elsewhere import fetched
from somscape.estimators._intake import prepare
from somscape.fit.pieces import Pieces
from somscape.fit.settings import Settings
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import SparseRows
from somscape.maps.map import Map
from somscape.measures.chance import stability
from somscape.outliers._train import Detection
from somscape.recognize._train import Prediction, Recognition
from somscape.tables._messages import listed, suggestion
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import MISSING_CHOICES
from somscape.tables.table import Table, table_from_columns


def start_of(init: Any) -> Any:
    """Return the map if `init` is a detector or a fitted estimator, and otherwise `init` itself."""
    map_ = getattr(init, "map_", init)
    return map_ if isinstance(map_, Map) else fetched(init)


def weights_of_features(given: Any, encoding: Encoding) -> Any:
    """Return one weight per feature.  A column's weight applies to all features of the column."""
    if not isinstance(given, Mapping):
        return given
    names = [code.name for code in encoding.features]
    for name in given:
        if name not in names:
            cure = suggestion(str(name), names) or f"the columns are {listed(names)}."
            raise InputError(
                f"`feature_weight` contains {name!r}, which is not a column of X. "
                f"{cure[0].upper()}{cure[1:]}",
                column=name,
                allowed=names,
            )
    return [given.get(code.name, 1) for code in encoding.features for _ in code.feature_names]


def seed_of(random_state: Any, *, draws: bool = True) -> int:
    """Convert a scikit-learn random state into a NumPy seed."""
    is_seed = isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool)
    if is_seed and random_state >= 0:
        return int(random_state)
    if not draws and random_state is None:
        return 0
    try:
        state = check_random_state(random_state)
    except ValueError as error:
        raise InputError(
            "`random_state` must be a whole number of at least 0, a numpy.random.RandomState or "
            f"None, but is {random_state!r}. Pass a number to get the same map again.",
            value=random_state,
        ) from error
    return int(state.randint(np.iinfo(np.int32).max))


def settings_of_som(som: Any) -> Settings:
    """Check the parameters of a SOM, draw a seed if needed, and return `Settings`."""
    of_others = ("units_per_root", "seed", "callbacks")
    names = [f.name for f in fields(Settings) if f.name not in of_others]
    if not isinstance(som.callbacks, Iterable):
        raise ParameterTypeError(
            f"`callbacks` must be a sequence of functions, but is {som.callbacks!r}. Write "
            "callbacks=[...] for a single function.",
            value=som.callbacks,
        )
    if not isinstance(som.verbose, bool | np.bool_):
        check_whole("verbose", som.verbose, 0)
    check_flag("warm_start", som.warm_start)
    is_drawn = isinstance(som.init, str) and som.init != "pca"
    return Settings(
        **{name: getattr(som, name) for name in names} | {"init": start_of(som.init)},
        seed=seed_of(som.random_state, draws=is_drawn or som.algorithm == "online"),
        callbacks=(*som.callbacks, Verbose()) if som.verbose else tuple(som.callbacks),
    )


Job = TypeVar("Job", Detection, Recognition, Prediction)


def settings_of(estimator: Any, kind: type[Job], som: Any) -> tuple[Job, Settings]:
    """Check the parameters of an estimator, and return its settings and its map's settings.

    `som` is changed so that it has the seed and `verbose` of the estimator.
    """
    names = {field.name for field in fields(kind)} & set(estimator.get_params(deep=False))
    job = kind(**{name: getattr(estimator, name) for name in names})
    why = "scores and reasons require these values"
    if kind is not Detection:
        why = "the steps after training the map require these values"
        if not isinstance(som.init, str):
            raise ParameterError(
                "`init` of `som` must be a name such as 'pca', because the map is trained on "
                f"transformed rows, but is of type {type(som.init).__name__}. Leave `init` out.",
                parameter="som",
                value=type(som.init).__name__,
            )
    if som.metric != "euclidean" or som.feature_weight is not None:
        also = "" if som.feature_weight is None else " and a `feature_weight`"
        raise ParameterError(
            f"`som` must have metric='euclidean' and feature_weight=None, because {why}, but "
            f"has metric={som.metric!r}{also}. Scale the columns of X instead.",
            value=som.metric,
        )
    som.set_params(verbose=som.verbose or estimator.verbose)
    if som.random_state is None:
        som.set_params(random_state=seed_of(estimator.random_state))
    settings = settings_of_som(som)
    return job, settings


SUGGESTED = (
    "n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability"
)  # fmt: skip
"""Column names of the table that `SOM.suggest` returns."""

SHARES = (0.5, 1.0, 2.0)
"""Map sizes that `SOM.suggest` compares, as multiples of the given or automatic size."""

RADII = (1.0, 0.7, 0.5)
"""Final radii that `SOM.suggest` compares, in grid steps."""


def suggest(som: Any, X: Any, *, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    """Train maps of several sizes and final radii on samples, and return their quality."""
    rows = _prepare_rows(som, X)
    check_whole("n_samples", n_samples, 2)
    check_whole("n_seeds", n_seeds, 2)
    with warnings.catch_warnings():
        # The warning about all rows would be repeated for each candidate.
        warnings.filterwarnings("ignore", "column .* causes", SomscapeWarning)
        return _try_candidates(som, rows, n_samples, n_seeds, random_state)


def _prepare_rows(som: Any, X: Any) -> Floats:
    """Encode the rows, and change the parameters of `som` so that it accepts encoded rows."""
    start = start_of(som.init)
    prepared = prepare(
        som, X, None, start=start, missing=MISSING_CHOICES, away=(Pieces,), min_rows=2
    )
    if not isinstance(prepared.rows, np.ndarray):
        kind = "sparse" if isinstance(prepared.rows, SparseRows) else "in pieces"
        raise InputError(
            f"`suggest` supports only dense rows in memory, but X is {kind}. Pass a sample "
            "of the rows as an array.",
            parameter="X",
            value=kind,
        )
    weights = weights_of_features(som.feature_weight, prepared.encoding)
    missing = "mask" if prepared.encoding.missing == "mask" else "error"
    som.set_params(encoder=None, missing=missing, feature_weight=weights)
    return prepared.rows


def _try_candidates(som: Any, X: Floats, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    rng = np.random.default_rng(seed_of(random_state))
    size = min(n_samples, len(X))
    samples = [_draw_rows(X, size, rng) for _ in range(n_seeds)]
    held = _draw_rows(X, size, rng)
    seed = int(rng.integers(2**31))
    shown: list[tuple[Any, ...]] = []
    for candidate in _candidates(som.set_params(random_state=0), samples[0]):
        maps = [clone(candidate).fit(sample).map_ for sample in samples]
        lattice, found = maps[0].lattice, stability(maps, held, random_state=seed)
        errors = (found.quantization_errors, found.topographic_errors)
        tried = (lattice.n_rows, lattice.n_cols, float(maps[0].parameters["radius_end"]))
        shown.append((*tried, *(float(np.mean(each)) for each in errors), found.agreement))
    columns = map(list, zip(*shown, strict=True))
    return table_from_columns(dict(zip(SUGGESTED, columns, strict=True)))


def _candidates(som: Any, sample: Floats) -> Iterator[Any]:
    """Yield unfitted copies of `som` that differ in the map size and the final radius."""
    natural = clone(som).fit(sample).map_.lattice
    is_fixed = isinstance(natural, Graph) or not isinstance(som.init, str)
    sizes = [{}] if is_fixed else [_size(som, *size) for size in _sizes(natural, sample)]
    for size in sizes:
        for radius in _radii(som, natural.step):
            yield clone(som).set_params(**size, radius_end=radius)


def _radii(som: Any, step: float) -> list[Any]:
    """Return the final radii that `SOM.suggest` compares."""
    falls = isinstance(som.radius_decay, str) and som.radius_decay != "constant"
    if som.radius_end != "auto" or not falls:
        return [som.radius_end]
    radii = [step * radius for radius in RADII]
    if som.radius_start != "auto":
        radii = [min(radius, som.radius_start) for radius in radii]
    return list(dict.fromkeys(radii))


def _size(som: Any, n_rows: int, n_cols: int) -> dict[str, Any]:
    """Return the parameters of a SOM that set the given map size."""
    if isinstance(som.lattice, Lattice):
        return {"lattice": replace(som.lattice, n_rows=n_rows, n_cols=n_cols)}
    return {"n_rows": n_rows, "n_cols": n_cols}


def _sizes(natural: Lattice, sample: Floats) -> list[tuple[int, int]]:
    """Return the distinct map sizes (rows and columns of units) that `SOM.suggest` compares."""
    even = 2 if natural.is_hexagonal and natural.wraps_rows else 1  # rows must be even
    rows = (even * max(1, round(natural.n_rows * np.sqrt(share) / even)) for share in SHARES)
    cols = (max(1, round(natural.n_cols * np.sqrt(share))) for share in SHARES)
    sizes = dict.fromkeys(zip(rows, cols, strict=True))
    # A map with more units than rows is not useful, so it is tried only if the user chose it.
    asked = (natural.n_rows, natural.n_cols)
    return [size for size in sizes if size == asked or size[0] * size[1] <= len(sample)]


def _draw_rows(X: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Return `size` random rows, drawn with replacement."""
    return np.ascontiguousarray(X[np.sort(rng.integers(0, len(X), size))])
