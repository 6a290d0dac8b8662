"""Findings group alerts with the same reasons at the same place of the map."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape import SOMDetector
from somscape.outliers import Alerts, Finding, Occurrence, Reason, Reasons
from somscape.outliers.findings import findings_of, numbers_of
from somscape.outliers.rarity import counted_exactly


def of(*columns: str, value: str = "7", at: float | None = None) -> Reasons:
    """Reasons with the given columns, which all have the same value."""
    return Reasons(Reason(column, value, "0 to 1", 0.5, at) for column in columns)


def grouped(
    units: Sequence[int],
    reasons: Sequence[Any],
    p: Sequence[float] | None = None,
    stands_out: Sequence[bool] | None = None,
) -> tuple[Finding, ...]:
    p_values = np.full(len(units), 0.01) if p is None else np.array(p)
    which = np.ones(len(units), dtype=bool) if stands_out is None else np.array(stands_out)
    return findings_of(np.array(units), p_values, which, list(reasons))


def places(found: Sequence[Finding]) -> list[tuple[int, ...]]:
    assert [finding.number for finding in found] == [*range(1, len(found) + 1)]
    return [finding.places for finding in found]


def test_rows_of_a_unit_with_the_same_columns_are_one_finding() -> None:
    found = grouped([3, 5, 3, 3], [of("a", "b"), of("a", "b"), of("b", "a"), of("a", "b")])
    assert places(found) == [(0, 2, 3), (1,)]


def test_rows_that_stand_out_are_not_in_one_finding_with_others() -> None:
    marks = [True, True, False, False]
    found = grouped([3, 3, 3, 3], [of("a"), of("a"), of("a"), of("a")], stands_out=marks)
    assert places(found) == [(0, 1), (2, 3)]


def test_a_row_with_another_column_stays_alone() -> None:
    found = grouped([3, 3, 3, 3], [of("a"), of("a", "b"), of("a"), of()])
    assert places(found) == [(0, 2), (1,), (3,)]


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        # The median of the first list is 0.02, and 0.002 is a tenth of it.
        ([0.002, 0.02, 0.02, 0.03], [(0,), (1, 2, 3)]),
        ([0.0021, 0.02, 0.02, 0.03], [(0, 1, 2, 3)]),
        # A larger p-value does not leave the finding.
        ([0.01, 0.01, 0.5], [(0, 1, 2)]),
        # The median of two rows is their mean, here 0.0505.
        ([0.001, 0.1], [(0,), (1,)]),
        ([0.001, 0.001, 0.1, 0.1, 0.1], [(0,), (1,), (2, 3, 4)]),
    ],
)
def test_a_row_with_a_much_smaller_p_value_stays_alone(
    p: list[float], expected: list[tuple[int, ...]]
) -> None:
    assert places(grouped([0] * len(p), [of("a")] * len(p), p)) == expected


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([of("X8", "X9", "X10", "X11")] * 2, "X8 to X11 = 7"),
        ([of("X8", "X9")] * 2, "X8 and X9 = 7"),
        ([of("X8", "X9", "Y1", "X10")] * 2, "X8 to X10 and Y1 = 7"),
        ([of("X1", "X3", "X5")] * 2, "X1, X3 and X5 = 7"),
        ([of("a", value="no", at=None), of("a", value="yes")], "a = no or yes"),
        ([of("a", value=v, at=float(v)) for v in ("9", "10", "8")], "a from 8 to 10"),
        ([of("a", value=v) for v in "pqrst"], "a = p, q, r or another of 5 values"),
        ([Reasons((*of("a"), *of("b", value="2"))), Reasons((*of("b", value="2"), *of("a")))],
         "a = 7; b = 2"),
        ([of(), of()], ""),
    ],
)  # fmt: skip
def test_a_finding_names_the_columns_and_values_that_its_rows_share(
    reasons: list[Reasons], expected: str
) -> None:
    assert grouped([0] * len(reasons), reasons)[0].what == expected


def test_rows_of_different_rules_are_different_findings() -> None:
    def by(heading: str, text: str) -> Reasons:
        return Reasons((Reason(heading, text, "", 0.0, is_rule=True), *of("a", "b")))

    rules = [by("rule", "a > 1"), by("rule", "b > 1"), by("rule", "a > 1"), by("rule x", "a > 3")]
    found = grouped([3] * 4, rules)
    assert places(found) == [(0, 2), (1,), (3,)]
    assert found[0].what == "rule: a > 1; a and b = 7"
    assert grouped([3, 3], rules[3:] * 2)[0].what == "rule x: a > 3; a and b = 7"


def some_alerts(n_filled: int = 0) -> Alerts:
    """Six alerts of eight rows: a finding of three, one of two, and a row alone."""
    reasons = [of("a"), of("b"), of("a"), of("a"), of("b"), of("c")]
    ids: Any = [f"k{i}" for i in range(8)]
    units, p = np.array([1, 2, 1, 1, 2, 1, 0, 0]), np.linspace(0.01, 0.04, 8)
    scores, stands_out = np.arange(8.0, 0, -1), np.arange(8) < 6 - n_filled
    given = ("key", ids, np.arange(8), scores, p, units, reasons, 6, stands_out, 0.1)
    return Alerts(*given, n_filled=n_filled)


def test_alerts_print_one_line_for_each_finding() -> None:
    head, _, *lines = str(some_alerts()).splitlines()
    assert head == "6 of 8 rows stand out (fewer than one of them by chance)"
    assert [line.split()[:2] for line in lines] == [["1", "k0"], ["2", "k1"], ["6", "k5"]]
    assert lines[0].endswith("3 rows like this (k0, k2, k3): a = 7")
    assert lines[1].endswith("2 rows like this (k1, k4): b = 7")
    assert lines[2].endswith("c 7: usual 0 to 1")


def test_the_number_of_its_finding_is_in_the_frame_of_each_alert() -> None:
    frame = some_alerts().to_frame()
    assert frame["finding"].tolist() == [1, 2, 1, 1, 2, 3]
    assert numbers_of(some_alerts().findings).tolist() == [1, 2, 1, 1, 2, 3]


def test_rows_that_only_fill_the_list_are_not_printed() -> None:
    alerts = some_alerts(n_filled=3)
    assert alerts.shown.n_alerts == 3
    assert len(alerts.to_frame()) == 6  # the file keeps its rows
    lines = str(alerts).splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["1", "2", "..."]
    assert lines[0].endswith("2 rows like this (k0, k2): a = 7")
    assert lines[-1] == "... 3 more alerts do not stand out"


@pytest.mark.parametrize(
    ("n_marked", "n_out", "says"),
    [
        (1, 0, "1 row is marked; of the other 7 rows, none stands out"),
        (2, 0, "2 rows are marked; of the other 6 rows, none stands out"),
        (2, 1, "2 rows are marked; 1 of the other 6 rows stands out"),
        (2, 3, "2 rows are marked; 3 of the other 6 rows stand out (fewer than one of them by "
               "chance)"),
    ],
)  # fmt: skip
def test_the_headline_counts_rows_that_are_not_marked(n_marked: int, n_out: int, says: str) -> None:
    alerts = replace(some_alerts(), n_marked=n_marked, stands_out=np.arange(8) < n_out)
    assert alerts.headline == says


def test_rows_can_be_called_customers() -> None:
    alerts = some_alerts().called("customer")
    assert alerts.headline.startswith("6 of 8 customers stand out")
    assert "3 customers like this (k0, k2, k3): a = 7" in str(alerts)
    occurs = Reason("a", "7", "0 to 1", 0.5, occurs=Occurrence(2, 1000, "high"))
    called = replace(some_alerts(), reasons=[Reasons((occurs,))], n_alerts=1).called("client")
    assert str(called.reasons[0]) == "a 7: 2 of 1,000 clients this high; usual 0 to 1"


def test_listed_rows_are_counted_exactly() -> None:
    X = np.random.default_rng(0).exponential(size=(3000, 3)).round(3)
    detector = SOMDetector(random_state=0).fit(X)
    alerts = detector.alerts(X, 300)
    n_counted = 0
    for row, reasons in zip(alerts.rows[:300], alerts.reasons, strict=True):
        for reason in reasons:
            occurs = reason.occurs
            if occurs is None or not occurs.side:
                continue
            column = X[:, int(reason.column[1:])]
            own = column[row]
            beyond = column >= own if occurs.side == "high" else column <= own
            assert (occurs.n_rows, occurs.is_exact) == (beyond.sum(), True)
            n_counted += 1
    assert n_counted > 100
    assert "at most" not in " ".join(map(str, alerts.reasons))
    # The counts of other rows are bounds, because a detector does not keep its training rows.
    alone = detector.alerts(X[alerts.rows[:300]], 300)
    assert "at most" in " ".join(map(str, alone.reasons))


@given(
    st.lists(st.floats(-3, 3, width=32) | st.just(np.nan), min_size=1, max_size=30),
    st.lists(st.sampled_from(["high", "low", "late", "early", "hour", ""]), min_size=1),
    st.integers(0, 40),
)
def test_bounds_are_replaced_by_the_counts_of_the_column(values, sides, bound) -> None:
    column = np.float32(values)
    cells = np.resize(column, len(sides))
    occur = [Occurrence(bound, 100, side, is_exact=not side) for side in sides]
    found = counted_exactly([*occur, None], np.append(cells, np.float32(0)), column)
    for one, cell, now in zip(occur, cells, found[:-1], strict=True):
        beyond = {"high": column >= cell, "late": column >= cell}
        n = beyond.get(one.side, column <= cell).sum()
        is_counted = one.side not in ("hour", "") and 0 < n <= bound
        assert now == (replace(one, n_rows=n, is_exact=True) if is_counted else one)
    assert found[-1] is None


def test_the_list_is_filled_if_no_row_stands_out() -> None:
    alerts = some_alerts(n_filled=6)
    assert alerts.shown is alerts
    assert len(str(alerts).splitlines()) == 5
