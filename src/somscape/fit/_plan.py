"""The plan of a training run, with nothing left to decide: what "auto" means, and why.

Each decision is made in one place, by case, and records its reason there.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from somscape._types import Float64s
from somscape.fit._facts import Facts
from somscape.fit._radii import Radii, further_starts, radii_for
from somscape.fit._settings import Settings, decay_of, learning_rates

BATCH_EPOCHS = 40
"""Passes of batch training while the radius falls."""

EXTRA_EPOCHS = 10
"""Most further passes of batch training at the final radius, until no row moves."""

ONLINE_EPOCHS = 10
"""Passes of online training."""

MAX_STARTS = 16
"""Most starts to try, including those with shuffled prototypes."""

STARTS_WORK = 5e8
"""Multiply-adds of one epoch from all of several starts: together they take less than a second."""

SMALL_WORK = 2e9
"""Multiply-adds of an epoch up to which all rows may train every map: a second or so in all."""

LARGE_WORK = 1e10
"""Multiply-adds of an epoch above which coarse maps and the full map get fewer passes."""

ROWS_PER_UNIT = 50
"""Rows of a sample per unit; with fewer, a pass costs quality."""

MANY_ROWS_PER_UNIT = 2 * ROWS_PER_UNIT
"""Rows per unit from which samples also train the full map, if an epoch takes long."""

SAMPLED_PASSES = 6
"""Cost of the passes over samples on the full map, in passes over all rows."""

MAX_SAMPLED_EPOCHS = 24
"""Most passes over samples on the full map."""

SAMPLED_RADIUS = 1.5
"""Radius, in final radii, at which all rows replace samples, whose noise folds the map below it."""

COARSE_RADIUS = 0.7
"""Radius, in steps of a coarse map, at which a finer map replaces it."""

MIN_COARSE_SIDE = 8
"""Fewest units on the longer side of a coarse map; the shorter side has at least half as many."""

MOVING_RADIUS = 0.3
"""Final radius, in steps, up to which units may move after training: a neighbor pulls with 0.4 % of
a Gaussian's weight there, and order is given up for a close fit."""

MOVE_ROUNDS = 10
"""Most rounds of moves."""


class Growth(NamedTuple):
    """How coarser maps are trained before the full one.

    Attributes
    ----------
    first, coarse, whole : int
        Passes on the smallest map, on each map in between, and of all rows on the full map.
    rows_per_unit : int or None
        Most rows of the passes on coarse maps, per unit of the map trained.  None means all.
    why : str
        Why maps grow in this way.
    samples_whole : bool
        Whether samples train the full map before all rows do.
    """

    first: int
    coarse: int
    whole: int
    rows_per_unit: int | None
    why: str
    samples_whole: bool = False


_LONG = (
    "one epoch of the full map takes long, so maps of a fraction of its side were trained first, "
    f"on {ROWS_PER_UNIT} rows per unit."
)

ON_ALL_ROWS = Growth(
    first=96,
    coarse=48,
    whole=60,
    rows_per_unit=None,
    why=(
        "several starts would take long, so maps of a fraction of its side were trained first, on "
        "all rows."
    ),
)
"""If all rows are still cheap: slower annealing keeps more order."""

ON_SAMPLES = Growth(first=24, coarse=12, whole=10, rows_per_unit=ROWS_PER_UNIT, why=_LONG)
"""If an epoch takes longer."""

BRIEFLY = ON_SAMPLES._replace(first=12, coarse=6, whole=8)
"""Above `LARGE_WORK`: fewer passes cost half a percent of the quantization error."""

ON_SAMPLES_TO_THE_END = Growth(
    first=12,
    coarse=6,
    whole=4,
    rows_per_unit=ROWS_PER_UNIT,
    why=(
        "one epoch of the full map takes long, so maps of a fraction of its side, unless it is "
        f"small, were trained first, on {ROWS_PER_UNIT} rows per unit, and then the full map on "
        f"as many, as there are at least {MANY_ROWS_PER_UNIT}."
    ),
    samples_whole=True,
)
"""If there are many rows: after samples on the full map, all rows have little left to do."""


