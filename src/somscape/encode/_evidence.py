"""What the name and the values of a column show: counters, codes, outcomes, counts, persons."""

import re

import numpy as np

from somscape._types import Float64s, Ints
from somscape.tables import ORDERS, Column, date_texts, is_called_id

COUNTER = "a row counter"
CODE = "looks like a code"
OUTCOME = "looks like an outcome; it is used only if named: as the label, or as a category"

MIN_ROWS = 20
"""Fewest rows of a counter, or of a code that its values show."""

NEARLY_UNIQUE = 0.95
"""Share of different values from which a column may be a code."""

MIN_CODE_ROWS, MIN_CODE_DIGITS, MAX_UNEVENNESS = 100, 6, 0.1
"""Whole numbers without a telling name are a code only if they are as many, as long, and as evenly
spread: the farthest that their distribution lies from an even one (Kolmogorov's distance).
Amounts and measurements crowd around their middle or at one end, at a distance of 0.12 and more."""

MAX_CODE = 1e20
"""Counters and codes are smaller."""

MIN_COUNTS, MAX_COUNT_WIDTH, MIN_DENSITY = 10, 3, 0.8
"""Texts such as 01 to 12 are counts: the fewest different texts, the longest text, and the least
share of the numbers from the first to the last that must occur."""

CODE_WORDS = {"no", "nr", "number", "nummer", "code", "account", "iban", "uuid", "guid", "ref"}
OUTCOME_NAME = re.compile(r"class|y|label|target|outcome|(is[ _-]?)?fraud|default.*", re.IGNORECASE)
PERSON_WORDS = {
    *("name", "surname", "firstname", "lastname", "forename", "sex", "gender", "nationality"),
    *("citizenship", "religion", "faith", "ethnicity", "ethnic", "race"),
}
NAMED_THINGS = {"file", "product", "item", "column", "brand", "shop", "host"}
"""Words before "name" that say that it is no person's."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

SLIP_AMONG_DATES = "dates but for"
"""How it begins why a column of dates with a slip is left out."""

MIN_DATES, MAX_SLIPS = 20, 0.1
"""Fewest texts of a column that was meant as dates, and the largest share that are none."""


def is_called_code(name: str) -> bool:
    """Return whether a column's name ends in a word for a code: customer_no, AccountNumber."""
    return is_called_id(name) or not CODE_WORDS.isdisjoint(_words(name)[-1:])


def is_called_outcome(name: str) -> bool:
    """Return whether a column is called like what is to be found out: Class, is_fraud."""
    return OUTCOME_NAME.fullmatch(name.strip()) is not None


def is_called_personal(name: str) -> bool:
    """Return whether a column is called like what says who somebody is: sex, last_name."""
    words = _words(name)
    is_thing = words[-1:] == ["name"] and not NAMED_THINGS.isdisjoint(words)
    return not (is_thing or PERSON_WORDS.isdisjoint(words))


def is_counter(column: Column) -> bool:
    """Return whether whole numbers count the rows: in even steps, or 1 to n in any order."""
    if len(column) < MIN_ROWS or not column.is_whole or column.n_missing:
        return False
    numbers = column.numbers
    assert numbers is not None  # as they are whole
    if numbers.min() >= 1500 and numbers.max() <= 2200:
        return False  # years
    if not -MAX_CODE < numbers.min() <= numbers.max() < MAX_CODE:
        return False
    steps = np.diff(numbers)
    if steps[0] and (steps == steps[0]).all():
        return True
    first = numbers.min()
    return first in (0, 1) and np.array_equal(np.sort(numbers), first + np.arange(len(numbers)))


def is_code(column: Column, n_values: int) -> bool:
    """Return whether nearly all of a column's n values differ, and nothing shows a size."""
    n_present = len(column) - column.n_missing
    if n_present < MIN_ROWS or n_values < NEARLY_UNIQUE * n_present:
        return False
    if not column.is_whole:
        return not column.is_number and is_called_code(column.name)
    numbers = column.numbers
    assert numbers is not None  # as they are whole
    return is_called_code(column.name) or _are_even(numbers[~column.missing])


def are_counts(column: Column) -> bool:
    """Return whether texts are counts of one width, such as 01 to 12; 007 is a code."""
    if column.is_number:
        return False
    _, texts = column.coded()
    width = len(texts[0]) if texts else 0
    if not 1 < width <= MAX_COUNT_WIDTH or len(texts) < MIN_COUNTS or len(texts) > 10**width:
        return False
    if not all(len(text) == width and text.isascii() and text.isdigit() for text in texts):
        return False
    counts = sorted(map(int, texts))
    return counts[0] <= 1 and len(counts) >= MIN_DENSITY * (counts[-1] - counts[0] + 1)


def slip_among_dates(column: Column) -> int | None:
    """Return the first row whose text is no date, where nearly all others are; else None."""
    present = np.flatnonzero(~column.missing)
    if len(present) < MIN_DATES or _odd_dates(column.take(present[:MIN_DATES])) is None:
        return None
    odd = _odd_dates(column)
    return None if odd is None or not len(odd) else int(odd[0])


def _odd_dates(column: Column) -> Ints | None:
    """Return the rows whose text is no date; None where over a tenth are none."""
    read = date_texts(column, is_named=True)
    if column.is_number or read is None:
        return None
    orders = [read.dates(order).moments for order in ORDERS]
    odd = min((np.flatnonzero(np.isnat(each) & ~column.missing) for each in orders), key=len)
    return odd if len(odd) <= MAX_SLIPS * (len(column) - column.n_missing) else None


def _are_even(numbers: Float64s) -> bool:
    """Return whether whole numbers of one length spread evenly from the least to the largest."""
    low, high = numbers.min(), numbers.max()
    n_digits = {len(f"{end:.0f}") for end in (low, high)}
    if len(numbers) < MIN_CODE_ROWS or low < 0 or high > MAX_CODE or len(n_digits) > 1:
        return False
    share = (np.sort(numbers) - low) / (high - low)
    distance = np.abs(share - np.linspace(0, 1, len(share))).max()
    return min(n_digits) >= MIN_CODE_DIGITS and bool(distance <= MAX_UNEVENNESS)


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case; CustomerNo and customer_no have the same two."""
    return [word.lower() for word in WORD.findall(name)]
