"""What is planned for settings, rows and a map, and why: worked out by hand."""

import numpy as np
import pytest

from somscape import Graph, Lattice
from somscape.fit._plan import Facts, Plan, resolve_plan
from somscape.fit.settings import Settings
from somscape.maps import Map
from somscape.tables import Encoding

pytestmark = pytest.mark.all_tries

RING = Graph(3.0 * (np.roll(np.eye(12), 1, axis=0) + np.roll(np.eye(12), -1, axis=0)))


def plan_of(lattice=(10, 14), work=1e5, per_unit=5.0, **settings):
    """The plan for a lattice, the multiply-adds of an epoch and rows per unit."""
    if not isinstance(lattice, Lattice):
        lattice = Lattice(*lattice)
    facts = Facts(lattice, per_unit * lattice.n_units, work)
    return resolve_plan(Settings(**settings), facts)


def map_of(**parameters):
    lattice = Lattice(10, 14)
    return Map(
        np.zeros((140, 2)),
        lattice,
        Encoding.plain(["a", "b"]),
        hits=np.ones(140),
        parameters=parameters,
    )


# Passes and starts, by the work of an epoch.  Several starts: up to 16 while 5e8 multiply-adds hold
# them.  Maps that have no coarser one: 10 x 14 units (halved, 5 x 7 is too short).

