"""Data of files become typed objects, and a fault is named with its place and its value."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest

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
    ("change", "said", "facts"),
    [
        ({"size": 0}, "'size' of a part must be a number above 0.0, but is 0", ("size", 0)),
        ({"size": True}, "'size' of a part must be a number, but is True", ("size", True)),
        (
            {"order": "low\n"},
            r"'order' of a part must be one of low, high, but is 'low\n'",
            ("order", "low\n"),
        ),
        (
            {"numbers": [1, "2"]},
            "'numbers[1]' of a part must be a number, but is '2'",
            ("numbers[1]", "2"),
        ),
        (
            {"numbers": [1, 2, 3]},
            "'numbers' of a part must be a list of length at most 2, but is [1, 2, 3]",
            ("numbers", [1, 2, 3]),
        ),
        (
            {"words": {"a b": 1.5}},
            "'words[...]' of a part is not valid (expected int, got float)",
            ("words[...]", None),
        ),
        (
            {"words": 3},
            "'words' of a part must be an object of names and values or null, but is 3",
            ("words", 3),
        ),
    ],
    ids=str,
)
def test_a_fault_is_named_with_its_place_and_its_value(
    change: dict[str, Any], said: str, facts: tuple[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        converted({"size": 1.0, **change}, Part, "a part")
    assert str(caught.value) == said
    assert (caught.value.parameter, caught.value.value) == facts


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    size: int


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "a part must be an object of names and values, but is []"),
        ({}, "a part lacks the part 'size'"),
        ({"size": 1, "a b": 2}, "a part has an unknown part 'a b'"),
    ],
    ids=str,
)
def test_what_is_no_object_with_all_parts_is_named_as_a_whole(data: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        converted(data, Strict, "a part")
    assert str(caught.value) == said
