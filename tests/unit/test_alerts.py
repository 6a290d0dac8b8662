"""The ranked list: order, p-values, reasons in original units, and the table that is written."""

import csv
import io
from typing import Any

import naive
import numpy as np
import pytest
from texts import rejected

from somscape import Lattice, Map, SOMDetector
from somscape.outliers import (
    AlertRule,
    Alerts,
    Calibration,
    Detector,
    Scorer,
)
from somscape.outliers.alerts import ranked
from somscape.tables import Encoding, Table, read_table, table_from_columns, write_csv
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables._write import unescape_cell
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.kinds import Roles

# The contributions are float64 sums of a handful of terms.
CLOSE = {"rtol": 1e-12, "atol": 1e-12}

W = np.sqrt(0.5)


def make_detector(
    codebook: Any,
    encoding: Encoding | None = None,
    hits: Any = None,
    k: int = 2,
    threshold: float = 1.0,
    calibration: Any = (0.5, 1.0, 2.0, 4.0),
    lattice: Lattice | None = None,
) -> Detector:
    codebook = np.array(codebook, dtype=np.float64)
    encoding = encoding or Encoding.plain([f"x{i}" for i in range(codebook.shape[1])])
    map_ = Map(
        codebook,
        lattice or Lattice(1, len(codebook), "rectangular"),
        encoding,
        np.ones(len(codebook)) if hits is None else np.array(hits, dtype=np.float64),
    )
    whole = Scorer(map_, "k_prototype", k)
    return Detector(whole, threshold, Calibration(np.array(calibration)))


def plain_table(rows: Any, **more: Any) -> Table:
    columns = {f"x{i}": column for i, column in enumerate(np.array(rows, dtype=float).T)}
    return table_from_columns({**more, **columns})


# Scores and their parts


def test_contributions_of_two_prototypes_by_hand() -> None:
    # The unit at (1, 0) won no row, so it is no prototype, though it is near.
    detector = make_detector([[0, 0], [1, 0], [3, 4]], hits=[5, 0, 5])
    rows = np.array([[0.0, 0.0], [3.0, 0.0]])
    # Row 0: distances 0 and 5.  At distance 0 nothing is added; at 5, 9 / 5 and 16 / 5.
    # Row 1: distance 3, all in x0, and distance 4, all in x1.
    np.testing.assert_allclose(detector.scores(rows), [2.5, 3.5], **CLOSE)
    np.testing.assert_allclose(detector.contributions(rows), [[0.9, 1.6], [1.5, 2.0]], **CLOSE)


@pytest.mark.parametrize("k", [1, 3, 5, 16])
def test_scores_and_contributions_equal_the_oracle(k: int) -> None:
    rng = np.random.default_rng(k)
    codebook, rows = rng.normal(size=(7, 3)), rng.normal(size=(40, 3)) * 3
    hits = np.array([2, 0, 1, 5, 0, 3, 1])
    detector = make_detector(codebook, hits=hits, k=k)
    scores, parts = naive.k_prototype(rows, codebook, hits > 0, k)
    np.testing.assert_allclose(detector.scores(rows), scores, rtol=1e-10)
    np.testing.assert_allclose(detector.contributions(rows), parts, rtol=1e-9, atol=1e-12)


def mixed_table(n: int = 80) -> Table:
    rng = np.random.default_rng(5)
    return table_from_columns(
        {
            "customer_id": [f"{i:04d}" for i in range(n)],
            "amount": np.exp(rng.normal(7, 2, n)).round(2),
            "age": rng.normal(40, 9, n).round(1),
            "job": rng.choice(["clerk", "nurse", "smith"], n),
            "region": rng.integers(1, 6, n),
        }
    )


@pytest.fixture(scope="module")
def mixed() -> tuple[Detector, Table]:
    table = mixed_table()
    return SOMDetector(random_state=0).fit(table).detector_, table


def test_contributions_per_original_column_sum_to_the_score(mixed: tuple[Detector, Table]) -> None:
    detector, table = mixed
    parts = detector.contributions(table)
    assert parts.shape == (80, 4)  # amount, age, job, region: the levels are merged
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), detector.scores(table), **CLOSE)


