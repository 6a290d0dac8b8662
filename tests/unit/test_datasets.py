"""The table that comes with the package, and the reader of the article's table."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from texts import rejected

from somscape import datasets
from somscape.datasets._planted import FRAUDS, Columns, card_transactions, flawed_applications
from somscape.tables import Table
from somscape.tables._fit_encoding import fit_encoding

HEADER = "CustomerID," + ",".join(f"A{i}" for i in range(1, 15)) + ",Class\n"


@pytest.fixture(scope="module")
def german() -> Table:
    return datasets.load_german_credit()


def test_german_credit_has_1000_rows_and_the_published_means(german: Table) -> None:
    assert german.shape == (1000, 21)
    # Published with the data set: duration 20.903, amount 3271.258, age 35.546.
    by_mean = {round(float(np.mean(c.numbers)), 3): c.name for c in german.columns if c.is_number}
    assert {20.903, 3271.258, 35.546} <= set(by_mean)
    assert german.names[-1] == "class"
    values, counts = np.unique(german.column("class").cells.astype(str), return_counts=True)
    assert dict(zip(values, counts.tolist(), strict=True)) == {"1": 700, "2": 300}
    assert sum(c.n_missing for c in german.columns) == 0


def test_german_credit_has_7_numbers_and_13_text_columns(german: Table) -> None:
    features = german.columns[:-1]
    assert sum(c.is_number for c in features) == 7
    assert sum(not c.is_number for c in features) == 13


def test_german_credit_is_encoded_by_the_rules_alone(german: Table) -> None:
    *features, label = fit_encoding(german).columns
    assert {c.kind for c in features} == {"number", "category"}
    assert (label.kind, label.why[:22]) == ("dropped", "looks like an outcome;")


def test_german_credit_equals_the_file_beside_the_checkout(german: Table, data: Path) -> None:
    path = data / "german_credit.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert ",".join(german.names) == lines[0]
    for i in (0, 499, 999):
        assert ",".join(c.cells[i] for c in german.columns) == lines[i + 1]


def test_german_credit_comes_with_its_attribution() -> None:
    readme = Path(datasets.__file__).with_name("README.md").read_text(encoding="utf-8")
    for words in ("Hofmann", "10.24432/C5NC77", "CC BY 4.0", "Changed from UCI's"):
        assert words in readme
        if words != "Changed from UCI's":
            assert words in " ".join((datasets.load_german_credit.__doc__ or "").split())


def test_bundled_credit_applications_are_those_of_uci() -> None:
    table = datasets.load_credit_applications()
    assert table.names == ("customer", *(f"A{i}" for i in range(1, 15)), "class")
    assert len(set(table.column("customer").cells)) == table.n_rows == 690
    # Sums by the description of the exercise's file, whose rows equal UCI's.
    sums = {"A1": 468, "A2": 21782.06, "A3": 3283.52, "A4": 1219, "A5": 5087, "A6": 3238}
    sums |= {"A7": 1534.15, "A8": 361, "A9": 295, "A10": 1656, "A11": 316, "A12": 1331}
    sums |= {"A13": 126970, "A14": 702686, "class": 307}
    for name, total in sums.items():
        assert table.to_numpy([name]).sum() == pytest.approx(total, rel=1e-12), name


def test_bundled_credit_applications_equal_the_exercise_file(article_file: Path) -> None:
    features = [f"A{i}" for i in range(1, 15)]
    own, other = (
        datasets.load_credit_applications(),
        datasets.load_credit_applications(article_file),
    )
    assert (own.to_numpy(features) == other.to_numpy(features)).all()


def test_credit_applications_are_read_whole(article_file: Path) -> None:
    table = datasets.load_credit_applications(article_file)
    assert table.shape == (690, 16)
    # Sums by the README beside the file.
    assert table.to_numpy(["A2"]).sum() == pytest.approx(21782.06, rel=1e-12)
    assert table.to_numpy(["A14"]).sum() == 702686
    assert table.to_numpy(["CustomerID"]).sum() == 10826424670
    assert table.to_numpy(["Class"]).sum() == 307


def test_credit_applications_say_where_people_get_them() -> None:
    text = datasets.load_credit_applications.__doc__ or ""
    assert "UCI" in text
    assert "40981" in text
    assert "Australian" in text


def test_missing_file_of_credit_applications_is_refused(tmp_path: Path) -> None:
    with rejected():
        datasets.load_credit_applications(tmp_path / "none.csv")


def test_other_columns_of_credit_applications_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("CustomerID,A1\n1,2\n3,4\n")
    with rejected(file="t.csv", value="CustomerID, A1"):
        datasets.load_credit_applications(path)


def test_columns_of_credit_applications_in_another_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER.replace("A1,A2", "A2,A1") + ",".join("1" * 16) + "\n")
    with rejected(file="t.csv"):
        datasets.load_credit_applications(path)


@pytest.mark.parametrize("n_rows", [1, 689, 691])
def test_cut_or_extended_credit_applications_are_refused(tmp_path: Path, n_rows: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + "".join(f"{i},{','.join('2' * 15)}\n" for i in range(n_rows)))
    with rejected(file="t.csv"):
        datasets.load_credit_applications(path)


# Planted cases


def digest_of(columns: Columns) -> str:
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()


def test_planted_tables_have_the_same_bytes_everywhere() -> None:
    # Seed and strengths were fixed before the first detection, so a change must be deliberate.
    assert digest_of(card_transactions()[0])[:16] == "31fa8e49b2785310"
    assert digest_of(flawed_applications()[0])[:16] == "ad42f6a41866d9a1"
    assert card_transactions(1)[0] != card_transactions(0)[0]


@pytest.mark.parametrize("seed", [0, 7])
def test_payments_contain_the_frauds_that_are_named(seed: int) -> None:
    columns, planted = card_transactions(seed)
    assert [case.text for case in planted] == list(FRAUDS)
    assert len({case.id for case in planted}) == 6
    customers = np.array(columns["customer"])
    times, amounts = np.array(columns["time"], dtype="M8[s]"), np.array(columns["amount"], float)
    assert 14_000 < len(times) < 16_500
    assert len(set(customers)) == 400
    assert (np.diff(times).astype(int) >= 0).all()
    burst, takeover, below, dormant, tested, twice = (customers == case.id for case in planted)
    hour = np.timedelta64(1, "h")
    assert max(((times[burst] >= t) & (times[burst] < t + hour)).sum() for t in times[burst]) >= 24
    abroad = takeover & (np.array(columns["country"]) == "RO")
    assert abroad.sum() >= 8
    assert np.median(amounts[abroad]) > 4 * np.median(amounts[takeover & ~abroad])
    assert ((amounts >= 950) & (amounts < 1000) & below).sum() >= 14
    assert np.diff(times[dormant]).max() >= np.timedelta64(60, "D")
    assert ((amounts < 3) & tested).sum() >= 15
    rows = [tuple(cells) for cells in zip(*list(columns.values())[1:], strict=True)]
    assert all(rows.count(rows[i]) >= 2 for i in np.flatnonzero(twice))


@pytest.mark.parametrize("seed", [0, 7])
def test_applications_differ_in_the_planted_cells_alone(seed: int) -> None:
    columns, planted = flawed_applications(seed)
    right = datasets.load_credit_applications()
    by_id = {case.id: case for case in planted}
    assert len(by_id) == 8
    changed: dict[str, set[str]] = {}
    for name in right.names:
        for i, cell in enumerate(right.column(name).cells):
            if columns[name][i] != cell:
                changed.setdefault(columns["customer"][i], set()).add(name)
    *errors, again = planted
    assert {id: cells for id, cells in changed.items() if not cells <= {*by_id[id].columns}} == {}
    assert {*changed} == {case.id for case in errors}
    first = columns["customer"].index(again.id)
    assert len(columns["customer"]) == 691
    assert all(cells[690] == cells[first] for cells in list(columns.values())[1:])
    assert columns["customer"][690] == "C691"
