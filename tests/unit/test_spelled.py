"""Cells of a column as the classes of a classifier."""

import numpy as np
import pytest

from somscape.recognize.recognizer import classes_of_cells
from somscape.tables import read_table


def column(tmp_path, *cells):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["kind,x", *(f"{cell},1" for cell in cells)]) + "\n")
    return read_table(path).column("kind")


@pytest.mark.parametrize(
    ("classes", "cells", "expected"),
    [
        (["a", "b"], ["b", "a", "", "c"], ["b", "a", None, "c"]),
        ([1, 2], ["1.0", "2", "", "3"], ["1", "2", None, "3"]),
        ([1.5, 2.0], ["1.50", "2", ""], ["1.5", "2.0", None]),
        (["1", "2"], ["1.0", "2.0"], ["1", "2"]),
        ([False, True], ["1", "0", ""], ["True", "False", None]),
        ([False, True], ["true", "FALSE", "maybe"], ["True", "False", "maybe"]),
        (["12345678901234567890", "7"], ["12345678901234567890", "7"], None),
    ],
)
def test_a_class_is_found_however_it_is_written(tmp_path, classes, cells, expected):
    found = classes_of_cells(column(tmp_path, *cells), np.array(classes))
    assert found.tolist() == (expected or cells)
