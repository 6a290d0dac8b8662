"""From an estimator's parameters to a trained map."""

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from somscape._errors import SomscapeWarning
from somscape._types import Float64s, Floats
from somscape._validate import check_choice, check_number, check_whole
from somscape._version import __version__
from somscape.estimators._prepare import Prepared
from somscape.fit import (
    SCHEDULES,
    STARTS,
    Plan,
    Progress,
    Trained,
    Watch,
    auto_shape,
    make_problem,
    principal_axes,
    resolve_plan,
    start_codebook,
    train,
)
from somscape.grid import BOUNDARIES, KINDS, NEIGHBORHOODS, Lattice
from somscape.kernels import select_kernels
from somscape.maps import Map

if TYPE_CHECKING:
    from somscape.estimators._som import SOM

ALGORITHMS = ("auto", "batch", "online")
METRICS = ("euclidean",)
MISSING = ("error", "fill")

logger = logging.getLogger("somscape")


def check_parameters(som: "SOM") -> None:
    """Raise ValueError or TypeError for a parameter that no data could make right."""
    check_whole("n_rows", som.n_rows, 1, or_auto=True)
    check_whole("n_cols", som.n_cols, 1, or_auto=True)
    check_choice("lattice", som.lattice, KINDS)
    check_choice("boundary", som.boundary, BOUNDARIES)
    check_choice("neighborhood", som.neighborhood, NEIGHBORHOODS)
    check_choice("metric", som.metric, METRICS)
    check_choice("algorithm", som.algorithm, ALGORITHMS)
    check_choice("missing", som.missing, MISSING)
    check_choice("radius_decay", som.radius_decay, SCHEDULES)
    check_choice("rate_decay", som.rate_decay, SCHEDULES)
    if isinstance(som.init, str):
        check_choice("init", som.init, STARTS)
    if som.algorithm == "online":
        check_number("n_epochs", som.n_epochs, 0, or_auto=True)
    else:
        check_whole("n_epochs", som.n_epochs, 1, or_auto=True)
    check_number("radius_start", som.radius_start, 0, or_auto=True)
    check_number("radius_end", som.radius_end, 0, or_auto=True)
    check_number("rate_start", som.rate_start, 0, 1)
    check_number("rate_end", som.rate_end, 0, 1)
    check_number("tol", som.tol, 0, low_is_allowed=True)
    start, end = som.radius_start, som.radius_end
    if not isinstance(start, str) and not isinstance(end, str) and end > start:
        raise ValueError(
            f"`radius_end` must not be above `radius_start` (grid steps); got {som.radius_end} "
            f"and {som.radius_start}. Pass a larger `radius_start`, or leave both 'auto'."
        )


def train_map(
    som: "SOM", prepared: Prepared, lattice: Lattice | None = None
) -> tuple[Map, Trained]:
    """Train a map on prepared rows with an estimator's (checked) parameters.

    Parameters
    ----------
    som : SOM
        Unfitted is enough; it is not changed.
    prepared : Prepared
    lattice : Lattice, optional
        Takes the place of the parameters for size and shape.

    Returns
    -------
    map_ : Map
    trained : Trained
    """
    rng = np.random.default_rng(seed_of(som.random_state))
    kernels = select_kernels()
    init = som.init if isinstance(som.init, str) else _given_start(som.init, prepared.rows)
    reach = None if isinstance(init, str) else init
    any_shape = lattice or Lattice(1, 1, som.lattice)
    problem = make_problem(
        prepared.rows, prepared.weights, any_shape, som.neighborhood, kernels, reach
    )
    needs_axes = "auto" in (som.n_rows, som.n_cols) or (isinstance(init, str) and init == "pca")
    axes = principal_axes(problem) if needs_axes else None
    if lattice is None:
        lattice = _lattice_for(som, prepared, None if axes is None else axes.variances)
    problem = problem.on(lattice)
    if isinstance(init, str):
        codebook = start_codebook(problem, init, axes, rng)
    else:
        codebook = init
        if len(codebook) != lattice.n_units:
            raise ValueError(
                f"`init` must have one row per unit, {lattice.n_units} for {lattice.n_rows} x "
                f"{lattice.n_cols}; got {len(codebook)}. Pass `n_rows` and `n_cols` that fit."
            )
    plan = _plan_for(som, init, lattice)
    watch = Watch(tuple(som.callbacks) + ((log_progress,) if som.verbose else ()))
    trained = train(problem, codebook, plan, watch, rng)
    units = kernels.search(prepared.rows, trained.codebook)[0][:, 0]
    hits = np.bincount(units, prepared.weights, minlength=lattice.n_units).astype(np.float64)
    map_ = Map(
        trained.codebook,
        lattice,
        prepared.encoding,
        hits,
        trained.history,
        _parameters(plan, som, trained),
        {"somscape": __version__, "numpy": np.__version__},
    )
    return map_, trained