def test_rows_are_scored_alike_alone_and_together(mixed: tuple[Detector, Table]) -> None:
    detector, table = mixed
    together = detector.scores(table)
    alone = [detector.scores(table.take([i]))[0] for i in range(table.n_rows)]
    np.testing.assert_allclose(alone, together, **CLOSE)


# p-values and threshold


def test_p_values_by_hand() -> None:
    # Of 0.5 1 2 4, at least 1: three, so (1 + 3) / 5; above all: 1 / 5; below all: 5 / 5.
    detector = make_detector([[0.0]])
    assert detector.calibration.p_values(np.array([1.0, 9.0, 0.1, 4.0])).tolist() == [
        0.8,
        0.2,
        1.0,
        0.4,
    ]


# Reasons


def test_reasons_name_value_usual_range_and_share_by_hand() -> None:
    detector = make_detector([[0, 0], [3, 4]])
    ((first, second),) = detector.reasons(plain_table([[3, 0]]))
    # Contributions 1.5 and 2 as above: the larger one comes first.
    assert (first.column, first.value, first.usual) == ("x1", "0", "0 to 4")
    assert (second.column, second.value, second.usual) == ("x0", "3", "0 to 3")
    assert first.share == pytest.approx(2.0 / 3.5, rel=1e-12)
    assert second.share == pytest.approx(1.5 / 3.5, rel=1e-12)
    assert str(first) == "x1 0: usual 0 to 4"


def test_reasons_come_with_telling_ones_and_the_largest_share_first(
    mixed: tuple[Detector, Table],
) -> None:
    detector, table = mixed
    parts = detector.contributions(table)
    names = [code.name for code in detector.map_.encoding.features]
    n_reasons = 0
    for i, reasons in enumerate(detector.reasons(table)):
        order = [(reason.is_telling, reason.share) for reason in reasons]
        assert order == sorted(order, reverse=True)
        for reason in reasons:
            part = parts[i, names.index(reason.column)]
            assert reason.share == pytest.approx(part / parts[i].sum(), rel=1e-9)
        n_reasons += len(reasons)
    assert n_reasons > table.n_rows // 2  # usual rows have none


def test_reasons_do_not_depend_on_which_rows_are_asked(mixed: tuple[Detector, Table]) -> None:
    detector, table = mixed
    every = detector.reasons(table)
    some = detector.reasons(table.take([70, 3, 12]))
    assert [[str(r) for r in found] for found in some] == [
        [str(r) for r in every[i]] for i in (70, 3, 12)
    ]


def test_reasons_are_at_most_three_and_none_is_below_5_percent() -> None:
    # One prototype at 0.  Squared gaps 36 25 16 9 4 and 0.25 of 90.25: contributions in this
    # proportion; the fifth (4 / 90.25 = 4.4 %) is too small, as is the sixth.
    detector = make_detector([[0.0] * 6], k=1)
    (reasons,) = detector.reasons(plain_table([[4, 0.5, 6, 2, 5, 3]]))
    assert [r.column for r in reasons] == ["x2", "x4", "x0"]
    # Six equal gaps: six shares of 17 %, three of them are named, in the order of the columns.
    (reasons,) = detector.reasons(plain_table([[1.5] * 6]))
    assert [r.column for r in reasons] == ["x0", "x1", "x2"]
    # Gaps 10 and 2: 4 of 104 is 3.8 %.
    (reasons,) = detector.reasons(plain_table([[0, 10, 0, 2, 0, 0]]))
    assert [r.column for r in reasons] == ["x1"]


def test_reasons_of_arrays_name_the_features() -> None:
    detector = make_detector([[0, 0], [3, 4]])
    ((first, _),) = detector.reasons(np.array([[3.0, 0.0]]))
    assert str(first) == "x1 0: usual 0 to 4"


def test_reasons_are_in_original_units(tmp_path: Any) -> None:
    (tmp_path / "t.csv").write_text(
        "amount;x\n" + "".join(f'"{v}";{i},5\n' for i, v in enumerate(["1.200,50"] * 3 + ["7,25"]))
    )
    table = read_table(tmp_path / "t.csv")
    code = NumberCode("amount", "", 0.0, 0.0, 0.0, 1000.0, 0.0, False)
    detector = make_detector([[0.5, 0.5], [2.0, 0.5]], Encoding((code, NumberCode.plain("x"))))
    (reasons,) = detector.reasons(table.take([0]))
    # The cell as it is in the file, and 0.5 to 2 of a range of 1000 in the same spelling.
    assert str(reasons[0]) == "amount 1.200,50: usual 500 to 2.000"


