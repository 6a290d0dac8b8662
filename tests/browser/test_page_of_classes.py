"""The report of a classifier in a real browser: its classes, its mistakes and its reasons."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import HOSTILE, write_page
from webdriver import Browser

from somscape import SOMClassifier, TableEncoder, report
from somscape.tables import table_from_columns

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

CLASSES = [HOSTILE[0], "pear", "plum"]


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    k = np.arange(150) % 3
    kind = [None if i % 29 == 0 else CLASSES[k[i]] for i in range(150)]
    table = table_from_columns(
        {
            "size": rng.normal(5 + 2 * k),
            "<i>weight</i>": rng.normal(9 - 1.2 * k),
            "kind": kind,
        }
    )
    encoder = TableEncoder(label="kind")
    classifier = SOMClassifier(encoder=encoder, random_state=0)
    classifier.fit(table, np.array(kind, dtype=object))
    return report.build(replace(classifier.recognizer_, leaks={"<i>weight</i>": 0.995}), table)


@pytest.fixture
def opened(browser: Browser, data: dict[str, Any], tmp_path: Path) -> Iterator[Browser]:
    browser.resize(1400, 1000)
    browser.complaints()
    browser.open(write_page(data, tmp_path))
    yield browser
    assert browser.complaints() == []
    browser.emulate_nothing()


def test_the_section_says_how_good_it_is_and_counts_mistakes(
    opened: Browser, data: dict[str, Any]
) -> None:
    found = data["classes"]
    words = " ".join(opened.texts("#classes-quality p"))
    assert f"{round(100 * found['accuracy'])}\u00a0% of the rows that were left out" in words
    share = f"{round(100 * found['most_frequent'])}\u00a0%"
    compared = f"({share} if the classifier always predicted the most frequent class)"
    assert f"classified correctly {compared}." in words
    assert "Warning: column '<i>weight</i>' alone predicts 'kind' for 99.5 % of the rows." in words
    assert f"The class of {found['n_known']} rows of this table is known." in words
    assert f"is correct for {found['n_right']} of them" in words
    cells = opened.texts("#confusion tbody td")
    assert [int(cell or 0) for cell in cells] == np.ravel(found["confusion"]["counts"]).tolist()
    assert len(opened.texts("#map .dot")) == sum(
        n > 0 for n in next(p["values"] for p in data["planes"] if p["key"] == "mistakes")
    )
    shown = opened.run("return document.querySelector('#legend').innerText")
    assert "misclassified rows" in shown
    header = opened.run("return document.querySelector('header').innerText")
    assert "of a classifier" in header
    assert "without a detector" not in header


def test_search_finds_misclassified_rows(opened: Browser, data: dict[str, Any]) -> None:
    found = data["classes"]
    opened.type("#search", "misclassified")
    n_wrong = found["n_known"] - found["n_right"] - found["n_refused"]
    assert 0 < n_wrong < 50
    assert len(opened.texts("#rows tbody .mistake")) == n_wrong