CASES = {
    # (lattice, work, rows per unit, settings): (algorithm, passes, extra, starts)
    "quick": ((10, 14), 1e7, 5, {}, ("batch", 40, 10, 16)),
    "two starts": ((10, 14), 2.5e8, 5, {}, ("batch", 40, 10, 2)),
    "one start": ((10, 14), 2.6e8, 5, {}, ("batch", 40, 10, 1)),
    "slow annealing": ((16, 16), 2.6e8, 5, {}, ("multires", 60, 0, 1)),
    "at its limit": ((16, 16), 2e9, 5, {}, ("multires", 60, 0, 1)),
    "long": ((16, 16), 2.1e9, 5, {}, ("multires", 10, 0, 1)),
    "long and small": ((10, 14), 2.1e9, 5, {}, ("batch", 40, 10, 1)),
    "very long": ((16, 16), 1.1e10, 5, {}, ("multires", 8, 0, 1)),
    "many rows": ((16, 16), 2.1e9, 100, {}, ("multires", 4, 0, 1)),
    "many rows, small": ((10, 14), 2.1e9, 100, {}, ("multires", 4, 0, 1)),
    "one start by request": ((16, 16), 2.6e8, 5, {"n_init": 1}, ("batch", 40, 10, 1)),
    "random start": ((10, 14), 1e7, 5, {"init": "random"}, ("batch", 40, 10, 1)),
    "three starts by request": ((10, 14), 2e9, 5, {"n_init": 3}, ("batch", 40, 10, 3)),
    "passes given": ((16, 16), 2.1e9, 5, {"n_epochs": 7}, ("batch", 7, 0, 1)),
    "radius given": ((16, 16), 2.1e9, 5, {"radius_start": 3.0}, ("batch", 40, 10, 1)),
    "start given": ((16, 16), 2.1e9, 5, {"init": np.zeros((256, 2))}, ("batch", 40, 10, 1)),
    "batch": ((16, 16), 2.1e9, 5, {"algorithm": "batch"}, ("batch", 40, 10, 1)),
    "batch, quick": ((16, 16), 1e7, 5, {"algorithm": "batch"}, ("batch", 40, 10, 16)),
    "multires": ((16, 16), 1e7, 5, {"algorithm": "multires"}, ("multires", 10, 0, 1)),
    "multires, small": ((10, 14), 1e7, 5, {"algorithm": "multires"}, ("batch", 40, 10, 16)),
    "online": ((16, 16), 1e7, 5, {"algorithm": "online"}, ("online", 10, 0, 1)),
    "a share of a pass": (
        (16, 16),
        1e7,
        5,
        {"algorithm": "online", "n_epochs": 0.25},
        ("online", 0.25, 0, 1),
    ),
    "radii one by one": ((16, 16), 2.1e9, 5, {"radius_decay": [4, 2, 1]}, ("batch", 3, 10, 1)),
    "one radius": ((16, 16), 2.1e9, 5, {"radius_decay": "constant"}, ("batch", 40, 10, 1)),
    "graph": (RING, 2.1e9, 500, {}, ("batch", 40, 10, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_algorithm_passes_and_starts(case):
    lattice, work, per_unit, settings, expected = CASES[case]
    plan = plan_of(lattice, work, per_unit, **settings)
    assert isinstance(plan, Plan)
    assert (plan.algorithm, plan.n_epochs, plan.extra_epochs, plan.n_init) == expected
    assert bool(plan.coarse) == (plan.algorithm == "multires")


def test_coarse_maps_double_their_side_and_divide_the_radii():
    # 64 x 64: 8, 16 and 32 units a side.  A quarter of 64 is 16; 0.7 of their steps are 5.6, 2.8
    # and 1.4.
    stages = plan_of((64, 64), 2.6e8).coarse
    expected = [(8, 96, 16.0, 5.6, None), (4, 48, 5.6, 2.8, None), (2, 48, 2.8, 1.4, None)]
    assert [tuple(stage) for stage in stages] == [pytest.approx(row) for row in expected]
    stages = plan_of((64, 64), 1.1e10).coarse
    expected = [(8, 12, 16.0, 5.6, 50), (4, 6, 5.6, 2.8, 50), (2, 6, 2.8, 1.4, 50)]
    assert [tuple(stage) for stage in stages] == [pytest.approx(row) for row in expected]
    # From 2.0 steps on only the map of half the side reaches down far enough.
    few = plan_of((64, 64), algorithm="multires", radius_start=2.0).coarse
    assert [tuple(stage) for stage in few] == [pytest.approx((2, 24, 2.0, 1.4, 50))]


@pytest.mark.parametrize(
    ("per_unit", "sampled", "n_epochs"),
    [(99.0, None, 10), (100.0, 12, 4), (150.0, 18, 4), (200.0, 24, 4), (1e6, 24, 4)],
)
def test_many_rows_per_unit_train_the_whole_map_on_samples_first(per_unit, sampled, n_epochs):
    # Six passes over 100 rows per unit are 12 over 50 of them.  The last radius is 0.7 x 0.8; half
    # as much again is 0.84.
    plan = plan_of((16, 16), 2.1e9, per_unit)
    assert plan.n_epochs == n_epochs
    assert plan.coarse[0] == (2, 24 if sampled is None else 12, 4.0, 1.4, 50)
    assert len(plan.coarse) == (1 if sampled is None else 2)
    if sampled is not None:
        assert plan.coarse[1] == pytest.approx((1, sampled, 1.4, 0.84, 50))
    small = plan_of((4, 4), 2.1e9, 1e6)
    assert [tuple(stage) for stage in small.coarse] == [pytest.approx((1, 24, 2.0, 0.84, 50))]
    quick = plan_of((16, 16), 2e9, 1e6)
    assert all(stage.shrink > 1 for stage in quick.coarse)


# Radii

RADII = [
    # (lattice, rows per unit, settings, first and last, which of them have a reason)
    ((20, 40), 5, {}, (10, 0.7), "both"),
    ((5, 7), 5, {}, (2, 0.7), "both"),
    ((20, 40), 20, {}, (10, 0.7), "both"),
    ((20, 40), 25, {}, (10, 0.63), "both"),
    ((20, 40), 30, {}, (10, 0.56), "both"),
    ((20, 40), 1e9, {}, (10, 0.56), "both"),
    ((20, 30), 5, {"init": "sample"}, (15, 0.7), "both"),
    ((20, 30), 5, {"init": "random"}, (15, 0.7), "both"),
    ((2, 3), 5, {"init": "random"}, (2, 0.7), "both"),
    ((20, 30), 5, {"init": np.zeros((600, 2))}, (15, 0.7), "both"),
    ((4, 4), 5, {"radius_end": 9.0}, (9, 9), "first"),
    ((4, 4), 5, {"radius_start": 0.4}, (0.4, 0.4), "last"),
    ((4, 4), 5, {"radius_start": 3.0, "radius_end": 1.0}, (3, 1), "none"),
    ((4, 4), 5, {"radius_decay": "constant"}, (2, 2), "both"),
    ((4, 4), 5, {"radius_decay": [5.0, 4.0, 1.0]}, (5, 1), "none"),
    # A ring of 12 edges of length 3: the longest path has 6 edges, so the side is 7; 7 / 4 < 2.
    (RING, 5, {}, (6, 2.1), "both"),
]


@pytest.mark.parametrize(("lattice", "per_unit", "settings", "radii", "explained"), RADII)
def test_radii_and_which_are_explained(lattice, per_unit, settings, radii, explained):
    plan = plan_of(lattice, 1e5, per_unit, **{"n_init": 1, **_settled(settings)})
    assert (plan.radius_start, plan.radius_end) == pytest.approx(radii)
    assert ("radius_start" in plan.reasons) == (explained in ("first", "both"))
    assert ("radius_end" in plan.reasons) == (explained in ("last", "both"))


def _settled(settings):
    """Leave `n_init` out where a start is given."""
    return settings | ({"n_init": "auto"} if not isinstance(settings.get("init", ""), str) else {})


@pytest.mark.parametrize(
    ("parameters", "settings", "radii"),
    [
        ({"radius_last": 1.3, "radius_end": 1.3, "stop_reason": "all epochs done"}, {}, (1.3, 1.3)),
        ({"radius_last": 2.5, "radius_end": 0.7, "stop_reason": "interrupted"}, {}, (2.5, 0.7)),
        ({"radius_last": 2.5, "radius_end": 0.7, "stop_reason": "good enough"}, {}, (2.5, 0.7)),
        ({"radius_last": 2.5, "radius_end": 0.7, "stop_reason": ""}, {}, (2.5, 2.5)),
        ({}, {}, (0.7, 0.7)),
        ({"radius_last": 1.3}, {"radius_end": 0.5}, (1.3, 0.5)),
        ({"radius_last": 1.3}, {"radius_end": 2.0}, (2.0, 2.0)),
        ({"radius_last": 1.3}, {"radius_decay": "constant"}, (1.3, 1.3)),
        ({"radius_last": 1.3}, {"radius_start": 4.0}, (4.0, 0.7)),
    ],
)
def test_a_map_goes_on_at_its_last_radius(parameters, settings, radii):
    plan = plan_of(init=map_of(**parameters), **settings)
    assert plan.init == "map"
    assert (plan.radius_start, plan.radius_end) == radii


def test_further_starts_have_further_radii():
    # Longest side 24: 6, then 12 and 3.  Of 8: 2, then 4, and an eighth is below 2, as the first.
    assert plan_of((10, 24)).other_radii == (12, 3)
    assert plan_of((6, 8)).other_radii == (4,)
    assert plan_of((6, 8), radius_end=3.0).other_radii == (4,)
    assert plan_of((6, 8), init="random").other_radii == ()


# Moves


@pytest.mark.parametrize(
    ("work", "settings", "rounds"),
    [
        (1e5, {"radius_end": 0.3}, 10),
        (2e9, {"radius_end": 0.3}, 10),
        (2.1e9, {"radius_end": 0.3}, 0),
        (1e5, {"radius_end": 0.31}, 0),
        (1e5, {"radius_end": 0.3, "n_epochs": 9}, 0),
        (1e5, {"radius_end": 0.3, "algorithm": "online"}, 0),
        (1e5, {"radius_start": 0.3, "radius_decay": "constant"}, 0),
        (1e5, {"radius_decay": [1, 0.3]}, 0),
    ],
)
def test_units_move_at_small_last_radii_where_that_is_quick(work, settings, rounds):
    assert plan_of(work=work, **settings).move_rounds == rounds
    if "radius_end" in settings and work <= 2e9:  # steps of three on the ring
        settings = settings | {"radius_end": 3 * settings["radius_end"] - 1e-9}
        assert plan_of(RING, work, **settings).move_rounds == rounds


# Reasons


def test_what_was_asked_for_has_no_reason():
    for algorithm in ("batch", "online"):
        plan = plan_of(algorithm=algorithm, radius_start=3.0, radius_end=1.0, n_epochs=5)
        assert plan.reasons == {}
    grown = plan_of((16, 16), algorithm="multires", radius_start=9.0, radius_end=1.0)
    assert grown.reasons == {}
    assert grown.coarse
    assert {"algorithm", "n_init"} <= plan_of().reasons.keys()
