"""Convert data from files and pages to typed objects, and name the first wrong value."""

import re
from collections.abc import Collection
from sys import float_info
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from somscape.errors import InputError

T = TypeVar("T")

LARGEST = float_info.max

Finite: TypeAlias = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
NotNegative: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=LARGEST)]
Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=LARGEST)]
"""Types of numbers. `converted` checks the limits."""

PLAIN_WORDS = {
    **{"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"},
    **{"array": "a list", "object": "an object of names and values", "|": "or"},
    **{">=": "at least", "<=": "at most", ">": "above", "<": "below"},
}
"""Plain words for words in error messages of msgspec."""


OF_OBJECT = re.compile("Object (?:(missing required)|contains unknown) field (.*)")
"""Pattern of error messages of msgspec on the parts of an object."""


def one_of(choices: Collection[str]) -> msgspec.Meta:
    """Return the limits of a text that must be one of the given words."""
    pattern = rf"^({'|'.join(map(re.escape, choices))})\Z"
    PLAIN_WORDS[f"str matching regex {pattern!r}"] = f"one of {', '.join(choices)}"
    return msgspec.Meta(pattern=pattern)


def converted(data: Any, type_: type[T], what: str, cure: str = "", **facts: Any) -> T:
    """Convert data to a type. Raise InputError with the place and the value of a fault."""
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        fault, _, path = str(error).replace("`", "").partition(" - at $")
        name = path.removeprefix(".").removeprefix("[...]").removeprefix(".")
        said = {"parameter": name or None}
        if fault.startswith("Expected ") and "[...]" not in path:
            value = data
            for key, number in re.findall(r"\.(\w+)|\[(\d+)\]", path):
                value = value[key or int(number)]
            said["value"] = value
            fault = f"must be {_needed(fault)}, but is {value!r:.60}"
        elif part := OF_OBJECT.fullmatch(fault):
            fault = f"{'lacks the' if part[1] else 'has an unknown'} part {part[2]!r}"
        else:  # the path lacks names with other characters
            fault = f"is not valid ({fault[0].lower()}{fault[1:]})"
        place = f"{name!r} of {what}" if name else what
        text = ". ".join(filter(None, [f"{place} {fault}", cure]))
        raise InputError(text, **{**said, **facts}) from error


def _needed(fault: str) -> str:
    """Return a description of the allowed values from an error message of msgspec."""
    needed = fault.removeprefix("Expected ").partition(", got ")[0]
    if needed in PLAIN_WORDS:
        return PLAIN_WORDS[needed]
    return " ".join(PLAIN_WORDS.get(word, word) for word in needed.split(" "))
