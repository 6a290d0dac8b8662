"""Cases of a test that `make test-rest` alone runs."""

from collections.abc import Iterable
from typing import Any

import pytest


def for_rest(cases: Iterable[Any]) -> list[Any]:
    """Return parameters of `pytest.mark.parametrize`, one for each case."""
    return [pytest.param(case, marks=pytest.mark.rest) for case in cases]
