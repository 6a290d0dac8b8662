"""Why a row is of its class: parts of columns and of units, by hand and by what they add up to."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOMClassifier, TableEncoder
from somscape.grid import Lattice
from somscape.kernels import Metric
from somscape.maps import Map
from somscape.recognize import ClassReason, Recognizer
from somscape.tables import Encoding, read_table, table_from_columns


def recognizer_of(codebook, shares, axes, classes=("a", "b"), power=2.0, centers=None):
    """Return a recognizer of prototypes in a row, whose metric compares rows on axes.

    Without `centers`, its training rows lie at the prototypes.
    """
    codebook, axes = np.asarray(codebook, dtype=float), np.asarray(axes, dtype=float)
    n_units, n_features = codebook.shape
    encoding = Encoding.plain([f"x{j}" for j in range(n_features)])
    metric = Metric("mahalanobis", None, axes, np.zeros(n_features))
    lattice = Lattice(1, n_units, "rectangular")
    map_ = Map(codebook, lattice, encoding, np.ones(n_units), metric=metric)
    return Recognizer(
        map_,
        min(16, n_units),
        power,
        np.array([1.0]),
        classes=np.array(classes),
        shares=np.asarray(shares, dtype=float),
        prior=0.1,
        centers=codebook if centers is None else np.asarray(centers, dtype=float),
    )


def test_two_prototypes_and_two_columns_worked_by_hand():
    # Prototypes a at (0, 0) and b at (2, 1); x0 counts four times.  The row (0.5, 2) has squared
    # distances 4 * 0.25 + 4 = 5 to a, and 4 * 2.25 + 1 = 10 to b.  The mean (1, 0.5) is on the
    # border; there, x0 would be 0.5 more, x1 1.5 less: 2 * -0.5 * 4 * -2 = 8 for a, and
    # 2 * 1.5 * 1 * -1 = -3 against.
    recognizer = recognizer_of([[0, 0], [2, 1]], [[0.9, 0.1], [0.2, 0.8]], np.diag([2.0, 1.0]))
    row = [[0.5, 2.0]]
    np.testing.assert_allclose(recognizer.contributions(row), [[8, -3]])
    (why,) = recognizer.reasons(row)
    assert (why.named, why.other, why.margin) == ("a", "b", pytest.approx(5))
    assert [(r.column, r.value, r.side) for r in why.columns] == [
        ("x0", "0.5", "below 1"),
        ("x1", "2", "above 0.5"),
    ]
    assert [r.part for r in why.columns] == pytest.approx([8, -3])
    assert [r.share for r in why.columns] == pytest.approx([8 / 11, -3 / 11])
    # Squared distances 5 and 10, power 2: weights 2 : 1.
    assert [(u.unit, u.weight, u.share) for u in why.units] == [
        (0, pytest.approx(2 / 3), 0.9),
        (1, pytest.approx(1 / 3), 0.2),
    ]
    assert why.probability == pytest.approx(2 / 3 * 0.9 + 1 / 3 * 0.2)
    assert str(why) == (
        "class a (probability 67 %, next class b). "
        "For: x0 0.5 (below 1). Against: x1 2 (above 0.5)."
    )
    assert why.sentence() == (
        "class a (probability 67 %, next class b). For: x0 is 0.5, below 1. "
        "Against: x1 is 2, above 0.5."
    )


def test_the_border_is_taken_where_it_is_nearest_to_the_rows():
    # As above, but means of rows have the mean (0, 0.5) and deviations 1 and 2.  The difference of
    # squared distances falls by 16 for each x0 and by 2 for each x1, and is 17 at (0, 0), so 16 at
    # the mean.  In deviations the steepest way is (-16, -4), on which it rises by 272: -16 / 272 of
    # it leads to the border, at (16 / 17, 0.5 + 8 / 17).
    centers = [[-1, -1.5], [1, 2.5]]
    recognizer = recognizer_of(
        [[0, 0], [2, 1]], [[0.9, 0.1], [0.2, 0.8]], np.diag([2.0, 1.0]), centers=centers
    )
    parts = recognizer.contributions([[0.5, 2.0]])[0]
    np.testing.assert_allclose(parts, [16 * (16 / 17 - 0.5), -2 * (1.5 - 8 / 17)])
    assert parts.sum() == pytest.approx(5)
    (why,) = recognizer.reasons([[0.5, 2.0]])
    assert [reason.side for reason in why.columns] == ["below 0.941", "above 0.971"]


def test_rows_that_do_not_vary_are_compared_halfway_between_the_prototypes():
    recognizer = recognizer_of(
        [[0, 0], [2, 1]], [[0.9, 0.1], [0.2, 0.8]], np.diag([2.0, 1.0]), centers=np.zeros((2, 2))
    )
    np.testing.assert_allclose(recognizer.contributions([[0.5, 2.0]]), [[8, -3]])


def test_columns_that_hardly_vary_have_borders_among_the_rows():
    # Columns of numbers between 1 and 1000 and around 0.01: a sharpened metric hardly sees the
    # small ones, and its prototypes may lie anywhere in them.
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = np.column_stack([rng.normal(500 + 200 * y, 100), rng.normal(0.01 + 0.003 * y, 0.002)])
    classifier = SOMClassifier(random_state=0).fit(X, y)
    small = [r for why in classifier.reasons(X) for r in why.columns if r.column == "x1"]
    borders = [float(reason.side.split()[1]) for reason in small]
    assert all(X[:, 1].min() < border < X[:, 1].max() for border in borders)


def test_the_nearest_prototype_of_another_class_makes_the_margin_negative_and_is_said():
    # One prototype of b at 1, two of a at -1.5 and -1.6; the row 0 lies nearer to b.  Units count
    # 1, 1.5 ** -0.5 = 0.816 and 1.6 ** -0.5 = 0.791: (0.1 + 0.95 * 1.607) / 2.607 = 0.624.
    shares = [[0.1, 0.9], [0.95, 0.05], [0.95, 0.05]]
    recognizer = recognizer_of([[1.0], [-1.5], [-1.6]], shares, [[1.0]], power=0.5)
    (why,) = recognizer.reasons([[0.0]])
    assert why.named == "a"
    assert why.margin == pytest.approx(1 - 1.5**2)
    assert why.reasons_for == ()
    assert why.sentence() == (
        "class a (probability 62 %, next class b). Against: x0 is 0, above -0.25. "
        "However, the row is nearer to a prototype of class b."
    )


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 20), st.integers(2, 4))
def test_parts_add_up_to_the_margin_and_units_to_the_probability(seed, n_columns, n_units, k):
    rng = np.random.default_rng(seed)
    codebook = rng.normal(size=(n_units, n_columns))
    axes = rng.normal(size=(n_columns, rng.integers(1, n_columns + 1)))
    shares = rng.dirichlet(np.full(k, 0.3), n_units)
    recognizer = recognizer_of(codebook, shares, axes, [f"c{i}" for i in range(k)], power=3.0)
    rows = rng.normal(size=(5, n_columns))
    parts, whys = recognizer.contributions(rows), recognizer.reasons(rows)
    turned = ((rows[:, None] - codebook) @ axes) ** 2
    squares = turned.sum(axis=2)
    probabilities = recognizer.probabilities(rows)
    for i, why in enumerate(whys):
        near = [
            min(squares[i][of] for of in _standing_for(shares, int(name[1:])))
            for name in (why.other, why.named)
        ]
        assert parts[i].sum() == pytest.approx(near[0] - near[1], abs=1e-9)
        assert why.margin == pytest.approx(parts[i].sum(), abs=1e-12)
        assert why.named == recognizer.predict(rows)[i]
        said = sum(unit.weight * unit.share for unit in why.units)
        assert said == pytest.approx(why.probability) == probabilities[i].max()
        assert sum(unit.weight for unit in why.units) == pytest.approx(1)


def _standing_for(shares, number):
    own = np.flatnonzero(shares.argmax(axis=1) == number)
    return own if len(own) else [shares[:, number].argmax()]


@given(st.integers(0, 10_000))
def test_without_a_column_the_margin_is_less_by_its_part(seed):
    rng = np.random.default_rng(seed)
    codebook, axes, row = (rng.normal(size=shape) for shape in ((2, 3), (3, 3), (1, 3)))
    recognizer = recognizer_of(codebook, [[0.9, 0.1], [0.1, 0.9]], axes)
    parts = recognizer.contributions(row)[0]
    own = int(recognizer.predict(row)[0] == "b")
    for j in range(3):
        moved = row.copy()
        moved[0, j] = codebook[:, j].mean()
        squares = (((moved - codebook) @ axes) ** 2).sum(axis=1)
        margin = squares[1 - own] - squares[own]
        assert margin == pytest.approx(parts.sum() - parts[j], abs=1e-9)


def test_a_category_is_one_reason_in_the_words_of_the_table():
    rng = np.random.default_rng(0)
    kind = np.where(rng.uniform(size=120) < 0.5, "round", "long")
    size = rng.normal(10, 2, 120)
    table = table_from_columns({"kind": kind, "size": size})
    classifier = SOMClassifier(random_state=0).fit(table, np.where(kind == "round", "pea", "bean"))
    parts = classifier.contributions(table)
    assert parts.shape == (120, 2)
    whys = classifier.reasons(table)
    assert [why.named for why in whys] == classifier.predict(table).tolist()
    first = whys[0]
    assert first.columns[0].column == "kind"
    assert first.columns[0].value == kind[0]
    assert first.columns[0].side == ""
    assert first.columns[0].part == pytest.approx(parts[0, 0])
    assert all(isinstance(reason, ClassReason) for reason in first.columns)


def test_a_decimal_comma_and_a_date_are_shown_as_the_table_has_them(tmp_path):
    days = np.datetime64("2024-01-01") + np.arange(80)
    lines = [f"{day};{i % 40 / 10:.1f}".replace(".", ",") for i, day in enumerate(days)]
    path = tmp_path / "table.csv"
    path.write_text("day;size\n" + "\n".join(lines) + "\n")
    table = read_table(path)
    classifier = SOMClassifier(random_state=0).fit(table, np.repeat(["early", "late"], 40))
    why = classifier.reasons(table)[0]
    shown = {reason.column: reason for reason in why.columns}
    assert shown["day"].value == "2024-01-01"
    assert shown["day"].side.startswith("before 2024-")
    why = classifier.reasons(table.take(np.arange(35, 45)))
    sizes = [r.side for one in why for r in one.columns if r.column == "size"]
    assert sizes
    assert not any("." in words for words in sizes)


def test_classes_keep_their_type_and_a_refused_row_has_reasons_too():
    rng = np.random.default_rng(0)
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 60, axis=0) + rng.normal(0, 0.1, (120, 2))
    classifier = SOMClassifier(random_state=0, reject=0.05).fit(X, np.repeat([3, 7], 60))
    far = [[40.0, -40.0]]
    assert classifier.predict(far).tolist() == [None]
    (why,) = classifier.reasons(far)
    assert {why.named, why.other} == {3, 7}
    assert isinstance(why.named, int)
    assert classifier.recognizer_.reasons(far) == [why]


def test_a_map_of_another_metric_has_no_exact_parts():
    recognizer = recognizer_of([[0, 0], [2, 1]], [[0.9, 0.1], [0.2, 0.8]], np.eye(2))
    plain = replace(recognizer, map_=replace(recognizer.map_, metric=Metric("euclidean")))
    np.testing.assert_allclose(plain.contributions([[0.0, 1.0]]), [[4, -1]])
    city = replace(recognizer, map_=replace(recognizer.map_, metric=Metric("manhattan")))
    with rejected(parameter="metric", value="manhattan"):
        city.contributions([[0.0, 1.0]])


def test_a_missing_cell_lies_on_no_side():
    table = table_from_columns({"a": [1.0, 2.0, 3.0, 9.0, 8.0, 7.0] * 9, "b": [0.0, 1.0] * 27})
    y = np.array(["low", "low", "low", "high", "high", "high"] * 9)
    classifier = SOMClassifier(encoder=TableEncoder(missing="fill"), random_state=0).fit(table, y)
    gap = table_from_columns({"a": [None, 9.0], "b": [0.0, 1.0]})
    sides = [r.side for r in classifier.reasons(gap)[0].columns if r.value == "missing"]
    assert sides == [""]


def test_classes_are_told_in_words_of_the_dictionary():
    table = table_from_columns({"a": [1.0, 2.0, 8.0, 9.0] * 9, "sick": ["0", "0", "1", "1"] * 9})
    words = {"sick": {"": "state", "0": "healthy", "1": "ill"}}
    encoder = TableEncoder(label="sick", dictionary=words)
    y = np.array(["0", "0", "1", "1"] * 9)
    classifier = SOMClassifier(encoder=encoder, random_state=0).fit(table, y)
    (why,) = classifier.reasons(table.take([0]))
    assert (why.named, why.other) == ("healthy", "ill")
    (other,) = classifier.counterfactuals(table.take([0]))
    assert other.named == "ill"
    assert classifier.predict(table.take([0])).tolist() == ["0"]
