"""Arrow streams, relations and lazy frames: read once, to the same bits as a frame."""

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from nightly import nightly
from texts import rejected

from somscape import SOM, SOMDetector, report
from somscape.tables import Table, source, table_from_frame
from somscape.tables._frame import as_frame
from somscape.tables.sources import collected

N = 60

SCALED = "ignore:X has text, categories or dates"


def numbers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N) * 9, "c": rng.random(N)})


def mixed() -> pd.DataFrame:
    days = pd.date_range("2026-01-01", periods=N).astype("datetime64[us]")
    return numbers().assign(kind=["x", "y", "z"] * (N // 3), day=days)


class Stream:
    """What only hands over its rows, once."""

    def __init__(self, table: pa.Table) -> None:
        self._reader: Any = table.to_reader()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._reader.__arrow_c_stream__(requested_schema)


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def relation(frame: pd.DataFrame) -> Any:
    found = arrow(frame)
    return duckdb.connect().from_arrow(found)


def table_from(data: Any) -> Table:
    found = collected(data)
    return found if isinstance(found, Table) else table_from_frame(found)


def known_form(make: Callable[[Any], Any], frame: pd.DataFrame) -> Any:
    """Return the frame, or its table where one is made: tables of numbers are encoded, too."""
    return table_from_frame(frame) if make is source else frame


MAKERS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "reader": lambda frame: arrow(frame).to_reader(max_chunksize=7),
    "batch": lambda frame: arrow(frame).combine_chunks().to_batches()[0],
    "relation": relation,
    "lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "stream": lambda frame: Stream(arrow(frame)),
    "source": source,
}

each_kind = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
each_frame = pytest.mark.parametrize("frame_of", [mixed, *nightly([numbers])])


@each_kind
def test_a_table_of_it(make: Callable[[Any], Any]) -> None:
    expected, table = table_from_frame(mixed()), table_from(make(mixed()))
    assert table.names == expected.names
    for column, known in zip(table.columns, expected.columns, strict=True):
        assert column.is_number == known.is_number
        if known.numbers is not None:
            np.testing.assert_array_equal(column.numbers, known.numbers)
        else:
            assert column.cells.tolist() == known.cells.tolist()


@pytest.mark.filterwarnings(SCALED)
@each_kind
@each_frame
def test_a_detector_takes_it_as_the_frame(
    make: Callable[[Any], Any], frame_of: Callable[[], pd.DataFrame]
) -> None:
    frame = frame_of()
    detector = SOMDetector(random_state=0).fit(make(frame))
    known = SOMDetector(random_state=0).fit(known_form(make, frame))
    expected = known.score_samples(frame)
    np.testing.assert_array_equal(detector.score_samples(make(frame)), expected)
    found, alerts = detector.alerts(make(frame), 5), known.alerts(frame, 5)
    assert list(found.ids) == list(alerts.ids)
    assert [str(r) for r in found.reasons] == [str(r) for r in alerts.reasons]
    scores, p = next(iter(detector.score_stream([make(frame)])))
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(p, known.p_values(frame))
    similar = detector.similar_rows(make(frame), among=make(frame))
    np.testing.assert_array_equal(similar.rows, known.similar_rows(frame, among=frame).rows)
    pages = [report.build(some, rows) for some, rows in ((detector, make(frame)), (known, frame))]
    assert pages[0]["rows"] == pages[1]["rows"]


def test_a_reader_that_was_read_before_is_told() -> None:
    reader = arrow(numbers()).to_reader()
    SOM(3, 4).fit(reader)
    with rejected(file="X"):
        SOM(3, 4).fit(reader)


def test_a_stream_that_is_no_table_is_told() -> None:
    class Column:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pa.chunked_array([[1, 2]]).__arrow_c_stream__(requested_schema)

    with rejected(file="data frame") as caught:
        table_from_frame(Column())
    assert len(str(caught.value).splitlines()) == 1
    assert as_frame(pa.chunked_array([[1, 2]])) is None
    assert as_frame(pl.Series([1, 2])) is None
    assert as_frame(pd.Series([1, 2])) is None


def test_a_stream_that_breaks_off_is_told() -> None:
    schema = pa.schema([("a", pa.int64())])

    def batches() -> Any:
        yield pa.record_batch([pa.array([1, 2])], schema)
        raise OSError("the server went away")

    with rejected(file="data frame") as caught:
        table_from_frame(pa.RecordBatchReader.from_batches(schema, batches()))
    assert "Traceback" not in str(caught.value)