def of_one_column(texts: Any, prototypes: Any, tmp_path: Any) -> str:
    """The reason of the first row, whose column `amount` has these texts."""
    (tmp_path / "t.csv").write_text("amount;x\n" + "".join(f"{each};0.5\n" for each in texts))
    table = read_table(tmp_path / "t.csv")
    code = NumberCode.fit(table.column("amount"), "")
    rows = np.column_stack([code.place(np.array(prototypes)), [0.5] * len(prototypes)])
    detector = make_detector(rows, Encoding((code, NumberCode.plain("x"))))
    return str(detector.reasons(table.take([0]))[0][0])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1233.535763819886", "7.25", "3.5"], "amount 1233.54: usual 3.5 to 9"),
        (["2.2143447674106143e-06", "7.25", "3.5"], "amount 2.21434e-06: usual 2 to 9"),
        (["0.30000000000000004", "2", "9"], "amount 0.3: usual 2 to 9"),
        (["3149164.5200", "2.00", "9.00"], "amount 3149164.52: usual 2 to 9"),
        (["49164.52", "2.00", "9.00"], "amount 49164.52: usual 2 to 9"),
        (["CHF 1'249'164.52", "CHF 2", "CHF 9"], "amount CHF 1'249'164.52: usual 2 to 9"),
        (["1233,535763819886", "7,25", "3,5"], "amount 1233,54: usual 3,5 to 9"),
    ],
)
def test_reasons_print_the_digits_of_the_column(texts: Any, said: str, tmp_path: Any) -> None:
    assert of_one_column(texts, [2.0, 9.0], tmp_path) == said


def test_usual_values_have_the_thousands_separators_of_the_column(tmp_path: Any) -> None:
    texts = ["31.286.000,00", "49.103,10", "302.525,25", "1,5"]
    said = of_one_column(texts, [49103.0, 302525.0], tmp_path)
    assert said == "amount 31.286.000,00: usual 49.103 to 302.525"
    texts = ["1'286'000.00", "49'103.10", "302'525.25", "1.5"]
    said = of_one_column(texts, [49103.0, 302525.0], tmp_path)
    assert said == "amount 1'286'000.00: usual 49'103 to 302'525"


def category_detector(shares: Any, levels: tuple[str, ...], k: int = 1) -> Detector:
    codebook = np.array(shares, dtype=float) * W
    encoding = Encoding((CategoryCode("c", "", levels), NumberCode.plain("n")), "fill")
    return make_detector(np.column_stack([codebook, np.zeros(len(codebook))]), encoding, k=k)


def test_level_that_is_rare_near_the_row_is_a_reason() -> None:
    detector = category_detector([[0.25, 0.75, 0]], ("a", "b"))
    table = table_from_columns({"c": ["a", "b"], "n": [0.0, 0.0]})
    rare, common = detector.reasons(table.take([0, 1]))
    assert [str(r) for r in rare] == ["c a: usual b (75 %)"]
    # The prevailing level is no reason, though opinions differ and it makes all of the score.
    assert common == ()


def test_new_level_is_a_reason() -> None:
    detector = category_detector([[1, 0, 0]], ("a", "b"))
    table = table_from_columns({"c": ["new"], "n": [0.0]})
    ((reason,),) = detector.reasons(table.take([0]))
    assert str(reason) == "c new: usual a"


def test_prevailing_level_is_no_reason_however_its_number_is_written(tmp_path: Any) -> None:
    (tmp_path / "t.csv").write_text("c,n\n1.0,0\n2.0,0\n")
    detector = category_detector([[0.75, 0.25, 0]], ("1", "2"))
    first, second = detector.reasons(read_table(tmp_path / "t.csv"))
    assert first == ()
    assert [str(r) for r in second] == ["c 2.0: usual 1 (75 %)"]


