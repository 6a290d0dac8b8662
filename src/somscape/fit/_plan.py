"""What a training does, with nothing left to decide: what "auto" stands for, and why.

Each decision is made in one place, by case, and writes down its reason where it is made.
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
"""Further passes of batch training at the last radius, at most, until no row moves."""

ONLINE_EPOCHS = 10
"""Passes of online training."""

MAX_STARTS = 16
"""Starts that are tried at most, with those whose prototypes are shuffled."""

STARTS_WORK = 5e8
"""Multiply-adds of an epoch from each of several starts: together they take less than a second."""

SMALL_WORK = 2e9
"""Multiply-adds of an epoch up to which all rows may train every map: a second or so in all."""

LARGE_WORK = 1e10
"""Multiply-adds of an epoch above which coarse maps and the whole one have fewer passes."""

ROWS_PER_UNIT = 50
"""Rows of a sample for each unit; a pass over fewer costs quality."""

MANY_ROWS_PER_UNIT = 2 * ROWS_PER_UNIT
"""Rows per unit from which on samples train the whole map, too, where an epoch takes long."""

SAMPLED_PASSES = 6
"""What the passes over samples on the whole map cost, in passes over all rows."""

MAX_SAMPLED_EPOCHS = 24
"""Passes over samples on the whole map, at most."""

SAMPLED_RADIUS = 1.5
"""Radius at which samples give way to all rows, in last radii: below, their noise folds the map."""

COARSE_RADIUS = 0.7
"""Steps of its own at which a coarse map gives way to a finer one."""

MIN_COARSE_SIDE = 8
"""Units that the longer side of a coarse map has at least; the shorter one has half of them."""

MOVING_RADIUS = 0.3
"""Last radius, in steps, up to which units may move after training: a neighbor pulls with 0.4 % of
a gaussian's weight there, and order is given up for a close fit."""

MOVE_ROUNDS = 10
"""Rounds of moves, at most."""


class Growth(NamedTuple):
    """How coarser maps are trained before the whole one.

    Attributes
    ----------
    first, coarse, whole : int
        Passes on the smallest map, on each of those between, and of all rows on the whole map.
    rows_per_unit : int or None
        Rows of a pass before that, at most, for each unit of the map trained; None for all.
    why : str
        Why maps grow in this way.
    samples_whole : bool
        Whether samples train the whole map before all rows do.
    """

    first: int
    coarse: int
    whole: int
    rows_per_unit: int | None
    why: str
    samples_whole: bool = False


_LONG = (
    "one epoch of the whole map takes long, so maps of a fraction of its side were trained first, "
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
"""Where that is still cheap: slower annealing keeps more order."""

ON_SAMPLES = Growth(first=24, coarse=12, whole=10, rows_per_unit=ROWS_PER_UNIT, why=_LONG)
"""Where an epoch takes longer."""

BRIEFLY = ON_SAMPLES._replace(first=12, coarse=6, whole=8)
"""Above `LARGE_WORK`: fewer passes cost half a percent of the quantization error."""

ON_SAMPLES_TO_THE_END = Growth(
    first=12,
    coarse=6,
    whole=4,
    rows_per_unit=ROWS_PER_UNIT,
    why=(
        "one epoch of the whole map takes long, so maps of a fraction of its side, unless it is "
        f"small, were trained first, on {ROWS_PER_UNIT} rows per unit, and then the whole map on "
        f"as many, as there are at least {MANY_ROWS_PER_UNIT}."
    ),
    samples_whole=True,
)
"""Where rows are many: after samples on the whole map all rows have little left to do."""


class Stage(NamedTuple):
    """Some epochs on one lattice and one share of the rows.

    Attributes
    ----------
    shrink : int
        How many units of the map, each way, one of the stage's stands for.
    n_epochs : int
    radius_start, radius_end : float
        In steps of the whole map.
    rows_per_unit : int or None
        How many rows each pass takes, at most, for each unit of the stage; None for all.
    """

    shrink: int
    n_epochs: int
    radius_start: float
    radius_end: float
    rows_per_unit: int | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """One training run.

    Attributes
    ----------
    algorithm : {"batch", "online", "multires"}
    init : str
        Name of a start, "given" for a codebook or "map".
    n_epochs : float
        Passes over the rows; a fraction only for ``"online"``.
    extra_epochs : int
        Further batch passes at the final radius while units still move.
    radius_start, radius_end : float
        Grid steps, of the first epoch of all and of the last.
    radius_decay : str or ndarray
        Name of a schedule, or its values.
    learning_rate : tuple of float
        First and last, for ``"online"``.
    tol : float
        Stop at the final radius once no unit moves further than this share of the data's
        spread; 0 for never.
    coarse : tuple of Stage
        What goes before the epochs of all rows on the whole map; empty but for ``"multires"``.
    n_init : int
        Starts to try.
    other_radii : tuple of float
        Further radii to start at from the plane of the data's axes.
    move_rounds : int
        Times that units may move, after the epochs, to rows far from all others.
    reasons : dict of str to str
        By parameter of `SOM`: why that was chosen, where it was "auto" or could not be had.
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
        """Radius of the first epoch on the whole map."""
        return self.coarse[-1].radius_end if self.coarse else self.radius_start


def resolve_plan(settings: Settings, facts: Facts) -> Plan:
    """Return the plan that settings stand for, with a reason for each choice.

    Parameters
    ----------
    settings : Settings
    facts : Facts
        Of the rows and the lattice that the plan is for.

    Returns
    -------
    Plan
    """
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
            f"{n_init} starts, as they take little time; kept is the map with the lowest "
            "quantization error times one plus the topographic error."
        )
    other_radii = further_starts(radii, facts.lattice) if varies else ()
    reasons |= radii.reasons
    if n_init > 1 and other_radii:
        why = "the best start's, of a quarter, half and an eighth of the longest side."
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
    """Return whether the passes are ours to choose."""
    return settings.n_epochs == "auto" and settings.radius_start == "auto"


def _cheap_starts(facts: Facts) -> int:
    """Return how many starts take little time together."""
    return int(max(1, min(MAX_STARTS, STARTS_WORK // max(1.0, facts.epoch_work))))


def _growth(settings: Settings, facts: Facts) -> Growth | None:
    """Return how coarse maps are to be trained, or None where only the whole map is."""
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
    """Return the algorithm and why it was chosen, which says nothing where it was asked for."""
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
    """Return the passes of all rows on the whole map."""
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
    """Return the stages before all rows train the whole map.

    Each doubles the side of the one before.  A map too coarse for radii up to the first is left
    out.
    """
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
