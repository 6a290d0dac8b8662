"""Choice of the training parameters that the user left open, with reasons."""

import math
import os
import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s
from somscape._weights import counted_rows
from somscape.errors import InputError, SomscapeWarning
from somscape.fit.problem import Problem
from somscape.fit.settings import Settings, decay_of, learning_rates, was_cut
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import SparseRows
from somscape.maps.map import Map


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts about the rows and the map.

    Attributes
    ----------
    lattice : Lattice
        The lattice of the full map.
    n_counted : float
        Number of rows, or their total weight if weights count rows.
    epoch_work : float
        Number of multiply-adds in an epoch (number of values in the rows times number of units).
    """

    lattice: Lattice
    n_counted: float
    epoch_work: float

    @classmethod
    def of(cls, problem: Problem, total_weight: float) -> "Facts":
        """Return the facts about a problem from which the plan is made."""
        rows, lattice = problem.rows, problem.lattice
        n_counted = counted_rows(len(rows), total_weight)
        n_values = len(rows.values) if isinstance(rows, SparseRows) else rows.size
        # Small weights do not make an epoch shorter.
        work = n_values * max(1.0, n_counted / len(rows)) * lattice.n_units
        return cls(lattice, n_counted, work)

    @property
    def rows_per_unit(self) -> float:
        """Number of rows per unit of the full map."""
        return self.n_counted / self.lattice.n_units


RADIUS_END = 0.7
"""Usual last radius, in grid steps.  A last radius of 0.5 lowers the quantization error by about 8
%, but doubles the topographic error.  A last radius of 1.0 does the reverse."""

CLOSER_FROM = 20
"""Number of rows per unit above which the last radius is smaller than `RADIUS_END`.  With many
rows, neighboring units stay similar at a smaller radius."""

CLOSEST_FROM = 30
"""Number of rows per unit above which the last radius is `CLOSEST` times `RADIUS_END`."""

CLOSEST = 0.8
"""Last radius for many rows per unit, as a share of `RADIUS_END`."""

MIN_RADIUS_START = 2.0
"""Smallest automatic first radius, in grid steps."""

PLANE_SHARE = 1 / 4
"""First radius for a start on the main axes of the data, as a share of the longest side of the
map."""

OTHER_SHARE = 1 / 2
"""First radius for any other initial codebook, as a share of the longest side of the map."""

FURTHER_SHARES = (1 / 2, 1 / 8)
"""First radii of the second and third start, as shares of the longest side of the map."""


@dataclass(frozen=True)
class Radii:
    """First and last radius, in the length unit of the lattice.

    Attributes
    ----------
    start, end : float
    reasons : dict of str to str
        Reasons for automatic values of ``radius_start`` and ``radius_end``.
    """

    start: float
    end: float
    reasons: dict[str, str] = field(default_factory=dict)


def radii_for(settings: Settings, facts: Facts) -> Radii:
    """Return the first and the last radius."""
    if not isinstance(settings.radius_decay, str):
        values = decay_of(settings.radius_decay)
        return Radii(float(values[0]), float(values[-1]))
    if isinstance(settings.init, Map) and settings.radius_start == "auto":
        radii = _radii_from_map(settings, settings.init)
    else:
        radii = _radii_from_lattice(settings, facts)
    if settings.radius_decay != "constant":
        return radii
    why = "equal to `radius_start`, because `radius_decay` is 'constant'."
    known = {"radius_end": why} if settings.radius_end == "auto" else {}
    return Radii(radii.start, radii.start, radii.reasons | known)


def _radii_from_lattice(settings: Settings, facts: Facts) -> Radii:
    reasons: dict[str, str] = {}
    if isinstance(settings.radius_end, str):
        end, reasons["radius_end"] = _auto_end(settings.radius_start, facts)
    else:
        end = float(settings.radius_end)
    if isinstance(settings.radius_start, str):
        start, reasons["radius_start"] = _auto_start(settings.start, end, facts.lattice)
    else:
        start = float(settings.radius_start)
    return Radii(start, end, reasons)


def _auto_end(start: float | str, facts: Facts) -> tuple[float, str]:
    step, per_unit = facts.lattice.step, facts.rows_per_unit
    closeness = np.interp(per_unit, (CLOSER_FROM, CLOSEST_FROM), (0.0, 1.0))
    end = RADIUS_END * step * float(1 - (1 - CLOSEST) * closeness)
    trade = "Smaller radii lower the quantization error and raise the topographic error."
    if not isinstance(start, str) and start <= end:
        return float(start), f"equal to `radius_start`. {trade}"
    usual = f"{RADIUS_END * step:.3g}"
    if end < RADIUS_END * step:
        why = f"less than the usual {usual}, because there are {per_unit:.0f} rows per unit."
        return end, f"{why} {trade}"
    return end, f"the usual value. {trade}"


def _auto_start(name: str, end: float, lattice: Lattice) -> tuple[float, str]:
    """Return the first radius for the initial codebook `name`, and the reason."""
    share, shown, why = (
        (PLANE_SHARE, "a quarter", "because the start already follows the data")
        if name == "pca"
        else (OTHER_SHARE, "half", "because the start may not be in order")
    )
    wide = lattice.longest_side * share
    start = max(MIN_RADIUS_START, wide) * lattice.step
    if end > start:
        return end, "equal to `radius_end`, which is larger."
    if wide < MIN_RADIUS_START:
        return start, f"the minimum, because {shown} of the longest side is less."
    return start, f"{shown} of the longest side, {why}."


def further_starts(radii: Radii, lattice: Lattice) -> tuple[float, ...]:
    """Return the first radii of the second and third start, which also begin on the plane."""
    wide = (max(MIN_RADIUS_START, lattice.longest_side * s) * lattice.step for s in FURTHER_SHARES)
    tried = dict.fromkeys(max(radius, radii.end) for radius in wide)
    return tuple(radius for radius in tried if radius != radii.start)


def last_radius(map_: Map) -> float:
    """Return the radius of the last epoch that trained a map, in the length unit of its lattice."""
    given = map_.parameters
    used = given.get("radius_last", given.get("radius_end"))
    return RADIUS_END * map_.lattice.step if used is None else float(used)


def _radii_from_map(settings: Settings, map_: Map) -> Radii:
    """Return the first and last radius for further training of a map."""
    last = last_radius(map_)
    if not isinstance(settings.radius_end, str):
        end = float(settings.radius_end)
        why = "the last radius of the map from which training starts, or `radius_end` if larger."
        return Radii(max(last, end), end, {"radius_start": why})
    is_cut = was_cut(map_.parameters.get("stop_reason", ""))
    end = min(last, float(map_.parameters["radius_end"])) if is_cut else last
    reasons = {
        "radius_start": "the last radius of the map from which training starts.",
        "radius_end": "the final radius of the map from which training starts.",
    }
    return Radii(last, end, reasons)


BATCH_EPOCHS = 40
"""Number of batch epochs while the radius falls."""

EXTRA_EPOCHS = 10
"""Maximum number of additional batch epochs at the final radius."""

ONLINE_EPOCHS = 10
"""Number of passes of online training."""

MAX_STARTS = 16
"""Maximum number of starts, including starts from shuffled prototypes."""

STARTS_WORK = 5e8
"""Maximum number of multiply-adds per epoch, summed over all starts.  The number of starts is
chosen so that all starts take less than a second."""

SMALL_WORK = 2e9
"""Maximum number of multiply-adds per epoch at which coarse maps are also trained on all rows.  The
training then takes about a second."""

LARGE_WORK = 1e10
"""Number of multiply-adds per epoch above which maps are trained for fewer epochs."""

ROWS_PER_UNIT = 50
"""Number of rows in a sample for training, divided by the number of units.  Smaller samples reduce
the quality of the map."""

MANY_ROWS_PER_UNIT = 2 * ROWS_PER_UNIT
"""Minimum number of rows per unit at which the full map is first trained on samples."""

SAMPLED_PASSES = 6
"""Cost of all epochs on samples, as a number of epochs over all rows."""

MAX_SAMPLED_EPOCHS = 24
"""Maximum number of passes over samples."""

SAMPLED_RADIUS = 1.5
"""Radius at which training changes from samples to all rows, as a multiple of the final radius.  At
smaller radii, the noise of the samples would fold the map."""

COARSE_RADIUS = 0.7
"""Radius at which training changes to a finer map, in grid steps of the coarse map."""

MIN_COARSE_SIDE = 8
"""Minimum number of units on the longer side of a coarse map.  The shorter side needs half as many
units."""

MOVING_RADIUS = 0.3
"""Largest final radius, in grid steps, for which units can move to far rows after training.  At
this radius, a neighbor has only 0.4 % of the weight of a unit.  Moves improve the fit of the map,
but not its order."""

MOVE_ROUNDS = 10
"""Maximum number of rounds that move units to far rows."""


class Growth(NamedTuple):
    """Numbers of epochs on coarse maps (maps with shorter sides) and then on the full map.

    Attributes
    ----------
    first, coarse, whole : int
        Numbers of epochs on the smallest map, on each larger coarse map, and on the full map.
    rows_per_unit : int or None
        Maximum number of rows for a coarse map, divided by its number of units.  None means all
        rows.
    why : str
        Reason for this schedule.
    samples_whole : bool
        Whether the full map is first trained on samples.
    """

    first: int
    coarse: int
    whole: int
    rows_per_unit: int | None
    why: str
    samples_whole: bool = False


_WHY_SAMPLES = (
    "one epoch of the full map takes long, so smaller maps were trained first, on "
    f"{ROWS_PER_UNIT} rows per unit."
)

_WHY_ALL_ROWS = "several starts would take long, so smaller maps were trained first, on all rows."
ON_ALL_ROWS = Growth(first=96, coarse=48, whole=60, rows_per_unit=None, why=_WHY_ALL_ROWS)
"""Schedule if an epoch on all rows is fast.  The radius falls slowly.  This keeps the map in better
order.  With half the epochs, the topographic error is up to 5 % higher."""

ON_SAMPLES = Growth(first=24, coarse=12, whole=10, rows_per_unit=ROWS_PER_UNIT, why=_WHY_SAMPLES)
"""Schedule if an epoch takes longer.  Coarse maps are then trained on samples."""

BRIEFLY = ON_SAMPLES._replace(first=12, coarse=6, whole=8)
"""Schedule for epochs of more than `LARGE_WORK` multiply-adds.  Compared with `ON_SAMPLES`, the
quantization error is half a percent higher."""

_WHY_SAMPLES_TO_THE_END = (
    "one epoch of the full map takes long, so smaller maps (unless the map is small) were "
    f"trained first, on {ROWS_PER_UNIT} rows per unit. Then the full map was trained on "
    f"{ROWS_PER_UNIT} rows per unit, because X has at least {MANY_ROWS_PER_UNIT}."
)
ON_SAMPLES_TO_THE_END = BRIEFLY._replace(whole=4, why=_WHY_SAMPLES_TO_THE_END, samples_whole=True)
"""Schedule for many rows per unit.  After training the full map on samples, few epochs on all rows
are enough."""


class Stage(NamedTuple):
    """Epochs on a map of one size with the same number of rows.

    Attributes
    ----------
    shrink : int
        Number by which the sides of the full map are divided.
    n_epochs : int
    radius_start, radius_end : float
        First and last radius, in grid steps of the full map.
    rows_per_unit : int or None
        Maximum number of rows in an epoch, divided by the number of units.  None means all rows.
    """

    shrink: int
    n_epochs: int
    radius_start: float
    radius_end: float
    rows_per_unit: int | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The plan of one training run.

    Attributes
    ----------
    algorithm : {"batch", "online", "multires"}
    init : str
        Name of the method for the initial codebook, or "given" or "map" if `init` is a codebook or
        a map.
    n_epochs : float
        Number of passes over the rows.  Only ``"online"`` allows fractions.
    extra_epochs : int
        Maximum number of additional batch epochs at the final radius.
    radius_start, radius_end : float
        First and last radius, in grid steps.
    radius_decay : str or ndarray
        Name of a schedule, or the radii.
    learning_rate : tuple of float
        First and last learning rate, for ``"online"``.
    tol : float
        Training at the final radius stops when no unit moves further than this share of the mean
        distance from the rows to their mean.  0 means never.
    coarse : tuple of Stage
        Training of coarse maps, and of the full map on samples, before the full map is trained on
        all rows.  Empty except for ``"multires"``.
    n_init : int
        Number of starts to try.
    other_radii : tuple of float
        First radii of the second and third start, which use the same codebook as the first start.
    move_rounds : int
        Maximum number of rounds that move units to far rows after the epochs.
    reasons : dict of str to str
        Reasons for parameters of `SOM` that were "auto" or not applied.
    """

    algorithm: str
    init: str
    n_epochs: float
    extra_epochs: int
    radius_start: float
    radius_end: float
    radius_decay: str | Float64s
    learning_rate: tuple[float, float]
    tol: float
    coarse: tuple[Stage, ...] = ()
    n_init: int = 1
    other_radii: tuple[float, ...] = ()
    move_rounds: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def whole_radius_start(self) -> float:
        """Radius of the first epoch on the full map."""
        return self.coarse[-1].radius_end if self.coarse else self.radius_start


