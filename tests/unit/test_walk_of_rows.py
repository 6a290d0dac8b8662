"""The walk of X from `fit` to the training: which files do the rows pass, and how often again?

A file counts if one of its functions receives the rows and returns them, in any form.  Methods of
the rows themselves (such as `Table.to_numpy`) and calls inside a called file do not count.
"""

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from somscape import SOM, SOMDetector, TableEncoder
from somscape.fit import Pieces
from somscape.tables import source, table_from_frame

N_ROWS = 60
MAX_RETURNS = 3
TRAINING = ("train_detector", "train_map")
rng = np.random.default_rng(0)
X = rng.normal(size=(N_ROWS, 3))
NUMBERS = pd.DataFrame(X, columns=["a", "b", "c"])
MIXED = NUMBERS.assign(job=rng.choice(["x", "y"], N_ROWS))


class InTurn(Pieces):
    def __init__(self, blocks):
        self.blocks = blocks

    def each(self, function):
        return map(function, range(len(self.blocks)), self.blocks)


GIVEN: dict[str, Callable[[], Any]] = {
    "array": lambda: X,
    "integers": lambda: (100 * X).astype(int),
    "list": X.tolist,
    "frame of numbers": lambda: NUMBERS,
    "mixed frame": lambda: MIXED,
    "table": lambda: table_from_frame(MIXED),
    "source": lambda: source(MIXED),
    "pieces": lambda: InTurn([MIXED[:20], MIXED[20:]]),
}


def has_rows(value: Any, depth: int = 0) -> bool:
    """Whether a value is X, or contains all rows of X."""
    if isinstance(value, Pieces) or type(value).__name__ in ("Source", "Frame"):
        return True
    if isinstance(value, list) and len(value) == N_ROWS:
        return isinstance(value[0], list)
    if isinstance(value, tuple):
        return any(has_rows(part, depth) for part in value)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 2 and shape[0] == N_ROWS:
        return True
    is_ours = type(value).__module__.startswith("somscape.estimators") and is_dataclass(value)
    return (
        is_ours
        and depth < 2
        and any(has_rows(getattr(value, field.name), depth + 1) for field in fields(value))
    )


def files_passed(fit: Callable[[Any], Any], given: Any) -> list[str]:
    """The files that the rows pass, in order, up to the first call of a training function."""
    walk: list[tuple[str, bool]] = []  # each file, and whether the rows passed it
    stack: list[tuple[str, int, bool]] = []  # file, place in the walk, whether it got the rows

    def look(frame: Any, event: str, found: Any) -> None:
        code = frame.f_code
        _, _, file = code.co_filename.rpartition("/src/somscape/")
        if file == code.co_filename or event not in ("call", "return"):
            return
        if event == "call":
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            gets = any(has_rows(frame.f_locals[name]) for name in names if name != "self")
            is_below = bool(stack) and not stack[-1][0].startswith("estimators/")
            is_training = code.co_name in TRAINING
            stack.append((file, len(walk), gets and not is_below))
            if gets and not is_below:
                walk.append((file, is_training))
            if is_training:
                sys.setprofile(None)
                raise StopIteration
        elif stack:
            own, place, gets = stack.pop()
            if gets and has_rows(found):
                walk[place] = (own, True)
                callers = [each for each in stack if each[2]]
                walk.extend((each[0], True) for each in callers[-1:])

    sys.setprofile(look)
    try:
        fit(given)
    except StopIteration:
        pass
    finally:
        sys.setprofile(None)
    for file, place, gets in stack:  # functions that called the training
        if gets:
            walk[place] = (file, True)
    passed = [file for file, is_passed in walk if is_passed]
    return [file for i, file in enumerate(passed) if not i or file != passed[i - 1]]


@pytest.mark.filterwarnings("ignore:X has text")
@pytest.mark.parametrize("encoder", ["auto", TableEncoder()], ids=["auto", "encoder"])
@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize("estimator", [SOMDetector(n_maps=1), SOM(3, 3)], ids=["detector", "map"])
def test_rows_seldom_return_to_a_file_that_they_left(estimator, kind, encoder):
    files = files_passed(estimator.set_params(encoder=encoder).fit, GIVEN[kind]())
    assert files[-1] in ("outliers/_train.py", "fit/_map.py")
    assert "estimators/_intake.py" in files
    assert len(files) - len(set(files)) <= MAX_RETURNS, files
