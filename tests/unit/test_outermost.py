"""What columns in order show: the same as all rows do, or nothing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from somscape._elementary import asinh
from somscape.desk.jobs._detect import detect
from somscape.desk.jobs._roles import ready
from somscape.desk.jobs.job import Job
from somscape.outliers import AlertRule
from somscape.outliers._train import SHARE, Outermost, ends_of_numbers
from somscape.outliers.rarity import FIRST_LOOK, TAIL_SHARE, ends_of, value_counts
from somscape.tables import table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.codes import NumberCode
from somscape.tables.kinds import Roles

N = FIRST_LOOK + 1000
JOB = Job(seed=0)


def seen(table, **options):
    """An encoding, the rows by it, and what columns showed, by their numbers."""
    outermost = Outermost()
    encoding = fit_encoding(table, missing="fill", on_number=outermost.look, **options)
    found = outermost.of(encoding, table.n_rows)
    return encoding, encoding.encode(table), found


def check_same(encoding, rows, found):
    """Compare with what all rows show, bit for bit."""
    knots = {j: of_column.knots for j, of_column in found.items()}
    known, counted = (value_counts(rows, None, encoding, some) for some in (knots, None))
    for part in ("starts", "values", "below", "upto"):
        assert getattr(known, part).tobytes() == getattr(counted, part).tobytes()
    ends = ends_of_numbers(rows, None, encoding, found)
    each = zip(encoding.features, encoding.slices, strict=True)
    numbers = [place.start for code, place in each if isinstance(code, NumberCode)]
    np.testing.assert_array_equal(ends[:, :, numbers], ends_of(rows, None)[:, :, numbers])
    others = np.delete(ends, numbers, axis=2)
    assert np.isneginf(others).all()


def columns(n=N):
    rng = np.random.default_rng(0)
    normal = rng.normal(size=n)
    return {
        "normal": normal,
        "short": normal.astype(np.float32),
        "tamed": rng.lognormal(3, 2, n),
        "below zero": -rng.lognormal(3, 2, n).astype(np.float32),
        "rounded": np.round(rng.normal(0, 5, n), 1),
        "far from 0": 1e9 + rng.normal(size=n),
        "three": rng.integers(0, 3, n).astype(float),
        "same at an end": np.where(rng.random(n) < 0.3, 0.0, rng.exponential(size=n)),
        "with a gap": np.where(np.arange(n) == 77, np.nan, normal),
        "with slips": np.where(np.arange(n) == 7, 1e15, normal),
        "job": rng.choice(["cook", "clerk", "smith"], n),
        "day": np.array("2026-01-01", "M8[D]") + rng.integers(0, 900, n),
    }


def test_counts_and_ends_are_those_of_all_rows():
    encoding, rows, found = seen(table_from_columns(columns()))
    names = [encoding.features[j].name for j in found]
    assert names == ["normal", "short", "tamed", "below zero", "rounded", "far from 0"]
    check_same(encoding, rows, found)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tame=st.booleans())
def test_so_for_any_column(seed, tame):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(FIRST_LOOK - 1, FIRST_LOOK + 3000))
    made = rng.standard_t(rng.uniform(0.5, 9), n) * 10 ** rng.uniform(-6, 6)
    made += rng.choice([0.0, 10 ** rng.uniform(0, 12)])
    made = np.where(rng.random(n) < rng.choice([0.0, 0.04, 0.06, 0.5]), made.max(), made)
    made = np.round(made, int(rng.integers(0, 4)))
    if np.ptp(made) == 0:
        return
    made = made.astype(rng.choice([np.float32, np.float64]))
    table = table_from_columns({"x": made, "y": rng.normal(size=n)})
    encoding, rows, found = seen(table, tame=tame)
    assert (1 in found) == (n > FIRST_LOOK)
    check_same(encoding, rows, found)


def test_values_that_become_equal_are_counted_as_one():
    # On the scale of the column nothing tells the small ones apart.
    rng = np.random.default_rng(1)
    made = rng.uniform(1.0, 2.0, N)
    made[: N // 100] = 1e-30 * rng.random(N // 100)
    encoding, rows, found = seen(table_from_columns({"x": made, "y": rng.normal(size=N)}))
    assert 0 in found
    assert len(np.unique(rows[: N // 100, 0])) == 1
    check_same(encoding, rows, found)


def test_columns_of_few_values_are_counted_whole():
    n_end = int((TAIL_SHARE + SHARE) / 2 * N)  # more than is far out, less than is looked at
    made = np.arange(N) % 28 + 1.0
    made[:n_end], made[-n_end:] = 0.0, 29.0
    rng = np.random.default_rng(2)
    encoding, rows, found = seen(table_from_columns({"x": made, "y": rng.normal(size=N)}))
    assert list(found) == [1]
    check_same(encoding, rows, found)


def test_rounding_may_turn_two_values_around():
    rng = np.random.default_rng(3)
    some = rng.uniform(0.32, 0.34, 10_000)
    next_to = np.nextafter(some, 0.0)
    turned = np.flatnonzero(asinh(next_to) > asinh(some))[0]
    # Median 0 and quartiles 2 apart, so that values are tamed as they are.
    low, high = rng.uniform(-0.31, -0.21, N // 5), rng.exponential(100.0, N // 5)
    made = np.concatenate([low, np.repeat([-0.2, 0.0, 1.8], N // 5), 2 + high])
    made[:2] = -some[turned], -next_to[turned]
    table = table_from_columns({"x": made, "y": rng.normal(size=len(made))})
    encoding, rows, found = seen(table)
    code = encoding.columns[0]
    assert (code.center, code.width) == (0.0, 1.0)
    assert rows[0, 0] > rows[1, 0]
    check_same(encoding, rows, found)


def test_another_scale_or_table_is_not_taken():
    table = table_from_columns({"a": columns()["normal"], "b": columns()["tamed"]})
    outermost = Outermost()
    encoding = fit_encoding(table, on_number=outermost.look)
    assert set(outermost.of(encoding, N)) == {0, 1}
    assert outermost.of(encoding, N - 1) == {}
    assert set(outermost.of(fit_encoding(table, tame=False), N)) == {0}
    assert set(outermost.of(fit_encoding(table, Roles(numbers=("b",))), N)) == {0, 1}
    layers = Roles(layers={"one": ["a"], "two": ["b"]})
    assert outermost.of(fit_encoding(table, layers), N) == {}


def test_a_list_is_the_same_with_and_without():
    given = columns()
    table = table_from_columns({name: given[name] for name in ("short", "tamed", "job", "day")})
    subject, outermost = ready(table, Roles()), Outermost()
    encoding = subject.encoding(outermost.look)
    assert len(outermost.of(encoding, N)) == 2
    found = [detect(table, encoding, AlertRule(), JOB, outermost=o) for o in (outermost, None)]
    first, second = (one.detector for one in found)
    for part in ("starts", "values", "below", "upto"):
        assert getattr(first.counts, part).tobytes() == getattr(second.counts, part).tobytes()
    assert first.rarity.x.tobytes() == second.rarity.x.tobytes()
    assert first.rarity.y.tobytes() == second.rarity.y.tobytes()
    np.testing.assert_array_equal(found[0].alerts.scores, found[1].alerts.scores)
