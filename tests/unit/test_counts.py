"""How many of the training rows have a value, or one as far out: exact, or said to be at most."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOMDetector, load
from somscape.outliers import Detector, Occurrence, Reason, Reasons
from somscape.outliers.rarity import MAX_KEPT, TAIL_SHARE, ValueCounts, value_counts
from somscape.outliers.reasons import _without_common
from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.codes import CategoryCode, NumberCode


def counted(values, asked, weights=None):
    rows, encoding = np.array(values, dtype=float)[:, None], Encoding.plain(["x"])
    weights = None if weights is None else np.array(weights, dtype=float)
    counts = value_counts(rows, weights, encoding)
    counts.check(1)
    return counts.occurrences(0, encoding.features[0], np.array(asked, dtype=float)[:, None])


# By hand


def test_numbers_of_few_values_are_counted_each_or_from_their_end():
    found = counted([2] * 60 + [1] * 38 + [3] * 2, [3, 2, 2.5, 9])
    assert [str(one) for one in found] == [
        "2 of 100 rows this high",
        "60 of 100 rows",
        "2 of 100 rows this high",
        "higher than all 100 rows",
    ]


def test_numbers_of_many_values_are_counted_from_their_end():
    found = counted(range(1000), [999, 998, 998.5, 2, 0, -1, 2000, 500, 60])
    assert [str(one) for one in found] == [
        "highest of 1,000 rows",
        "2 of 1,000 rows this high",
        "1 of 1,000 rows this high",
        "3 of 1,000 rows this low",
        "lowest of 1,000 rows",
        "lower than all 1,000 rows",
        "higher than all 1,000 rows",
        "None",
        "None",
    ]
    # 980 lies between values that are kept, from the 20th and the 16th from the end.
    (one,) = counted(range(1000), [981.5])
    assert (one.n_rows, one.is_exact) == (20.0, False)
    assert str(one) == "at most 20 of 1,000 rows this high"


def test_weights_count_rows():
    assert str(counted([1, 2, 3], [3], weights=[500, 187, 3])[0]) == "3 of 690 rows this high"


def test_levels_are_counted_and_new_ones_are_in_no_row():
    table = table_from_columns({"c": ["a"] * 688 + ["b"] * 2, "n": [0.0, 1.0] * 345})
    encoding = fit_encoding(table)
    counts = value_counts(encoding.encode(table), None, encoding)
    rows = encoding.encode(table_from_columns({"c": ["b", "new"], "n": [0.0, 0.0]}))
    found = counts.occurrences(0, encoding.features[0], rows[:, encoding.slices[0]])
    assert [str(one) for one in found] == ["2 of 690 rows", "none of 690 rows"]


# Against all rows


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=300),
    st.lists(st.integers(-60, 60), min_size=1, max_size=20),
)
def test_counts_hold_for_any_rows(values, asked):
    for value, one in zip(asked, counted(values, asked), strict=True):
        column = np.array(values)
        both = (column >= value).sum(), (column <= value).sum()
        if one is None:
            assert min(both) > TAIL_SHARE * len(column) or len(np.unique(column)) > MAX_KEPT
        elif one.side:
            true = both[one.side == "low"]
            assert one.n_rows == true if one.is_exact else true <= one.n_rows
        else:
            assert one.n_rows == (column == value).sum()


def test_little_is_kept_of_many_rows():
    values = np.random.default_rng(0).normal(size=(100_000, 1))
    assert len(value_counts(values, None, Encoding.plain(["x"])).values) < 110


def test_one_value_that_has_nearly_all_rows():
    values = [*range(100), *[0] * 9900]
    assert str(counted(values, [99])[0]) == "highest of 10,000 rows"
    assert counted(values, [0]) == [None]


# In a detector


@pytest.fixture(scope="module")
def detector():
    rng = np.random.default_rng(0)
    table = table_from_columns(
        {
            "amount": np.exp(rng.normal(6, 1, 300)).round(2),
            "job": ["smith", *rng.choice(["clerk", "nurse"], 299)],
            "since": [f"20{20 + k % 5}-03-{1 + k % 28:02}" for k in range(300)],
        }
    )
    return SOMDetector(random_state=0).fit(table).detector_, table


def test_reasons_say_how_rare_a_value_is(detector):
    detector, table = detector
    (reasons,) = detector.reasons(table.take([0]))
    job = next(reason for reason in reasons if reason.column == "job")
    assert job.occurs == Occurrence(1.0, 300.0)
    assert str(job).startswith("job smith: 1 of 300 rows; usual ")
    assert job.sentence().startswith("job is smith, which 1 of 300 rows has; usual is ")


def test_saved_detectors_know_counts(detector, tmp_path):
    detector, table = detector
    detector.save(tmp_path / "d.som")
    again = load(tmp_path / "d.som")
    assert [str(r) for r in again.reasons(table)] == [str(r) for r in detector.reasons(table)]


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("starts", [0, 1]),
        ("starts", [0, 3, 1, 9]),
        ("values", [1.0]),
        ("below", [[0.0]]),
    ],
)
def test_counts_that_do_not_fit_together_are_refused(detector, part, values):
    detector, _ = detector
    broken = replace(detector.counts, **{part: np.array(values)})
    with rejected(ValueError, parameter="counts"):
        replace(detector, counts=broken)


@pytest.mark.parametrize("n", [5, 300, 30_000])
@pytest.mark.parametrize("least", [1e-300, 1e-6, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_counts_of_rows_with_any_weights_fit_together(n, least, seed):
    rng = np.random.default_rng(seed)
    weights = np.maximum(rng.random(n) ** 9, least)
    weights[0] = least
    found = value_counts(rng.normal(size=(n, 1)), weights, Encoding.plain(["x"]))
    found.check(1)
    assert (found.below[1:] >= found.upto[:-1]).all()


def test_counts_must_ascend():
    one = np.array([0.0, 1.0])
    counts = ValueCounts(np.array([0, 2]), one[::-1], one, one + 1)
    with rejected(ValueError, parameter="counts"):
        counts.check(1)


# In words


@pytest.mark.parametrize(
    ("occurs", "text", "clause"),
    [
        (Occurrence(2, 690), "2 of 690 rows", "which 2 of 690 rows have"),
        (Occurrence(0, 690), "none of 690 rows", "which none of 690 rows has"),
        (Occurrence(1, 690, "high"), "highest of 690 rows", "the highest of 690 rows"),
        (Occurrence(1, 690, "early"), "earliest of 690 rows", "the earliest of 690 rows"),
        (Occurrence(0, 690, "high"), "higher than all 690 rows", "higher than all 690 rows"),
        (Occurrence(0, 690, "early"), "earlier than all 690 rows", "earlier than all 690 rows"),
        (
            Occurrence(3, 690, "hour"),
            "3 of 690 rows in this hour",
            "3 of 690 rows are in this hour",
        ),
        (Occurrence(1, 69, "hour"), "1 of 69 rows in this hour", "1 of 69 rows is in this hour"),
        (Occurrence(3, 690, "low"), "3 of 690 rows this low", "3 of 690 rows are this low"),
        (
            Occurrence(25, 1e6, "high", False),
            "at most 25 of 1,000,000 rows this high",
            "at most 25 of 1,000,000 rows are this high",
        ),
    ],
)
def test_occurrences_in_words(occurs, text, clause):
    assert (str(occurs), occurs.clause()) == (text, clause)


def test_reasons_in_words():
    a = Reason("A4", "3", "2 (51 %)", 0.4, occurs=Occurrence(2, 690))
    b = Reason("A14", "50", "32 to 243", 0.2, 0.3, (0.2, 0.7), is_usual_alone=True)
    assert str(a) == "A4 3: 2 of 690 rows; usual 2 (51 %)"
    assert str(Reasons((a, b))) == (
        "A4 3: 2 of 690 rows; usual 2 (51 %) | "
        "A14 50: usual alone (32 to 243), but not with the other columns"
    )
    assert Reasons((a, b)).sentence() == (
        "A4 is 3, which 2 of 690 rows have; usual is 2 (51 %). "
        "A14 is 50; this is usual alone (32 to 243), but not with the other columns."
    )
    assert str(Reasons()) == "no single column stands out; the combination is unusual"
    assert Reasons().sentence() == "No single column stands out; the combination is unusual."
    assert Reasons() == ()


# Common values beside a rare one


@pytest.mark.parametrize(
    ("rows", "shares", "kept"),
    [
        ([25, 100], [0.4, 0.2], [25]),  # of 500: 5 % explain the row, twice as much as 20 % do
        ([25, 100], [0.4, 0.21], [25, 100]),  # but not less than twice as much
        ([26, 100], [0.4, 0.1], [26, 100]),  # nor do more than 5 %
        ([25, 99], [0.4, 0.1], [25, 99]),  # and less than 20 % are no common value
        ([100, 1], [0.4, 0.1], [100, 1]),  # what has the larger share stays
        ([None, 100], [0.9, 0.1], [None, 100]),  # a number among most others is not counted
        ([300, None, 0, 200, None], [0.3, 0.3, 0.2, 0.1, 0.1], [300, None, 0, None]),
    ],
)
def test_common_values_are_not_named_where_a_rare_one_explains_much_more(rows, shares, kept):
    occurs = [None if n is None else Occurrence(n, 500) for n in rows]
    reasons = [
        Reason("x", "1", "2", share, occurs=one) for share, one in zip(shares, occurs, strict=True)
    ]
    found = _without_common([None, *reasons])
    assert [None if reason.occurs is None else reason.occurs.n_rows for reason in found] == kept


def test_a_common_level_is_a_reason_unless_a_rare_value_explains_much_more():
    rng = np.random.default_rng(0)
    country, rate = rng.choice(["DE", "FR"], 500, p=[0.8, 0.2]), rng.normal(0, 1, 500)
    rate[country == "FR"] += 8
    table = table_from_columns({"country": country, "rate": rate, "age": rng.normal(40, 9, 500)})
    detector = SOMDetector(random_state=0).fit(table).detector_

    def columns(detector, age):
        row = table_from_columns({"country": ["FR"], "rate": [0.0], "age": [age]})
        return [reason.column for reason in detector.reasons(row)[0]]

    alone = replace(detector, relation=None)
    assert columns(alone, 40.0) == ["country", "rate"]  # common both, but not together
    assert columns(alone, 80.0) == ["age", "country", "rate"]
    assert columns(alone, 90.0) == ["age", "rate"]
    # Only the column that breaks its relation most has a part by relations.
    assert columns(detector, 40.0) == ["rate", "country"]
    assert columns(detector, 80.0) == ["rate", "age", "country"]
    assert columns(detector, 90.0) == ["age", "rate"]


# Whether a column stands out


def flat_detector(n_columns=4):
    """A prototype at 0 and usual rows whose columns add 1 each."""
    from somscape import Lattice, Map
    from somscape.outliers import Calibration, Scorer

    map_ = Map(
        np.zeros((1, n_columns)),
        Lattice(1, 1, "rectangular"),
        Encoding.plain([f"x{i}" for i in range(n_columns)]),
        np.ones(1),
    )
    means = np.full(n_columns, 1.0)
    whole = Scorer(map_, "k_prototype", 1)
    return Detector(whole, 1.0, Calibration(np.ones(1)), mean_contributions=means)


def test_where_no_column_stands_out_there_is_no_reason():
    # Four equal gaps: a quarter each, as in usual rows; the score, 6, is less than four times 4.
    (even,) = flat_detector().reasons([[3.0, 3.0, 3.0, 3.0]])
    assert even == ()
    # 16 of 22 is 73 %: odds of 2.7, eight times those of a quarter.
    (clear,) = flat_detector().reasons([[4.0, 2.0, 1.0, 1.0]])
    assert clear[0].column == "x0"
    # Evenly, but each column adds 5, five times as much as in usual rows.
    (far,) = flat_detector().reasons([[10.0, 10.0, 10.0, 10.0]])
    assert len(far) == 3


def test_a_rare_value_is_a_reason_even_where_no_share_is_clear():
    detector = flat_detector()
    rows = np.random.default_rng(0).normal(size=(500, 4)).clip(-2.9, 2.9)
    counts = value_counts(rows, None, detector.map_.encoding)
    (reasons,) = replace(detector, counts=counts).reasons([[3.0, 3.0, 3.0, 3.0]])
    assert [str(reason.occurs) for reason in reasons] == ["higher than all 500 rows"] * 3


def test_codes_of_columns_are_what_was_counted():
    code = CategoryCode("c", "", ("a", "b"))
    encoding = Encoding((code, NumberCode.plain("n")), "fill")
    rows = np.array([[0.7, 0, 0, 1.0], [0.7, 0, 0, 2.0], [0, 0.7, 0, 2.0]])
    counts = value_counts(rows, None, encoding)
    assert counts.starts.tolist() == [0, 2, 4]
    assert counts.below.tolist() == [0.0, 2.0, 0.0, 1.0]
    assert counts.upto.tolist() == [2.0, 3.0, 1.0, 3.0]
