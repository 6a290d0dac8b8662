"""All measures at once; where a measure is not defined; what is refused; what chance adds."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, measures
from somscape.measures import summary as _advice
from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding

CLOSE = {"rel": 1e-12, "abs": 1e-12}

# Nothing but a report may be seen: a warning is an error.
pytestmark = pytest.mark.filterwarnings("error")


def make_map(codebook, lattice, missing: str = "error") -> Map:
    names = [f"x{i}" for i in range(np.shape(codebook)[1])]
    encoding = Encoding.plain(names, missing=missing)
    return Map(np.asarray(codebook, float), lattice, encoding, np.ones(len(codebook)))


@pytest.fixture(scope="module", name="X")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(150, 3)) + np.repeat([[0, 0, 0], [8, 0, 0], [0, 8, 0]], 50, axis=0)


@pytest.fixture(scope="module")
def som(X) -> SOM:
    return SOM(4, 5, random_state=0).fit(X)


# The report


def test_report_has_every_measure_with_the_same_value(som: SOM, X: np.ndarray) -> None:
    weights = np.arange(150) % 3 + 1.0
    found = measures.report(som, X, sample_weight=weights)
    assert [each.name for each in found] == list(_advice.ADVICE)
    for each in found:
        on = "prototypes" if each.name.endswith("_on_prototypes") else None
        name = each.name.removesuffix("_on_prototypes")
        measure = getattr(measures, name)
        given = {} if on is None else {"on": on}
        if name == "topographic_product":
            assert each.value == measure(som)
            continue
        value = measure(som, X, sample_weight=weights, **given)
        assert each.value == pytest.approx(value, rel=1e-9, abs=1e-9), each.name


def test_report_searches_rows_once(som: SOM, X: np.ndarray, monkeypatch) -> None:
    search, searched = Map.nearest, []

    def counted(self: Map, rows: np.ndarray, k: int = 1):
        searched.append(len(rows))
        return search(self, rows, k)

    monkeypatch.setattr(Map, "nearest", counted)
    measures.report(som, X)
    assert searched == [150]


def test_intervals_hold_the_value_and_means_have_one(som: SOM, X: np.ndarray) -> None:
    found = measures.report(som, X)
    with_one = {each.name for each in found if not math.isnan(each.low)}
    assert {"quantization_error", "topographic_error", "trustworthiness"} <= with_one
    assert "topographic_product" not in with_one
    for each in found:
        if each.name in with_one:
            assert each.low <= each.value <= each.high, each.name


def test_report_has_names(som: SOM, X: np.ndarray) -> None:
    found = measures.report(som.map_, X)
    assert "quantization_error" in str(found)
    assert "quantization_error" in found
    assert "purity" not in found
    assert [] not in found
    with pytest.raises(KeyError, match=r"'purity' \(the measures are quantization_error, expl"):
        found["purity"]
    with pytest.raises(KeyError, match="did you mean 'quantization_error'"):
        found["quantisation_error"]
    assert repr(found) == f"MeasuresReport({len(found)} measures, 150 rows, 20 units)"


def test_report_of_a_sample_is_close_to_that_of_all(som: SOM, X: np.ndarray) -> None:
    every = measures.report(som, X)
    found = measures.report(som, X, max_rows=100)
    assert found["quantization_error"] == every["quantization_error"]
    assert found["trustworthiness"] != every["trustworthiness"]
    assert found["trustworthiness"] == pytest.approx(every["trustworthiness"], abs=0.05)
    low, high = next((m.low, m.high) for m in found if m.name == "trustworthiness")
    assert low <= found["trustworthiness"] <= high


def test_held_out_rows_stand_beside_the_training_rows(som: SOM, X: np.ndarray) -> None:
    new = X[::3] + 0.1
    found = measures.report(som, X, held_out=new, k=4)
    assert [m.value for m in found.held_out] == [m.value for m in measures.report(som, new, k=4)]
    frame = found.to_frame()
    names = ["measure", "value", "low", "high", "held_out", "good", "says"]
    assert list(frame.columns) == names
    np.testing.assert_array_equal(frame["held_out"], [m.value for m in found.held_out])
    first, second, *_, last = str(found).splitlines()
    assert first.split() == ["value", "interval", "held", "out", "good"]
    assert f"{found.held_out['quantization_error']:.4g}" in second
    assert last == found.comparison
    alone = measures.report(som, X)
    assert alone.comparison == ""
    assert alone.held_out is None
    with rejected(parameter="X"):
        measures.report(som, X, held_out=X[:, :2])


def test_comparison_says_where_held_out_rows_do_much_worse() -> None:
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(60, 5)), rng.normal(size=(500, 5))
    by_heart = SOM(7, 8, radius_end=0.2, random_state=0).fit(X)
    found = measures.report(by_heart, X, held_out=new)
    here, there = found["quantization_error"], found.held_out["quantization_error"]
    assert found.comparison.startswith(
        "Held-out rows are much worse than training rows in quantization_error "
        f"({there:.4g} instead of {here:.4g}), "
    )
    assert " more, because the map follows the training rows too closely." in found.comparison
    smooth = SOM(2, 2, radius_end=1.0, random_state=0).fit(X)
    assert measures.report(smooth, X, held_out=new).comparison == (
        "Held-out rows are about as good as training rows."
    )
    # Better ones are no matter, and neither are equal ones.
    assert "as good" in measures.report(by_heart, new, held_out=X).comparison
    assert "as good" in measures.report(by_heart, X, held_out=X).comparison


@pytest.mark.parametrize(
    ("distances", "is_worse"),
    [
        ([1.05] * 4, False),  # surely, but hardly
        ([1.2] * 4, True),
        ([0.2, 2.2] * 2, False),  # a fifth, but from 0.2 to 2.2 by chance
    ],
)
def test_much_worse_is_sure_and_large(distances: list[float], is_worse: bool) -> None:
    map_ = make_map([[0.0], [100.0]], Lattice(1, 2))
    X = np.array([[1.0], [-1.0], [101.0], [99.0]] * 5)
    new = np.array([[0.0], [0.0], [100.0], [100.0]]) + np.array(distances)[:, None]
    found = measures.report(map_, X, held_out=new).comparison
    assert ("quantization_error (1.2 instead of 1)" in found) == is_worse


def test_report_is_a_frame(som: SOM, X: np.ndarray) -> None:
    found = measures.report(som, X)
    frame = found.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["measure", "value", "low", "high", "good", "says"]
    assert frame["value"][0] == found["quantization_error"]
    assert frame["low"].isna().sum() == 1
    polars = found.to_frame("polars")
    assert polars.columns == list(frame.columns)
    assert polars["low"].null_count() == frame["low"].isna().sum()


def test_tables_are_measured_as_the_map_encodes_them() -> None:
    table = table_from_columns({"n": [0.5, 10.5, 5.5, 7.5], "c": ["a", "b", "a", "b"]})
    encoding = fit_encoding(table)
    rows = encoding.encode(table)
    map_ = Map(rows[:2], Lattice(1, 2), encoding, np.ones(2))
    found, expected = measures.report(map_, table), measures.report(map_, rows)
    np.testing.assert_array_equal([m.value for m in found], [m.value for m in expected])


def test_float32_rows_are_measured_in_float64(som: SOM, X: np.ndarray) -> None:
    found, expected = measures.report(som, X.astype(np.float32)), measures.report(som, X)
    for each in found:
        assert each.value == pytest.approx(expected[each.name], rel=1e-4, abs=1e-3), each.name


def test_sparse_rows_have_the_measures_that_need_no_dense_ones() -> None:
    X = np.array([[0.0, 0], [1, 0], [2, 1]] * 5)
    som = SOM(1, 3, radius_end=0.1).fit(X)
    for measure in (measures.combined_error, measures.quantization_error):
        assert measure(som, csr_array(X)) == pytest.approx(measure(som, X), abs=1e-9)
    for measure in (measures.explained_variance, measures.trustworthiness, measures.report):
        with rejected(parameter="X"):
            measure(som, csr_array(X))


# By unit


def test_measures_by_unit_are_those_of_its_rows(som: SOM, X: np.ndarray) -> None:
    weights, units = np.arange(150) % 3 + 0.5, som.predict(X)
    names = ("quantization_error", "topographic_error")
    found = measures.by_unit(som, X, which=names, sample_weight=weights)
    assert tuple(found) == names
    for unit in range(20):
        own = units == unit
        for name in names:
            if not own.any():
                assert math.isnan(found[name][unit])
                continue
            expected = getattr(measures, name)(som, X[own], sample_weight=weights[own])
            assert found[name][unit] == pytest.approx(expected, **CLOSE), name


@pytest.mark.parametrize("max_rows", [5000, 100])
def test_means_over_units_are_the_measures(som: SOM, X: np.ndarray, max_rows: int) -> None:
    weights = np.arange(150) % 3 + 1.0
    given = {"sample_weight": weights, "max_rows": max_rows}
    found, report = measures.by_unit(som, X, **given), measures.report(som, X, **given)
    assert set(found) == {each.name for each in report if not math.isnan(each.low)}
    hits = np.bincount(som.predict(X), weights, minlength=20)
    for name, values in found.items():
        if max_rows == 100 and name not in ("quantization_error", "topographic_error"):
            assert np.isfinite(values).any()
            continue  # means of a sample
        mean = np.average(np.nan_to_num(values), weights=hits)
        assert report[name] == pytest.approx(mean, **CLOSE), name


def test_trust_in_a_unit_is_the_mean_of_its_rows() -> None:
    # Two groups far apart, and a third one whose prototype is on the wrong side of the map.
    X = np.repeat([[0.0], [10.0], [5.0]], 20, axis=0) + np.linspace(0, 1, 60)[:, None]
    map_ = make_map([[0.5], [10.5], [5.5]], Lattice(1, 3))
    found = measures.by_unit(map_, X, which="trustworthiness", k=25)["trustworthiness"]
    # Neighbors of the first on the map are of the second, and not those of the third.
    assert found[0] < 1
    assert found[0] == min(found)
    single = measures.trustworthiness(map_, X, k=25)
    assert np.mean(found) == pytest.approx(single, **CLOSE)


def test_units_search_rows_once_and_no_pairs_unless_asked(som, X, monkeypatch) -> None:
    from somscape.measures import rows as _by_row

    monkeypatch.setattr(_by_row, "run", lambda *_: pytest.fail("went over pairs"))
    search, searched = Map.nearest, []

    def counted(self: Map, rows: np.ndarray, k: int = 1):
        searched.append(k)
        return search(self, rows, k)

    monkeypatch.setattr(Map, "nearest", counted)
    measures.by_unit(som, X, which=["quantization_error", "combined_error"])
    assert searched == [2]


def test_what_units_do_not_have_is_refused(som: SOM, X: np.ndarray) -> None:
    with rejected(parameter="which", value="quantisation_error"):
        measures.by_unit(som, X, which="quantisation_error")
    with rejected(parameter="which", value="gini"):
        measures.by_unit(som, X, which=["gini"])


# Where a measure is not defined


NAN_OF_ONE_UNIT = {
    "topographic_error",
    "combined_error",
    "topographic_product",
}


def test_a_map_of_one_unit() -> None:
    map_ = make_map([[1.0, 2.0]], Lattice(1, 1))
    X = np.random.default_rng(0).normal(size=(30, 2))
    found = measures.report(map_, X)
    assert {each.name for each in found if math.isnan(each.value)} == NAN_OF_ONE_UNIT
    assert found["trustworthiness"] == pytest.approx(0.5, abs=0.1)
    assert found["continuity"] == 1


def test_rows_that_are_all_equal() -> None:
    map_ = make_map([[0.0], [1.0], [2.0]], Lattice(1, 3))
    found = measures.report(map_, np.ones((20, 1)))
    is_nan = {each.name for each in found if math.isnan(each.value)}
    assert is_nan == {"explained_variance"}
    assert found["quantization_error"] == 0
    assert found["trustworthiness"] == found["continuity"] == 1


@pytest.mark.parametrize("n_rows", [1, 2])
def test_one_and_two_rows(n_rows: int) -> None:
    map_ = make_map([[0.0], [1.0], [2.0]], Lattice(1, 3))
    found = measures.report(map_, np.arange(n_rows, dtype=float)[:, None])
    assert math.isnan(found["trustworthiness"])
    with rejected(ValueError, parameter="k", value=1):
        measures.trustworthiness(map_, np.arange(n_rows, dtype=float)[:, None], k=1)
    assert found["quantization_error"] == 0


def test_equal_prototypes_and_a_graph_in_parts() -> None:
    assert math.isnan(measures.topographic_product(make_map([[1.0], [1.0]], Lattice(1, 2))))
    # Two equal ones of three: the smallest distance stands for 0.
    assert math.isfinite(measures.topographic_product(make_map([[1.0], [1], [2]], Lattice(1, 3))))
    apart = Graph([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
    map_ = make_map([[0.0], [1.0], [2.0], [3.0]], apart)
    X = np.linspace(-0.2, 3.2, 30)[:, None]
    assert math.isnan(measures.topographic_product(map_))
    assert measures.combined_error(map_, X) == math.inf
    assert 0 < measures.trustworthiness(map_, X, k=3) <= 1
    report = measures.report(map_, X, k=3)
    assert report["combined_error"] == math.inf
    (of_it,) = [each for each in report if each.name == "combined_error"]
    assert math.isnan(of_it.low)
    assert math.isnan(of_it.high)
    assert math.isfinite(measures.stability([map_, map_], X).agreement)


def test_a_column_without_any_value() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    X[:, 1] = np.nan
    map_ = make_map(np.nan_to_num(X[:12]), Lattice(3, 4), "mask")
    assert not any(math.isnan(each.value) for each in measures.report(map_, X))


def test_edges_without_length_are_paths() -> None:
    # Prototypes of units 1 and 2 are equal: the way from 0 to 3 is 1 + 0 + 1.
    map_ = make_map([[0.0], [1.0], [1.0], [0.5]], Lattice(1, 4, "rectangular"))
    # Row 0.2: 0.2 to unit 0; second is 3, by 1, 0 and 0.5.
    assert measures.combined_error(map_, [[0.2]]) == pytest.approx(0.2 + 1.5, **CLOSE)


# What is refused


def test_neighbors_must_be_fewer_than_half_of_the_rows(som: SOM, X: np.ndarray) -> None:
    with rejected(ValueError, parameter="k", value=75):
        measures.trustworthiness(som, X, k=75)
    assert 0 <= measures.trustworthiness(som, X, k=74) <= 1
    with rejected(ValueError, parameter="k", value=0):
        measures.continuity(som, X, k=0)
    with rejected(ValueError, parameter="on", value="map"):
        measures.trustworthiness(som, X, on="map")
    with rejected(TypeError, parameter="max_rows", value=1.5):
        measures.trustworthiness(som, X, max_rows=1.5)


OF_ROWS = [
    measures.quantization_error,
    measures.explained_variance,
    measures.explained_variance_by_feature,
    measures.topographic_error,
    measures.combined_error,
    measures.trustworthiness,
    measures.continuity,
    measures.report,
]


@pytest.mark.parametrize("measure", OF_ROWS)
def test_no_rows_and_weights_below_0_are_refused(measure, som: SOM) -> None:
    with rejected(parameter="X"):
        measure(som, np.empty((0, 3)))
    with rejected(parameter="sample_weight", row=1):
        measure(som, np.zeros((2, 3)), sample_weight=[1, -1])
    with rejected(parameter="X"):
        measure(som, np.zeros((2, 2)))


# Chance


def test_stability_of_turned_maps_is_1() -> None:
    W = np.random.default_rng(0).normal(size=(12, 2))
    map_ = make_map(W, Lattice(3, 4, "rectangular"))
    turned = make_map(W[::-1], Lattice(3, 4, "rectangular"))
    X = np.random.default_rng(1).normal(size=(100, 2))
    found = measures.stability([map_, turned], X)
    assert found.agreement == pytest.approx(1, abs=1e-12)
    expected = measures.quantization_error(map_, X)
    assert found.quantization_errors == pytest.approx([expected] * 2, rel=1e-12)
    assert found.topographic_errors == pytest.approx([measures.topographic_error(map_, X)] * 2)
    assert "2 maps: agreement 1.000" in str(found)
    shuffled = make_map(np.random.default_rng(2).permutation(W), Lattice(3, 4, "rectangular"))
    assert measures.stability([map_, shuffled], X).agreement < 0.6
    with rejected(parameter="maps", value=1):
        measures.stability([map_], X)
    with rejected(parameter="maps", value="Map"):
        measures.stability(map_, X)


def test_stability_keeps_the_rows_that_all_maps_count() -> None:
    W = np.random.default_rng(0).normal(size=(12, 2))
    lattice = Lattice(3, 4, "rectangular")
    X = np.random.default_rng(1).normal(size=(100, 2))
    X[::4] = np.nan
    whole = X[~np.isnan(X[:, 0])]
    # A map that leaves out rows without a value, and one that gives them the mean.
    masks = make_map(W, lattice, "mask")
    fills = Map(W, lattice, Encoding.plain(["x0", "x1"], fills=[0.0, 0.0]), np.ones(12))
    assert (fills.nearest(X)[0] >= 0).all()
    found, expected = (
        measures.stability([masks, fills], X),
        measures.stability([masks, fills], whole),
    )
    assert found.quantization_errors == pytest.approx(expected.quantization_errors, **CLOSE)
    assert found.topographic_errors == pytest.approx(expected.topographic_errors, **CLOSE)
    assert found.agreement == pytest.approx(expected.agreement, **CLOSE)
    for maps in ([masks, fills], [fills, masks]):
        assert measures.stability(maps, X, sample_weight=np.arange(100)).agreement > 0
    with rejected(parameter="X"):
        measures.stability([masks, fills], np.full((3, 2), np.nan))
