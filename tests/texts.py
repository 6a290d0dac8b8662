"""Expect errors by their facts, so that a better sentence changes no test."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from somscape.errors import InputError

MAX_FACT_LENGTH = 60

_TEMPORARY = re.compile(r"[^\s'\"`(=]*/pytest-of-[^/]+/pytest-[^/]+/(popen-gw\d+/)?[^/\s'\"`,;:)]+")


@contextmanager
def rejected(error: type[Exception] = InputError, **facts: Any) -> Iterator[Any]:
    """Expect an error with these facts: parameter, file, line, row, column, value or allowed."""
    with pytest.raises(error) as caught:
        yield caught
    found = {name: getattr(caught.value, name, None) for name in facts}
    assert {name: stable(value) for name, value in found.items()} == {
        name: stable(value) for name, value in facts.items()
    }
    assert str(caught.value)


def stable(value: object) -> str:
    """Return a fact as a short text that is the same in every run and with every NumPy."""
    text = re.sub(r"\bnp\.\w+\(([^()]*)\)", r"\1", str(value))
    text = re.sub(r"\b0x[0-9A-Fa-f]{6,}", "0x0", _TEMPORARY.sub("TMP", text))
    return text[:MAX_FACT_LENGTH]
