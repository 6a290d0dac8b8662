"""What somscape has to reach in a run, and whether it did.

Every goal is one object with a claim, a figure measured from the run (None where the run left it
out) and a bound. Ratios of times are medians over the rounds of the ratio within a round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from anchors import FEATURES, UNITS
from markdown_tables import OURS, Result, Rounds, ratios, search_percent
from startup import Timing

QUALITY_PERCENT, TE_ROWS = 1.0, 0.001


@dataclass(frozen=True)
class Run:
    """Everything that was measured: rounds by problem, of the anchors, and whole processes."""

    problems: dict[str, Rounds] = field(default_factory=dict)
    anchors: list[Result] = field(default_factory=list)
    startups: list[Timing] = field(default_factory=list)


@dataclass(frozen=True)
class Goal:
    """A claim and how it is measured; met where the figure is on the right side of the bound."""

    claim: str
    measure: Callable[[Run], float | None]
    bound: float
    is_upper: bool

    def row(self, run: Run) -> list[str]:
        """Return the claim's row of the table."""
        figure = self.measure(run)
        if figure is None:
            return [self.claim, "not measured", "-"]
        is_met = figure <= self.bound if self.is_upper else figure >= self.bound
        return [self.claim, f"{figure:.3g}", "yes" if is_met else "**no**"]


def faster(problem: str, peer: str, times: float) -> Goal:
    """Return the goal that a peer takes at least so many times our time."""

    def measure(run: Run) -> float | None:
        return _median(ratios(run.problems.get(problem, {}), peer))

    claim = f"{problem}: {peer} takes at least {times:g} times our time"
    return Goal(claim, measure, times, is_upper=False)


def at_most(problem: str, base: str, what: str, times: float) -> Goal:
    """Return the goal that we take at most so many times a peer's time, for `what` it does."""

    def measure(run: Run) -> float | None:
        return _median(ratios(run.problems.get(problem, {}), OURS, base))

    claim = f"{problem}: at most {times:g} times the time of {what}"
    return Goal(claim, measure, times, is_upper=True)


def doubling() -> Goal:
    """Return the goal for a map of twice the side, four times the units."""

    def measure(run: Run) -> float | None:
        sides = (run.problems.get(p, {}).get(OURS, []) for p in ("large-map", "large-map-half"))
        return _median([one["later"] / other["later"] for one, other in zip(*sides, strict=False)])

    claim = "large-map: at most 3 times the time of large-map-half, half its side"
    return Goal(claim, measure, 3.0, is_upper=True)


def memory(problem: str, mib: float) -> Goal:
    """Return the goal for the memory beyond import, data and start."""

    def measure(run: Run) -> float | None:
        return _median([r["own"] for r in run.problems.get(problem, {}).get(OURS, [])])

    claim = f"{problem}: peak memory at most import + data + {mib:g} MiB"
    return Goal(claim, measure, mib, is_upper=True)


def as_good(problem: str, key: str) -> Goal:
    """Return the goal that QE or TE is within 1 % of the float64 reference's, both ways.

    As TE is a share of a limited number of rows, a thousandth of all rows is allowed in any case.
    """

    def measure(run: Run) -> float | None:
        rounds = run.problems.get(problem, {})
        pairs = zip(rounds.get(OURS, []), rounds.get("reference", []), strict=False)
        differences = []
        for ours, theirs in pairs:
            difference, base = abs(ours[key] - theirs[key]), theirs[key]
            if key == "te" and difference <= TE_ROWS:
                differences.append(0.0)
            else:
                differences.append(100 * difference / base if base else float("inf"))
        return _median(differences)

    rest = ", or 0.001, taken as 0" if key == "te" else ""
    claim = f"{problem}: {key.upper()} within 1 % of the float64 reference{rest}"
    return Goal(claim, measure, QUALITY_PERCENT, is_upper=True)


def latency(name: str, microseconds: float) -> Goal:
    """Return the goal for one row."""

    def measure(run: Run) -> float | None:
        return _median([r["latency"][name] for r in run.anchors])

    claim = f"`{name}` of one row: under {microseconds:g} microseconds"
    return Goal(claim, measure, microseconds, is_upper=True)


def search(n_features: int, percent: float) -> Goal:
    """Return the goal for the search: its slowest number of units in percent of the peak."""

    def measure(run: Run) -> float | None:
        names = (f"{n_features} x {n_units}" for n_units in UNITS)
        return min(search_percent(run.anchors, n) for n in names) if run.anchors else None

    claim = f"search, {n_features} features: at least {percent:g} % of the matrix multiply's peak"
    return Goal(claim, measure, percent, is_upper=False)


def startup(timing: Timing) -> Goal:
    """Return the goal for a whole process."""
    label, imports, bound = timing.startup.label, timing.startup.imports, timing.startup.at_most
    claim = f"`{label}` takes at most {bound:g} times `{imports}`"
    return Goal(claim, lambda _: timing.ratio, bound, is_upper=True)


def _median(values: list[float]) -> float | None:
    return median(values) if values else None


GOALS = [
    faster("article-online", "minisom", 45),
    faster("article-online", "numbasom", 1.5),
    faster("article-batch", "fastersom", 3),
    faster("clusters", "fastersom", 2.5),
    at_most("clusters", "faiss", "faiss k-means with 900 centroids", 1),
    faster("pixels", "fastersom", 1.25),
    at_most("pixels", "faiss", "faiss k-means with 1,600 centroids", 1.2),
    at_most("pixels", "matmul", "one matrix multiply per epoch", 1.45),
    faster("many-rows", "fastersom", 3),
    at_most("many-rows", "faiss", "faiss k-means with 400 centroids", 1),
    memory("many-rows", 100),
    faster("large-map", "fastersom", 8),
    at_most("large-map", "faiss", "faiss k-means with 10,000 centroids", 1.2),
    doubling(),
    faster("sparse", "sparse_som", 2),
    at_most("winners-noise", "faiss", "the flat index of faiss", 1),
    faster("winners-clusters", "faiss", 2),
    latency("map.winners", 20),
    latency("SOM.predict", 200),
    *(search(n_features, 50 if n_features == 10 else 70) for n_features in FEATURES),
    *(
        as_good(p, k)
        for p in ("article-batch", "digits", "clusters", "pixels")
        for k in ("qe", "te")
    ),
]


def goal_rows(run: Run) -> list[list[str]]:
    """Return the rows of the table of goals."""
    return [goal.row(run) for goal in (*GOALS, *map(startup, run.startups))]
