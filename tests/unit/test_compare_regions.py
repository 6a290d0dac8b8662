"""Regions of one training beside those of the next."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Lattice, Map, regions
from somscape.regions import RegionChange, Regions
from somscape.tables import Encoding


def on_a_line(labels, hits, names=()):
    """Regions of units at 0, 1, 2 ..."""
    n = len(labels)
    map_ = Map(np.arange(float(n))[:, None], Lattice(1, n), Encoding.plain(["x"]), np.array(hits))
    return Regions(map_, np.array(labels), names=names)


def test_what_grew_vanished_and_is_new_by_hand():
    before = on_a_line([0, 0, 1, 2], [4.0, 2, 3, 1], ("low", "", "high"))
    after = on_a_line([0, 0, 1, 1, 2], [2.0, 2, 3, 1, 2])
    X = np.array([[0.0], [0.0], [1.0], [2.0], [2.0], [3.0], [5.0], [4.0]])
    # 0, 1 -> 0; 2 and 3 -> 1, more of 2; 4 and 5, which were in 2, -> 2.
    found = regions.compare(before, after, X=X)
    assert found == [
        RegionChange(name="low", before=0, after=0, share_before=0.6, share_after=0.4, kept=1.0),
        RegionChange(
            name="region 1", before=1, after=1, share_before=0.3, share_after=0.4, kept=1.0
        ),
        RegionChange(name="high", before=2, after=2, share_before=0.1, share_after=0.2, kept=2 / 3),
    ]
    assert str(found[0]) == "low goes from 60 % to 40 % of the rows"
    gone = regions.compare(before, after, X=X[:5])
    assert (gone[2].after, gone[3].before, gone[3].after) == (None, None, 2)
    assert str(gone[2]) == "high no longer exists (it had 10 % of the rows)"
    assert str(gone[3]) == "region 2 now is new: 20 % of the rows"


def test_without_rows_prototypes_of_the_later_map_stand_for_them():
    before = on_a_line([0, 0, 1, 2], [4.0, 2, 3, 1], ("low", "", "high"))
    after = on_a_line([0, 0, 1, 1, 2], [2.0, 2, 0, 4, 2])
    # Units 0 and 1 of after lie in low, 2 in region 1 but it won no row, 3 and 4 in high.
    found = regions.compare(before, after)
    assert [(c.before, c.after, round(c.kept, 6)) for c in found] == [
        (0, 0, 1.0),
        (1, None, 0.0),
        (2, 1, round(4 / 6, 6)),
        (None, 2, 0.0),
    ]
    # A region whose units have lost all rows is still there.
    lost = regions.compare(before, on_a_line([0, 0, 1, 2], [4.0, 2, 0, 1], ("low", "", "high")))
    assert [(c.before, c.after, c.share_after) for c in lost] == [
        (0, 0, 6 / 7), (1, 1, 0.0), (2, 2, 1 / 7)
    ]  # fmt: skip
    assert regions.carry_names(before, after).names == ("low", "high", "")


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint64])
def test_short_types_of_region_numbers_give_the_same_as_long_ones(kind):
    # 16 * 16 regions do not fit into one byte.
    labels = np.repeat(np.arange(16), 9)
    X = np.random.default_rng(0).normal(size=(300, 2))
    som = SOM(12, 12, random_state=0).fit(X)
    found = [Regions(som.map_, of.astype(kind)) for of in (labels, labels[::-1].copy())]
    same = [Regions(som.map_, of.astype(np.int64)) for of in (labels, labels[::-1].copy())]
    assert regions.compare(*found, X=X) == regions.compare(*same, X=X)


def test_names_come_over_to_maps_trained_anew():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [200, 150, 100])
    X = rng.normal(size=(450, 2)) + 9.0 * np.array([[0, 0], [1, 0], [0, 1]])[truth]
    then = regions.find_regions(SOM(random_state=0).fit(X))
    then = regions.rename(then, {0: "a", 1: "b", 2: "c"})
    now = regions.find_regions(SOM(random_state=5).fit(X[rng.permutation(450)[:400]]))
    carried = regions.carry_names(then, now, X=X)
    assert sorted(carried.names) == ["a", "b", "c"]
    for row in (0, 250, 400):
        assert carried.names[carried.of(X[[row]])[0]] == then.names[then.of(X[[row]])[0]]


def test_own_names_stay_unless_another_has_them():
    before = on_a_line([0, 1], [2.0, 1], ("old", ""))
    after = on_a_line([1, 0], [1.0, 2], ("old", "mine"))
    carried = regions.carry_names(before, after, X=[[0.0], [1.0]])
    assert carried.names == ("", "old")
    assert regions.carry_names(on_a_line([0, 1], [2.0, 1]), after, X=[[0.0]]).names == after.names


def test_rows_without_a_region_are_refused():
    found = on_a_line([0, 1], [2.0, 1])
    with rejected(parameter="X"):
        regions.compare(found, found, X=np.empty((0, 1)))
