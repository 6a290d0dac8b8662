"""What somscape finds becomes a data frame of pandas, Polars or pyarrow, and shows itself."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from texts import rejected

from somscape import SOM, Graph, SOMDetector, TableEncoder, regions
from somscape.tables import table as _framed
from somscape.tables import table_from_columns
from somscape.tables.table import frame_of, html_of

TYPES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}


class Reader(HTMLParser):
    """The tags and the texts of a page; fails for a tag that is closed in the wrong place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def names_of(frame) -> list[str]:
    return frame.column_names if isinstance(frame, pa.Table) else list(frame.columns)


@pytest.fixture(name="X")
def make_rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, 3))


@pytest.mark.parametrize("library", TYPES)
def test_columns_become_a_frame_with_types_and_missing_cells(library: str) -> None:
    columns = {
        "whole": np.arange(3),
        "number": np.array([1.5, np.nan, 2]),
        "text": np.array(["a", None, "c"], dtype=object),
        "day": np.array(["2026-01-31", "NaT", "2026-02-01"], "datetime64[D]"),
        "flag": [True, False, True],
    }
    frame = frame_of(columns, library)
    assert isinstance(frame, TYPES[library])
    found = pa.table(frame) if library == "polars" else frame
    found = pa.Table.from_pandas(frame) if library == "pandas" else found
    assert found.column_names == list(columns)
    assert [found[name].null_count for name in columns] == [0, 1, 1, 1, 0]
    assert found["whole"].to_pylist() == [0, 1, 2]
    assert found["day"].to_pylist()[0] == pd.Timestamp("2026-01-31")
    assert found["flag"].to_pylist() == [True, False, True]


def test_frame_is_of_pandas_by_default_and_of_the_next_library_without_it(monkeypatch) -> None:
    assert isinstance(frame_of({"a": [1]}), pd.DataFrame)
    there = {"polars", "pyarrow"}
    monkeypatch.setattr(_framed, "find_spec", lambda name: name in there or None)
    assert isinstance(frame_of({"a": [1]}), pl.DataFrame)
    with rejected(parameter="library", value="pandas"):
        frame_of({"a": [1]}, "pandas")
    there.discard("polars")
    assert isinstance(frame_of({"a": [1]}), pa.Table)


def test_another_library_is_refused() -> None:
    with rejected(ValueError, parameter="library", value="modin"):
        frame_of({"a": [1]}, "modin")


def test_table_becomes_a_frame_and_rows(X: np.ndarray) -> None:
    table = table_from_columns({"n": [1, 2], "v": [0.5, None], "t": ["<b>", None]})
    frame = table.to_frame()
    assert [frame[name].dtype.kind for name in ("n", "v")] == ["i", "f"]
    assert frame.isna().to_numpy().tolist() == [[False] * 3, [False, True, True]]
    assert list(table) == [{"n": 1, "v": 0.5, "t": "<b>"}, {"n": 2, "v": None, "t": None}]
    long_id = 2**60 + 1
    assert table_from_columns({"id": [long_id]}).to_frame()["id"][0] == str(long_id)


def test_suggestions_go_into_a_frame_and_back_into_a_map(X: np.ndarray) -> None:
    found = SOM.suggest(X, n_samples=60, n_seeds=2)
    frame = pd.DataFrame(found)
    pd.testing.assert_frame_equal(frame, found.to_frame())
    row = next(iter(found))
    size = {name: row[name] for name in ("n_rows", "n_cols", "radius_end")}
    assert SOM(**size).fit(X).map_.lattice.n_rows == row["n_rows"]


@pytest.mark.parametrize("library", TYPES)
def test_map_is_a_frame_of_units_in_original_units(library: str, X: np.ndarray) -> None:
    data = pd.DataFrame({"age": 100 * X[:, 0], "job": np.where(X[:, 1] > 0, "a", "b"), "row": 7})
    data["row"] += np.arange(len(data)) % 5
    map_ = SOM(3, 4, encoder=TableEncoder(), random_state=0).fit(data).map_
    frame = map_.to_frame(library)
    assert names_of(frame)[:5] == ["unit", "row", "col", "hits", "u_height"]
    assert set(names_of(frame)[5:]) == {"age", "job", "row_"}
    assert [int(value) for value in frame["row"].to_numpy()] == np.repeat(range(3), 4).tolist()
    assert np.array_equal(frame["age"].to_numpy(), map_.plane("age"))
    assert frame["job"].to_numpy().tolist() == map_.plane("job").tolist()


