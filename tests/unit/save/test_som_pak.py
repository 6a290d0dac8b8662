"""SOM_PAK's and the SOM Toolbox's files: by hand, there and back, complaints with a place."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, load
from somscape.errors import SomscapeWarning
from somscape.save import Samples, read_cod, read_dat, write_cod, write_dat
from somscape.tables import Encoding

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text("abcXYZ019_äß=", min_size=1, max_size=6)


def write(folder, text, name="m.cod"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def map_of(codebook, **lattice):
    encoding = Encoding.plain([f"x{i}" for i in range(codebook.shape[1])])
    return Map(codebook, Lattice(**lattice), encoding, np.zeros(len(codebook)))


# Written by hand: 2 columns, 3 rows, x first; the unit at column 1, row 2 is the last.
BY_HAND = """\
# made by vsom
2 hexa 2 3 bubble
#n weight height
0 0.5 a b
# a comment
1 -1

2 2e-1 c
3 3
4 4
5.25 6
"""


def test_a_codebook_written_by_hand_lies_as_it_should(tmp_path):
    path = write(tmp_path, BY_HAND.removeprefix("# made by vsom\n"))
    record = read_cod(path)
    map_ = Map.from_record(record)
    assert map_.lattice == Lattice(3, 2, "hexagonal", "plane")
    np.testing.assert_array_equal(
        map_.codebook, [[0, 0.5], [1, -1], [2, 0.2], [3, 3], [4, 4], [5.25, 6]]
    )
    assert map_.encoding.feature_names == ["weight", "height"]
    assert map_.unit_labels == ("a b", "", "c", "", "", "")
    assert map_.parameters == {"program": "SOM_PAK", "neighborhood": "bubble"}
    row, col = map_.lattice.rows_and_cols(map_.winners([[5.0, 6.0], [1.0, -0.9]]))
    assert (row.tolist(), col.tolist()) == ([2, 0], [1, 1])


def test_a_comment_above_the_first_line_is_passed_over(tmp_path):
    assert Map.from_record(read_cod(write(tmp_path, BY_HAND))).n_units == 6


def test_what_is_written_is_what_som_pak_reads(tmp_path):
    map_ = map_of(np.array([[0.5, -1.0], [2.0, 1e-7]]), n_rows=1, n_cols=2, kind="rectangular")
    write_cod(tmp_path / "m.cod", map_)
    assert (tmp_path / "m.cod").read_text() == (
        "2 rect 2 1 gaussian\n#n x0 x1\n0.5 -1.0\n2.0 1e-07\n"
    )


@given(draws=st.data())
def test_a_codebook_comes_back_to_the_bit(draws, tmp_path_factory):
    path = tmp_path_factory.mktemp("cod") / "m.cod"
    n_rows, n_cols, d = (draws.draw(st.integers(1, 4)) for _ in range(3))
    kind = draws.draw(st.sampled_from(["hexagonal", "rectangular"]))
    values = npst.arrays(np.float64, (n_rows * n_cols, d), elements=NUMBERS)
    labels = st.lists(
        st.lists(WORDS, max_size=2), min_size=n_rows * n_cols, max_size=n_rows * n_cols
    )
    names = draws.draw(st.lists(WORDS, min_size=d, max_size=d, unique=True))
    map_ = replace(
        map_of(draws.draw(values), n_rows=n_rows, n_cols=n_cols, kind=kind),
        encoding=Encoding.plain(names),
        unit_labels=tuple(" ".join(words) for words in draws.draw(labels)),
    )
    write_cod(path, map_)
    back = load(path)
    np.testing.assert_array_equal(back.codebook, map_.codebook)
    assert back.lattice == map_.lattice
    assert back.encoding.feature_names == names
    assert back.unit_labels == (map_.unit_labels if any(map_.unit_labels) else ())


@given(draws=st.data())
def test_rows_come_back_to_the_bit(draws, tmp_path_factory):
    path = tmp_path_factory.mktemp("dat") / "rows.dat"
    n, d = draws.draw(st.integers(1, 5)), draws.draw(st.integers(1, 4))
    values = draws.draw(npst.arrays(np.float64, (n, d), elements=NUMBERS | st.just(np.nan)))
    names = tuple(draws.draw(st.lists(WORDS, min_size=d, max_size=d, unique=True)))
    is_weight = WORDS.filter(lambda word: not word.startswith("weight="))
    labels = tuple(draws.draw(st.lists(is_weight | st.just(""), min_size=n, max_size=n)))
    weights = draws.draw(npst.arrays(np.float64, n, elements=st.floats(0, 1e9)))
    write_dat(
        path,
        Samples(values, names, labels, None, weights),
        missing=draws.draw(st.sampled_from(["x", "NaN"])),
    )
    back = read_dat(path)
    np.testing.assert_array_equal(back.values, values)
    assert back.names == names
    assert back.labels == (labels if any(labels) else None)
    if back.weights is None:
        assert (weights == 1).all()
    else:
        np.testing.assert_array_equal(back.weights, weights)


def test_rows_written_by_hand(tmp_path):
    text = "3\n#n a b c\n1 x 3 red\n# no row\n4 5 nan\n7 8 9 fixed=1,2 weight=2.5 green blue\n"
    rows = read_dat(write(tmp_path, text, "r.dat"))
    np.testing.assert_array_equal(rows.values, [[1, np.nan, 3], [4, 5, np.nan], [7, 8, 9]])
    assert rows.names == ("a", "b", "c")
    assert rows.labels == ("red", "", "fixed=1,2 green blue")
    np.testing.assert_array_equal(rows.weights, [1, 1, 2.5])
    table = rows.to_table()
    assert table.names == ("a", "b", "c", "label", "weight")
    assert table.column("label").cells.tolist() == ["red", None, "fixed=1,2 green blue"]


@pytest.mark.parametrize("text", ["1 2 lab\n3 4\n", "2 hexa 3 3 gaussian\n1 2 lab\n3 4\n"])
def test_rows_without_their_dimension_or_with_a_whole_first_line(tmp_path, text):
    rows = read_dat(write(tmp_path, text, "r.dat"))
    np.testing.assert_array_equal(rows.values, [[1, 2], [3, 4]])
    assert rows.labels == ("lab", "")


def test_files_of_windows_and_of_other_encodings_are_read(tmp_path):
    path = tmp_path / "m.cod"
    path.write_bytes(b"\xef\xbb\xbf1 rect 1 1 bubble\r\n#n gr\xc3\xb6\xc3\x9fe\r\n5\r\n")
    assert read_cod(path).header["encoding"]["columns"] == ["größe"]
    path.write_bytes("1 rect 1 1 bubble\n#n größe\n5\n".encode("latin-1"))
    assert read_cod(path).header["encoding"]["columns"] == ["größe"]
    path.write_bytes(b"1 rect 1 1 bubble\r5\r")
    assert read_cod(path).arrays["codebook"].tolist() == [[5.0]]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "m.cod"),
        ("2 hexa 2 3\n", "m.cod, line 1"),
        ("2 cubic 2 3 bubble\n", "m.cod, line 1"),
        ("2 hexa 2 3 mexican\n", "m.cod, line 1"),
        ("0 hexa 2 3 bubble\n", "m.cod, line 1, field 1"),
        ("2 hexa two 3 bubble\n", "m.cod, line 1, field 3"),
        ("2 hexa 2 -3 bubble\n", "m.cod, line 1, field 4"),
        ("2 hexa 1 1 bubble\n1 2x\n", "m.cod, line 2, field 2"),
        ("2 hexa 1 1 bubble\n1 1_0\n", "m.cod, line 2, field 2"),
        ("2 hexa 1 1 bubble\n1 inf\n", "m.cod, line 2, field 2"),
        ("2 hexa 1 1 bubble\nx 2\n", "m.cod, line 2, field 1"),
        (
            "2 hexa 1 1 bubble\n1\n",
            "m.cod, line 2",
        ),
        (
            "1 hexa 1 2 bubble\n1\n",
            "m.cod, line 1",
        ),
        ("1 hexa 1 1 bubble\n1\n\n2\n", "m.cod, line 4"),
        ("1 hexa 1 1 bubble\n#n a b\n1\n", "m.cod, line 2"),
        ("2 hexa 1 1 bubble\n#n a a\n1 2\n", "m.cod, line 2"),
        ("999999999 rect 999999 999999 bubble\n1\n", "m.cod, line 2"),
        ("1 rect 99999999999999 1 bubble\n", "m.cod, line 1, field 3"),
        ("1\0 rect", "m.cod"),
    ],
)
def test_a_codebook_that_cannot_be_read_says_where(tmp_path, text, place):
    line = int(place.split()[2].rstrip(",")) if ", line " in place else None
    with rejected(file="m.cod", line=line) as caught:
        read_cod(write(tmp_path, text))
    assert str(caught.value).startswith((f"{place}: ", f"{place} "))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "r.dat"),
        ("2\n", "r.dat"),
        ("red 1\n", "r.dat, line 1, field 1"),
        ("2\n1 2\n3 red\n", "r.dat, line 3, field 2"),
        ("2\n1 2\n3\n", "r.dat, line 3"),
        ("2\n1 2 weight=a\n", "r.dat, line 2, field 3"),
        ("2\n1 2 red weight=-1\n", "r.dat, line 2, field 4"),
        ("2\n#n a b c\n1 2\n", "r.dat, line 2"),
    ],
)
def test_rows_that_cannot_be_read_say_where(tmp_path, text, place):
    line = int(place.split()[2].rstrip(",")) if ", line " in place else None
    with rejected(file="r.dat", line=line) as caught:
        read_dat(write(tmp_path, text, "r.dat"))
    assert str(caught.value).startswith((f"{place}: ", f"{place} "))


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with rejected(file=tmp_path):
        read_cod(tmp_path)
    with rejected(file=tmp_path / "nothing.dat"):
        read_dat(tmp_path / "nothing.dat")


def test_what_a_codebook_cannot_say_is_said(tmp_path):
    torus = SOM(4, 4, boundary="torus").fit(np.random.default_rng(0).normal(size=(60, 2)))
    with pytest.warns(SomscapeWarning, match="torus"):
        write_cod(tmp_path / "m.cod", torus)
    assert load(tmp_path / "m.cod").lattice.boundary == "plane"
    graph = SOM(lattice=Graph(1 - np.eye(4))).fit(np.random.default_rng(0).normal(size=(60, 2)))
    with rejected(value="graph"):
        write_cod(tmp_path / "g.cod", graph)
    with rejected(TypeError, value="list"):
        write_cod(tmp_path / "g.cod", [1, 2])
    assert not (tmp_path / "g.cod").exists()


@pytest.mark.parametrize("data", [[["a"]], [1.0, 2.0], [[np.inf]], np.zeros((3, 0))])
def test_rows_that_cannot_be_written_are_refused(tmp_path, data):
    with rejected():
        write_dat(tmp_path / "r.dat", data)
    assert not (tmp_path / "r.dat").exists()
    with rejected(ValueError, parameter="missing", value="?"):
        write_dat(tmp_path / "r.dat", [[1.0]], missing="?")
