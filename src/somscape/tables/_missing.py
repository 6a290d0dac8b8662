"""Which texts of a column mean that a cell is missing, by what stands beside them."""

from collections.abc import Sequence

from somscape.tables._cells import MISSING_WORDS

COUNTERPARTS = {"-": "+", "?": "!"}
"""Marks that may be values, and what stands beside them then."""


def missing_words(distinct_texts: Sequence[str], asked: Sequence[str] | None = None) -> set[str]:
    """Return the texts of a column that mean that a cell is missing.

    Parameters
    ----------
    distinct_texts : sequence of str
        The different cells, without blanks around them.
    asked : sequence of str, optional
        The words that mean it, in any case, instead of the built-in ones.  An empty cell is missing
        whatever is asked, so that ``("",)`` leaves nothing else.

    Returns
    -------
    set of str
        Some of `distinct_texts`.  Of the built-in words, ``-`` and ``?`` are values in a column of
        marks: beside ``+`` or ``!``, or where nothing else has a letter or a digit.

    Examples
    --------
    >>> sorted(missing_words(["12", "-", "N/A"])), missing_words(["+", "-"])
    (['-', 'N/A'], set())
    >>> sorted(missing_words(["-", "none", ""], asked=["none"]))
    ['', 'none']
    """
    words = {word.strip().casefold() for word in (MISSING_WORDS if asked is None else asked)}
    found = {text for text in distinct_texts if not text or text.casefold() in words}
    if asked is not None:
        return found
    others = set(distinct_texts) - found
    are_marks = bool(others) and not any(letter.isalnum() for text in others for letter in text)
    return {
        text
        for text in found
        if text not in COUNTERPARTS or not (are_marks or COUNTERPARTS[text] in others)
    }
