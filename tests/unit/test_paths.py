"""Paths over a map: what loops over single rows find, and refusals that name the row."""

import datetime
import itertools
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOM, Graph, paths, regions
from somscape.errors import InputError, SomscapeWarning
from somscape.paths import Entry
from somscape.tables import table_from_columns

SIZE = 5


@pytest.fixture(name="som", scope="module")
def make_som() -> SOM:
    """A map on which a row of the value u wins unit u."""
    X = np.repeat(np.arange(SIZE, dtype=float), 20)[:, None]
    som = SOM(1, SIZE, radius_end=0.05, random_state=0).fit(X)
    assert som.predict(np.arange(SIZE, dtype=float)[:, None]).tolist() == list(range(SIZE))
    return som


WALKS = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=9), min_size=1
)
LABELS = st.lists(st.sampled_from(["good", "bad", "odd"]), min_size=SIZE, max_size=SIZE)


def rows_of(walks: dict[str, list[int]], seed: int):
    """The rows of some walks in random order, each at its place in the walk squared."""
    who = np.repeat(list(walks), [len(walk) for walk in walks.values()])
    when = np.concatenate([np.arange(len(walk)) ** 2.0 for walk in walks.values()])
    where = np.concatenate([np.array(walk, float) for walk in walks.values()])
    order = np.random.default_rng(seed).permutation(len(who))
    return where[order, None], who[order], when[order]


def visits_by_loops(walks: dict[str, list[int]], labels: list) -> list[tuple]:
    found = []
    for who in sorted(walks):
        places = [labels[u] for u in walks[who]]
        at = 0
        for place, group in itertools.groupby(places):
            n = len(list(group))
            is_last = at + n == len(places)
            end = at + n - 1 if is_last else at + n
            found.append((who, place, at**2.0, end**2.0, end**2.0 - at**2.0, float(n), is_last))
            at += n
    return found


@given(WALKS, LABELS, st.integers(0, 9))
def test_visits_dwells_steps_and_entries_are_those_of_loops(som, walks, labels, seed) -> None:
    X, ids, times = rows_of(walks, seed)
    found = paths.follow(som, X, ids=ids, times=times)
    visits = visits_by_loops(walks, labels)
    assert [tuple(row) for row in found.visits(labels).itertuples(index=False)] == visits

    dwells = Counter()
    for who, place, _, _, time, n, _ in visits:
        for name, value in (("visits", 1), ("rows", n), ("time", time)):
            dwells[who, place, name] += value
    frame = found.dwells(labels)
    for row in frame.itertuples(index=False):
        for name in ("visits", "rows", "time"):
            assert getattr(row, name) == dwells[row.id, row.place, name]
    assert len(frame) == len({key[:2] for key in dwells})

    steps = Counter(
        (labels[a], labels[b]) for walk in walks.values() for a, b in itertools.pairwise(walk)
    )
    frame = found.transitions(labels)
    shown = dict(zip(zip(frame["from"], frame["to"], strict=True), frame["steps"], strict=True))
    assert shown == steps
    if len(frame):
        assert np.allclose(frame.groupby("from")["share"].sum(), 1)
    moves = found.transitions(labels, stays=False)
    assert moves["steps"].sum() == sum(n for (a, b), n in steps.items() if a != b)
    names, counts = found.transition_matrix(labels)
    assert {(a, b): n for a, line in zip(names, counts, strict=True)
            for b, n in zip(names, line, strict=True) if n} == steps  # fmt: skip

    if "bad" in labels:
        entries = []
        for who in sorted(walks):
            before = None
            for t, unit in enumerate(walks[who]):
                if labels[unit] == "bad" and before != "bad":
                    entries.append((t**2.0, who, before))
                before = labels[unit]
        events = found.entries("bad", labels)
        assert [(e.time, e.id, e.came_from) for e in events] == sorted(entries, key=lambda e: e[:2])
        assert all(X[e.row, 0] == e.unit and labels[e.unit] == e.place for e in events)


@given(WALKS, st.integers(1, 4))
def test_an_entry_counts_after_enough_rows_in_the_region(som, walks, min_rows) -> None:
    X, ids, times = rows_of(walks, 0)
    found = paths.follow(som, X, ids=ids, times=times)
    expected = []
    for who, walk in walks.items():
        inside = 0
        for t, unit in enumerate(walk):
            inside = inside + 1 if unit >= 3 else 0
            if inside == min_rows:
                expected.append((t**2.0, who))
    events = found.entries([3, 4], min_rows=min_rows)
    assert [(e.time, e.id) for e in events] == sorted(expected)