def test_missing_cell_is_no_reason_where_missing_prevails() -> None:
    detector = category_detector([[0.25, 0.75, 0]], ("a", "(missing)"))
    table = table_from_columns({"c": [None, "a"], "n": [0.0, 0.0]})
    missing, present = detector.reasons(table.take([0, 1]))
    assert missing == ()
    assert present[0].value == "a"


def test_reasons_of_customers_begin_with_a_number_that_no_other_customer_comes_near() -> None:
    X = np.random.default_rng(0).uniform(-1, 1, size=(300, 4))
    X[:2] = [[0.1, 60, 0, 0.4], [0, 60, 0.1, 0.2]]  # two rows share the most unusual value
    X[0, 0] = 3.5  # further from the median than twice the largest other number, which is below 1
    detector = SOMDetector(random_state=0).fit(X).detector_
    rule, table = AlertRule(n_alerts=2), table_from_columns({f"x{j}": X[:, j] for j in range(4)})
    plain, of_customers = (
        ranked(detector, table, detector.map_.rows_of(table), rule, are_customers=are_customers)
        for are_customers in (False, True)
    )
    place = list(plain.rows).index(0)
    assert [reason.column for reason in plain.reasons[place]] == ["x1"]
    assert [reason.column for reason in of_customers.reasons[place]] == ["x0", "x1"]
    assert plain.reasons[1 - place] == of_customers.reasons[1 - place]


def test_printed_alerts_are_the_alerts_alone() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[7] = [9, -9]
    alerts = SOMDetector(random_state=0).fit(X).alerts(X, 3)
    assert repr(alerts) == "Alerts(3 of 60 rows)"
    head, names, first, second, rest, third = str(alerts).splitlines()
    assert head == alerts.headline
    assert names.split() == ["rank", "record", "score", "p-value", "reasons"]
    assert first.split()[:2] == ["1", "8"]
    assert "x1 -9.0: lowest of 60 rows; usual -1.12 to 1.58 | " in first
    assert ": highest of 60 rows; usual" in first
    assert rest == "-- from here on rows do not stand out --"
    assert [second[0], third[0]] == ["2", "3"]


def ranked_alerts(stands_out: Any, n_alerts: int, n_by_chance: float = 0.0) -> Alerts:
    """Alerts of as many rows as there are marks, with scores that fall."""
    n = len(stands_out)
    ids = [f"k{i}" for i in range(n)]
    falling, p = np.arange(n, 0.0, -1), np.linspace(0.01, 1, n)
    return Alerts(
        *("key", ids, np.arange(n), falling, p, np.arange(n), [()] * n_alerts, n_alerts),
        *(np.array(stands_out, dtype=bool), n_by_chance),
    )


@pytest.mark.parametrize(
    ("stands_out", "n_alerts", "n_before_line"),
    [
        ([1, 1, 0, 0], 4, 2),
        ([1, 1, 0, 0], 3, 2),
        ([1, 1, 0, 0], 2, None),
        ([1, 1, 0, 0], 1, None),
        ([1, 1, 0, 0], 0, None),
        ([1, 1, 1, 1], 4, None),
        ([0, 0, 0, 0], 4, None),
        # Rows in the order of what a review is worth: those that stand out may be anywhere.
        ([1, 0, 1, 0], 4, None),
        ([0, 1, 1, 0], 4, None),
        ([1, 0, 0, 1], 3, 1),
        ([0, 1], 2, None),
    ],
)
def test_the_line_stands_only_where_rows_that_stand_out_come_first(
    stands_out: list[int], n_alerts: int, n_before_line: int | None
) -> None:
    alerts = ranked_alerts(stands_out, n_alerts)
    assert alerts.n_before_line == n_before_line
    assert ("from here on" in str(alerts)) is (n_before_line is not None)


