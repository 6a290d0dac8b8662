"""Which texts mean "missing", by what stands beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape.tables._cells import MISSING_WORDS, missing_words


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        (["12", "-", "7"], {"-"}),
        (["2026-01-31", "-"], {"-"}),
        (["yes", "no", "-", "?"], {"-", "?"}),
        (["+", "-"], set()),
        (["+", "-", "?"], set()),
        (["++", "+/-", "-"], set()),
        (["+", "0", "-"], set()),
        (["!", "?"], set()),
        (["?", "!", "maybe"], set()),
        (["?", "+"], set()),
        (["-", "-5"], {"-"}),
        (["-", "*", "12"], {"-"}),
        # Nothing but words for a missing cell: nothing says that they are values.
        (["-", "?"], {"-", "?"}),
        (["", "-", "+"], {""}),
        (["NA", "n/a", "Null", "nan", "DE"], {"NA", "n/a", "Null", "nan"}),
        (["none", "guarantor"], set()),
        ([], set()),
    ],
)
def test_a_mark_is_missing_beside_values_but_not_beside_marks(texts, missing):
    assert missing_words(texts) == missing


def test_words_asked_for_replace_the_built_in_ones():
    texts = ["", "-", "?", "NA", "Keine", "9999"]
    assert missing_words(texts, ["keine ", "9999"]) == {"", "Keine", "9999"}
    assert missing_words(texts, ["-"]) == {"", "-"}
    assert missing_words(["+", "-"], ["-"]) == {"-"}
    for nothing in ([], [""]):
        assert missing_words(texts, nothing) == {""}


@given(st.lists(st.sampled_from([*MISSING_WORDS, "+", "a", "1", "!", "none"]), unique=True))
def test_only_words_of_the_list_are_missing_and_order_does_not_matter(texts):
    found = missing_words(texts)
    assert found <= {*texts} & {*MISSING_WORDS}
    assert missing_words(texts[::-1]) == found
    assert found >= {*texts} & {"", "NA", "N/A", "null", "NaN"}
