"""A map's file: an example opens, other languages read it, and lies are refused."""

import json
import re
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Graph, Map, SOMDetector, load
from somscape.errors import MapFileError
from somscape.maps.record import FORMAT, MAPPED_FROM, packed
from somscape.save import read_record, write_record
from somscape.tables import table_from_columns

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = Path(__file__).with_name("format_1.som")
"""A detector with two maps for a table of 40 customers with a column of each kind, and marks."""
PAGE = ROOT / "docs" / "contribute" / "map_file.md"


def rows_of(n=60, d=3):
    return np.random.default_rng(0).normal(size=(n, d))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.som"
    SOM(3, 4, random_state=0).fit(rows_of()).map_.save(path)
    return path


def parts_of(path):
    """The header's entries, the map's own header, and the bytes behind them."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:start])
    return entries, json.loads(entries["__metadata__"]["somscape"]), content[start:]


def put_together(path, entries, header, data):
    entries["__metadata__"] = {
        "somscape": header if isinstance(header, str) else json.dumps(header)
    }
    text = json.dumps(entries).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def refusal(path):
    with pytest.raises(MapFileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


# What was written stays readable


def test_a_detector_in_the_present_format_is_read_and_written_as_the_same_file(tmp_path):
    load(EXAMPLE).save(tmp_path / "again.som")
    assert (tmp_path / "again.som").read_bytes() == EXAMPLE.read_bytes()


@pytest.mark.parametrize("number", [0, 2, "1", None, True])
def test_a_file_in_another_format_says_which(saved, number):
    entries, header, data = parts_of(saved)
    put_together(saved, entries, header | {"format": number}, data)
    assert f"has format {number!r}, but this version of somscape reads only format 1" in refusal(
        saved
    )


def test_labels_of_units_come_back(saved, tmp_path):
    from dataclasses import replace

    labels = ("a", "", "b c", *[""] * 9)
    replace(load(saved), unit_labels=labels).save(tmp_path / "labelled.som")
    assert load(tmp_path / "labelled.som").unit_labels == labels
    assert load(saved).unit_labels == ()
    with rejected(parameter="unit_labels"):
        Map.from_record(replace(load(saved), unit_labels=("a",)).to_record())


@pytest.mark.parametrize("mapped_from", [0, MAPPED_FROM])
def test_arrays_are_read_only_views_of_the_file(saved, monkeypatch, mapped_from):
    monkeypatch.setattr("somscape.maps.record.MAPPED_FROM", mapped_from)
    arrays = read_record(saved).arrays
    assert arrays
    for array in arrays.values():
        assert not array.flags.owndata
        assert not array.flags.writeable
        assert array.flags.aligned


def test_a_map_cut_short_in_place_stays_whole_where_it_was_loaded(saved):
    # In a process of its own, which the system would end where the file were mapped.
    code = (
        "import os, sys, somscape, numpy as np; map_ = somscape.load(sys.argv[1]); "
        "before = np.array(map_.codebook); os.truncate(sys.argv[1], 0); "
        "assert (map_.codebook == before).all(); print(map_.winners(before).size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, saved], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "12\n"), done.stderr


def test_opening_a_large_map_allocates_next_to_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("somscape.maps.record.MAPPED_FROM", 10_000_000)
    path = tmp_path / "large.som"
    record = SOM(2, 2).fit(rows_of(d=1000)).map_.to_record()
    record.header["lattice"] |= {"n_rows": 50, "n_cols": 50}
    arrays = record.arrays | {"codebook": np.ones((2500, 1000)), "hits": np.ones(2500)}
    write_record(path, type(record)(record.header, arrays))
    tracemalloc.start()
    try:
        read_record(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 10


def test_a_map_can_be_saved_over_the_file_it_is_mapped_from(saved, monkeypatch):
    monkeypatch.setattr("somscape.maps.record.MAPPED_FROM", 0)
    map_ = load(saved)
    before = map_.codebook.copy()
    SOM(2, 2, random_state=1).fit(rows_of()).map_.save(saved)
    np.testing.assert_array_equal(map_.codebook, before)
    map_.save(saved)
    np.testing.assert_array_equal(load(saved).codebook, before)


# Another language reads it, from the page alone


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed (.ci/run does)")
@pytest.mark.parametrize("lattice", ["hexagonal", "graph"])
def test_the_reader_on_the_page_reads_what_was_saved(tmp_path, lattice):
    (code,) = re.findall(r"^```js\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(code.splitlines()) <= 20
    X = rows_of()
    shape = {"lattice": Graph(1 - np.eye(5))} if lattice == "graph" else {"n_rows": 3, "n_cols": 4}
    detector = SOMDetector(som=SOM(**shape), random_state=0).fit(X)
    detector.detector_.save(tmp_path / "m.som")
    script = tmp_path / "read.js"
    plain = "(_, v) => (typeof v === 'bigint' ? Number(v) : ArrayBuffer.isView(v) ? [...v] : v)"
    script.write_text(f"{code}\nconsole.log(JSON.stringify(readMap(process.argv[2]), {plain}));\n")
    done = subprocess.run(
        ["node", str(script), str(tmp_path / "m.som")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    read = json.loads(done.stdout)
    record = detector.detector_.to_record()
    written = packed(record.arrays)
    assert read["header"] == {**json.loads(json.dumps(record.header)), "format": FORMAT}
    assert set(read["arrays"]) == set(written)
    for name, array in written.items():
        assert read["arrays"][name]["shape"] == list(array.shape)
        np.testing.assert_array_equal(read["arrays"][name]["values"], array.ravel())


# What is not believed


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**6, 10**6]},
        {"shape": [-3, -12]},
        {"shape": [1] * 9},
        {"shape": "12"},
        {"dtype": "BF16", "shape": [12, 3]},
        {"data_offsets": [0, 280]},
        {"data_offsets": [8, 296]},
    ],
)
def test_an_entry_that_does_not_fit_its_place_is_refused_before_it_is_made(saved, change):
    entries, header, data = parts_of(saved)
    entries["codebook"] |= change
    put_together(saved, entries, header, data)
    assert "'codebook'" in refusal(saved)


def test_a_truth_value_other_than_0_and_1_is_refused(tmp_path):
    path = tmp_path / "d.som"
    SOMDetector(som=SOM(3, 4), random_state=0).fit(rows_of()).detector_.save(path)
    entries, header, data = parts_of(path)
    begin = entries["usual"]["data_offsets"][0]
    put_together(path, entries, header, data[:begin] + b"\x07" + data[begin + 1 :])
    assert "'usual' contains truth values other than 0 and 1" in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 1, "a": [' + "[]," * 50_000 + "0]}",
        '{"format": 1, "a": [' + '"ab",' * 50_000 + "0]}",
        '{"format": 1, "a": ' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"format": 1, "a": {' + ",".join(f'"{i}":{{}}' for i in range(50_000)) + "}}",
    ],
    ids=["empty lists", "short texts", "nesting", "empty objects"],
)
def test_a_header_that_would_fill_the_memory_is_refused_before_it_is_read(saved, text):
    entries, _, data = parts_of(saved)
    put_together(saved, entries, text, data)
    tracemalloc.start()
    try:
        assert "many lists and values would need more memory" in refusal(saved)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * saved.stat().st_size


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(saved, number):
    entries, header, data = parts_of(saved)
    put_together(saved, entries, json.dumps(header)[:-1] + f', "z": {number}}}', data)
    assert f"{number} is not a number" in refusal(saved)


PLAIN = {
    "kind": "number",
    "name": "a",
    "why": "used as given",
    "center": 0.0,
    "width": 0.0,
    "low": 0.0,
    "span": 1.0,
    "fill": 0.0,
    "is_whole": False,
}
DATE = {"kind": "date", "name": "a", "why": "", "unit": "D", "has_zone": False}
LEVELS = {"kind": "ordinal", "name": "a", "why": "", "levels": ["x", "y"], "fill": 0}
NUMBER = {name: value for name, value in PLAIN.items() if name != "kind"}


@pytest.mark.parametrize(
    "column",
    [
        3,
        None,
        [],
        {"kind": ["number"]},
        {"kind": "zebra", "name": "a", "why": ""},
        PLAIN | {"name": 7},
        PLAIN | {"span": 0.0},
        PLAIN | {"span": "1"},
        PLAIN | {"span": 10**400},
        PLAIN | {"width": -1.0},
        PLAIN | {"fill": None},
        PLAIN | {"fill": True},
        PLAIN | {"is_whole": 0},
        PLAIN | {"extra": 1},
        {k: v for k, v in PLAIN.items() if k != "fill"},
        {"kind": "category", "name": "a", "why": "", "levels": "xy"},
        {"kind": "category", "name": "a", "why": "", "levels": []},
        {"kind": "category", "name": "a", "why": "", "levels": ["x", "x"]},
        {"kind": "category", "name": "a", "why": "", "levels": [1, 2]},
        LEVELS | {"levels": ["x"]},
        LEVELS | {"fill": 2},
        LEVELS | {"fill": 0.0},
        DATE | {"unit": "h", "number": NUMBER},
        DATE | {"number": NUMBER | {"span": -1.0}},
        DATE | {"number": 3},
        {"kind": "id", "name": "a"},
    ],
    ids=str,
)
def test_a_column_that_no_encoding_would_write_is_refused(saved, column):
    entries, header, data = parts_of(saved)
    header["encoding"]["columns"][0] = column
    put_together(saved, entries, header, data)
    assert "The parts of the map do not fit together" in refusal(saved)


def test_a_column_of_plain_numbers_may_be_its_name_alone(saved):
    entries, header, data = parts_of(saved)
    header["encoding"]["columns"] = ["a", PLAIN | {"name": "b"}, "c"]
    put_together(saved, entries, header, data)
    assert load(saved).encoding.feature_names == ["a", "b", "c"]
    header["encoding"]["columns"] = ["a", "b", "a"]
    put_together(saved, entries, header, data)
    assert "two columns have the same name" in refusal(saved)


def test_a_graph_of_many_units_is_refused_before_it_is_made(tmp_path):
    path = tmp_path / "g.som"
    SOM(lattice=Graph(1 - np.eye(5))).fit(rows_of()).map_.save(path)
    entries, header, data = parts_of(path)
    header["lattice"]["n_units"] = 10_000
    put_together(path, entries, header, data)
    assert "the graph has 10000 units" in refusal(path)


@pytest.mark.parametrize(
    "change",
    [
        {"history.radius": np.zeros((2, 2))},
        {"history.radius": np.zeros(0)},
        {"history.radius": np.zeros(3, np.int64)},
        {"metric.feature_weights": np.array([-1.0, 1.0, 1.0])},
        {"metric.feature_weights": np.ones((3, 3))},
        {"metric.whitening": np.eye(3)},
        {"hits": np.ones(12, bool)},
    ],
    ids=lambda change: f"{next(iter(change))} {next(iter(change.values())).shape}",
)
def test_arrays_of_another_form_are_refused(saved, change):
    record = load(saved).to_record()
    write_record(saved, type(record)(record.header, record.arrays | change))
    assert "The parts of the map do not fit together" in refusal(saved)


@pytest.mark.parametrize(("n_axes", "fits"), [(0, False), (1, True), (3, True), (4, False)])
def test_a_metric_has_at_most_as_many_axes_as_features(saved, n_axes, fits):
    record = load(saved).to_record()
    metric = {"metric.whitening": np.ones((3, n_axes)), "metric.center": np.zeros(3)}
    header = {**record.header, "metric": "mahalanobis"}
    write_record(saved, type(record)(header, record.arrays | metric))
    if fits:
        assert load(saved).winners(rows_of()).shape == (len(rows_of()),)
    else:
        assert "The parts of the map do not fit together" in refusal(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"regions": np.ones(3, int)},
        {"spread": -np.ones(12)},
        {"history.radius": np.zeros((2, 2))},
    ],
)
def test_arrays_of_another_form_are_refused_of_a_detector(tmp_path, change):
    path = tmp_path / "d.som"
    SOMDetector(som=SOM(3, 4), n_maps=3, random_state=0).fit(rows_of()).detector_.save(path)
    record = read_record(path)
    write_record(path, type(record)(record.header, record.arrays | change))
    refusal(path)


# What nobody may leave out or read aloud


@pytest.mark.parametrize("place", ["header", "encoding", "array", "metadata"])
def test_a_part_that_is_not_known_is_refused_with_the_version_that_wrote_it(saved, place):
    entries, header, data = parts_of(saved)
    header["versions"]["somscape"] = "9.1.0"
    if place == "header":
        header["tints"] = []
    elif place == "encoding":
        header["encoding"]["tints"] = []
    elif place == "array":
        n = len(data)
        entries["tints"] = {"dtype": "F64", "shape": [0], "data_offsets": [n, n]}
    put_together(saved, entries, header, data)
    if place == "metadata":
        text = json.dumps({**entries, "__metadata__": {**entries["__metadata__"], "tints": ""}})
        saved.write_bytes(len(text).to_bytes(8, "little") + text.encode() + data)
    message = refusal(saved)
    assert "'tints'" in message
    assert ("9.1.0" in message) == (place != "encoding")


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [
        (lambda h: h["parameters"].update(note="two\nlines"), True),
        (lambda h: h["parameters"].update({"two\nlines": 1}), True),
        (lambda h: h["parameters"].update(note="half \ud83d"), True),
        (lambda h: h.update(unit_labels=["half \ud83d"] * 12), True),
        (lambda h: h["encoding"].update(columns=["half \ud83d", "b", "c"]), True),
        (lambda h: h["parameters"].update(note="whole \U0001f600"), False),
        (lambda h: h.update(unit_labels=["two\nlines"] * 12), False),
        (lambda h: h["encoding"]["columns"][0].update(name="two\nlines"), False),
    ],
)
def test_texts_are_unicode_and_of_one_line_but_for_the_datas_own(saved, change, is_refused):
    entries, header, data = parts_of(saved)
    change(header)
    put_together(saved, entries, header, data)
    if is_refused:
        assert "contains a control character" in refusal(saved)
    else:
        load(saved).save(saved.with_name("again.som"))
        assert parts_of(saved.with_name("again.som"))[1] == {**header, "format": FORMAT}


def test_text_that_no_file_can_hold_is_not_saved(tmp_path):
    map_ = SOM(2, 2, random_state=0).fit(rows_of()).map_
    record = map_.to_record()
    record.header["unit_labels"] = ["\ud800"] * 4
    with rejected():
        write_record(tmp_path / "m.som", record)
    assert not list(tmp_path.iterdir())


def test_a_map_of_many_columns_and_few_units_is_read(tmp_path):
    table = {f"c{i}": np.sin(np.arange(40.0) * (i + 1)) for i in range(300)}
    SOM(1, 2, random_state=0).fit(table_from_columns(table)).map_.save(tmp_path / "m.som")
    assert load(tmp_path / "m.som").codebook.shape == (2, 300)
