"""The drift monitor: each signal by hand, rare false alarms, and the columns that moved."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, SOMDetector, TableEncoder
from somscape.outliers import Calibration, Detector, DriftMonitor, Scorer
from somscape.regions.find import merge_small_regions
from somscape.tables import Encoding, table_from_columns

GRID = np.array([[i, j] for i in range(-2, 3) for j in range(-2, 3)], dtype=float)


def detector_of(map_, calibration, score="k_prototype", **more):
    return Detector(Scorer(map_, score, 1), 1.0, Calibration(np.asarray(calibration)), **more)


def known_detector(rng, n=2000, **more):
    """A detector at fixed places, whose hits and calibration are those of normal rows, exactly."""
    lattice = Lattice(5, 5, "rectangular")
    encoding = Encoding.plain(["a", "b"])
    map_ = Map(GRID, lattice, encoding, np.ones(25))
    hits = np.bincount(map_.winners(rng.normal(size=(n, 2))), minlength=25).astype(float)
    scores_of = detector_of(map_, [1.0], "quantization_error").scores
    scores = np.sort(scores_of(rng.normal(size=(n, 2))))
    map_ = Map(GRID, lattice, encoding, hits)
    return detector_of(map_, scores, "quantization_error", **more)


def kinds(alarms):
    return {alarm.kind for alarm in alarms}


# Regions


def line(values):
    n = len(values)
    return Map(
        np.array(values, dtype=float)[:, None],
        Lattice(1, n, "rectangular"),
        Encoding.plain(["x"]),
        np.ones(n),
    )


def test_regions_by_hand():
    # The unit with 1 row joins its neighbor at 1.5, not the one at 9; that with 2 rows joins them.
    map_ = line([1, 1.5, 3, 9, 9.5])
    assert merge_small_regions(map_, np.array([1, 4, 2, 7, 9]), min_rows=5).tolist() == [
        0,
        0,
        0,
        1,
        2,
    ]
    assert merge_small_regions(map_, np.array([1, 1, 1, 1, 0]), min_rows=5).tolist() == [0] * 5
    assert merge_small_regions(map_, np.array([5, 5, 5, 5, 5]), min_rows=5).tolist() == [
        0,
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize("least", [1, 20, 100, 399, 401])
def test_regions_have_enough_rows_and_hang_together(least):
    rng = np.random.default_rng(0)
    map_ = SOM(6, 7, random_state=0).fit(rng.normal(size=(400, 3))).map_
    regions = merge_small_regions(map_, map_.hits, min_rows=least)
    assert set(regions) == set(range(regions.max() + 1))
    counts = np.bincount(regions, map_.hits)
    assert (counts >= min(least, 400)).all() or regions.max() == 0
    assert least != 20 or regions.max() > 5
    for region in range(regions.max() + 1):
        units = set(np.flatnonzero(regions == region).tolist())
        reached = {min(units)}
        for _ in units:
            reached |= {
                n for u in reached for n in map_.lattice.neighbors[u].tolist() if n in units
            }
        assert reached == units


def test_parts_of_a_graph_join_the_nearest_region():
    adjacency = np.zeros((4, 4))
    adjacency[0, 1] = adjacency[1, 0] = adjacency[2, 3] = adjacency[3, 2] = 1
    map_ = Map(np.arange(4.0)[:, None], Graph(adjacency), Encoding.plain(["x"]), np.ones(4))
    assert merge_small_regions(map_, np.array([1, 1, 9, 9]), min_rows=3).tolist() == [0, 0, 0, 1]


# The signals


def test_the_stability_index_by_hand():
    # Two regions with 300 and 100 training rows; of a window of 100 rows 50 fall in each.
    codebook, hits = np.array([[0.0], [10.0]]), np.array([300.0, 100.0])
    map_ = Map(codebook, Lattice(1, 2), Encoding.plain(["x"]), hits)
    monitor = DriftMonitor(detector_of(map_, np.linspace(0, 1, 400)), 100)
    alarms = monitor.update(np.repeat([[0.0], [10.0]], 50, axis=0))
    share, expected = np.array([50.5, 50.5]) / 101, np.array([300.5, 100.5]) / 401
    index = ((share - expected) * np.log(share / expected)).sum()
    assert monitor.stability_index == pytest.approx(index, rel=1e-12)
    (alarm,) = [one for one in alarms if one.kind == "hits"]
    assert (alarm.row, alarm.value, alarm.columns) == (100, monitor.stability_index, ("x up",))
    # The first window has half of the hundredth part: a chi-square of 1 exceeds 7.88 at 0.005.
    assert alarm.limit == pytest.approx(7.88 * (1 / 100 + 1 / 400), rel=0.03)
    assert str(alarm) == (
        "row 100: rows fall elsewhere on the map (stability index 0.27, limit 0.10); most: x up"
    )


def test_a_shift_is_named_with_its_column_and_way():
    rng = np.random.default_rng(0)
    monitor = DriftMonitor(known_detector(rng), 500)
    assert monitor.update(rng.normal(size=(1000, 2))) == []
    alarms = monitor.update(rng.normal([0, -1], size=(500, 2)))
    (hits,) = [alarm for alarm in alarms if alarm.kind == "hits"]
    assert hits.row == 1500
    assert hits.columns[0] == "b down"


def test_rows_in_empty_cells_are_noticed():
    rng = np.random.default_rng(0)
    detector = known_detector(rng)
    hits = detector.map_.hits.copy()
    hits[[0, 4]] = 0  # the corners at (-2, -2) and (-2, 2)
    map_ = replace(detector.map_, hits=hits)
    usual = rng.normal(size=(1000, 2))
    usual = usual[~np.isin(map_.winners(usual), [0, 4])][:960]
    monitor = DriftMonitor(
        replace(detector, of_all_rows=replace(detector.of_all_rows, map_=map_)), 1000
    )
    alarms = monitor.update(np.vstack([usual, np.full((40, 2), -2.0)]))
    (alarm,) = [one for one in alarms if one.kind == "new_cells"]
    assert (alarm.value, alarm.row) == (40, 1000)
    assert 0 < alarm.limit < 40
    assert "40 in this window" in str(alarm)


def test_rows_that_drift_off_the_map_raise_the_trend_and_the_martingale():
    rng = np.random.default_rng(0)
    means = np.array([0.05, 0.3])
    monitor = DriftMonitor(known_detector(rng, mean_contributions=means), 1000)
    monitor.update(rng.normal(size=(900, 2)))
    found = monitor.update(rng.normal(size=(500, 2)) * [4, 1])
    for kind in ("quantization_error", "martingale"):
        first = next(alarm for alarm in found if alarm.kind == kind)
        assert 900 < first.row < 1100
        assert first.columns == ("a",)
        assert first.value > first.limit
    assert "; most: a" in str(found[0])


def test_rows_far_from_everything_are_noticed_at_once():
    rng = np.random.default_rng(0)
    monitor = DriftMonitor(known_detector(rng), 1000)
    (first, *_) = monitor.update(np.full((60, 2), 50.0))
    assert first.kind == "martingale"
    assert first.row < 10


@pytest.mark.rest
@pytest.mark.all_tries
@pytest.mark.parametrize("false_alarm", [0.1, 0.01])
def test_false_alarms_are_rare(false_alarm):
    # 60 monitors, each over eight windows, without drift.
    raised = dict.fromkeys(("hits", "new_cells", "quantization_error", "martingale"), 0)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        monitor = DriftMonitor(known_detector(rng, 600), 200, false_alarm=false_alarm)
        for kind in kinds(monitor.update(rng.normal(size=(1600, 2)))):
            raised[kind] += 1
    error = np.sqrt(false_alarm * (1 - false_alarm) / 60)
    assert max(raised.values()) / 60 <= false_alarm + 3 * error, raised


def test_a_trained_detector_meets_no_drift_in_rows_like_its_own():
    rng = np.random.default_rng(0)
    detector = SOMDetector(random_state=0).fit(rng.exponential(size=(1500, 3)))
    monitor = DriftMonitor(detector)
    assert monitor.update(rng.exponential(size=(4000, 3))) == []
    assert monitor.n_rows == 4000
    assert 0 < monitor.stability_index < 0.1
    assert 0 < monitor.odds < 100


# As a stream


def test_pieces_of_any_size_raise_the_same_alarms():
    rng = np.random.default_rng(0)
    detector = known_detector(rng)
    rows = np.vstack([rng.normal(size=(700, 2)), rng.normal([1, 0], 2, size=(900, 2))])
    whole = DriftMonitor(detector, 300).update(rows)
    assert len(kinds(whole)) >= 3
    assert [alarm.row for alarm in whole] == sorted(alarm.row for alarm in whole)
    for n in (1, 7, 299, 300, 301, 1600):
        monitor = DriftMonitor(detector, 300)
        found = [a for i in range(0, len(rows), n) for a in monitor.update(rows[i : i + n])]
        assert [(a.kind, a.row, a.columns) for a in found] == [
            (a.kind, a.row, a.columns) for a in whole
        ]


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    detector, rows = known_detector(rng), rng.normal([0.7, 0], size=(1500, 2))
    whole = [str(alarm) for alarm in DriftMonitor(detector).update(rows)]
    monkeypatch.setattr("somscape.outliers.drift.TAKEN_ROWS", 37)
    assert [str(alarm) for alarm in DriftMonitor(detector).update(rows)] == whole


def test_memory_does_not_grow():
    rng = np.random.default_rng(0)
    monitor = DriftMonitor(known_detector(rng), 200)
    piece = rng.normal(size=(200, 2))
    tracemalloc.start()
    for _ in range(5):
        monitor.update(piece)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(40):
        monitor.update(piece)
    assert tracemalloc.get_traced_memory()[0] - before < 20_000
    tracemalloc.stop()


def test_tables_are_watched_by_column():
    rng = np.random.default_rng(0)

    def table(n, shares):
        return table_from_columns(
            {
                "id": [f"c{i}" for i in range(n)],
                "age": rng.normal(40, 9, n),
                "job": rng.choice(["clerk", "nurse", "cook"], n, p=shares),
            }
        )

    trained = table(800, [0.6, 0.3, 0.1])
    detector = SOMDetector(encoder=TableEncoder(id="id"), random_state=0).fit(trained)
    monitor = DriftMonitor(detector, 200)
    assert monitor.update(table(400, [0.6, 0.3, 0.1])) == []
    alarms = monitor.update(table(200, [0.1, 0.3, 0.6]))
    assert [a.columns[0] for a in alarms if a.kind == "hits"] == ["job"]


def test_hostile_rows_and_parameters():
    rng = np.random.default_rng(0)
    detector = known_detector(rng)
    monitor = DriftMonitor(detector)
    assert monitor.update(np.empty((0, 2))) == []
    assert np.isnan(monitor.stability_index)
    monitor.update(np.zeros((1, 2), dtype=np.float32))
    monitor.update(np.asfortranarray(rng.normal(size=(5, 2))))
    with rejected(parameter="X", row=0, column="a"):
        monitor.update([[np.nan, 0.0]])
    for wrong in (
        {"window": 10},
        {"false_alarm": 0},
        {"random_state": -1},
    ):
        with rejected(ValueError):
            DriftMonitor(detector, **wrong)
    for thing in (line([0, 1]), [1.0]):
        with rejected(TypeError):
            DriftMonitor(thing)
    with rejected(parameter="detector"):
        DriftMonitor(replace(detector, calibration=Calibration(np.empty(0))))


def test_a_map_of_one_unit_has_no_hits_to_compare():
    map_ = Map(np.zeros((1, 1)), Lattice(1, 1), Encoding.plain(["x"]), np.array([9.0]))
    monitor = DriftMonitor(detector_of(map_, np.linspace(0, 1, 99)), 50)
    assert "hits" not in kinds(monitor.update(np.linspace(0, 9, 200)[:, None]))
