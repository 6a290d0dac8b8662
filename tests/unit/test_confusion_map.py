"""Where on a map rows are named wrongly, by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from texts import rejected

from somscape import SOMClassifier, plots
from somscape.grid import Lattice
from somscape.maps import Map
from somscape.recognize import Recognizer
from somscape.tables import Encoding

ROWS = [[0.0], [0.1], [1.1], [1.2], [2.0], [2.1]]


def recognizer_of(classes: Any, **more: Any) -> Recognizer:
    """Return a recognizer of four units in a row, of which two stand for each class."""
    encoding = Encoding.plain(["x"])
    map_ = Map(np.arange(4.0)[:, None], Lattice(1, 4, "rectangular"), encoding, np.ones(4))
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    far = np.linspace(0, 1, 40)
    parts = {"classes": np.array(classes), "shares": shares, "centers": np.arange(4.0)[:, None]}
    return Recognizer(map_, 1, 2.0, far, prior=0.1, **parts, **more)


def test_units_mistakes_and_the_border_by_hand() -> None:
    # Units 0 and 1 name "a", units 2 and 3 "b".  Two rows of b lie in unit 1, one of a in unit 2;
    # unit 3 has none.
    display = plots.confusion_map(recognizer_of(["a", "b"]), ROWS, ["a", "a", "b", "b", "a", "b"])
    drawn = display.drawn_
    assert drawn["classes"] == ("a", "b")
    assert drawn["stands_for"].tolist() == [0, 0, 1, 1]
    assert drawn["counts"].tolist() == [[2, 0], [0, 2], [1, 1], [0, 0]]
    assert drawn["mistakes"].tolist() == [[0, 0], [0, 2], [1, 0], [0, 0]]
    assert drawn["confusion"].tolist() == [[2, 1], [2, 1]]
    assert drawn["borders"].mean(axis=1).tolist() == [[1.5, 0.0]]
    assert display.ax_.get_title() == "3 of 6 rows wrong, 1 x 4 units"
    assert sorted(text.get_text() for text in display.ax_.texts) == ["1", "2"]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["a", "b"]


def test_numbers_are_the_classifiers_own_and_others_are_mistakes() -> None:
    recognizer = recognizer_of([3, 7])
    drawn = plots.confusion_map(recognizer, ROWS, [3.0, 3.0, 7.0, np.nan, 9.0, 7.0]).drawn_
    assert drawn["classes"] == ("3", "7", "9.0")
    assert drawn["mistakes"].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert drawn["confusion"].tolist() == [[2, 0, 0], [1, 1, 0], [0, 1, 0]]


def test_classes_that_are_joined_stay_mistakes_among_themselves() -> None:
    y = ["c", "a", "b", "b", "a", "b"]  # the first is named "a", also one of the others
    drawn = plots.confusion_map(recognizer_of(["a", "b"]), ROWS, y, max_classes=1).drawn_
    assert drawn["classes"] == ("b", "other (2)")
    assert drawn["mistakes"].sum() == 4
    assert drawn["stands_for"].tolist() == [1, 1, 0, 0]


def test_the_hatch_of_a_cell_lies_below_its_pie() -> None:
    classes = [f"c{i:02d}" for i in range(13)]  # the 13th is the first to be hatched
    shares = np.eye(13)[[12, 12, 12, 12]]
    recognizer = replace(recognizer_of(["a", "b"]), classes=np.array(classes), shares=shares)
    y = [*classes[:6]]
    ax = plots.confusion_map(recognizer, ROWS, y, max_classes=13).ax_
    hatched = [
        each.get_zorder() for each in ax.collections if each.get_hatch() and each.get_paths()
    ]
    pies = [each.get_zorder() for each in ax.collections if len(each.get_paths()) == len(y)]
    assert hatched
    assert max(hatched) < min(pies)


def test_refused_rows_are_no_mistakes() -> None:
    recognizer = recognizer_of(["a", "b"], reject=0.05)
    display = plots.confusion_map(recognizer, [*ROWS, [90.0]], ["a", "a", "a", "a", "b", "b", "a"])
    assert display.drawn_["mistakes"].sum() == 0
    assert display.drawn_["refused"] == 1
    assert display.ax_.get_title() == "0 of 6 rows wrong, 1 refused, 1 x 4 units"


def test_a_map_without_classes_names_by_the_most_frequent_one() -> None:
    map_ = recognizer_of(["a", "b"]).map_
    drawn = plots.confusion_map(map_, ROWS, ["a", "b", "b", "b", None, "b"]).drawn_
    assert drawn["stands_for"].tolist() == [0, 1, 1, -1]
    assert drawn["mistakes"].tolist() == [[0, 1], [0, 0], [0, 0], [0, 0]]


def test_an_estimator_draws_what_its_recognizer_draws() -> None:
    X = np.random.default_rng(0).normal(size=(200, 2))
    y = np.where(X[:, 0] > 0, "right", "left")
    classifier = SOMClassifier(random_state=0).fit(X, y)
    drawn = [
        plots.confusion_map(thing, X, y).drawn_ for thing in (classifier, classifier.recognizer_)
    ]
    np.testing.assert_array_equal(drawn[0]["confusion"], drawn[1]["confusion"])
    wrong = classifier.predict(X) != y
    assert drawn[0]["mistakes"].sum() == wrong.sum()
    assert np.trace(drawn[0]["confusion"]) == (~wrong).sum()


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (ROWS, ["a"]),
        (ROWS, [None] * 6),
        (ROWS, None),
        (None, ["a"]),
    ],
)
def test_wrong_inputs_are_one_line(X: Any, y: Any) -> None:
    with rejected():
        plots.confusion_map(recognizer_of(["a", "b"]), X, y)
    with rejected(value="SOMClassifier"):
        plots.confusion_map(SOMClassifier(), ROWS, ["a"] * 6)
