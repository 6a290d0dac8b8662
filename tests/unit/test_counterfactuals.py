"""What would make a row usual: every row and range that is named really is below the threshold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nightly import nightly

from somscape import SOM, Lattice, Map, SOMDetector, TableEncoder
from somscape.outliers import Calibration, Detector, Scorer
from somscape.outliers.score import SCORES
from somscape.tables import Encoding, table_from_columns


def detector_at(codebook, threshold, *, k=1, score="k_prototype", **more):
    """A detector whose prototypes lie where we say, so that scores can be worked out."""
    codebook = np.array(codebook, dtype=float)
    map_ = Map(
        codebook,
        Lattice(1, len(codebook), "rectangular"),
        Encoding.plain([f"x{i}" for i in range(codebook.shape[1])]),
        np.ones(len(codebook)),
    )
    whole = Scorer(map_, score, k, **more)
    return Detector(whole, threshold, Calibration(np.array([1.0])))


def with_changes(columns, row, changes):
    """The columns of one row of a table, with changed cells."""
    return {name: [changes.get(name, values[row])] for name, values in columns.items()}


# By hand


def test_one_column_and_its_range_by_hand():
    # From (5, 0.5) the nearest usual prototype is 0.  With x0 at 0 the score is 0.5; it is at most
    # 1 as long as x0^2 + 0.25 <= 1, so up to 0.866; prototypes span 10, so that ends are cut to
    # tenths, inwards.
    detector = detector_at([[0, 0], [-10, 0]], 1.0)
    (found,) = detector.counterfactuals([[5.0, 0.5]])
    (change,) = found.changes
    assert (change.column, change.value, change.to) == ("x0", "5", 0.0)
    assert 0.76 <= change.within.high <= np.sqrt(0.75)
    assert -np.sqrt(0.75) <= change.within.low <= -0.76
    assert found.score == 0.5
    ends = f"{change.within.low:.2g} and {change.within.high:.2g}"
    assert str(found) == f"would be usual with x0 between {ends}"


def test_two_columns_are_changed_where_one_is_not_enough():
    # From (5, -6, 0.25), with one of both at 0 the score is still 5 or more.
    detector = detector_at([[0, 0, 0], [0, 9, 9]], 1.0)
    (found,) = detector.counterfactuals([[5.0, -6.0, 0.25]])
    assert [change.column for change in found.changes] == ["x1", "x0"]
    assert [change.to for change in found.changes] == [0.0, 0.0]
    assert str(found).startswith("would be usual with x1 0 (between -0.9")


def test_a_column_that_turns_out_not_to_be_needed_is_put_back():
    # x0 differs most and is changed first, but x1 alone is enough: from (3, 0) the second
    # prototype, at (3.9, 0), is 0.9 away.
    detector = detector_at([[0, 0], [3.9, 0]], 1.0)
    (found,) = detector.counterfactuals([[3.0, 2.9]])
    assert [change.column for change in found.changes] == ["x1"]


def test_usual_rows_need_no_change():
    (found,) = detector_at([[0.0], [9.0]], 1.0).counterfactuals([[1.0]])
    assert found.changes == ()
    assert found.score == 1.0
    assert str(found) == "is usual"


def test_where_no_prototype_is_usual_there_is_no_counterfactual():
    # With two prototypes averaged, each prototype itself scores 4.5.
    assert detector_at([[0.0], [9.0]], 1.0, k=2).counterfactuals([[50.0]]) == [None]


def test_maps_with_one_and_with_two_nearest_prototypes_score_together():
    # One map says |x|, the other (|x| + |x - 4|) / 2; together the root of the mean square.
    detector = detector_at([[0.0], [4.0]], np.sqrt((6.0**2 + 4.0**2) / 2), k=5)
    two = detector.of_all_rows
    one = replace(two, usual=np.array([True, False]))
    detector = replace(detector, members=(one, two))
    (found,) = detector.counterfactuals([[10.0]])
    (change,) = found.changes
    # At -4 and at 6; ends are rounded inwards.
    assert -4 <= change.within.low <= -3.99
    assert 5.99 <= change.within.high <= 6


# Every statement is true


def fitted(score="k_prototype", seed=0, known=None, n_maps=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 4)) * [1, 30, 0.01, 1] + [0, 1000, 0, -5]
    X[:15] += rng.normal(size=(15, 4)) * [4, 120, 0.04, 4]
    detector = SOMDetector(score, 0.1, som=SOM(6, 5), trim=0.05, random_state=seed)
    detector.set_params(n_maps=n_maps)
    return detector.fit(X, known=known), X


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("with_labels", [False, *nightly([True])])
@pytest.mark.parametrize("n_maps", [1, *nightly([4])])
def test_a_counterfactual_row_and_its_ranges_are_below_the_threshold(score, with_labels, n_maps):
    known = np.where(np.arange(300) < 10, 1, np.where(np.arange(300) % 3, 0, -1))
    detector, X = fitted(score, known=known if with_labels else None, n_maps=n_maps)
    rng = np.random.default_rng(1)
    threshold = detector.detector_.threshold
    is_steady = not with_labels  # else scores may jump, and are looked at in steps
    counterfactuals = detector.counterfactuals(X)
    rows_made, own_values, trials = [], [], []
    for row, found, is_usual in zip(X, counterfactuals, detector.predict(X) == 1, strict=True):
        assert (found.changes == ()) == is_usual
        places = [int(change.column[1:]) for change in found.changes]
        made = row.copy()
        made[places] = [change.to for change in found.changes]
        rows_made.append(made)
        assert found.score <= threshold
        for place, change in zip(places, found.changes, strict=True):
            low, high = change.within.low, change.within.high
            assert low <= change.to <= high
            assert not low <= row[place] <= high
            trial = made[None].repeat(65, axis=0)
            ends = np.clip([low, high], change.to - 1e4, change.to + 1e4)
            trial[:, place] = [row[place], *ends, *rng.uniform(*ends, 62)]
            own_values.append(trial[0])
            trials.append(trial[1:])
    scores = detector.detector_.scores(np.array(rows_made))
    np.testing.assert_allclose(scores, [found.score for found in counterfactuals], rtol=1e-9)
    assert len(trials) > 20
    # The changes are needed: with the row's own value it is unusual still.
    assert (detector.detector_.scores(np.array(own_values)) > threshold).all()
    are_below = detector.detector_.scores(np.concatenate(trials)).reshape(-1, 64) <= threshold
    assert are_below[:, :2].all()
    below = are_below[:, 2:]
    # Several maps jump more often.
    least = 0.99 if n_maps == 1 else 0.97
    assert np.mean(below) == 1 if is_steady else np.mean(below) > least


@given(st.integers(0, 10_000), st.sampled_from([(1, 0.6), (2, 1.1), (4, 1.8)]))
def test_ranges_are_as_wide_as_they_can_be_and_have_no_gap(seed, k_and_limit):
    k, limit = k_and_limit
    rng = np.random.default_rng(seed)
    codebook = rng.normal(size=(7, 3))
    detector = detector_at(codebook, limit, k=k)
    rows = rng.normal(size=(5, 3)) * 3
    all_found = detector.counterfactuals(rows)
    has_changes = [len(found.changes) > 0 for found in all_found]
    assert has_changes == (detector.scores(rows) > limit).tolist()
    for row, found in zip(rows, all_found, strict=True):
        made = row.copy()
        for change in found.changes:
            made[int(change.column[1:])] = change.to
        for change in found.changes:
            place = int(change.column[1:])
            # Ends are shortened by at most the hundredth part of what prototypes span.
            beyond = 0.0101 * np.ptp(codebook[:, place])
            for end, further in ((change.within.low, -beyond), (change.within.high, beyond)):
                trial = made[None].repeat(500, axis=0)
                trial[:, place] = np.linspace(end, end + further, 500)
                # Between two prototypes the limit may be passed between two trials.
                assert detector.scores(trial).max() > limit - beyond / 499
            trial[:, place] = np.linspace(change.within.low, change.within.high, 500)
            assert detector.scores(trial).max() <= limit


def columns_of(n=200, seed=0):
    rng = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01") + rng.integers(0, 300, n)
    columns = {
        "amount": np.exp(rng.normal(6, 1.5, n)).round(2).tolist(),
        "age": rng.integers(20, 70, n).tolist(),
        "job": rng.choice(["clerk", "nurse", "cook"], n, p=[0.6, 0.3, 0.1]).tolist(),
        "grade": rng.choice(["low", "mid", "high"], n).tolist(),
        "since": [str(day) for day in days],
    }
    columns["amount"][0], columns["age"][1], columns["since"][2] = 9e6, 131, "2031-05-05"
    columns["job"][3] = None
    return columns


@pytest.fixture(scope="module")
def mixed():
    columns = columns_of()
    table = table_from_columns(columns)
    ordinals = {"grade": ["low", "mid", "high"]}
    encoder = TableEncoder(ordinals=ordinals, dates=["since"], missing="fill")
    detector = SOMDetector(contamination=0.3, encoder=encoder, random_state=0).fit(table)
    return detector, columns, detector.counterfactuals(table)


def test_a_table_with_the_named_cells_changed_is_usual(mixed):
    detector, columns, found = mixed
    n_of_kind = dict.fromkeys(columns, 0)
    for row, one in enumerate(found):
        changes = {c.column: c.to for c in one.changes}
        made = table_from_columns(with_changes(columns, row, as_cells(changes)))
        scores = -detector.score_samples(made)
        assert scores[0] == pytest.approx(one.score, rel=1e-9)
        assert detector.predict(made)[0] == 1
        for name in changes:
            n_of_kind[name] += 1
    assert min(n_of_kind.values()) > 0, n_of_kind


def as_cells(changes):
    return {name: str(v) if isinstance(v, np.datetime64) else v for name, v in changes.items()}


def test_ranges_of_a_table_hold_for_cells_in_original_units(mixed):
    detector, columns, found = mixed
    assert {change.column for one in found for change in one.changes} > {"amount", "job"}
    for row, one in enumerate(found):
        changes = {c.column: c.to for c in one.changes}
        for change in one.changes:
            inside, outside = inside_and_outside(change)
            assert inside
            for cells, expected in ((inside, 1), (outside, -1)):
                for cell in cells:
                    tried = as_cells(changes | {change.column: cell})
                    made = table_from_columns(with_changes(columns, row, tried))
                    assert detector.predict(made)[0] == expected, (change, cell)


def inside_and_outside(change):
    within = change.within
    if change.column in ("job", "grade"):
        levels = {"job": {"clerk", "nurse", "cook"}, "grade": {"low", "mid", "high"}}
        assert change.to in within.levels
        named = set(within.levels) - {"(missing)"}
        return sorted(named), sorted(levels[change.column] - named)
    if change.column == "amount":
        return [within.low, within.high, (within.low + within.high) / 2], []
    one = np.timedelta64(1, "D") if change.column == "since" else 1
    assert within.low <= change.to <= within.high
    if change.column == "age":
        assert all(value == round(value) for value in (within.low, within.high, change.to))
    inside = [within.low, within.high, change.to]
    return inside, [within.low - one, within.high + one] if change.column == "since" else []


def test_what_is_said_of_a_table(mixed):
    _, _, found = mixed
    texts = [str(found[i]) for i in range(4)]
    assert "amount" in texts[0]
    assert found[0].changes[0].value == "9000000.0"
    assert "since" in texts[2]
    assert "2024-" in texts[2]
    assert found[3].changes == () or found[3].changes[0].value == "missing"


# What comes in


def test_many_changes_are_named_only_in_part():
    n = 6
    (found,) = detector_at([[0] * n, [9] * n], 1.0).counterfactuals([[5.0] * n])
    assert len(found.changes) == n
    assert str(found).endswith(" and 2 more columns")


@pytest.mark.parametrize("changed", [np.float32, np.asfortranarray, "read-only", "list", "frame"])
def test_rows_may_come_in_any_form(changed):
    detector, X = fitted()
    rows = X[:15].astype(np.float32).astype(float)
    expected = [str(found) for found in detector.counterfactuals(rows)]
    if changed == "read-only":
        given = rows.copy()
        given.flags.writeable = False
    elif changed == "list":
        given = rows.tolist()
    elif changed == "frame":
        pandas = pytest.importorskip("pandas")
        given = pandas.DataFrame(rows)
        given.columns = [f"x{i}" for i in range(4)]
    else:
        given = changed(rows)
    found = detector.counterfactuals(given)
    assert [str(one) for one in found] == expected


def test_blocks_change_nothing(monkeypatch):
    detector, X = fitted()
    whole = [str(found) for found in detector.counterfactuals(X)]
    monkeypatch.setattr("somscape.tables._recoded.CHANGED_ROWS", 4)
    assert [str(found) for found in detector.counterfactuals(X)] == whole


def test_no_rows_give_no_counterfactuals():
    detector, X = fitted()
    assert detector.detector_.counterfactuals(X[:0]) == []


def test_a_threshold_of_zero_is_met_at_a_prototype():
    detector = detector_at([[0.0, 1.0], [4.0, 1.0]], 0.0)
    (found,) = detector.counterfactuals([[2.5, 1.0]])
    assert found.score == 0
    assert str(found) == "would be usual with x0 4"
    assert replace(detector).counterfactuals([[4.0, 1.0]])[0].changes == ()


def test_one_cell_repairs_a_broken_relation():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 6))
    X[:, 5] = X[:, :5].sum(axis=1)
    X[7, 5] += 4.0
    found = SOMDetector(random_state=0).fit(X).counterfactuals(X[7:8])[0]
    assert [change.column for change in found.changes] == ["x5"]
    assert found.changes[0].to == pytest.approx(X[7, :5].sum(), abs=0.5)
