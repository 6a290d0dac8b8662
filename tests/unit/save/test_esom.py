"""ESOM Tools' and Somoclu's files: read by hand, there and back, and complaints with a place."""

import os
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from texts import rejected

from somscape import SOM, Graph, Lattice, Map, load
from somscape.errors import InputError, SomscapeWarning
from somscape.save import (
    BestMatches,
    Classes,
    Samples,
    best_matches,
    classes_of,
    read_bm,
    read_cls,
    read_dat,
    read_lrn,
    read_somoclu,
    read_umx,
    read_wts,
    write_bm,
    write_cls,
    write_lrn,
    write_umx,
    write_wts,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text("abcXYZ019_äß%#", min_size=1, max_size=6)
KEYS = st.integers(0, 10**9)


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# As Somoclu 1.7 writes them (io.cpp): no blank after %, one before each height.  Two rows of three
# columns; the second row of the data lies in row 1, column 2.
SOMOCLU = {
    "s.wts": "%2 3\n%2\n" + "".join(f"{i}.0000000000 {-i}.5000000000 \n" for i in range(6)),
    "s.bm": "%2 3\n%3\n0 0 1\n1 1 2\n2 1 2\n",
    "s.umx": "%2 3\n 0.100000 0.200000 0.300000\n 0.400000 0.500000 0.600000\n",
}


def test_somoclus_files_become_a_map_with_hits(tmp_path):
    for name, text in SOMOCLU.items():
        write(tmp_path, name, text)
    map_ = Map.from_record(read_somoclu(tmp_path / "s"))
    assert map_.lattice == Lattice(2, 3, "rectangular", "plane")
    assert map_.codebook[5].tolist() == [5.0, -5.5]
    assert map_.hits.tolist() == [0, 1, 0, 0, 0, 2]
    assert read_umx(tmp_path / "s.umx")[1, 2] == 0.6
    (tmp_path / "s.bm").unlink()
    assert read_somoclu(tmp_path / "s", boundary="torus").arrays["hits"].sum() == 0


def test_esom_tools_weights_are_a_torus_unless_told_otherwise(tmp_path):
    # A third line of the header, one number a weight, is there in files of ESOM Tools.
    path = write(tmp_path, "e.wts", "# ESOM\n% 2 2\n% 1\n% 1\n1\n2\n3\n4\n")
    assert load(path).lattice == Lattice(2, 2, "rectangular", "torus")
    record = read_wts(path, boundary="cylinder", kind="hexagonal")
    assert Map.from_record(record).lattice == Lattice(2, 2, "hexagonal", "cylinder")
    with rejected(file="e.wts"):
        read_wts(path, kind="cubic")


def test_rows_written_by_hand(tmp_path):
    text = (
        "# customers\n% 2\n% 5\n% 9\t1\t0\t1\t3\n% Key\tage in years\tskipped\tincome\tclass\n"
        "7\t1.5\thello\tNaN\t2\n8\t3\tthere\t4e2\t1\n"
    )
    rows = read_lrn(write(tmp_path, "r.lrn", text))
    np.testing.assert_array_equal(rows.values, [[1.5, np.nan], [3, 400]])
    assert rows.names == ("age in years", "income")
    assert (rows.keys.tolist(), rows.labels) == ([7, 8], ("2", "1"))
    assert rows.to_table().names == ("key", "age in years", "income", "label")
    short = read_lrn(write(tmp_path, "r.lrn", "% 1\n% 3\n1 2 3\n"))
    assert (short.values.tolist(), short.keys.tolist()) == ([[2.0, 3.0]], [1])


def test_classes_written_by_hand(tmp_path):
    text = "% 3\n% 1 good 0 255 0\n% 2 bad 255 0 0\n5\t2\n6\t1\n9\t1\n"
    classes = read_cls(write(tmp_path, "c.cls", text))
    assert classes.names == {1: "good", 2: "bad"}
    assert (classes.keys.tolist(), classes.numbers.tolist()) == ([5, 6, 9], [2, 1, 1])


@given(draws=st.data())
def test_weights_and_heights_come_back_to_the_bit(draws, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wts")
    n_rows, n_cols, d = (draws.draw(st.integers(1, 4)) for _ in range(3))
    codebook = draws.draw(npst.arrays(np.float64, (n_rows * n_cols, d), elements=NUMBERS))
    heights = draws.draw(npst.arrays(np.float64, (n_rows, n_cols), elements=NUMBERS))
    map_ = Map.from_record(
        read_wts(write(folder, "a.wts", wts_text(codebook, n_rows, n_cols)), boundary="plane")
    )
    np.testing.assert_array_equal(map_.codebook, codebook)
    write_wts(folder / "b.wts", map_)
    np.testing.assert_array_equal(read_wts(folder / "b.wts").arrays["codebook"], codebook)
    write_umx(folder / "b.umx", heights)
    np.testing.assert_array_equal(read_umx(folder / "b.umx"), heights)


def wts_text(codebook, n_rows, n_cols):
    lines = ["\t".join(map(repr, row)) for row in codebook.tolist()]
    return "\n".join([f"% {n_rows} {n_cols}", f"% {codebook.shape[1]}", *lines]) + "\n"


@given(draws=st.data())
def test_rows_matches_and_classes_come_back(draws, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lrn")
    n, d = draws.draw(st.integers(1, 5)), draws.draw(st.integers(1, 4))
    values = draws.draw(npst.arrays(np.float64, (n, d), elements=NUMBERS | st.just(np.nan)))
    names = tuple(draws.draw(st.lists(WORDS, min_size=d, max_size=d, unique=True)))
    keys = np.array(draws.draw(st.lists(KEYS, min_size=n, max_size=n)))
    if "Key" not in names:
        write_lrn(folder / "r.lrn", Samples(values, names, None, keys))
        rows = read_lrn(folder / "r.lrn")
        np.testing.assert_array_equal(rows.values, values)
        np.testing.assert_array_equal(rows.keys, keys)
        assert rows.names == names
    units = np.array(draws.draw(st.lists(st.integers(0, 11), min_size=n, max_size=n)))
    write_bm(folder / "r.bm", BestMatches(units, 3, 4, keys))
    matches = read_bm(folder / "r.bm")
    np.testing.assert_array_equal(matches.units, units)
    np.testing.assert_array_equal(matches.keys, keys)
    assert (matches.n_rows, matches.n_cols) == (3, 4)
    named = dict(enumerate(draws.draw(st.lists(WORDS, max_size=3)), 1))
    write_cls(folder / "r.cls", Classes(units, keys, named))
    classes = read_cls(folder / "r.cls")
    np.testing.assert_array_equal(classes.numbers, units)
    assert classes.names == named


def test_a_map_goes_to_esom_tools_and_back(tmp_path):
    X = np.random.default_rng(0).normal(size=(70, 3))
    som = SOM(3, 5, lattice="rectangular", boundary="torus", random_state=0).fit(X)
    write_wts(tmp_path / "m.wts", som)
    write_umx(tmp_path / "m.umx", som.map_)
    write_bm(tmp_path / "m.bm", best_matches(som, X, keys=range(100, 170)))
    map_ = Map.from_record(read_wts(tmp_path / "m.wts", winners=tmp_path / "m.bm"))
    np.testing.assert_array_equal(map_.winners(X), som.labels_)
    np.testing.assert_array_equal(map_.hits, som.map_.hits)
    np.testing.assert_array_equal(read_umx(tmp_path / "m.umx").ravel(), som.map_.u_heights)
    assert read_bm(tmp_path / "m.bm").keys.tolist() == list(range(100, 170))
    # Somoclu's own reader: np.loadtxt, with % for comments.
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "m.wts", comments="%"), som.codebook_)


def test_classes_of_labels_are_numbered_by_name(tmp_path):
    classes = classes_of(["no", "yes", "no"], keys=[4, 5, 6])
    write_cls(tmp_path / "c.cls", classes)
    assert (tmp_path / "c.cls").read_text() == "% 3\n% 1\tno\n% 2\tyes\n4\t1\n5\t2\n6\t1\n"
    with rejected(parameter="keys", value=1):
        classes_of(["a", "b"], keys=[1])


READERS = {"wts": read_wts, "umx": read_umx, "bm": read_bm, "cls": read_cls, "lrn": read_lrn}


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (
            "a.bm",
            "% 999999999999 999999999999\n% 1\n1 999999999998 1\n",
            "a.bm, line 1",
        ),
        ("a.wts", "1 2\n", "a.wts"),
        ("a.wts", "", "a.wts"),
        ("a.wts", "% 2\n% 1\n1\n", "a.wts, line 1"),
        ("a.wts", "% 2 2\n", "a.wts, line 1"),
        ("a.wts", "% 1 1\n% 1 2\n1\n", "a.wts, line 2"),
        ("a.wts", "% 1 1\n% 0\n1\n", "a.wts, line 2, field 1"),
        ("a.wts", "% 1 1\n% 2\n1 b\n", "a.wts, line 3, field 2"),
        ("a.wts", "% 1 1\n% 2\n1 nan\n", "a.wts, line 3, field 2"),
        ("a.wts", "% 1 1\n% 2\n1\n", "a.wts, line 3"),
        ("a.wts", "% 1 1\n% 1\n1 2\n", "a.wts, line 3"),
        ("a.wts", "% 1 2\n% 1\n1\n", "a.wts, line 1"),
        ("a.wts", "% 1 1\n% 1\n1\n2\n", "a.wts, line 4"),
        ("a.wts", "% 1 1\n% 1\n1\n% 2\n", "a.wts, line 4"),
        (
            "a.wts",
            "% 1 1\n% 1\n% 1\n% 1\n1\n",
            "a.wts, line 4",
        ),
        ("a.umx", "% 2 1\n1\n", "a.umx, line 1"),
        ("a.umx", "% 1 1\n1\n1\n", "a.umx, line 3"),
        (
            "a.bm",
            "% 2 2\n% 1\n0 2 0\n",
            "a.bm, line 3",
        ),
        ("a.bm", "% 2 2\n% 1\n0 -1 0\n", "a.bm, line 3, field 2"),
        ("a.bm", "% 2 2\n% 2\n0 1 0\n", "a.bm, line 2"),
        ("a.cls", "% 1\n% 1\n1 1\n", "a.cls, line 2"),
        ("a.cls", "% 1\n1 one\n", "a.cls, line 2, field 2"),
        (
            "a.lrn",
            "% 1\n% 2\n% 9 7\n1 2\n",
            "a.lrn, line 3, field 2",
        ),
        ("a.lrn", "% 1\n% 2\n% 9\n1 2\n", "a.lrn, line 3"),
        ("a.lrn", "% 1\n% 3\n% 9 9 1\n1 1 2\n", "a.lrn, line 3"),
        ("a.lrn", "% 1\n% 1\n% 9\n1\n", "a.lrn, line 3"),
        ("a.lrn", "% 1\n% 2\n% 9 1\n% a\n1 2\n", "a.lrn, line 4"),
        ("a.lrn", "% 1\n% 2\n% 9 1\n% a a\n1 2\n", "a.lrn, line 4"),
        ("a.lrn", "% 1\n% 2\n1 two\n", "a.lrn, line 3, field 2"),
        ("a.lrn", "% 1\n% 2\nk 2\n", "a.lrn, line 3, field 1"),
        ("a.lrn", "% 2\n% 2\n1 2\n", "a.lrn, line 1"),
        (
            "a.lrn",
            "% 999999999999\n% 999999999\n1 2\n",
            "a.lrn, line 3",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path, name, text, place):
    line = int(place.split()[2].rstrip(",")) if ", line " in place else None
    with rejected(file=name, line=line) as caught:
        READERS[name.split(".")[1]](write(tmp_path, name, text))
    assert str(caught.value).startswith((f"{place}: ", f"{place} "))


def test_matches_of_another_map_are_refused(tmp_path):
    weights = write(tmp_path, "a.wts", "% 1 2\n% 1\n1\n2\n")
    winners = write(tmp_path, "a.bm", "% 2 1\n% 1\n1 1 0\n")
    with rejected(parameter="winners", file=winners):
        read_wts(weights, winners=winners)


def test_what_the_files_cannot_say_is_said(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.warns(SomscapeWarning, match="hexagonal"):
        write_wts(tmp_path / "m.wts", SOM(3, 3).fit(X))
    graph = SOM(lattice=Graph(1 - np.eye(4))).fit(X)
    with rejected(value="graph"):
        write_wts(tmp_path / "g.wts", graph)
    with rejected(value="graph"):
        write_umx(tmp_path / "g.umx", graph)
    with rejected(parameter="som"):
        write_umx(tmp_path / "g.umx", [[np.nan]])
    with rejected(parameter="matches"):
        write_bm(tmp_path / "g.bm", BestMatches(np.array([-1]), 1, 1))
    assert not list(tmp_path.glob("g.*"))


def test_heights_are_those_of_the_maps_metric(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    for metric in ("manhattan", "mahalanobis"):
        som = SOM(3, 4, metric=metric, random_state=0).fit(X)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write_umx(tmp_path / "m.umx", som)
        np.testing.assert_array_equal(read_umx(tmp_path / "m.umx").ravel(), som.map_.u_heights)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system does not have named pipes")
@pytest.mark.parametrize(("ending", "read"), [(".cod", load), (".dat", read_dat), (".p", load)])
def test_only_regular_files_are_read(ending, read, tmp_path):
    pipe = tmp_path / f"pipe{ending}"
    os.mkfifo(pipe)  # to read it would take forever
    for path in (pipe, tmp_path / f"a\0b{ending}"):
        with pytest.raises(InputError, match=r"is not a regular file\. Give a file\."):
            read(path)