def test_a_list_by_cost_has_a_line_only_where_rows_that_stand_out_come_first() -> None:
    # p-values .01, .01, and .51 of four rows; the two stand out: .01 * 6 / 2 = .03.
    detector = make_detector([[0.0]], k=1, calibration=np.arange(1.0, 100.0))
    rows = [[200.0], [300.0], [49.5], [49.4], [49.3], [49.2]]

    def alerts(*amounts: float) -> Alerts:
        table = plain_table(rows, sum=amounts)
        return detector.alerts(table, amount="sum", cost=10.0)

    first = alerts(5e3, 1e3, 900, 800, 700, 0)
    assert first.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert first.stands_out.tolist() == [True, True, False, False, False, False]
    assert (first.n_alerts, first.n_before_line) == (5, 2)
    # The third is worth more than the others: it comes first.
    mixed = alerts(5e3, 1e3, 9e6, 0, 0, 0)
    assert mixed.rows[:3].tolist() == [2, 0, 1]
    assert mixed.stands_out[:3].tolist() == [False, True, True]
    assert (mixed.n_alerts, mixed.n_before_line) == (3, None)
    assert (
        mixed.headline
        == first.headline
        == ("2 of 6 rows stand out (fewer than one of them by chance)")
    )


# The ranking


def test_rows_are_ranked_from_most_to_least_unusual(mixed: tuple[Detector, Table]) -> None:
    detector, table = mixed
    alerts = detector.alerts(table, 5)
    scores = detector.scores(table)
    assert sorted(alerts.rows.tolist()) == list(range(80))
    np.testing.assert_array_equal(alerts.scores, np.sort(scores)[::-1])
    np.testing.assert_array_equal(alerts.scores, scores[alerts.rows])
    np.testing.assert_array_equal(alerts.units, detector.map_.winners(table)[alerts.rows])
    np.testing.assert_array_equal(alerts.p_values, detector.calibration.p_values(alerts.scores))
    assert (np.diff(alerts.p_values) >= 0).all()
    assert alerts.ids == [f"{i:04d}" for i in alerts.rows]
    assert (alerts.id_name, alerts.n_alerts, len(alerts.reasons)) == ("customer_id", 5, 5)


def test_equal_scores_keep_the_order_of_the_table() -> None:
    detector = make_detector([[0.0]], k=1)
    alerts = detector.alerts(plain_table([[1], [2], [-1], [2], [1]]), 2)
    assert alerts.rows.tolist() == [1, 3, 0, 2, 4]


def test_rows_above_the_threshold_are_alerts_where_asked_for() -> None:
    detector = make_detector([[0.0]], k=1, threshold=2.0)
    table = plain_table([[1], [2], [3], [-4]])
    alerts = detector.alerts(table, above_threshold=True)
    assert alerts.n_alerts == 2  # 2 itself is not above 2
    assert alerts.rows[:2].tolist() == [3, 2]
    assert detector.alerts(table).n_alerts == 4  # at least 10, or all


def test_rows_that_stand_out_are_alerts_by_default() -> None:
    # Twelve of 40 rows lie beyond all 99 calibration scores: .01 * 40 / 12 = .033 is less than 0.2,
    # and the next p-value is .51.
    detector = make_detector([[0.0]], k=1, threshold=1e9, calibration=np.arange(1.0, 100.0))
    usual, far = np.linspace(1, 49, 28), np.arange(200.0, 212.0)
    table = plain_table(np.append(usual, far)[:, None])
    alerts = detector.alerts(table)
    assert (alerts.n_alerts, len(alerts.reasons), alerts.n_stand_out) == (12, 12, 12)
    assert alerts.rows[:12].tolist() == list(range(39, 27, -1))
    # 28 p-values are above 1/2: 29 of the 20 in that half, so all may be usual.
    assert alerts.n_by_chance == pytest.approx(0.01 * 40)
    assert alerts.headline == "12 of 40 rows stand out (fewer than one of them by chance)"
    assert detector.alerts(table, above_threshold=True).n_alerts == 0
    # Fewer stand out, of nine beyond: ten are listed.
    fewer = detector.alerts(table.take(range(37)))
    assert (fewer.n_alerts, fewer.n_stand_out, fewer.n_before_line) == (10, 9, 9)


def test_equal_p_values_are_in_the_order_of_the_scores() -> None:
    detector = make_detector([[0.0]], k=1, calibration=np.arange(1.0, 100.0))
    alerts = detector.alerts(plain_table([[300.0], [200.0], [50.2], [400.0], [50.4], [300.0]]))
    assert alerts.rows.tolist() == [3, 0, 5, 1, 4, 2]