def test_units_are_the_places_without_regions(som) -> None:
    found = paths.follow(som, [[0.0], [0.0], [3.0], [1.0]])
    assert found.transitions()[["from", "to"]].to_numpy().tolist() == [[0, 0], [0, 3], [3, 1]]
    assert found.entries(3) == [Entry(id=0, place=3, time=2.0, row=2, unit=3, came_from=0)]
    names, counts = found.transition_matrix()
    assert names.tolist() == list(range(SIZE))
    assert counts.shape == (SIZE, SIZE)
    assert repr(found) == "Paths(1 path of 4 rows)"
    assert found.dwells()["time"].sum() == 3


def test_regions_of_a_map_are_places(som) -> None:
    X = np.arange(SIZE, dtype=float)[:, None]
    halves = regions.find_regions(som, 2)
    frame = paths.follow(som, X).visits(halves)
    assert frame["place"].tolist() == [halves.labels[0], halves.labels[-1]]


def test_a_row_of_weight_two_counts_twice_and_one_of_zero_not(som) -> None:
    X = [[0.0], [1.0], [4.0], [0.0], [1.0]]
    found = paths.follow(som, X, sample_weight=[1, 2, 0, 1, 3])
    frame = found.transitions()
    steps = dict(zip(zip(frame["from"], frame["to"], strict=True), frame["steps"], strict=True))
    assert steps == {(0, 1): 5, (1, 0): 1}
    assert found.rows.tolist() == [0, 1, 3, 4]
    assert found.dwells().set_index("place")["rows"].to_dict() == {0: 2, 1: 5}


DAYS = ["2026-01-01", "2026-01-05", "2026-02-01"]


@pytest.mark.parametrize(
    "times",
    [
        DAYS,
        np.array(DAYS, "datetime64[D]"),
        pd.Series(pd.to_datetime(DAYS)),
        pl.Series(DAYS).str.to_date(),
        [datetime.date.fromisoformat(day) for day in DAYS],
        ["01.01.2026", "05.01.2026", "01.02.2026"],
        pd.to_datetime(DAYS).tz_localize("UTC"),
    ],
    ids=["text", "numpy", "pandas", "polars", "python", "german", "zone"],
)
def test_dates_in_any_form_are_times(som, times) -> None:
    found = paths.follow(som, [[0.0], [0.0], [2.0]], ids=["x"] * 3, times=times, date_format="dmy")
    assert found.times.tolist() == [datetime.datetime.fromisoformat(day) for day in DAYS]
    assert found.dwells()["time"].tolist() == [pd.Timedelta(days=31), pd.Timedelta(0)]
    (event,) = found.entries(2)
    assert str(event) == "x entered 2 at 2026-02-01 00:00:00, from 0 (row 2)"
    assert found.visits(library="polars")["time"].to_list()[0] == datetime.timedelta(days=31)


@pytest.mark.parametrize("kind", ["pandas", "polars", "table"])
def test_names_of_columns_stand_for_ids_and_times(kind: str) -> None:
    columns = {"heat": [1.0, 2, 9, 1], "who": [7, 7, 8, 8], "day": [1, 2, 2, 1]}
    data = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "table": table_from_columns}[kind](
        columns
    )
    som = SOM(1, 2, random_state=0).fit(pd.DataFrame(columns)[["heat"]])
    found = paths.follow(som, data, ids="who", times="day")
    assert found.ids.tolist() == [7, 7, 8, 8]
    assert found.rows.tolist() == [0, 1, 3, 2]
    with rejected(column="wo"):
        paths.follow(som, data, ids="wo")


LONG = [2**53 + 1, 2**53, 2**53 + 1, -(2**53) - 1]
"""Ids of which float64 has two only."""


@pytest.mark.parametrize(
    "ids",
    [
        LONG,
        np.array(LONG),
        np.array(LONG, dtype=object),
        pd.Series(LONG),
        pd.Series(LONG, dtype="Int64"),
        pl.Series(LONG),
        pa.array(LONG),
        pa.chunked_array([LONG[:2], LONG[2:]]),
    ],
    ids=["list", "numpy", "objects", "pandas", "Int64", "polars", "arrow", "chunks"],
)
def test_long_ids_stay_apart(som, ids) -> None:
    found = paths.follow(som, [[0.0], [1.0], [2.0], [3.0]], ids=ids)
    assert found.ids.tolist() == sorted(LONG)
    assert found.rows.tolist() == [3, 1, 0, 2]
    assert found.take(2**53 + 1).rows.tolist() == [0, 2]
    assert found.to_frame()["id"].tolist() == sorted(LONG)
    assert found.entries(2)[0].id == 2**53 + 1


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table, table_from_columns])
@pytest.mark.parametrize("more", [0, 2**63], ids=["int64", "uint64"])
def test_long_ids_of_a_named_column_stay_apart(kind, more: int) -> None:
    who = [each + more for each in LONG[:3]]
    data = kind({"heat": np.array([1.0, 2, 9]), "who": np.array(who)})
    som = SOM(1, 2, random_state=0).fit(pd.DataFrame({"heat": [1.0, 2, 9]}))
    found = paths.follow(som, data, ids="who")
    assert found.ids.tolist() == sorted(who)
    assert found.rows.tolist() == [1, 0, 2]