def log_progress(progress: Progress) -> None:
    """Log one line per epoch or block of updates."""
    logger.info(
        "step %d of %d: radius %.3g, quantization error %.4g",
        progress.step,
        progress.n_steps,
        progress.radius,
        progress.quantization_error,
    )


def seed_of(random_state: Any) -> int:
    """Return a seed for NumPy's generators from a scikit-learn random state."""
    is_seed = isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool)
    if is_seed and random_state >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _given_start(init: Any, rows: Floats) -> Floats:
    codebook: Floats = np.array(init, dtype=rows.dtype, order="C")
    if codebook.ndim != 2 or codebook.shape[1] != rows.shape[1]:
        raise ValueError(
            f"`init` must have shape (n_units, {rows.shape[1]}), one column per feature; got "
            f"{codebook.shape}."
        )
    if not np.isfinite(codebook).all():
        raise ValueError("`init` must be finite; it holds NaN or infinity.")
    return codebook


def _lattice_for(som: "SOM", prepared: Prepared, variances: Float64s | None) -> Lattice:
    n_rows, n_cols = (None if n == "auto" else int(n) for n in (som.n_rows, som.n_cols))
    is_auto = n_rows is None or n_cols is None
    if n_rows is None or n_cols is None:
        assert variances is not None
        is_hexagonal = som.lattice == "hexagonal"
        n_rows, n_cols = auto_shape(
            prepared.total_weight,
            (float(variances[0]), float(variances[1])),
            n_rows,
            n_cols,
            is_hexagonal=is_hexagonal,
            needs_even_rows=is_hexagonal and som.boundary == "torus",
        )
    lattice = Lattice(n_rows, n_cols, som.lattice, som.boundary)
    if not is_auto and lattice.n_units > prepared.total_weight:
        warnings.warn(
            f"the map has {lattice.n_units} units for {prepared.total_weight:g} rows of data; "
            "many units will win none. Pass a smaller `n_rows` and `n_cols`, or leave them 'auto'.",
            SomscapeWarning,
            stacklevel=4,
        )
    return lattice


def _plan_for(som: "SOM", init: str | Floats, lattice: Lattice) -> Plan:
    return resolve_plan(
        algorithm=som.algorithm,
        init=init,
        n_epochs=som.n_epochs,
        radius_start=som.radius_start,
        radius_end=som.radius_end,
        radius_decay=som.radius_decay,
        rate_start=som.rate_start,
        rate_end=som.rate_end,
        rate_decay=som.rate_decay,
        tol=som.tol,
        longest_side=max(lattice.n_rows, lattice.n_cols),
    )


def _parameters(plan: Plan, som: "SOM", trained: Trained) -> dict[str, Any]:
    """Return what a map is told of its training, as JSON data."""
    shown = {
        "algorithm": plan.algorithm,
        "init": plan.init if isinstance(plan.init, str) else "given",
        "neighborhood": som.neighborhood,
        "metric": som.metric,
        "n_epochs": plan.n_epochs,
        "radius_start": plan.radius_start,
        "radius_end": plan.radius_end,
        "radius_decay": plan.radius_decay,
        "n_iter": trained.n_iter,
        "stop_reason": trained.stop_reason,
    }
    if plan.algorithm == "online":
        shown |= {n: getattr(plan, n) for n in ("rate_start", "rate_end", "rate_decay")}
    is_seeded = isinstance(som.random_state, (int, np.integer))
    return shown | {"seed": int(som.random_state) if is_seeded else None}
