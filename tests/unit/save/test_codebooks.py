"""Files of SOM_PAK, ESOM Tools and Somoclu: by hand, to the bit, and complaints with a place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from texts import rejected

from somscape import Lattice, load
from somscape.save import read_cod, read_lrn, read_wts

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def write(folder, text, name="m.cod"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# Written by hand: 2 columns, 3 rows, x first; the unit at column 1, row 2 is the last.
BY_HAND = """\
# made by vsom
2 hexa 2 3 bubble
#n weight height
0 0.5 a  b
# a comment
1 -1

2 2e-1 c
3 3
4 4
5.25 6
"""


@pytest.mark.parametrize("text", [BY_HAND, BY_HAND.removeprefix("# made by vsom\n")])
def test_a_codebook_written_by_hand_lies_as_it_should(tmp_path, text):
    map_ = read_cod(write(tmp_path, text))
    assert map_.lattice == Lattice(3, 2, "hexagonal", "plane")
    np.testing.assert_array_equal(
        map_.codebook, [[0, 0.5], [1, -1], [2, 0.2], [3, 3], [4, 4], [5.25, 6]]
    )
    assert map_.encoding.feature_names == ["weight", "height"]
    assert map_.unit_labels == ("a b", "", "c", "", "", "")
    assert map_.parameters == {"program": "SOM_PAK", "neighborhood": "bubble"}
    row, col = map_.lattice.rows_and_cols(map_.winners([[5.0, 6.0], [1.0, -0.9]]))
    assert (row.tolist(), col.tolist()) == ([2, 0], [1, 1])
    map_.save(tmp_path / "m.som")
    assert load(tmp_path / "m.som").unit_labels == map_.unit_labels


def test_weights_written_by_hand_lie_as_they_should(tmp_path):
    text = "# Somoclu\n% 2 3\n% 2\n0 1\n2 3\n# a comment\n4 5\n6 7\n8 9\n1e1 -11\n"
    map_ = load(write(tmp_path, text, "m.wts"))
    assert map_.lattice == Lattice(2, 3, "rectangular", "torus")
    np.testing.assert_array_equal(map_.codebook[3:], [[6, 7], [8, 9], [10, -11]])
    assert map_.hits.sum() == 0
    given = read_wts(tmp_path / "m.wts", boundary="cylinder", kind="hexagonal").lattice
    assert given == Lattice(2, 3, "hexagonal", "cylinder")
    with rejected(file="m.wts"):
        read_wts(tmp_path / "m.wts", kind="cubic")


@given(draws=st.data())
def test_a_codebook_comes_back_to_the_bit(draws, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cod")
    n_rows, n_cols, d = (draws.draw(st.integers(1, 4)) for _ in range(3))
    values = draws.draw(npst.arrays(np.float64, (n_rows * n_cols, d), elements=NUMBERS))
    lines = "".join(" ".join(map(repr, row)) + "\n" for row in values.tolist())
    cod = read_cod(write(folder, f"{d} rect {n_cols} {n_rows} gaussian\n{lines}"))
    wts = read_wts(write(folder, f"% {n_rows} {n_cols}\n% {d}\n{lines}", "m.wts"), boundary="plane")
    for map_ in (cod, wts):
        np.testing.assert_array_equal(map_.codebook, values)
        assert map_.lattice == Lattice(n_rows, n_cols, "rectangular")


def test_rows_written_by_hand(tmp_path):
    text = (
        "% 2\n% 5\n% 9\t1\t0\t1\t3\n% Key\tan age\tb\tkey\tc\n7\t1\tz\tNaN\tred\n# no\n8 x 5 -6 2\n"
    )
    table = read_lrn(write(tmp_path, text, "r.lrn"))
    assert table.names == ("key", "an age", "key_", "label")
    assert [c.cells.tolist() for c in table.columns] == [
        ["7", "8"],
        ["1", None],
        [None, "-6"],
        ["red", "2"],
    ]
    short = read_lrn(write(tmp_path, "% 1\n% 3\n1 2 3\n", "r.lrn"))
    assert (short.names, short.to_numpy().tolist()) == (("key", "x0", "x1"), [[1, 2, 3]])


def test_files_of_windows_and_of_other_encodings_are_read(tmp_path):
    path = tmp_path / "m.cod"
    path.write_bytes(b"\xef\xbb\xbf1 rect 1 1 bubble\r\n#n gr\xc3\xb6\xc3\x9fe\r\n5\r\n")
    assert read_cod(path).encoding.feature_names == ["größe"]
    path.write_bytes("1 rect 1 1 bubble\n#n größe\n5\n".encode("latin-1"))
    assert read_cod(path).encoding.feature_names == ["größe"]
    path.write_bytes(b"1 rect 1 1 bubble\r5\r")
    assert read_cod(path).codebook.tolist() == [[5.0]]


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
        ("2 hexa 1 1 bubble\n1\n", "m.cod, line 2"),
        ("1 hexa 1 2 bubble\n1\n", "m.cod"),
        ("1 hexa 1 1 bubble\n1\n\n2\n", "m.cod, line 4"),
        ("1 hexa 1 1 bubble\n#n a b\n1\n", "m.cod, line 2"),
        ("2 hexa 1 1 bubble\n#n a a\n1 2\n", "m.cod, line 2"),
        ("999999999 rect 999999 999999 bubble\n1\n", "m.cod, line 2"),
        ("1 rect 99999999999999 1 bubble\n", "m.cod, line 1, field 3"),
        ("1\0 rect", "m.cod"),
        ("", "m.wts"),
        ("1 2\n", "m.wts, line 1"),
        ("% 1\n% 2\n", "m.wts, line 1"),
        ("% 1 2\n3 4\n", "m.wts, line 2"),
        ("% 1 0\n% 1\n", "m.wts, line 1, field 2"),
        ("% 1 2\n% 2\n1 2\n3\n", "m.wts, line 4"),
        ("% 1 2\n% 2\n1 2\n3 4 5\n", "m.wts, line 4"),
        ("% 1 2\n% 2\n1 2\n", "m.wts"),
        ("% 1 2\n% 2\n1 2\n3 4\n5 6\n", "m.wts"),
        ("% 99999999 9999999\n% 2\n1 2\n", "m.wts"),
        ("% 1 1\n% 1\nNaN\n", "m.wts, line 3, field 1"),
        ("% 2\n", "m.lrn, line 1"),
        ("% 1\n% 2\n% 9 2\n1 2\n", "m.lrn, line 3"),
        ("% 1\n% 2\n% 9 9\n1 2\n", "m.lrn, line 3"),
        ("% 1\n% 2\n% 9\n1 2\n", "m.lrn, line 3"),
        ("% 1\n% 2\n% 9 1\n% Key\n1 2\n", "m.lrn, line 4"),
        ("% 1\n% 2\n-1 2\n", "m.lrn, line 3, field 1"),
        ("% 1\n% 2\n1 two\n", "m.lrn, line 3, field 2"),
        ("% 1\n% 2\n1\n", "m.lrn, line 3"),
        ("% 2\n% 2\n1 2\n", "m.lrn"),
        ("% 1\n% 1\n1\n", "m.lrn, line 3"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path, text, place):
    name, *of_line = place.split(", ")
    line = int(of_line[0].split()[1]) if of_line else None
    read = {"cod": read_cod, "wts": read_wts, "lrn": read_lrn}[name[2:]]
    with rejected(file=name, line=line) as caught:
        read(write(tmp_path, text, name))
    assert str(caught.value).startswith((f"{place}: ", f"{place} "))


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with rejected(file=tmp_path):
        read_cod(tmp_path)
    with rejected(file=tmp_path / "nothing.lrn"):
        read_lrn(tmp_path / "nothing.lrn")
