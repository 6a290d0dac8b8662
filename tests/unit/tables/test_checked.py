"""Data of files become typed objects, and a fault is named with its place and its value."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from texts import rejected

from somscape.errors import InputError
from somscape.tables._checked import Finite, Positive, converted, one_of


@dataclass(frozen=True)
class Part:
    size: Positive
    order: Annotated[str, one_of(("low", "high"))] = "low"
    numbers: Annotated[tuple[Finite, ...], msgspec.Meta(max_length=2)] = ()
    words: dict[str, int] | None = None


def test_data_become_an_object_with_defaults() -> None:
    data = {"size": 2, "numbers": [1, 0.5]}
    assert converted(data, Part, "a part") == Part(2.0, "low", (1.0, 0.5))


@pytest.mark.parametrize(
    ("change", "parameter", "value"),
    [
        ({"size": 0}, "size", 0),
        ({"size": True}, "size", True),
        ({"order": "low\n"}, "order", "low\n"),
        ({"numbers": [1, "2"]}, "numbers[1]", "2"),
        ({"numbers": [1, 2, 3]}, "numbers", [1, 2, 3]),
        ({"words": {"a b": 1.5}}, "words[...]", None),
        ({"words": 3}, "words", 3),
    ],
    ids=str,
)
def test_a_fault_is_named_with_its_place_and_its_value(
    change: dict[str, Any], parameter: str, value: Any
) -> None:
    with rejected(parameter=parameter, value=value):
        converted({"size": 1.0, **change}, Part, "a part")


def test_the_allowed_values_are_in_plain_words() -> None:
    with pytest.raises(InputError, match="must be one of low, high, but is 'mid'"):
        converted({"size": 1.0, "order": "mid"}, Part, "a part")


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    size: int


@pytest.mark.parametrize("data", [[], {}, {"size": 1, "a b": 2}], ids=str)
def test_what_is_no_object_with_all_parts_is_refused(data: Any) -> None:
    with rejected(parameter=None):
        converted(data, Strict, "a part")