def test_ids_that_no_integer_holds_are_texts(som) -> None:
    ids = [10**30 + 1, 10**30, 10**30 + 1]
    found = paths.follow(som, [[0.0], [1.0], [2.0]], ids=ids)
    assert found.ids.tolist() == [str(each) for each in sorted(ids)]


def test_paths_are_taken_by_id(som) -> None:
    found = paths.follow(som, [[0.0], [1.0], [2.0]], ids=["mill", "lathe", "mill"])
    assert found.take("mill").rows.tolist() == [0, 2]
    assert found.take(["lathe", "mill"]).rows.tolist() == [1, 0, 2]
    assert len(found.take("lathe")) == 1
    with rejected(parameter="ids", value="mil"):
        found.take("mil")
    assert found.to_frame("polars")["table_row"].to_list() == [1, 0, 2]


def test_a_path_of_a_single_row_has_no_steps(som) -> None:
    found = paths.follow(som, [[1.0]])
    assert len(found.transitions()) == 0
    assert len(found.visits()) == 1
    assert found.transition_matrix()[1].sum() == 0
    assert str(found.entries(1)[0]) == "0 entered 1 at 0, at the start of its path (row 0)"


def test_rows_without_a_value_are_left_out() -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    som = SOM(2, 3, missing="mask", random_state=0).fit(X)
    X[4] = np.nan
    assert 4 not in paths.follow(som, X).rows
    with rejected(parameter="X"):
        paths.follow(som, X[4:5])


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({"ids": ["a", None, "b"]}, {"parameter": "ids", "row": 1}),
        ({"ids": [1.0, 2.0, np.nan]}, {"parameter": "ids", "row": 2}),
        ({"ids": ["a"]}, {"parameter": "ids", "value": (1,)}),
        ({"ids": "who"}, {"parameter": "ids", "value": "who"}),
        ({"times": [1, 2, None]}, {"parameter": "times", "row": 2}),
        ({"times": np.array(["2026", "NaT", "2027"], "M8[D]")}, {"parameter": "times", "row": 1}),
        ({"times": ["soon", "late", "now"]}, {"parameter": "times", "row": 0, "value": "soon"}),
        ({"times": [3, 1, 3]}, {"parameter": "times", "row": 2, "value": 3.0}),
        (
            {"ids": ["a", "b", "a"], "times": ["2026-01-01"] * 3},
            {"parameter": "times", "row": 2, "value": np.datetime64("2026-01-01", "us")},
        ),
        ({"sample_weight": [0, 0, 0]}, {"parameter": "sample_weight"}),
    ],
)
def test_what_cannot_be_followed_is_named(som, given, facts) -> None:
    with rejected(**facts):
        paths.follow(som, [[0.0], [1.0], [2.0]], **given)


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b"],
        ["a", None, "b", "b", "b"],
        ["good", "bad", "bad", "good", "good"],
    ],
)
def test_regions_that_do_not_fit_are_named(som, labels) -> None:
    found = paths.follow(som, [[0.0]])
    with rejected():
        found.entries("bda", labels)


def test_an_estimator_that_is_not_fitted_is_named() -> None:
    with rejected(value="SOM"):
        paths.follow(SOM(), [[0.0]])


def test_paths_walk_on_a_graph() -> None:
    line = np.eye(3, k=1) + np.eye(3, k=-1)
    X = np.repeat([[0.0], [1.0], [2.0]], 20, axis=0)
    som = SOM(lattice=Graph(line), radius_end=0.05, random_state=0).fit(X)
    assert len(paths.follow(som, X).visits()) == 3


# Windows


def test_windows_follow_one_another_and_stop_at_gaps() -> None:
    series = np.array([0.0, 1, 2, np.nan, np.nan, 5, 6, 7, 8])
    found = paths.windows(series, 2)
    assert found.values.tolist() == [[0, 1], [5, 6], [7, 8]]
    assert found.times.tolist() == [1, 6, 8]
    assert (found.n_gaps, found.n_left_out) == (1, 3)
    assert repr(found) == "Windows(3 x 2 values; 1 gap, 3 values left out)"
    assert paths.windows(series, 2, step=1).starts.tolist() == [0, 1, 5, 6, 7]


