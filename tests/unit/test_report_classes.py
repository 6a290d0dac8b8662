"""What the report says of a classifier: by hand, on four units in a row."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from somscape import Lattice, Map, SOMClassifier, TableEncoder, report
from somscape.recognize import Recognizer
from somscape.report import _build as _classes
from somscape.tables import Encoding, table_from_columns
from somscape.tables.codes import NumberCode, UnusedColumn

X = [0.0, 0.1, 1.1, 1.2, 2.0, 2.1]
KINDS = ["a", None, "b", "a", "a", "z"]


def recognizer(classes: Any = ("a", "b"), **more: Any) -> Recognizer:
    """Units 0 and 1 stand for the first class, 2 and 3 for the second."""
    encoding = Encoding((NumberCode.plain("x", 0.0), UnusedColumn("kind", "told", "label")))
    map_ = Map(np.arange(4.0)[:, None], Lattice(1, 4, "rectangular"), encoding, np.ones(4))
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    far = np.linspace(0, 1, 40)
    return Recognizer(
        map_,
        1,
        2.0,
        far,
        classes=np.array(classes),
        shares=shares,
        prior=0.1,
        centers=np.arange(4.0)[:, None],
        accuracy=0.75,
        **more,
    )


def data_of(model: Recognizer, x: list[float], kinds: list[Any] | None) -> dict[str, Any]:
    columns: dict[str, Any] = {"x": x} if kinds is None else {"x": x, "kind": kinds}
    return report.build(model, table_from_columns(columns))


def test_classes_mistakes_and_the_table_are_counted_by_hand() -> None:
    # Named a, a, a, a, b, b; known are a, -, b, a, a, z.
    data = data_of(recognizer(), X, KINDS)
    found = data["classes"]
    assert data["title"] == "Classes of table"
    assert (found["target"], found["names"], found["accuracy"]) == ("kind", ["a", "b"], 0.75)
    assert (found["n_known"], found["n_right"], found["n_refused"]) == (5, 2, 0)
    assert found["confusion"] == {
        "names": ["a", "b", "z"],
        "counts": [[2, 1, 0], [1, 0, 0], [0, 1, 0]],
        "sizes": [3, 1, 1],
        "n_left_out": 0,
    }
    planes = {plane["key"]: plane for plane in data["planes"]}
    assert data["planes"][0]["key"] == "class"
    assert planes["class"]["values"] == [0, 0, 1, 1]
    assert planes["mistakes"]["values"] == [0, 1, 2, 0]


def test_each_row_listed_has_its_class_and_why() -> None:
    model = recognizer()
    data = data_of(model, X, KINDS)
    numbers, rows = data["rows"]["numbers"], data["classes"]["rows"]
    assert rows["named"] == [[0, 0, 0, 0, 1, 1][i] for i in numbers]
    assert rows["true"] == [KINDS[i] for i in numbers]
    assert rows["probabilities"] == [[0.9, 0.9, 0.8, 0.8, 0.7, 0.7][i] for i in numbers]
    whys = model.reasons(table_from_columns({"x": X}))
    assert rows["why"] == [whys[i].sentence() for i in numbers]
    first = numbers.index(0)  # squared distances 0 and 4 to units 0 and 2
    assert rows["why"][first] == (
        "class a (probability 90 %, next class b). For: x is 0.0, below 1."
    )


def test_refused_rows_have_no_name_and_are_no_mistakes() -> None:
    data = data_of(recognizer(reject=0.05), [*X, 90.0], [*KINDS, "a"])
    found = data["classes"]
    assert (found["n_known"], found["n_right"], found["n_refused"]) == (6, 2, 1)
    assert data["rows"]["numbers"][0] == 6
    assert found["rows"]["named"][0] is None
    assert sum(map(sum, found["confusion"]["counts"])) == 5


@pytest.mark.parametrize("kinds", [None, [None] * 6])
def test_without_true_classes_nothing_is_said_of_mistakes(kinds: Any) -> None:
    data = data_of(recognizer(), X, kinds)
    assert data["classes"]["confusion"] is None
    assert data["classes"]["n_known"] == 0
    assert "mistakes" not in [plane["key"] for plane in data["planes"]]


def test_numbers_are_compared_as_the_classifier_spells_them() -> None:
    data = data_of(recognizer([1, 2]), X, [1, 1, 1, 1, 2, 2])
    assert data["classes"]["n_right"] == 6
    data = data_of(recognizer([1.0, 2.0]), X, [1.0, None, 1.0, 1.0, 2.0, 2.0])
    assert data["classes"]["n_right"] == 5


def test_many_classes_are_tabled_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_classes, "MAX_TABLED", 2)
    confusion = data_of(recognizer(), X, ["b", "z", "b", "z", "b", "a"])["classes"]["confusion"]
    # Of the three rows that are b two are named a, which is not shown; so are both of z.
    assert confusion == {
        "names": ["b", "z"],
        "counts": [[1, 0], [0, 0]],
        "sizes": [3, 2],
        "n_left_out": 1,
    }


def test_columns_that_gave_the_class_away_and_the_most_frequent_class_are_told() -> None:
    found = data_of(recognizer(), X, KINDS)["classes"]
    assert (found["most_frequent"], found["leaks"]) == (None, [])
    model = recognizer(most_frequent=0.6, leaks={"x": 0.995})
    found = data_of(Recognizer.from_record(model.to_record()), X, KINDS)["classes"]
    assert found["most_frequent"] == 0.6
    assert found["leaks"] == [
        "column 'x' alone predicts 'kind' for 99.5 % of the rows. If its values are not known "
        "before 'kind' is known, train without the column."
    ]


def test_other_maps_have_no_classes() -> None:
    map_ = recognizer().map_
    assert "classes" not in report.build(map_, table_from_columns({"x": X}))


def test_an_estimator_and_its_recognizer_have_the_same_report() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    table = table_from_columns(
        {"x": x[:, 0], "y": x[:, 1], "side": np.where(x[:, 0] > 0, "right", "left")}
    )
    encoder = TableEncoder(label="side")
    classifier = SOMClassifier(encoder=encoder, random_state=0).fit(
        table, table.column("side").cells
    )
    data = report.build(classifier, table)
    assert data == report.build(classifier.recognizer_, table)
    n_right = round(120 * classifier.score(table, table.column("side").cells))
    assert data["classes"]["n_right"] == n_right
    careful = replace(classifier.recognizer_, reject=0.05)
    assert report.build(careful, table)["classes"]["n_known"] == 120