def resolve_plan(settings: Settings, facts: Facts) -> Plan:
    """Return the plan for the settings."""
    radii = radii_for(settings, facts)
    growth = _growth(settings, facts)
    coarse = () if growth is None else _stages(growth, radii, facts)
    growth = growth if coarse else None
    algorithm, why = _algorithm(settings, facts, growth)
    reasons = {} if algorithm == settings.algorithm else {"algorithm": why}
    is_open = settings.start == "pca" and settings.radius_start == "auto"
    varies = is_open and settings.radius_falls and not coarse
    n_init = _n_init(settings, facts, varies=varies and algorithm == "batch")
    if n_init > 1 and settings.n_init == "auto":
        reasons["n_init"] = (
            f"{n_init} starts, because all starts take little time. The map with the lowest "
            "product of quantization error and one plus topographic error was kept."
        )
    other_radii = further_starts(radii, facts.lattice) if varies else ()
    reasons |= radii.reasons
    if n_init > 1 and other_radii:
        why = "the best value among a quarter, half and an eighth of the longest side."
        reasons["radius_start"] = why
    has_more = settings.n_epochs == "auto" and algorithm == "batch"
    return Plan(
        algorithm=algorithm,
        init=settings.start,
        n_epochs=_n_epochs(settings, growth),
        extra_epochs=EXTRA_EPOCHS if has_more else 0,
        radius_start=radii.start,
        radius_end=radii.end,
        radius_decay=decay_of(settings.radius_decay),
        learning_rate=learning_rates(settings.learning_rate),
        tol=float(settings.tol),
        coarse=coarse,
        n_init=n_init,
        other_radii=other_radii,
        move_rounds=_move_rounds(settings, facts, radii),
        reasons=reasons,
    )