def test_windows_do_not_cross_a_gap_in_time_or_ids() -> None:
    days = pd.to_datetime(["2026-01-03", "2026-01-01", "2026-01-02", "2026-01-07", "2026-01-08"])
    found = paths.windows([3.0, 1, 2, 7, 8], 2, step=1, times=days)
    assert found.values.tolist() == [[1, 2], [2, 3], [7, 8]]
    assert found.starts.tolist() == [1, 2, 3]
    assert (found.n_gaps, found.n_left_out) == (1, 0)
    found = paths.windows([1.0, 2, 3, 4], 2, step=1, ids=list("aabb"))
    assert found.ids.tolist() == ["a", "b"]
    assert found.n_gaps == 0
    assert found.to_frame().columns.tolist() == ["id", "time", "start", "v0", "v1"]


def test_windows_of_channels_are_rows_channel_by_channel() -> None:
    found = paths.windows([[1.0, 10], [2, 20], [3, 30]], 2, step=1)
    assert found.values.shape == (2, 2, 2)
    assert found.rows.tolist() == [[1, 2, 10, 20], [2, 3, 20, 30]]


@given(
    st.lists(st.one_of(st.just(np.nan), st.floats(-9, 9)), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_windows_are_all_whole_ones_of_each_part(series, length, step) -> None:
    expected, at = [], 0
    for is_missing, group in itertools.groupby(series, np.isnan):
        n = len(list(group))
        if not is_missing:
            expected += [s for s in range(at, at + n - length + 1) if (s - at) % step == 0]
        at += n
    if not expected:
        with pytest.raises(InputError, match=f"no window of {length} values? fits"):
            paths.windows(series, length, step=step)
        return
    found = paths.windows(series, length, step=step)
    assert found.starts.tolist() == expected
    assert not np.isnan(found.values).any()
    used = {s + i for s in expected for i in range(length)}
    assert found.n_left_out == len(series) - len(used)


@pytest.mark.parametrize(
    ("series", "given", "facts"),
    [
        ([1.0, 2], {"length": 3}, {"parameter": "length", "value": 3}),
        ([np.nan], {"length": 1}, {"parameter": "length", "value": 1}),
        ([], {"length": 1}, {"parameter": "series", "value": (0,)}),
        (["a"], {"length": 1}, {"parameter": "series"}),
        ([1.0, np.inf], {"length": 1}, {"parameter": "series", "row": 1}),
        ([1.0, 2], {"length": 1, "times": [1, 1]}, {"parameter": "times", "row": 1, "value": 1.0}),
    ],
)
def test_windows_that_cannot_be_cut_are_named(series, given, facts) -> None:
    length = given.pop("length")
    with rejected(**facts):
        paths.windows(series, length, **given)


def test_lengths_and_steps_must_be_whole_numbers_from_one() -> None:
    with rejected(ValueError, parameter="length", value=0):
        paths.windows([1.0], 0)
    with rejected(ValueError, parameter="step", value=0):
        paths.windows([1.0], 1, step=0)


# Dates in texts, names of regions, and what is not there


def walk(**options):
    som = SOM(1, 3, radius_end=0.1, random_state=0).fit([[0.0], [1.0], [2.0]] * 10)
    return som, paths.follow(som, [[0.0], [1.0], [2.0], [0.0]], **options)


def test_dates_that_show_the_month_first_are_read_so():
    _, found = walk(times=["01/14/2024", "01/13/2024", "02/01/2024", "03/01/2024"])
    assert found.rows.tolist() == [1, 0, 2, 3]


def test_dates_that_show_nothing_are_read_day_first_and_said():
    texts = ["01/02/2024", "02/03/2024", "03/01/2024", "04/01/2024"]
    with pytest.warns(SomscapeWarning, match="read day first"):
        _, found = walk(times=texts)
    assert found.rows.tolist() == [2, 3, 0, 1]
    assert walk(times=texts, date_format="mdy")[1].rows.tolist() == [0, 1, 2, 3]
    with rejected(ValueError, parameter="date_format", value="my"):
        walk(times=texts, date_format="my")


def test_regions_are_called_by_their_names():
    som, found = walk()
    labels = np.arange(3)
    named = regions.Regions(som.map_, labels, names=("usual", "", "bad"))
    (entry,) = found.entries("bad", named)
    assert (entry.place, entry.came_from) == ("bad", "1")
    assert found.entries("1", named)[0].came_from == "usual"


def test_no_path_is_no_choice():
    _, found = walk()
    with rejected(parameter="ids"):
        found.take([])
    with rejected(parameter="ids", value="0"):
        found.take("0")


def test_times_that_lose_digits_are_refused():
    for first in (2**53 - 2, 2**60):
        with rejected(parameter="times"):
            walk(times=[first + i for i in range(4)])