def test_table_may_have_no_alerts() -> None:
    detector = make_detector([[0.0]], k=1, threshold=9.0)
    table = plain_table([[1], [2]])
    alerts = detector.alerts(table, above_threshold=True)
    assert (alerts.n_alerts, alerts.reasons) == (0, [])
    assert str(alerts).splitlines()[0] == "No row of 2 stands out"
    assert alerts.to_table(detector.map_, table).n_rows == 0


def test_more_alerts_than_rows_are_refused() -> None:
    with rejected(parameter="n_alerts", file="table", value=3):
        make_detector([[0.0]], k=1).alerts(plain_table([[1], [2]]), 3)


def test_rows_without_an_id_are_numbered_from_1() -> None:
    alerts = make_detector([[0.0]], k=1).alerts(plain_table([[1], [3], [2]]), 2)
    assert alerts.id_name == "record"
    assert alerts.ids == ["2", "3", "1"]


# The table of alerts


def alerts_table(**columns: Any) -> tuple[Table, Alerts]:
    """Rank all rows of a table whose first column is the id; return the alerts as a table."""
    table = table_from_columns(columns)
    encoding = fit_encoding(table, Roles(id=next(iter(columns))))
    codebook = np.zeros((1, encoding.n_features))
    detector = make_detector(codebook, encoding, k=1)
    alerts = detector.alerts(table, table.n_rows)
    return alerts.to_table(detector.map_, table), alerts


def test_alert_columns_are_in_the_promised_order() -> None:
    made, _ = alerts_table(cust_id=["007", "008"], a=[1.5, 9.5], word=["p", "q"])
    assert made.names == (
        *("rank", "cust_id", "score", "p_value", "stands_out", "finding", "unit", "row", "col"),
        *("reasons", "a", "word"),
    )


def test_the_table_says_which_alerts_stand_out() -> None:
    detector = make_detector([[0.0]], k=1, calibration=np.arange(1.0, 100.0))
    table = plain_table([[1.0], [200.0], [2.0], [3.0], [300.0]])
    made = detector.alerts(table, 4).to_table(detector.map_, table)
    assert made.column("stands_out").cells.tolist() == ["yes", "yes", "no", "no"]
    made, _ = alerts_table(cust_id=["a", "b"], stands_out=[1.5, 2.5])
    assert made.names[10:] == ("stands_out_input",)
    assert sorted(made.column("stands_out_input").cells) == ["1.5", "2.5"]


def test_alerts_hold_the_original_cells_of_their_rows() -> None:
    made, alerts = alerts_table(cust_id=["007", "008", "009"], a=[1.5, 9.5, 0.25])
    cells = ["1.5", "9.5", "0.25"]
    assert made.column("a").cells.tolist() == [cells[i] for i in alerts.rows]
    assert made.column("rank").cells.tolist() == ["1", "2", "3"]


def test_ids_keep_their_leading_zeros() -> None:
    made, _ = alerts_table(cust_id=["007", "008"], a=[1.5, 9.5])
    assert made.column("cust_id").cells.tolist() == ["008", "007"]


def test_unit_is_row_times_columns_plus_column() -> None:
    table = plain_table([[0.0], [5.0], [2.1]])
    lattice = Lattice(2, 3, "rectangular", "plane")
    detector = make_detector([[i] for i in range(6)], k=1, lattice=lattice)
    made = detector.alerts(table, 3).to_table(detector.map_, table)
    shown = made.to_numpy(["unit", "row", "col"])
    assert {(5, 1, 2), (0, 0, 0), (2, 0, 2)} == {tuple(row) for row in shown.astype(int).tolist()}


def test_input_columns_called_like_results_get_input_added() -> None:
    made, _ = alerts_table(
        cust_id=["a", "b"], rank=[1.5, 2.5], reasons=["r", "s"], p_value=[0.5, 0.25]
    )
    assert made.names[10:] == ("rank_input", "reasons_input", "p_value_input")
    assert sorted(made.column("rank_input").cells) == ["1.5", "2.5"]


def test_id_called_like_a_result_gets_input_added() -> None:
    made, _ = alerts_table(unit=["u1", "u2"], a=[1.5, 2.5])
    assert made.names[1] == "unit_input"
    assert sorted(made.column("unit_input").cells) == ["u1", "u2"]
    assert made.names[10:] == ("a",)


