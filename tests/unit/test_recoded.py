"""Rows of one encoding in another of the same columns: as if they had been encoded by it."""

import numpy as np
import pytest
from texts import rejected

from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables._recoded import recoded
from somscape.tables.codes import CategoryCode, NumberCode, UnusedColumn
from somscape.tables.kinds import Roles
from somscape.tables.ordered import OrdinalCode

RNG = np.random.default_rng(0)


def month(n, first, levels):
    """A table whose scales and levels are its own."""
    days = np.busday_offset(first, RNG.integers(0, 20, n), roll="forward")  # no weekends
    return table_from_columns(
        {
            "amount": np.round(np.exp(RNG.normal(size=n) + 3), 2),  # a long tail, tamed
            "age": RNG.integers(20, 70, n).astype(float),
            "job": RNG.choice(levels, n),
            "opened": days,
            "closed": days + RNG.integers(0, 9, n),
        }
    )


def test_rows_become_what_the_other_encoding_makes_of_their_table():
    january = month(300, "2026-01-01", ["clerk", "cook", "nurse"])
    february = month(200, "2026-02-02", ["clerk", "nurse", "pilot"])
    was, now = (fit_encoding(table, Roles()) for table in (february, january))
    assert was.columns != now.columns
    found = recoded(was.encode(february), was, now)
    np.testing.assert_allclose(found, now.encode(february), atol=1e-7)
    # A pilot of February is no job of January.
    pilots = np.array([cell == "pilot" for cell in february.column("job").cells])
    place = now.feature_names.index("job=(unseen)")
    assert (found[pilots, place] > 0).all()
    assert (found[~pilots, place] == 0).all()


def test_the_same_encoding_and_arrays_keep_every_bit():
    table = month(200, "2026-01-01", ["a", "b"])
    encoding = fit_encoding(table, Roles())
    rows = encoding.encode(table)
    assert recoded(rows, encoding, encoding).tobytes() == rows.tobytes()
    plain = RNG.normal(size=(5, 2))
    assert recoded(plain, Encoding.plain(["x0", "x1"]), Encoding.plain(["x0", "x1"])) is plain
    named = Encoding.plain(["b", "a"])
    assert recoded(plain, Encoding.plain(["x0", "x1"]), named) is plain
    swapped = recoded(plain, Encoding.plain(["a", "b"]), named)
    np.testing.assert_array_equal(swapped, plain[:, ::-1])


def test_what_only_one_month_tells_of_dates_is_filled():
    one = month(400, "2026-01-05", ["a", "b"])
    weeks = (7 * RNG.integers(0, 9, 400)).astype("m8[D]")
    days = np.datetime64("2026-01-05") + weeks  # always a Monday
    columns = {"opened": days, "closed": days + np.timedelta64(3, "D")}
    two = table_from_columns(
        columns | {name: one.column(name).numbers for name in ("amount", "age")}
        | {"job": list(one.column("job").cells)}
    )  # fmt: skip
    was, now = fit_encoding(two, Roles()), fit_encoding(one, Roles())
    was_parts, now_parts = ({part.name for part in each.parts} for each in (was, now))
    assert "days from opened to closed" in now_parts - was_parts
    found = recoded(was.encode(two), was, now)
    part = now.feature_names.index("days from opened to closed")
    np.testing.assert_allclose(found[:, part], now.encode(two)[:, part], atol=1e-6)
    circles = [i for i, name in enumerate(now.feature_names) if "(cos)" in name]
    assert circles
    assert not (was_parts & {"opened: weekday"})
    assert (found[:, circles] == 0).all()


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (
            Encoding.plain(["a", "b"]),
            Encoding((*Encoding.plain(["a"]).columns, UnusedColumn("b", "always 3", "constant"))),
        ),
        (Encoding.plain(["x0"]), Encoding.plain(["x0", "x1"])),
        (Encoding((NumberCode.plain("a"),)), Encoding((CategoryCode("a", "asked", ("1", "2")),))),
        (
            Encoding((OrdinalCode("a", "asked", ("low", "high"), 0),)),
            Encoding((OrdinalCode("a", "asked", ("low", "mid", "high"), 0),)),
        ),
    ],
)
def test_what_differs_is_named_in_one_line(was, now):
    with rejected():
        recoded(np.zeros((2, was.n_features)), was, now)
