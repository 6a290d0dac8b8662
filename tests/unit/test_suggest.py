"""What `SOM.suggest` tries and returns."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice
from somscape.tables import table_from_columns

NAMES = ("n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability")


def rows_of(n=120, d=3):
    return np.random.default_rng(0).normal(size=(n, d)) * [3, 1, 0.5][:d] - 1


def suggested(X, **settings):
    """The columns of a suggestion, of few small maps, as lists."""
    table = SOM.suggest(X, **({"n_samples": 60, "n_seeds": 2} | settings))
    assert table.names == NAMES
    return {
        c.name: c.cells.tolist() if c.numbers is None else c.numbers.tolist() for c in table.columns
    }


def sizes_of(found):
    return list(dict.fromkeys(zip(found["n_rows"], found["n_cols"], strict=True)))


def test_three_sizes_and_radii_are_tried_and_more_units_fit_more_closely():
    found = suggested(rows_of(300), n_samples=200)
    units = [r * c for r, c in sizes_of(found)]
    assert units == sorted(set(units))
    assert len(units) == 3
    assert units[2] <= 200
    np.testing.assert_allclose(np.divide(units, 5 * np.sqrt(200)), [0.5, 1, 2], rtol=0.2)
    assert found["radius_end"] == [1.0, 0.7, 0.5] * 3
    errors = np.reshape(found["quantization_error"], (3, 3))
    assert (np.diff(errors, axis=0) < 0).all()
    assert (np.diff(errors, axis=1) < 0).all()
    assert all(0 <= e <= 1 for e in found["topographic_error"])
    assert all(-1 <= s <= 1 for s in found["stability"])


def test_the_same_seed_suggests_the_same():
    assert suggested(rows_of()) == suggested(rows_of(), random_state=0)
    assert suggested(rows_of()) != suggested(rows_of(), random_state=1)


def test_candidates_have_the_parameters_given():
    seen = []
    found = suggested(
        rows_of(),
        lattice="rectangular",
        metric="manhattan",
        callbacks=[lambda progress: seen.append(progress.radius)],
    )
    assert seen
    assert found != suggested(rows_of(), lattice="rectangular")
    given = SOM(lattice="rectangular", metric="manhattan").get_params()
    given.pop("random_state")
    assert found == suggested(rows_of(), **given)


def test_sizes_go_around_the_one_given():
    assert sizes_of(suggested(rows_of(), n_rows=4, n_cols=6)) == [(3, 4), (4, 6), (6, 8)]


def test_sizes_go_around_that_of_a_lattice():
    lattice = Lattice(4, 6, boundary="torus")
    found = suggested(rows_of(), lattice=lattice)
    assert found == suggested(rows_of(), n_rows=4, n_cols=6, boundary="torus")


def test_a_hexagonal_torus_keeps_an_even_number_of_rows():
    found = suggested(rows_of(), n_rows=4, n_cols=6, boundary="torus")
    assert sizes_of(found) == [(2, 4), (4, 6), (6, 8)]


def test_no_size_is_tried_twice():
    found = suggested(rows_of(), n_rows=1, n_cols=1)
    assert sizes_of(found) == [(1, 1)]
    assert found["radius_end"] == [1.0, 0.7, 0.5]


def test_sizes_of_more_units_than_rows_are_left_out():
    # About 5 sqrt(60) = 39 units, half of them, but not 78.
    units = [r * c for r, c in sizes_of(suggested(rows_of()))]
    assert len(units) == 2
    assert max(units) <= 60


def test_a_graph_and_a_given_start_have_their_size():
    ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    assert sizes_of(suggested(rows_of(), lattice=Graph(ring))) == [(6, 1)]
    start = SOM(2, 3).fit(rows_of())
    assert sizes_of(suggested(rows_of(), init=start.map_)) == [(2, 3)]
    assert sizes_of(suggested(rows_of(), init=start.codebook_, n_rows=2, n_cols=3)) == [(2, 3)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"radius_end": 0.6}, [0.6]),
        ({"radius_start": 0.8}, [0.8, 0.7, 0.5]),
        ({"radius_start": 0.5}, [0.5]),
        ({"radius_start": 2.0, "radius_decay": "constant"}, [2.0]),
        ({"radius_decay": [3, 2, 1.5]}, [1.5]),
        (
            {"lattice": Graph(4 * (np.roll(np.eye(6), 1, 1) + np.roll(np.eye(6), -1, 1)))},
            [4, 2.8, 2],
        ),
    ],
)
def test_final_radii_are_tried_where_the_parameters_leave_a_choice(settings, expected):
    found = suggested(rows_of(), **settings)["radius_end"]
    assert list(dict.fromkeys(found)) == pytest.approx(expected)


@pytest.mark.parametrize("missing", ["fill", "mask"])
def test_gaps_are_filled_or_left_out(missing):
    X = rows_of()
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    X[np.isnan(X).all(axis=1), 0] = 0.0
    found = suggested(X, missing=missing)
    assert np.isfinite(found["quantization_error"]).all()
    with rejected(parameter="X", row=0):
        suggested(X)


def test_a_table_is_encoded():
    table = table_from_columns({"n": np.arange(80) + 0.5, "c": ["a", "b"] * 40})
    assert np.isfinite(suggested(table)["quantization_error"]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"random_state": "x"},
        {"random_state": -1},
        {"n_samples": 1},
        {"n_seeds": 1},
        {"metric": "cubic"},
    ],
)
def test_wrong_settings_are_named(settings):
    with rejected(ValueError):
        suggested(rows_of(), **settings)


def test_one_row_is_refused():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        suggested(rows_of(1))