def test_column_called_record_is_kept_where_there_is_no_id() -> None:
    table = table_from_columns({"record": list("pqpq"), "a": [1.5, 9.5, 2.5, 4.5]})
    encoding = fit_encoding(table)
    detector = make_detector(np.zeros((1, encoding.n_features)), encoding, k=1)
    alerts = detector.alerts(table, 4)
    made = alerts.to_table(detector.map_, table)
    originals = [c for c in made.columns[10:] if sorted(c.cells) == ["p", "p", "q", "q"]]
    assert len(originals) == 1, f"the column's cells are lost; there are {made.names}"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+49 30 1234", "-x", "@SUM(A1)", "=HYPERLINK(1)", "'quoted"]
)
def test_text_that_a_spreadsheet_could_run_is_quoted_and_can_be_undone(cell: str) -> None:
    made, _ = alerts_table(cust_id=[cell, "b"], a=[1.5, 9.5], note=["plain", cell])
    text = io.StringIO()
    write_csv(text, made)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    for column in ("cust_id", "note"):
        written = {row[column] for row in rows}
        assert "'" + cell in written
        assert cell in {unescape_cell(text) for text in written}
    assert not any(v[:1] in "=@\t\r" and v for row in rows for v in row.values())


def test_reasons_cell_joins_the_reasons_in_order(mixed: tuple[Detector, Table]) -> None:
    detector, table = mixed
    alerts = detector.alerts(table, 3)
    made = alerts.to_table(detector.map_, table)
    assert len(alerts.reasons) == 3
    assert max(map(len, alerts.reasons)) > 1
    for cell, reasons in zip(made.column("reasons").cells, alerts.reasons, strict=True):
        assert cell == " | ".join(str(reason) for reason in reasons)


def test_an_array_where_columns_are_found_by_name_is_refused_in_one_line(
    mixed: tuple[Detector, Table],
) -> None:
    detector, table = mixed
    rows = detector.map_.rows_of(table)
    for ask in (
        detector.alerts,
        detector.reasons,
        detector.counterfactuals,
        lambda X: detector.similar_rows(table, among=X),
    ):
        with rejected(parameter="X", value="ndarray"):
            ask(rows)


@pytest.mark.parametrize(("implied", "is_named"), [(1e3, False), (0.1, True)])
def test_a_high_value_is_not_said_to_be_too_low(monkeypatch, implied, is_named):
    x = np.random.default_rng(0).uniform(0, 10, 300)
    table = table_from_columns({"x": np.append(x, 30.0), "y": np.append(x + 0.01, 30.0)})
    detector = SOMDetector(random_state=0).fit(table).detector_
    assert detector.relation is not None
    targets = detector.relation.features[detector.relation.targets].tolist()
    assert targets

    def further(detector, rows, by_column):
        return np.tile([float(targets[0]), implied], (len(rows), 1))

    monkeypatch.setattr("somscape.outliers.reasons._implied", further)
    alerts = detector.alerts(table, 1)
    assert alerts.rows[0] == 300
    assert ("would fit the other columns" in str(alerts.reasons[0])) == is_named


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sign", "n_rows"), [(1, 300), (-1, 300), (1, 5000)])
def test_a_usual_range_ends_at_values_of_other_rows(sign, seed, n_rows):
    rng = np.random.default_rng(seed)
    days = sign * rng.exponential(100, n_rows)
    days[7] = -4000 * sign
    start = np.datetime64("2022-03-05")
    when = start + days.astype(int).astype("timedelta64[D]")
    b = rng.normal(size=(2, n_rows))
    table = table_from_columns(
        {"when": when.tolist(), "a": b[0] + 0.002 * days, "x": days, "b": b[1]}
    )
    detector = SOMDetector(random_state=seed).fit(table)
    rows = np.append(np.argsort(days)[:20], np.argsort(days)[-20:])
    n_found = 0
    for row, reasons in zip(rows, detector.reasons(table.take(rows)), strict=True):
        for reason in reasons:
            if reason.column != "when":
                continue
            n_found += 1
            low, _, high = reason.usual.partition(" to ")
            others = np.delete(when, row)
            assert others.min() <= np.datetime64(low)
            assert np.datetime64(high or low) <= others.max()
    assert n_found > 2