@pytest.mark.parametrize("library", TYPES)
def test_rows_are_located(library: str, X: np.ndarray) -> None:
    map_ = SOM(3, 4, missing="mask", random_state=0).fit(X).map_
    X = X.copy()
    X[3] = np.nan
    frame = map_.locate(X, library)
    assert names_of(frame) == ["unit", "row", "col", "x", "y", "distance"]
    found = {name: np.asarray(frame[name].to_numpy(), float) for name in names_of(frame)}
    units, distances = map_.nearest(X)
    there = np.arange(len(X)) != 3
    assert np.array_equal(found["unit"], units[:, 0])
    assert np.array_equal(found["distance"], distances[:, 0], equal_nan=True)
    at = np.column_stack([found["x"], found["y"]])
    assert np.array_equal(at[there], map_.lattice.positions[units[there, 0]])
    assert [found[name][3] for name in ("unit", "row", "col")] == [-1, -1, -1]
    assert np.isnan(at[3]).all()


def test_a_map_that_is_a_graph_has_a_frame(X: np.ndarray) -> None:
    line = np.eye(3, k=1) + np.eye(3, k=-1)
    map_ = SOM(lattice=Graph(line), random_state=0).fit(X).map_
    assert map_.to_frame()["col"].tolist() == [0, 0, 0]
    assert len(map_.locate(X)) == len(X)


def test_alerts_are_a_frame_with_the_rows_of_the_table(X: np.ndarray) -> None:
    table = table_from_columns(
        {"score": [f"c{i}" for i in range(len(X))], "a": X[:, 0], "b": X[:, 1]}
    )
    detector = SOMDetector(random_state=0).fit(table)
    alerts = detector.alerts(table, 3)
    frame = alerts.to_frame()
    assert len(frame) == 3
    assert frame["table_row"].tolist() == alerts.rows[:3].tolist()
    assert frame["stands_out"].dtype == bool
    assert alerts.to_frame("polars").columns == list(frame.columns)
    assert len(set(frame.columns)) == 9


MARKUP = "<script>alert(1)</script>&\"'"


def test_notebooks_show_tables_with_every_cell_escaped() -> None:
    table = table_from_columns({MARKUP: [MARKUP, None, "-1"], "n": [1.5, 2.5, 3.5]})
    page = table._repr_html_()
    found = Reader(page)
    assert {*found.tags} == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert found.texts.count(MARKUP) == 2
    assert "3 rows, 2 columns" in page
    many = table_from_columns({"a": range(1000)})._repr_html_()
    assert many.count("<tr>") < 50
    assert "1,000 rows, 1 column" in many


def test_long_cells_are_cut_and_empty_tables_are_shown() -> None:
    assert html_of(["a"], [["x" * 1000]]).count("x") == _framed.MAX_CELL - 1
    assert Reader(table_from_columns({})._repr_html_()).tags[0] == "table"


def test_notebooks_show_alerts_with_ids_and_reasons_escaped(X: np.ndarray) -> None:
    table = table_from_columns(
        {
            "id": [f"<b>{i}</b>" for i in range(len(X))],
            "<i>a</i>": X[:, 0] + 9 * (np.arange(len(X)) == 7),
            "b": X[:, 1],
        }
    )
    alerts = SOMDetector(random_state=0).fit(table).alerts(table, 30)
    page = alerts._repr_html_()
    found = Reader(page)
    assert {*found.tags} == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "<b>7</b>" in found.texts
    assert alerts.headline in page
    assert page.count("<tr>") == 21
    n_shown = sum(len(finding.places) for finding in alerts.findings[:20])
    assert f"... {30 - n_shown} more alerts" in page
    assert any("<i>a</i>" in text for text in found.texts)


@pytest.mark.parametrize("library", TYPES)
def test_regions_are_frames_of_units_and_of_rows(library: str, X: np.ndarray) -> None:
    found = regions.find_regions(SOM(3, 4, random_state=0).fit(X), 3)
    units, rows = found.to_frame(library=library), found.to_frame(X, library=library)
    assert names_of(units) == ["unit", "row", "col", "hits", "region"]
    assert units["region"].to_numpy().tolist() == found.labels.tolist()
    assert rows["region"].to_numpy().tolist() == found.of(X).tolist()


def test_notebooks_show_regions(X: np.ndarray) -> None:
    found = regions.find_regions(SOM(3, 4, random_state=0).fit(X), 3)
    texts = Reader(found._repr_html_()).texts
    assert "Regions(3 regions of 12 units)" in texts
    at = texts.index("0")
    assert texts[at : at + 3] == ["0", str(found.n_units[0]), f"{found.sizes[0]:g}"]
