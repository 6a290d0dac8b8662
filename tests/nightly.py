"""Cases of a test that only `make test-nightly` runs."""

from collections.abc import Iterable
from typing import Any

import pytest


def nightly(cases: Iterable[Any]) -> list[Any]:
    """Return parameters of `pytest.mark.parametrize`, one for each case."""
    return [pytest.param(case, marks=pytest.mark.nightly) for case in cases]
