"""From prepared rows and settings to a trained map."""

import math
import warnings
from typing import Any

import numpy as np

from somscape._errors import InputError, SomscapeWarning
from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_values
from somscape._version import __version__
from somscape.encode import Encoding
from somscape.fit._local import chunks
from somscape.fit._plan import Plan, auto_shape, resolve_plan
from somscape.fit._problem import make_problem
from somscape.fit._settings import Settings
from somscape.fit._start import principal_axes, start_codebook
from somscape.fit._train import INTERRUPTED, Trained, train
from somscape.fit._watch import Watch
from somscape.grid import Graph, Lattice
from somscape.kernels import Rows, select_kernels
from somscape.maps import Map

MOST_UNITS = 1_000_000


def train_map(
    rows: Rows,
    weights: Float64s | None,
    encoding: Encoding,
    settings: Settings,
    lattice: Lattice | None = None,
) -> tuple[Map, Trained, Ints]:
    """Train a map on prepared rows.

    Ctrl-C ends training after at most a chunk of an epoch, or a block of online updates, and raises
    ``TrainingInterrupted`` with what there is.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features) or SparseRows, float32 or float64
        Finite and C-contiguous, at least one.
    weights : ndarray of shape (n_samples,), float64, or None
        All above 0; None means 1 each.
    encoding : Encoding
        Kept with the map.
    settings : Settings
    lattice : Lattice, optional
        Takes the place of the settings for size and shape.

    Returns
    -------
    map_ : Map
    trained : Trained
    units : ndarray of shape (n_samples,)
        Best unit of each row on the trained map.
    """
    rng = np.random.default_rng(settings.seed)
    kernels = select_kernels()
    given = None if isinstance(settings.init, str) else _given_start(settings.init, rows)
    # The lattice may depend on the data's axes, which the problem gives: it comes second.
    problem = make_problem(rows, weights, Lattice(1, 1), settings.neighborhood, kernels, given)
    is_sized = isinstance(settings.lattice, Graph) or "auto" not in (
        settings.n_rows,
        settings.n_cols,
    )
    needs_axes = not is_sized or (given is None and settings.init == "pca")
    axes = principal_axes(problem) if needs_axes else None
    if lattice is None:
        variances = None if axes is None else axes.variances
        total = float(len(rows)) if weights is None else math.fsum(weights)
        lattice = _lattice_for(settings, len(rows), total, variances)
    problem = problem.on(lattice)
    if given is None:
        codebook = start_codebook(problem, settings.init, axes, rng)
    else:
        codebook = _fitting(given, lattice)
    plan = _plan_for(settings, "given" if given is not None else settings.init, lattice)
    trained = train(problem, codebook, plan, Watch(settings.callbacks), rng)
    units = np.concatenate(
        [
            kernels.winners(rows[part], trained.codebook, order=lattice.walk)[:, 0]
            for part in chunks(rows, trained.codebook)
        ]
    )
    hits = np.bincount(units, weights, minlength=lattice.n_units).astype(np.float64)
    map_ = Map(
        trained.codebook,
        lattice,
        encoding,
        hits,
        trained.history,
        _parameters(plan, settings, trained),
        {"somscape": __version__, "numpy": np.__version__},
    )
    if trained.stop_reason == INTERRUPTED:
        raise TrainingInterrupted((map_, trained, units))
    return map_, trained, units


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training.

    Parameters
    ----------
    result : tuple
        What `train_map` returns, as of the last whole epoch or block of updates.
    """

    def __init__(self, result: tuple[Map, Trained, Ints]) -> None:
        super().__init__("training was interrupted")
        self.result = result


def _given_start(init: Any, rows: Rows) -> Float64s:
    try:
        codebook: Floats = np.array(init, dtype=rows.dtype, order="C")
    except (ValueError, TypeError) as error:
        raise ValueError(f"`init` must hold numbers; {error}.") from error
    if codebook.ndim != 2 or codebook.shape[1] != rows.shape[1]:
        raise ValueError(
            f"`init` must have shape (n_units, {rows.shape[1]}), one column per feature; got "
            f"{codebook.shape}."
        )
    check_values(codebook, [str(i) for i in range(rows.shape[1])], what="init")
    return codebook.astype(np.float64, copy=False)


def _fitting(codebook: Float64s, lattice: Lattice) -> Float64s:
    if len(codebook) != lattice.n_units:
        raise ValueError(
            f"`init` must have one row per unit, {lattice.n_units} for {lattice.n_rows} x "
            f"{lattice.n_cols}; got {len(codebook)}. Pass `n_rows` and `n_cols` that fit."
        )
    return codebook


def _lattice_for(
    settings: Settings, n_samples: int, total_weight: float, variances: Float64s | None
) -> Lattice:
    if isinstance(settings.lattice, Graph):
        _warn_of_many_units(settings.lattice, total_weight, "Pass a smaller graph.")
        return settings.lattice
    sizes = (settings.n_rows, settings.n_cols)
    n_rows, n_cols = (None if isinstance(n, str) else int(n) for n in sizes)
    if n_rows is not None and n_cols is not None:
        lattice = Lattice(n_rows, n_cols, settings.lattice, settings.boundary)
        if lattice.n_units > MOST_UNITS:
            raise InputError(
                f"the map may have at most {MOST_UNITS} units; got {n_rows} x {n_cols}. Pass a "
                "smaller `n_rows` and `n_cols`."
            )
        advice = "Pass a smaller `n_rows` and `n_cols`, or leave them 'auto'."
        _warn_of_many_units(lattice, total_weight, advice)
        return lattice
    assert variances is not None
    if total_weight < n_samples / 2:
        warnings.warn(
            f"`sample_weight` adds up to {total_weight:g} for {n_samples} rows, and the automatic "
            "size is that for as many rows. Weights count rows; scale them to a mean of 1, or "
            "pass `n_rows` and `n_cols`.",
            SomscapeWarning,
            stacklevel=4,
        )
    is_hexagonal = settings.lattice == "hexagonal"
    n_rows, n_cols = auto_shape(
        total_weight,
        (float(variances[0]), float(variances[1])),
        n_rows,
        n_cols,
        is_hexagonal=is_hexagonal,
        needs_even_rows=is_hexagonal and settings.boundary == "torus",
    )
    return Lattice(n_rows, n_cols, settings.lattice, settings.boundary)


def _warn_of_many_units(lattice: Lattice, total_weight: float, advice: str) -> None:
    if lattice.n_units > total_weight:
        warnings.warn(
            f"the map has {lattice.n_units} units for {total_weight:g} rows of data; many "
            f"units will win none. {advice}",
            SomscapeWarning,
            stacklevel=5,
        )


def _plan_for(settings: Settings, init: str, lattice: Lattice) -> Plan:
    plan = resolve_plan(
        algorithm=settings.algorithm,
        init=init,
        n_epochs=settings.n_epochs,
        radius_start=settings.radius_start,
        radius_end=settings.radius_end,
        radius_decay=settings.radius_decay,
        rate_start=settings.rate_start,
        rate_end=settings.rate_end,
        rate_decay=settings.rate_decay,
        tol=settings.tol,
        longest_side=lattice.longest_side,
        step=lattice.step,
    )
    if settings.neighborhood == "triangle" and plan.algorithm == "online":
        _refuse_overshooting(plan)
    return plan


def _refuse_overshooting(plan: Plan) -> None:
    """Refuse a triangle, whose peak is the squared radius, that throws units off for good."""
    radius = max(plan.radius_start, plan.radius_end)
    rate = max(plan.rate_start, plan.rate_end)
    if rate * radius**2 > 2:
        raise InputError(
            "the online rule moves a winner by the rate times the triangle's peak, the squared "
            f"radius; that is {rate:g} x {radius:g}^2, and above 2 prototypes grow without bound. "
            "Pass a smaller `radius_start` or `rate_start`, or algorithm='batch'."
        )


def _parameters(plan: Plan, settings: Settings, trained: Trained) -> dict[str, Any]:
    """Return what a map is told of its training, as JSON data."""
    shown = {
        "algorithm": plan.algorithm,
        "init": plan.init,
        "neighborhood": settings.neighborhood,
        "metric": settings.metric,
        "n_epochs": plan.n_epochs,
        "radius_start": plan.radius_start,
        "radius_end": plan.radius_end,
        "radius_decay": plan.radius_decay,
        "n_iter": trained.n_iter,
        "stop_reason": trained.stop_reason,
        "seed": settings.seed,
    }
    if plan.algorithm == "online":
        shown |= {name: getattr(plan, name) for name in ("rate_start", "rate_end", "rate_decay")}
    return shown