def _is_free(settings: Settings) -> bool:
    """Return whether the user left the number of epochs and the first radius open."""
    return settings.n_epochs == "auto" and settings.radius_start == "auto"


def _cheap_starts(facts: Facts) -> int:
    """Return how many starts take less than a second in total."""
    return int(max(1, min(MAX_STARTS, STARTS_WORK // max(1.0, facts.epoch_work))))


def _growth(settings: Settings, facts: Facts) -> Growth | None:
    """Return the schedule for training coarse maps first, or None to train only the full map."""
    is_graph = isinstance(facts.lattice, Graph)
    if is_graph or settings.start in ("given", "map") or not settings.radius_falls:
        return None
    if settings.algorithm == "multires":
        return ON_SAMPLES
    if settings.algorithm != "auto" or not _is_free(settings):
        return None
    if facts.epoch_work > SMALL_WORK:
        if facts.rows_per_unit >= MANY_ROWS_PER_UNIT:
            return ON_SAMPLES_TO_THE_END
        return BRIEFLY if facts.epoch_work > LARGE_WORK else ON_SAMPLES
    is_one_start = settings.n_init == "auto" and _cheap_starts(facts) == 1
    return ON_ALL_ROWS if is_one_start else None


def _algorithm(settings: Settings, facts: Facts, growth: Growth | None) -> tuple[str, str]:
    """Return the algorithm and the reason."""
    if growth is not None:
        return "multires", f"multires: {growth.why}"
    if settings.algorithm == "online":
        return "online", ""
    return "batch", f"batch: {_why_batch(settings, facts)}"


def _why_batch(settings: Settings, facts: Facts) -> str:
    needed = (
        "smaller maps are trained first only if the full map has at least 8 x 16 units (rows and "
        "columns), `init` is a name, and the radius falls from more than 1.4 grid steps."
    )
    if settings.algorithm == "multires":
        return needed
    if not _is_free(settings):
        return "every epoch uses all rows, because `n_epochs` or `radius_start` was given."
    if settings.start in ("given", "map"):
        return "every epoch uses all rows, because the start was given."
    if facts.epoch_work > SMALL_WORK:
        return f"an epoch takes long, but {needed}"
    return "an epoch on all rows takes little time."


def _n_init(settings: Settings, facts: Facts, *, varies: bool) -> int:
    if settings.start in ("given", "map"):
        return 1
    if not isinstance(settings.n_init, str):
        return int(settings.n_init)
    return _cheap_starts(facts) if varies and _is_free(settings) else 1


def _n_epochs(settings: Settings, growth: Growth | None) -> float:
    """Return the number of epochs for training the full map on all rows."""
    if not isinstance(settings.n_epochs, str):
        return float(settings.n_epochs)
    if not isinstance(settings.radius_decay, str):
        return len(settings.radius_decay)
    if growth is not None:
        return growth.whole
    return ONLINE_EPOCHS if settings.algorithm == "online" else BATCH_EPOCHS


def _move_rounds(settings: Settings, facts: Facts, radii: Radii) -> int:
    is_free = settings.n_epochs == "auto" and settings.radius_falls
    is_close = radii.end / facts.lattice.step <= MOVING_RADIUS
    may_move = is_free and is_close and settings.algorithm != "online"
    return MOVE_ROUNDS if may_move and facts.epoch_work <= SMALL_WORK else 0


def _stages(growth: Growth, radii: Radii, facts: Facts) -> tuple[Stage, ...]:
    """Return the stages of training that come before the full map is trained on all rows."""
    shrinks: list[int] = []
    short, long = sorted((facts.lattice.n_rows, facts.lattice.n_cols))
    shrink = 2
    while short // shrink >= MIN_COARSE_SIDE // 2 and long // shrink >= MIN_COARSE_SIDE:
        shrinks.append(shrink)
        shrink *= 2
    stages: list[Stage] = []
    wide = radii.start
    for shrink in reversed(shrinks):
        narrow = max(COARSE_RADIUS * shrink, radii.end)
        if narrow > wide:
            continue
        n_epochs = growth.coarse if stages else growth.first
        stages.append(Stage(shrink, n_epochs, wide, narrow, growth.rows_per_unit))
        wide = narrow
    if growth.samples_whole:
        narrow = min(wide, SAMPLED_RADIUS * radii.end)
        n_epochs = int(SAMPLED_PASSES * facts.rows_per_unit / ROWS_PER_UNIT)
        stages.append(Stage(1, min(MAX_SAMPLED_EPOCHS, n_epochs), wide, narrow, ROWS_PER_UNIT))
    return tuple(stages)


MAX_UNITS = 1_000_000
"""Maximum number of units of any map."""

MIN_AUTO_UNITS = 9
"""Minimum number of units for automatic sizes, if there are at least as many rows."""

MAX_AUTO_UNITS = 10_000
"""Maximum number of units for automatic sizes."""

MAX_STRETCH = 4.0
"""Maximum ratio of the longer to the shorter side of a map of automatic size."""

COPIES = 6
"""Number of arrays in memory during an epoch, each as large as the codebook (old and new codebook,
initial codebook, sums, and temporary arrays of smoothing)."""

BYTES_PER_ROW_PAIR = 40
"""Number of bytes for each pair of rows of the map in the neighborhood tables, which contain an
offset, a shift, a kernel and two weights."""

MEMORY_BY_DEFAULT = 16 << 30
"""Assumed memory in bytes, if the system does not report its memory."""


def lattice_for(
    settings: Settings, n_samples: int, total_weight: float, variances: Float64s | None
) -> Lattice:
    """Return the lattice of the full map.  Its size is automatic if the user left the size open."""
    if isinstance(settings.lattice, Lattice):
        lattice = settings.lattice
        advice = f"Pass a smaller {'graph' if isinstance(lattice, Graph) else 'lattice'}."
    else:
        lattice = _rows_and_cols(settings, n_samples, total_weight, variances)
        advice = "Pass a smaller `n_rows` and `n_cols`, or leave both 'auto'."
    if lattice.n_units > MAX_UNITS:
        raise InputError(
            f"The map can have at most {MAX_UNITS} units, but would have {lattice.n_rows} x "
            f"{lattice.n_cols}. {advice}",
            parameter="n_rows" if isinstance(settings.lattice, str) else "lattice",
            value=lattice.n_units,
            allowed=MAX_UNITS,
        )
    sides = {settings.n_rows, settings.n_cols}
    is_given = isinstance(settings.lattice, Lattice) or sides != {"auto"}
    if is_given and lattice.n_units > total_weight:
        warnings.warn(
            f"The map has {lattice.n_units} units for {total_weight:g} rows of data, so many "
            f"units will be without rows. {advice}",
            SomscapeWarning,
            stacklevel=4,
        )
    return lattice


def _rows_and_cols(
    settings: Settings, n_samples: int, total_weight: float, variances: Float64s | None
) -> Lattice:
    assert isinstance(settings.lattice, str)
    n_rows, n_cols = settings.n_rows, settings.n_cols
    if not isinstance(n_rows, str) and not isinstance(n_cols, str):
        return Lattice(int(n_rows), int(n_cols), settings.lattice, settings.boundary)
    assert variances is not None
    if total_weight < n_samples / 2:
        warnings.warn(
            f"`sample_weight` adds up to {total_weight:g} for {n_samples} rows. Weights count "
            f"rows, so the automatic size is for {total_weight:g} rows. Scale the weights to a "
            "mean of 1, or pass `n_rows` and `n_cols`.",
            SomscapeWarning,
            stacklevel=5,
        )
    shape = auto_shape(settings, total_weight, (float(variances[0]), float(variances[1])))
    return Lattice(*shape, settings.lattice, settings.boundary)


def auto_shape(
    settings: Settings, total_weight: float, variances: tuple[float, float]
) -> tuple[int, int]:
    """Return the numbers of rows and columns of a map.  Sides from the settings do not change."""
    sides = settings.n_rows, settings.n_cols
    n_rows, n_cols = (None if isinstance(n, str) else int(n) for n in sides)
    is_hexagonal = settings.lattice == "hexagonal"
    limit = max(1, math.floor(total_weight))
    wanted = math.ceil(settings.units_per_root * math.sqrt(total_weight))
    wanted = min(max(wanted, MIN_AUTO_UNITS), MAX_AUTO_UNITS, limit)
    first, second = variances
    has_shape = second > 0 and second * wanted >= first
    stretch = min(math.sqrt(first / second), MAX_STRETCH) if has_shape else 1.0
    pitch = math.sqrt(0.75) if is_hexagonal else 1.0
    step = 2 if is_hexagonal and settings.boundary == "torus" else 1
    if n_rows is None:
        n_given = n_cols or math.sqrt(wanted * stretch * pitch)
        n_rows = step * max(1, _nearest(wanted / n_given / step))
        while n_cols is not None and n_rows * n_cols > limit and n_rows > step:
            n_rows -= step
    if n_cols is None:
        n_cols = max(1, _nearest(wanted / n_rows))
        while n_rows * n_cols > limit and n_cols > 1:
            n_cols -= 1
    return n_rows, n_cols


def _nearest(value: float) -> int:
    """Round to the nearest integer, with halves rounded up."""
    return math.floor(value + 0.5)


def check_memory(lattice: Lattice, n_features: int, *, has_tables: bool) -> None:
    """Raise InputError if training needs more memory than this machine has."""
    codebook = np.float64().nbytes * lattice.n_units * n_features
    tables = BYTES_PER_ROW_PAIR * lattice.n_rows**2 if has_tables else 0
    needed = COPIES * codebook + tables
    memory = machine_memory()
    if needed > memory:
        advice = (
            "Pass a smaller `n_rows`, or swap `n_rows` and `n_cols` so that there are more "
            "columns than rows."
            if tables > needed / 2
            else "Pass a smaller map, or fewer features."
        )
        raise InputError(
            f"A map of {lattice.n_rows} x {lattice.n_cols} units and {n_features} features "
            f"needs about {needed / 1e9:.0f} GB for training, but this machine has "
            f"{memory / 1e9:.0f} GB. {advice}",
            parameter="n_rows",
            value=lattice.n_rows,
        )


def machine_memory() -> int:
    """Return the memory of this machine in bytes."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return MEMORY_BY_DEFAULT
