"""What each kind of data container gives: its rows, or an error of one line."""

import array
from collections import namedtuple

import array_api_strict
import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from texts import rejected

from somscape import (
    SOM,
    SOMClassifier,
    SOMDetector,
    SOMImputer,
    TableEncoder,
    measures,
    paths,
    plots,
    regions,
    report,
)
from somscape.errors import InputError
from somscape.minisom import MiniSom
from somscape.tables import source, table_from_columns, table_from_frame

NAMES = ["a", "b", "c"]
X = np.random.default_rng(0).normal(size=(40, 3)).round(3)
FRAME = pd.DataFrame(X, columns=NAMES)
ARROW = pa.table(dict(zip(NAMES, X.T, strict=True)))
CUBE = X.reshape(10, 4, 3)


class Tensor:
    """An array of another library, as NumPy reads it."""

    shape, dtype = X.shape, X.dtype

    def __array__(self, dtype=None, copy=None):
        return X.astype(dtype or float)


class Stream:
    """A container with an Arrow stream."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class DataArray:
    """What xarray shows of itself: the names and sizes of its dimensions."""

    __module__ = "xarray.core.dataarray"

    def __init__(self):
        self.sizes = {"day": 40, "cell": 3}


class AnnData:
    """What AnnData shows of itself: a shape, a length, and rows that are AnnData as well."""

    __module__ = "anndata._core.anndata"

    def __init__(self, n_rows=40):
        self.shape = (n_rows, 3)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, row):
        if row >= len(self):
            raise IndexError(row)
        return AnnData(1)


def mapped(folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


Row = namedtuple("Row", NAMES)

ROWS = {
    # frames of three libraries, and what hands over their rows
    "pandas": FRAME,
    "pandas, nullable": FRAME.convert_dtypes(),
    "pandas, of Arrow": FRAME.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, with another index": FRAME.set_index(FRAME.index[::-1]),
    "polars": pl.from_pandas(FRAME),
    "polars, lazy": pl.from_pandas(FRAME).lazy(),
    "pyarrow": ARROW,
    "pyarrow, batch": ARROW.to_batches()[0],
    "pyarrow, reader": lambda _: ARROW.to_reader(),
    "narwhals": nw.from_native(FRAME),
    "narwhals, lazy": nw.from_native(pl.from_pandas(FRAME).lazy()),
    "DuckDB": lambda _: duckdb.sql("SELECT * FROM ARROW"),
    "a stream": Stream(ARROW),
    # arrays of several types
    "float64": X,
    "in columns": np.asfortranarray(X),
    "a view": np.repeat(X, 2, axis=0)[::2],
    "big-endian": X.astype(">f8"),
    "objects": X.astype(object),
    "read-only": np.frombuffer(X.tobytes()).reshape(40, 3),
    "memory-mapped": mapped,
    "masked, nothing hidden": np.ma.array(X),
    "pandas, sparse": FRAME.astype(pd.SparseDtype(float, 0)),
    "of the array API": array_api_strict.asarray(X),
    "what NumPy reads": Tensor(),
    "sparse rows": sparse.csr_array(X),
    "sparse columns": sparse.csc_matrix(X),
    "sparse, by place": sparse.coo_array(X),
    # of Python
    "lists": X.tolist(),
    "tuples": tuple(map(tuple, X.tolist())),
    "named tuples": [Row(*row) for row in X.tolist()],
    "a list of arrays": list(X),
    "a list of Python's arrays": [array.array("d", row) for row in X],
    # of somscape
    "a source": source(X),
}
"""Containers whose rows are those of X."""

REFUSED = {
    "DataArray": (DataArray(), r"xarray.DataArray \(day: 40, cell: 3\)"),
    "AnnData": (AnnData(), "anndata.AnnData is not supported"),
    "masked": (np.ma.array(X, mask=X > 2), r"masked array.*filled\(np.nan\)"),
    "structured": (
        np.array([tuple(row) for row in X], [(name, float) for name in NAMES]),
        r"structured array.*pandas.DataFrame\(X\)",
    ),
    "complex": (X + 1j, "Complex data not supported"),
    "dates": (X.astype("datetime64[D]"), "dates or durations"),
    "strings": (X.astype(str).astype("U5") + "x", "X contains text"),
    "one column": (X[:, 0], "1D array"),
    "three dimensions": (CUBE, "dim 3"),
    "a series": (FRAME["a"], "2-dimensional container"),
    "a dict": (dict(zip(NAMES, X.T, strict=True)), r"is a dict\. .*pandas.DataFrame\(X\)"),
    "dicts": (FRAME.to_dict("records"), r"list of dicts.*pandas.DataFrame\(X\)"),
    "a generator": (lambda _: (row for row in X), r"is a generator.*list\(X\)"),
    "a map": (lambda _: map(list, X), r"is a map.*list\(X\)"),
    "a set": ({tuple(row) for row in X}, r"is a set.*list\(X\)"),
    "text": ("a,b\n1,2\n", "file name"),
    "bytes": (b"a,b\n1,2\n", "X contains text"),
    "nothing": (None, "got scalar array"),
    "a number": (7.0, "got scalar array"),
}
"""Containers that are refused, and what the message contains."""


def made(container, folder):
    """Return a container, those that are read once anew."""
    return container(folder) if callable(container) else container


@pytest.mark.parametrize("kind", ROWS)
def test_rows_of_a_container_are_those_of_an_array(kind, tmp_path):
    expected = SOM(2, 3, random_state=0).fit(X)
    som = SOM(2, 3, random_state=0).fit(made(ROWS[kind], tmp_path))
    np.testing.assert_allclose(np.asarray(som.codebook_), expected.codebook_, rtol=1e-12)
    np.testing.assert_array_equal(np.asarray(som.labels_), expected.labels_)
    found = som.predict(made(ROWS[kind], tmp_path))
    np.testing.assert_array_equal(np.asarray(found), expected.labels_)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_container_without_rows_is_refused_in_one_line(kind, tmp_path):
    container, message = REFUSED[kind]
    som = SOM(2, 3, random_state=0).fit(X)
    for use in (SOM(2, 3).fit, som.predict, SOMDetector().fit):
        with pytest.raises((InputError, ValueError, TypeError), match=message):
            use(made(container, tmp_path))


def test_a_table_is_a_container_whose_numbers_are_scaled():
    table = table_from_columns(dict(zip(NAMES, X.T, strict=True)))
    som = SOM(2, 3, random_state=0).fit(table)
    np.testing.assert_array_equal(som.labels_, som.predict(FRAME))
    assert som.labels_.shape == (40,)


USES = {
    "SOM.fit": lambda som, X: SOM().fit(X),
    "SOM.partial_fit": lambda som, X: SOM().partial_fit(X),
    "SOM.suggest": lambda som, X: SOM().suggest(X),
    "SOM.predict": lambda som, X: som.predict(X),
    "SOM.transform": lambda som, X: som.transform(X),
    "SOM.score": lambda som, X: som.score(X),
    "Map.winners": lambda som, X: som.map_.winners(X),
    "Map.locate": lambda som, X: som.map_.locate(X),
    "SOMDetector.fit": lambda som, X: SOMDetector().fit(X),
    "SOMClassifier.fit": lambda som, X: SOMClassifier().fit(X, np.arange(40) % 2),
    "SOMImputer.fit": lambda som, X: SOMImputer().fit(X),
    "TableEncoder.fit": lambda som, X: TableEncoder().fit(X),
    "TableEncoder.inverse": lambda som, Y: TableEncoder().fit(X).inverse_transform(Y),
    "MiniSom.train": lambda som, data: MiniSom(2, 3, 3).train(data, 1),
    "measures": lambda som, X: measures.quantization_error(som, X),
    "measures.report": lambda som, X: measures.report(som, X),
    "regions": lambda som, X: regions.find_regions(som, X=X),
    "paths": lambda som, X: paths.follow(som, X),
    "plots": lambda som, X: plots.hits(som, X),
    "report": lambda som, X: report.build(som.map_, X),
    "source": lambda som, X: source(X),
    "table_from_frame": lambda som, X: table_from_frame(X),
}


@pytest.mark.parametrize("use", USES)
def test_no_function_reads_a_container_whose_rows_it_would_misread(use):
    som = SOM(2, 3, random_state=0).fit(X)
    with rejected() as caught:
        USES[use](som, AnnData())
    assert "\n" not in str(caught.value)
