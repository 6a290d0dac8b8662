"""Values in order, each row by itself, say the same as distinct values with their counts."""

import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape import _stored
from somscape._weights import Ascending, Counted, in_order
from somscape.kernels import _select as _order
from somscape.kernels._select import stable_order
from somscape.tables import Column, table_from_columns, table_from_frame
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.codes import NumberCode, Scaling

pa = pytest.importorskip("pyarrow")

VALUES = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3, width=32)), min_size=1
)


@given(VALUES, st.floats(0, 1))
def test_rows_by_themselves_have_the_quantiles_of_numpy(values, share):
    rows, ascending = in_order(np.array(values)), np.sort(values)
    assert isinstance(rows, Ascending)
    assert rows.quantile(share) == pytest.approx(np.quantile(values, share), abs=1e-9)
    assert rows.median() == pytest.approx(np.median(values))
    assert [rows.at(place) for place in range(len(values))] == ascending.tolist()
    assert rows.at(len(values) + 5) == ascending[-1]


@given(VALUES, st.floats(0, 1))
def test_counted_rows_say_the_same_to_the_bit(values, share):
    rows, counted = in_order(np.array(values)), in_order(np.array(values), np.ones(len(values)))
    assert isinstance(counted, Counted)
    assert (rows.n, rows.quantile(share)) == (counted.n, counted.quantile(share))
    np.testing.assert_array_equal(rows.counted().values, counted.values)
    np.testing.assert_array_equal(rows.counted().ends, counted.ends)


@given(st.lists(st.one_of(st.none(), st.integers(-9, 9), st.floats(-1e6, 1e6, width=32))))
def test_a_column_s_numbers_in_order(cells):
    column = table_from_columns({"x": [*cells, 1.0, 2.5]}).columns[0]
    present = sorted(c for c in (*cells, 1.0, 2.5) if c is not None)
    assert column.ascending().tolist() == present
    assert column.n_distinct == len(set(present))
    assert (column.numbers[-2:] == [1.0, 2.5]).all()  # which stay in the order of the rows


def test_numbers_that_came_as_float32_are_ordered_as_such():
    values = pa.array([0.1, None, -7.5, 0.1], pa.float32())
    column = table_from_frame(pa.table({"x": values})).columns[0]
    assert column.ascending().dtype == np.float32
    assert column.ascending().tolist() == sorted([-7.5, *[float(np.float32(0.1))] * 2])
    assert column.n_distinct == 2


def test_a_column_s_numbers_are_put_in_order_once_while_somebody_has_them():
    column = table_from_columns({"x": [3.5, 1.0, 2.0]}).columns[0]
    held = column.ascending()
    assert column.ascending() is held
    there = weakref.ref(held)
    del held
    assert there() is None  # the column alone keeps nothing
    assert column.ascending().tolist() == [1.0, 2.0, 3.5]


def test_an_encoding_puts_each_number_in_order_once(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=100), "b": rng.normal(size=100), "kind": [*"xy"] * 50}
    table, sorts = table_from_columns(columns), list[str]()
    own = Column.ascending

    def counted(column: Column):
        before, found = column._in_order(), own(column)
        sorts.extend([column.name] if before is None else [])
        return found

    monkeypatch.setattr(Column, "ascending", counted)
    fit_encoding(table)
    assert sorts == ["a", "b"]


@pytest.mark.parametrize("scaling", [Scaling(), Scaling("range"), Scaling(tame=False)])
@given(VALUES.filter(lambda values: len(set(values)) > 1), st.floats(1, 1e9))
def test_a_scale_is_that_of_rows_that_are_counted(scaling, values, far):
    # The second way goes over distinct values, for rows with weights.
    column = table_from_columns({"x": [*values, far]}).columns[0]
    one = NumberCode.fit(column, "", scaling)
    assert one == NumberCode.fit(column, "", scaling, np.ones(len(values) + 1))


def test_rows_in_a_file_are_those_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    table = table_from_columns(
        {
            "amount": [None, *np.exp(rng.normal(size=40_000))],
            "kind": [*rng.choice(["a", "b"], 40_000), "c"],
        }
    )
    encoding = fit_encoding(table, missing="fill")
    whole = encoding.encode(table)
    for n in (0, 1, 1 << 14, 40_000):
        some = encoding.encode(table.take([n]))[0]
        np.testing.assert_array_equal(whole[n], some)
    monkeypatch.setattr(_stored, "LARGE", 1 << 16)
    monkeypatch.setattr(_stored, "EXTENT", 1 << 16)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = encoding.encode(table.put_away())
    np.testing.assert_array_equal(held, whole)
    assert not held.flags.owndata
    assert not list(tmp_path.iterdir())
    assert held.flags.c_contiguous
    assert held.flags.writeable


@pytest.mark.parametrize("shape", [(9000,), (30, 300), (300, 30)])
def test_arrays_that_are_put_away_keep_their_values(shape, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_stored, "LARGE", 1 << 16)
    monkeypatch.setattr(_stored, "EXTENT", 1 << 16)
    values = np.random.default_rng(0).normal(size=shape)
    for given_ in (values, np.asfortranarray(values)):
        found = _stored.put_away(given_)
        assert not found.flags.owndata
        np.testing.assert_array_equal(found, values)


@given(
    st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats()), min_size=1, max_size=60).map(
        np.array
    ),
    st.integers(8, 64),
)
def test_places_by_bits_are_those_of_a_stable_sort(values, bits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_order, "MANY_VALUES", 1)
        patch.setattr(_order, "SHARED_VALUES", 8)
        patch.setattr(_order, "BITS", bits)  # the fewer, the more numbers are alike at first
        found = _order.stable_order(values)
    np.testing.assert_array_equal(found, np.argsort(values, kind="stable"))


def test_places_of_many_numbers_are_those_of_a_stable_sort():
    values = np.random.default_rng(0).normal(size=_order.SHARED_VALUES)
    values[::1000] = values[0]
    np.testing.assert_array_equal(stable_order(values), np.argsort(values, kind="stable"))
