"""A map with its units in another order: the same pieces join, and every field is thought of."""

from dataclasses import fields

import numpy as np

from somscape import SOM, Map, regions
from somscape.maps._joins import pieces_after
from somscape.maps.map import reordered


def test_every_field_of_a_map_is_thought_of():
    # A new field goes into one of both lists, and into `reordered` if it has a value by unit.
    by_unit = {"codebook", "hits", "unit_labels", "told", "kept_regions"}
    as_they_are = {"lattice", "encoding", "history", "parameters", "versions", "metric"}
    assert by_unit | as_they_are == {field.name for field in fields(Map)}


def test_the_same_units_join_in_the_same_order():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) + 9.0 * np.repeat([[0, 0], [1, 0]], 200, axis=0)
    kept = SOM(6, 6, lattice="rectangular", random_state=0).fit(X).map_
    told = Map.from_record(kept.to_record())  # as from a file
    units = np.arange(36)[::-1]
    turned = reordered(told, units)
    for n in (0, 10, 30, len(told.joins.pairs)):
        before = pieces_after(36, told.joins.pairs[:n])
        after = pieces_after(36, turned.joins.pairs[:n])
        np.testing.assert_array_equal(
            before[units][:, None] == before[units], after[:, None] == after
        )
    found, again = regions.find_regions(told), regions.find_regions(turned)
    assert found.n_regions == 2
    np.testing.assert_array_equal(found.sizes, again.sizes)
    np.testing.assert_array_equal(
        reordered(turned, np.argsort(units)).joins.pairs, told.joins.pairs
    )
    Map.from_record(turned.to_record())  # a file of it is read