class Stage(NamedTuple):
    """Some epochs on one lattice and one share of the rows.

    Attributes
    ----------
    shrink : int
        Number of units of the full map, in each direction, per unit of the stage.
    n_epochs : int
    radius_start, radius_end : float
        In steps of the full map.
    rows_per_unit : int or None
        Most rows of a pass, per unit of the stage.  None means all.
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
        Name of a start, "given" for a codebook, or "map".
    n_epochs : float
        Passes over the rows; a fraction only for ``"online"``.
    extra_epochs : int
        Further batch passes at the final radius while units still move.
    radius_start, radius_end : float
        Radius of the very first epoch and of the last, in grid steps.
    radius_decay : str or ndarray
        Name of a schedule, or its values.
    learning_rate : tuple of float
        First and last rate, for ``"online"``.
    tol : float
        Training stops at the final radius once no unit moves further than this share of the rows'
        mean distance to their mean; 0 for never.
    coarse : tuple of Stage
        Stages before the epochs of all rows on the full map; empty except for ``"multires"``.
    n_init : int
        Number of starts to try.
    other_radii : tuple of float
        Other first radii to try from the plane of the data's axes.
    move_rounds : int
        Most rounds, after the epochs, in which units may move to rows far from all others.
    reasons : dict of str to str
        By parameter of `SOM`, why a value was chosen for "auto" or could not be met.
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
    """Return the plan for settings, with a reason for each choice."""
    radii = radii_for(settings, facts)
    growth = _growth(settings, facts)
    coarse = () if growth is None else _stages(growth, radii, facts)
    growth = growth if coarse else None
    algorithm, why = _algorithm(settings, facts, growth)
    reasons = {} if algorithm == settings.algorithm else {"algorithm": why}
    varies = _may_vary(settings) and not coarse
    n_init = _n_init(settings, facts, varies=varies and algorithm == "batch")
    if n_init > 1 and settings.n_init == "auto":
        reasons["n_init"] = (
            f"{n_init} starts, as they take little time; the map with the lowest quantization "
            "error, times one plus the topographic error, was kept."
        )
    other_radii = further_starts(radii, facts.lattice) if varies else ()
    reasons |= radii.reasons
    if n_init > 1 and other_radii:
        why = "that of the best start, of a quarter, half and an eighth of the longest side."
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
    """Return whether the plan may choose the passes."""
    return settings.n_epochs == "auto" and settings.radius_start == "auto"


def _cheap_starts(facts: Facts) -> int:
    """Return how many starts take little time together."""
    return int(max(1, min(MAX_STARTS, STARTS_WORK // max(1.0, facts.epoch_work))))


def _growth(settings: Settings, facts: Facts) -> Growth | None:
    """Return how coarse maps are trained, or None if only the full map is."""
    if facts.is_graph or settings.start in ("given", "map") or not settings.radius_falls:
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
    """Return the algorithm and why it was chosen; no reason if it was asked for."""
    if growth is not None:
        return "multires", f"multires: {growth.why}"
    if settings.algorithm == "online":
        return "online", ""
    return "batch", f"batch: {_why_batch(settings, facts)}"


def _why_batch(settings: Settings, facts: Facts) -> str:
    needed = (
        "coarse maps first need a map of at least 8 x 16 units of rows and columns, a start that "
        "is not given, and a radius that falls from more than 1.4 grid steps."
    )
    if settings.algorithm == "multires":
        return needed
    if not _is_free(settings):
        return "all rows in every epoch, as `n_epochs` or `radius_start` was given."
    if settings.start in ("given", "map"):
        return "all rows in every epoch, as the start was given."
    if facts.epoch_work > SMALL_WORK:
        return f"an epoch takes long, but {needed}"
    return "an epoch on all rows takes little time."


def _may_vary(settings: Settings) -> bool:
    """Return whether several starts on the data's plane may differ in their first radius."""
    return settings.start == "pca" and settings.radius_start == "auto" and settings.radius_falls


def _n_init(settings: Settings, facts: Facts, *, varies: bool) -> int:
    if settings.start in ("given", "map"):
        return 1
    if not isinstance(settings.n_init, str):
        return int(settings.n_init)
    return _cheap_starts(facts) if varies and _is_free(settings) else 1


def _n_epochs(settings: Settings, growth: Growth | None) -> float:
    """Return the number of passes of all rows on the full map."""
    if not isinstance(settings.n_epochs, str):
        return float(settings.n_epochs)
    if not isinstance(settings.radius_decay, str):
        return len(settings.radius_decay)
    if growth is not None:
        return growth.whole
    return ONLINE_EPOCHS if settings.algorithm == "online" else BATCH_EPOCHS


def _move_rounds(settings: Settings, facts: Facts, radii: Radii) -> int:
    may_move = (
        settings.n_epochs == "auto" and settings.radius_falls and settings.algorithm != "online"
    )
    is_close = radii.end / facts.lattice.step <= MOVING_RADIUS
    return MOVE_ROUNDS if may_move and is_close and facts.epoch_work <= SMALL_WORK else 0


def _stages(growth: Growth, radii: Radii, facts: Facts) -> tuple[Stage, ...]:
    """Return the stages before all rows train the full map."""
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
        n_epochs = min(MAX_SAMPLED_EPOCHS, n_epochs)
        stages.append(Stage(1, n_epochs, wide, narrow, ROWS_PER_UNIT))
    return tuple(stages)
