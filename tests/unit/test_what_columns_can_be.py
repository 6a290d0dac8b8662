"""Ranges and short numbers never leave what a column can be, and are spelled as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape import SOMDetector
from somscape.tables import Encoding, read_table, table_from_columns
from somscape.tables.codes import ANY_DECIMALS, NumberCode, Scaling, number_text


def number_code(folder: Path, cells: list[str], **more: Any) -> NumberCode:
    text = "x;y\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells))
    (folder / "t.csv").write_text(text)
    table = read_table(folder / "t.csv")
    return NumberCode.fit(table.column("x"), "", **more)


def test_a_number_knows_what_its_column_can_be(tmp_path: Path) -> None:
    code = number_code(tmp_path, ["12,50", "7,25", "3,1"])
    assert (code.least, code.most, code.decimals) == (3.1, 12.5, 2)
    assert code.bounds == (3.1, np.inf)
    assert number_code(tmp_path, ["-3", "-1", "-2"]).bounds == (-np.inf, -1.0)
    assert number_code(tmp_path, ["-3", "1", "2"]).bounds == (-np.inf, np.inf)
    assert number_code(tmp_path, ["1", "2", "0.123456789"]).decimals == ANY_DECIMALS


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (8.64e-13, 10.0, "0 to 10"),
        (-1e-9, 10.0, "0 to 10"),
        (30.31, 45.64, "30.3 to 45.6"),
        (395.3, 674.2, "395 to 674"),
        (1000.21, 1000.94, "1000.21 to 1000.94"),
        (4.0, 4.0 + 1e-12, "4"),
        (0.001, 0.004, "0"),
        (12345.6, 98765.4, "12346 to 98765"),
    ],
)
def test_ranges_have_the_decimals_of_the_column(
    tmp_path: Path, low: float, high: float, words: str
) -> None:
    code = number_code(tmp_path, ["0,00", "99999,25", "3,1"], scaling=Scaling("range", tame=False))
    assert code.usual(code.place(np.array([low, high]))[:, None]) == words


def test_whole_numbers_stay_whole_however_small(tmp_path: Path) -> None:
    code = number_code(tmp_path, ["0", "67", "3"], scaling=Scaling("range", tame=False))
    assert code.usual(code.place(np.array([2e-5, 2.6]))[:, None]) == "0 to 3"
    assert number_text(8.64e-13, is_whole=True) == "0"


@given(
    st.lists(st.integers(0, 10**7), min_size=3, max_size=40, unique=True),
    st.integers(0, 4),
    st.floats(-3, 3),
    st.floats(0, 1e-2),
)
def test_a_short_number_is_one_that_the_column_can_be(
    numbers: list[int], decimals: int, at: float, step: float
) -> None:
    values = np.array(numbers) / 10.0**decimals
    code = NumberCode.fit(table_from_columns({"x": values}).columns[0], "")
    for side in (-1, 0, 1):
        (short,) = code.short(np.array([[at]]), step, side)
        assert short >= values.min()
        assert round(short, code.decimals) == pytest.approx(short, rel=1e-12, abs=1e-300)


def test_an_array_shows_what_its_columns_can_be() -> None:
    rows = np.array([[1.0, 0.5], [3.0, np.nan]])
    encoding = Encoding.plain(["a", "b"]).having_seen(rows)
    assert encoding.is_plain
    assert [code.decimals for code in encoding.columns] == [0, 1]
    assert Encoding.from_json(encoding.to_json()) == encoding


def test_reasons_and_ranges_have_the_decimal_mark_of_the_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cells = [f"{a:.2f};{b:.1f}" for a, b in rng.uniform(5, 9, (200, 2))] + ["99.25;5.5"]
    tables = []
    for mark in ".,":
        path = tmp_path / f"{mark}.csv"
        path.write_text("x;y\n" + "\n".join(cells).replace(".", mark) + "\n")
        tables.append(read_table(path))
    detector = SOMDetector(random_state=0).fit(tables[0])
    for table, mark in zip(tables, ".,", strict=True):
        last = table.take([200])
        (reasons,) = detector.reasons(last)
        (found,) = detector.counterfactuals(last)
        assert str(reasons[0]).startswith(f"x 99{mark}25: highest of 201 rows; usual ")
        other = "." if mark == "," else ","
        assert mark in reasons[0].usual + str(found)
        assert other not in (reasons[0].usual + str(found)).replace(", ", " ")


def test_no_counterfactual_leaves_what_a_column_can_be() -> None:
    rng = np.random.default_rng(1)
    columns = {
        "amount": np.exp(rng.normal(6, 1.5, 300)).round(2),
        "count": rng.poisson(60, 300),
        "balance": rng.normal(0, 50, 300).round(1),
        "debt": -np.exp(rng.normal(3, 1, 300)).round(2),
    }
    for i, name in enumerate(columns):
        columns[name][5 * i : 5 * i + 5] = (
            10 * np.abs(columns[name]).max() * np.sign(columns[name][0])
        )
    table = table_from_columns(columns)
    found = SOMDetector(contamination=0.2, random_state=0).fit(table).counterfactuals(table)
    changes = [change for one in found if one is not None for change in one.changes]
    assert {change.column for change in changes} >= {"count", "debt"}
    for change in changes:
        values, ends = columns[change.column], (change.within.low, change.within.high, change.to)
        if change.column in ("amount", "count"):
            assert min(ends) >= values.min(), change
        if change.column == "debt":
            assert max(ends) <= values.max(), change
        decimals = {"amount": 2, "count": 0, "balance": 1, "debt": 2}[change.column]
        inner = [
            end for end in ends if np.isfinite(end) and end not in (values.min(), values.max())
        ]
        assert inner == [round(end, decimals) for end in inner], change
