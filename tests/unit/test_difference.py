"""What has changed from a map to the next, worked out by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, TableEncoder, changes, regions
from somscape.kernels import Metric
from somscape.maps.map import reordered
from somscape.regions import Regions
from somscape.tables import Encoding
from somscape.tables.codes import CategoryCode, NumberCode

CODES = (
    NumberCode("income", "asked", 0.0, 0.0, 1000.0, 100.0, 0.0, True),
    CategoryCode("job", "asked", ("clerk", "cook")),
)
LEVEL = 0.5**0.5


def line(incomes, cooks, hits, *, scale=100.0):
    """Return a map of one row of units, by income, share of cooks and rows."""
    income = NumberCode("income", "asked", 0.0, 0.0, 1000.0, scale, 0.0, True)
    encoding = Encoding((income, CODES[1]))
    cooks = np.array(cooks, dtype=float)
    codebook = np.column_stack(
        [(np.array(incomes) - 1000) / scale, LEVEL * (1 - cooks), LEVEL * cooks, 0 * cooks]
    )
    lattice = Lattice(1, len(incomes), "rectangular")
    return Map(codebook, lattice, encoding, np.array(hits, dtype=float))


def test_three_units_by_hand():
    before = line([1000, 1100, 1200], [0, 0, 1], [2, 2, 4])
    # The other way round, on another scale: 1210 and all cooks, 1100, 1000 and a half of them.
    after = line([1210, 1100, 1000], [1, 0, 0.5], [6, 4, 0], scale=400.0)
    found = changes.difference(before, after)
    assert found.alignment.words == "turned by 180 degrees"
    assert found.after.hits.tolist() == [0, 4, 6]
    # A half of one level against the other: 0.5 * LEVEL in both, so 0.5 in all.
    np.testing.assert_allclose(found.moved, [0.5, 0, 0.1], atol=1e-12)
    assert found.columns == ("income", "job")
    np.testing.assert_allclose(found.by_column, [[0, 1], [0, 0], [1, 0]], atol=1e-12)
    assert found.most.tolist() == [1, -1, 0]
    assert list(found.of_columns) == ["job", "income"]
    assert found.of_columns["job"] == pytest.approx(0.25 / 0.26)
    np.testing.assert_allclose(found.grew, [-0.25, 0.15, 0.1])
    # Neighbors lie 1 and sqrt(2) apart: 1, 1.207 and 1.414 on average, 1.207 in all.
    assert str(found).splitlines() == [
        "The map is turned by 180 degrees.",
        "Prototypes have moved by 0.2 on average, 0.17 times the distance between neighbors.",
        "The columns that moved are job (96 %).",
        "Unit 0 (row 0, column 0) moved most, by 0.5: job = clerk from 100 % to 50 %.",
        "Unit 1 (row 0, column 1) grew most, from 25.0 % to 40.0 % of the rows.",
        "Unit 0 (row 0, column 0) shrank most, from 25.0 % to 0.0 % of the rows.",
    ]
    assert repr(found) == "MapChange(Map(1 x 3 rectangular, 4 features), moved by 0.2 on average)"


def test_numbers_are_said_in_their_own_units():
    before = line([1000, 1100, 1200], [0, 0, 1], [1, 1, 1])
    said = str(changes.difference(before, line([1000, 1100, 1280], [0, 0, 1], [1, 1, 1])))
    assert "Unit 2 (row 0, column 2) moved most, by 0.8: income from 1200 to 1280." in said
    assert "grew" not in said
    same = changes.difference(before, before)
    assert str(same) == "No prototype has moved."
    far = changes.difference(before, line([5000, 1100, 1280], [0, 0, 1], [1, 1, 1]))
    assert "train the later map from the earlier map (init=...)" in str(far)
    assert "train the later map from the earlier map (init=...)" not in said


def test_a_frame_has_a_line_for_each_place():
    before = line([1000, 1100, 1200], [0, 0, 1], [2, 2, 4])
    after = line([1210, 1100, 1000], [1, 0, 0.5], [6, 4, 0])
    then = Regions(before, np.array([1, 1, 0]), names=("cooks", ""))
    now = Regions(after, np.array([0, 1, 1]), names=("cooks", ""))
    found = changes.difference(before, after, regions=(then, now))
    frame = found.to_frame()
    assert frame.columns.tolist() == [
        "unit", "row", "col", "unit_before_turning", "moved", "column", "share_before",
        "share_after", "grew", "region_before", "region_after",
    ]  # fmt: skip
    assert frame["unit_before_turning"].tolist() == [2, 1, 0]
    assert frame["column"].fillna("").tolist() == ["job", "", "income"]
    assert frame["region_after"].tolist() == [1, 1, 0]
    assert isinstance(found.to_frame("polars"), pl.DataFrame)
    assert [str(change) for change in found.regions] == [
        "cooks goes from 50 % to 60 % of the rows",
        "region 1 goes from 50 % to 40 % of the rows",
    ]
    assert str(found).endswith("region 1 goes from 50 % to 40 % of the rows.")


def test_regions_that_are_not_given_are_found_and_keep_their_names():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(450, 2)) + 9.0 * np.repeat(
        [[0, 0], [1, 0], [0, 1]], [200, 150, 100], axis=0
    )
    som = SOM(8, 8, lattice="rectangular", random_state=0).fit(X)
    later = SOM(8, 8, lattice="rectangular", random_state=0, init=som.map_).fit(X[:350] + 0.3)
    other = reordered(later.map_, np.arange(64)[::-1])
    then = regions.rename(regions.find_regions(som), {0: "usual", 1: "high"})
    pair = (then, regions.carry_names(then, regions.find_regions(other), X=X))
    for given in (True, pair):
        found = changes.difference(som, other, regions=given, X=X)
        assert found.alignment.words == "turned by 180 degrees"
        assert [change.after is None for change in found.regions] == [False, False, True]
        assert found.regions_after.map_ is found.after
        # Places that were of a region are mostly still of it.
        same = found.regions_before.labels == found.regions_after.labels
        assert same[found.regions_before.labels == 0].mean() > 0.8
    assert found.regions_after.names == ("usual", "high")
    assert str(found.regions[0]) == "usual goes from 44 % to 57 % of the rows"


def test_regions_of_before_stay_at_their_place_in_the_data_and_may_lose_all_rows():
    before = line([1000, 1100, 1200, 1300], [0, 0, 0, 0], [2, 2, 4, 2])
    after = line([1000, 1010, 1210, 1300], [0, 0, 0, 0], [3, 4, 0, 3])
    then = Regions(before, np.array([0, 1, 2, 0]), names=("ends", "", "rich"))
    found = changes.difference(before, after, regions=then)
    assert found.regions_after.labels.tolist() == [0, 0, 1, 0]
    assert found.regions_after.names == ("ends", "rich")
    assert [str(change) for change in found.regions] == [
        "ends goes from 40 % to 100 % of the rows",
        "region 1 no longer exists (it had 20 % of the rows)",
        "rich goes from 40 % to 0 % of the rows",
    ]


def test_months_trained_from_each_other_move_where_rows_moved():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"income": np.exp(rng.normal(size=500)), "age": rng.integers(20, 70, 500).astype(float)}
    )
    som = SOM(6, 6, encoder=TableEncoder(), random_state=0).fit(frame)
    later = SOM(encoder=TableEncoder(), init=som.map_, random_state=0).fit(
        frame.assign(age=frame["age"] + 15)
    )
    found = changes.difference(som, later)
    assert next(iter(found.of_columns)) == "age"
    assert found.moved.mean() == pytest.approx(15 / 48, rel=0.3)  # of the range of 48 years


def test_the_metric_is_that_of_the_map_before():
    before = line([1000, 1100, 1200], [0, 0, 1], [1, 1, 1])
    after = line([1000, 1100, 1280], [0, 0.2, 1], [1, 1, 1])
    heavy = Map(
        before.codebook, before.lattice, before.encoding, before.hits,
        metric=Metric(feature_weights=np.array([0.0, 1, 1, 1])),
    )  # fmt: skip
    assert changes.difference(heavy, after).moved[2] == 0
    assert list(changes.difference(heavy, after).of_columns.values()) == [1, 0]


@pytest.mark.parametrize("lattice", [Graph([[0, 1], [1, 0]]), Lattice(1, 2), Lattice(1, 1)])
def test_graphs_one_unit_and_maps_without_rows_are_compared(lattice):
    encoding, empty = Encoding.plain(["x"]), np.zeros(lattice.n_units)
    a, b = (Map(np.full((lattice.n_units, 1), at), lattice, encoding, empty) for at in (0.0, 2.0))
    found = changes.difference(a, b, regions=True)
    assert found.moved.tolist() == [2.0] * lattice.n_units
    assert "moved most, by 2: x from 0 to 2" in str(found)
    assert ("row 0" in str(found)) == (lattice.distance_table is None)
    assert len(found.regions) == 1


def test_wrong_regions_and_maps_are_refused():
    before = line([1000, 1100, 1200], [0, 0, 1], [2, 2, 4])
    with rejected(TypeError, parameter="regions", value="int"):
        changes.difference(before, before, regions=3)
    with rejected(parameter="regions", value=1):
        changes.difference(before, before, regions=[None])
    small = Regions(line([1, 2], [0, 1], [1, 1]), np.array([0, 1]))
    with rejected(parameter="regions", value=2):
        changes.difference(before, before, regions=small)
    with rejected(parameter="b", value="1 x 2 units (rectangular, plane)"):
        changes.difference(before, line([1, 2], [0, 1], [1, 1]))
    with rejected():
        changes.difference(
            before, Map(np.zeros((3, 1)), before.lattice, Encoding.plain(["x"]), np.ones(3))
        )
    with rejected(TypeError, value="list"):
        changes.difference(before, [])
