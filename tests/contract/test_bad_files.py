"""10,000 damaged files: every reader answers or refuses with our error, soon, in little memory.

Seeds are whole files of each format; damage is flips, cuts, repeats, pieces of other files, and
numbers and lengths that claim too much.  The memory is what Python and NumPy ask for, by
tracemalloc.  A map's header and a MiniSom's pickle are also damaged where flips hardly reach, by
values of other kinds at any place of a file that is otherwise whole.
"""

import codecs
import contextlib
import copy
import gzip
import json
import pickle
import re
import time
import tracemalloc
import warnings

import large_files
import minisom
import numpy as np
import pyarrow as pa
import pytest
from command_line import run
from pyarrow import feather
from sklearn.base import BaseEstimator
from workbooks import WRITERS

from somscape import SOM, Detector, Graph, SOMClassifier, SOMDetector, SOMRegressor, load, save
from somscape.errors import InputError
from somscape.maps.map import as_map
from somscape.recognize import Predictor, Recognizer
from somscape.save._load import load_model
from somscape.tables import read_table, table_from_columns, write_csv, write_table

pytestmark = pytest.mark.nightly

N_FILES = 10_000
SECONDS = 1.0
TIMES, AT_LEAST = 10, 100_000
"""An answer may take ten times the file's size in memory, and what Python needs for any answer."""


def rows_of(n=40, d=3):
    return np.random.default_rng(0).normal(size=(n, d)).round(2)


def table():
    """A table with a column of each kind."""
    rng = np.random.default_rng(1)
    return table_from_columns(
        {
            "customer_id": [f"c{i:03}" for i in range(40)],
            "amount": np.exp(rng.normal(5, 2, size=40)).round(2).tolist(),
            "job": ["clerk", "nurse", None, "cook"] * 10,
            "since": [f"20{10 + i % 15}-0{1 + i % 9}-11" for i in range(40)],
            "country": ["AT"] * 40,
        }
    )


READERS = {
    "som": load,
    "graph.som": load,
    "detector.som": load,
    "classes.som": load,
    "targets.som": load,
    "cod": load,
    "wts": load,
    "lrn": save.read_lrn,
    "pkl": load,
    "old.pkl": load,
    "csv": read_table,
    "csv.gz": read_table,
    "parquet": read_table,
    "feather": read_table,
    "packed.feather": read_table,
    "ipc": read_table,
}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """A whole file of each format."""
    folder = tmp_path_factory.mktemp("seeds")
    X = rows_of()
    som = SOM(3, 4, lattice="rectangular", random_state=0).fit(X)
    som.map_.save(folder / "som")
    ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    SOMDetector(som=SOM(lattice=Graph(ring)), random_state=0).fit(X).save(folder / "graph.som")
    SOMDetector(som=SOM(3, 4), n_maps=2, random_state=0).fit(X).save(folder / "detector.som")
    fruit = np.where(X[:, 0] > 0, "apple", "pear")
    SOMClassifier(SOM(2, 3), random_state=0).fit(X, fruit).save(folder / "classes.som")
    SOMRegressor(SOM(2, 3), random_state=0).fit(X, X[:, :2] ** 2).save(folder / "targets.som")
    units = "".join(" ".join(map(repr, unit)) + "\n" for unit in som.codebook_.tolist())
    (folder / "cod").write_text("3 rect 4 3 gaussian\n#n a b c\n" + units.replace("\n", " x\n"))
    (folder / "wts").write_text("% 3 4\n% 3\n" + units)
    rows = "".join(f"{i} {' '.join(map(repr, row))} {i % 3}\n" for i, row in enumerate(X.tolist()))
    (folder / "lrn").write_text("% 40\n% 5\n% 9 1 1 1 3\n% Key a b c class\n" + rows)
    theirs = minisom.MiniSom(3, 4, 3, random_seed=0)
    (folder / "pkl").write_bytes(pickle.dumps(theirs))
    (folder / "old.pkl").write_bytes(pickle.dumps(theirs, protocol=0))
    write_csv(folder / "csv", table())
    columns = {c.name: c.cells if c.numbers is None else c.numbers for c in table().columns}
    write_table(folder / "t.parquet", {name: v.tolist() for name, v in columns.items()})
    (folder / "t.parquet").rename(folder / "parquet")
    rows = table().to_arrow()
    feather.write_feather(rows, folder / "feather", compression="uncompressed")
    feather.write_feather(rows, folder / "packed.feather", compression="zstd")
    with pa.ipc.new_stream(folder / "ipc", rows.schema) as stream:
        stream.write_table(rows)
    (folder / "csv.gz").write_bytes(gzip.compress((folder / "csv").read_bytes(), mtime=0))
    return {name: (folder / name).read_bytes() for name in READERS}


NUMBERS = (b"0", b"-1", b"999999999999", b"1e308", b"nan", b"inf", b"x", b"", b"2147483648", b"1_0")
DIGITS = re.compile(rb"-?[0-9.]+")


def flip(data, rng, _):
    for _ in range(rng.integers(1, 4)):
        data[rng.integers(len(data))] = rng.integers(256)


def cut(data, rng, _):
    del data[rng.integers(len(data)) :]


def remove(data, rng, _):
    begin = rng.integers(len(data))
    del data[begin : begin + rng.integers(1, 20)]


def repeat(data, rng, _):
    begin = rng.integers(len(data))
    part = data[begin : begin + rng.integers(1, 60)]
    data[begin:begin] = part * int(rng.integers(1, 8))


def splice(data, rng, other):
    begin, at = rng.integers(len(other)), rng.integers(len(data) + 1)
    data[at:at] = other[begin : begin + rng.integers(1, 80)]


def exaggerate(data, rng, _):
    places = [match.span() for match in DIGITS.finditer(data)]
    if places:
        begin, end = places[rng.integers(min(len(places), 40))]
        data[begin:end] = NUMBERS[rng.integers(len(NUMBERS))]


def set_length(data, rng, _):
    """Claim another length where a binary file has one: eight or four bytes in a row."""
    size = int(rng.choice([4, 8]))
    at = int(rng.choice([0, rng.integers(max(1, len(data) - size))]))
    length = [len(data), 1 << 20, 1 << 31, (1 << 40) - 1][rng.integers(4)]
    data[at : at + size] = (length % (1 << (8 * size))).to_bytes(size, "little")


DAMAGE = (flip, cut, remove, repeat, splice, exaggerate, exaggerate, set_length)


def damaged(seed, seeds, rng):
    data = bytearray(seed)
    others = list(seeds.values())
    for _ in range(rng.integers(1, 4)):
        if data:
            DAMAGE[rng.integers(len(DAMAGE))](data, rng, others[rng.integers(len(others))])
    return bytes(data)


def outcome(read, path):
    """Whether a file was read, the seconds and the bytes that it took."""
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        read(path)
        was_read = True
    except InputError as error:
        message = str(error)
        assert message
        assert "\n" not in message
        was_read = False
    finally:
        seconds = time.perf_counter() - begin
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return was_read, seconds, peak


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(name, seeds, tmp_path):
    rng = np.random.default_rng([7, list(READERS).index(name)])
    path = tmp_path / f"file.{name}"
    n_read = 0
    n_files = -(-N_FILES // len(READERS))
    path.write_bytes(seeds[name])
    codecs.lookup("cp1252")  # the encoding of text that is not UTF-8, loaded when first used
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert outcome(READERS[name], path)[0]  # and what is loaded when first used is loaded
        for number in range(n_files):
            path.unlink()  # a map that is mapped keeps its file
            content = damaged(seeds[name], seeds, rng)
            if name == "csv.gz" and number % 2:  # damage to what is packed hardly passes
                content = gzip.compress(damaged(seeds["csv"], seeds, rng), mtime=0)
            path.write_bytes(content)
            was_read, seconds, peak = outcome(READERS[name], path)
            n_read += was_read
            assert seconds < SECONDS, f"file {number} took {seconds:.2f} s"
            assert peak < TIMES * len(content) + AT_LEAST, f"file {number} took {peak} bytes"
    assert 0 < n_read < n_files  # both happen, or the damage is no test


@pytest.mark.parametrize("ending", WRITERS)
def test_damaged_workbooks_are_read_or_refused(ending, seeds, tmp_path):
    # Fewer, for each starts a process; most are packed, so their size says little of the memory.
    whole = WRITERS[ending]({"S": [["a", "b"], *([i, f"text {i}"] for i in range(20))]})
    rng = np.random.default_rng([7, list(WRITERS).index(ending)])
    path = tmp_path / f"t{ending}"
    n_read = 0
    for _ in range(60):
        path.write_bytes(damaged(whole, seeds, rng))
        was_read, seconds, _ = outcome(read_table, path)
        n_read += was_read
        assert seconds < SECONDS
    assert n_read < 60


HOSTILE = (
    *(None, True, -1, 0, 10**400, 1.5, -0.0, "", "x", "number", [], [[]], {}, {"kind": "id"}),
    *([1, 2], ["a", "a"], {"a": None}, 10**9, 1e308, "a" * 300, [0] * 50),
)


def places(value, path=()):
    """Each place in JSON data, as the keys that lead there."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def change(target, path, rng):
    """Put another value, or none, at a place of JSON data."""
    for key in path[:-1]:
        target = target[key]
    if rng.random() < 0.2 and isinstance(target, dict):
        del target[path[-1]]
    elif rng.random() < 0.1 and isinstance(target, dict):
        target[f"{path[-1]}_"] = target[path[-1]]
    else:
        target[path[-1]] = copy.deepcopy(HOSTILE[rng.integers(len(HOSTILE))])


LARGE = {
    **large_files.som_files(),
    **large_files.pickles(),
    **large_files.maps(),
    **large_files.rows(),
    **large_files.tables(),
}


each_large = pytest.mark.parametrize("name", LARGE)


def a_second():
    """A second of processor time; more where the processor is slow just now."""
    begin = time.process_time()
    sum(i * i for i in range(1_000_000))  # takes 0.025 seconds where nobody else works
    return max(SECONDS, 40 * (time.process_time() - begin))


@each_large
def test_a_megabyte_of_the_same_is_read_or_refused(name, tmp_path):
    content, path = LARGE[name], tmp_path / name
    path.write_bytes(content)
    read = READERS[name.partition(".")[2]]
    size = len(gzip.decompress(content)) if name == "packed.csv.gz" else len(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.process_time()
        with contextlib.suppress(InputError):
            read(path)
        seconds = time.process_time() - begin
        assert seconds < a_second() * max(1, size / large_files.MB)
        _, _, peak = outcome(read, path)
    assert peak < TIMES * size + AT_LEAST


CONVERTED = {
    **dict.fromkeys(("narrow.cod", "lists.pkl"), ".som"),
    **dict.fromkeys(("empty.csv", "narrow.lrn"), ".csv"),
    "different.csv": ".parquet",
}


@pytest.mark.parametrize("name", CONVERTED)
def test_a_megabyte_of_the_same_is_converted_or_refused(name, tmp_path):
    source, target = tmp_path / name, tmp_path / f"out{CONVERTED[name]}"
    source.write_bytes(LARGE[name])
    run("convert", source, target)  # and what is loaded when first used is loaded
    target.unlink(missing_ok=True)
    tracemalloc.start()
    run("convert", source, target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    written = target.stat().st_size if target.exists() else 0
    assert peak < TIMES * max(len(LARGE[name]), written) + 10 * AT_LEAST


@pytest.mark.parametrize("name", ["som", "graph.som", "detector.som", "classes.som", "targets.som"])
def test_headers_with_other_values_are_read_or_refused(name, seeds, tmp_path):
    rng = np.random.default_rng(7)
    content, path = seeds[name], tmp_path / "m.som"
    start = 8 + int.from_bytes(content[:8], "little")
    n_read = 0
    for _ in range(500):
        entries = json.loads(content[8:start])
        header = json.loads(entries["__metadata__"]["somscape"])
        for _ in range(rng.integers(1, 3)):
            target = entries if rng.random() < 0.3 else header
            found = list(places(target))[1:]
            change(target, found[rng.integers(len(found))], rng)
        if isinstance(entries.get("__metadata__"), dict):
            entries["__metadata__"]["somscape"] = json.dumps(header)
        text = json.dumps(entries).encode()
        path.unlink(missing_ok=True)
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[start:])
        was_read, seconds, peak = outcome(load, path)
        n_read += was_read
        assert seconds < SECONDS
        assert peak < TIMES * path.stat().st_size + AT_LEAST
        if was_read:
            saved, thing = load(path), load_model(path)  # what was let in must hold
            if isinstance(saved, BaseEstimator):
                with contextlib.suppress(ValueError):  # the number of features can be wrong
                    saved.predict(np.zeros((2, 3)))
            map_, zeros = (
                as_map(thing),
                np.zeros((2, thing.to_record().arrays["codebook"].shape[1])),
            )
            map_.winners(zeros)
            assert np.isfinite(map_.u_heights).all()
            assert thing.to_record().header["lattice"]
            if isinstance(thing, Detector):
                assert np.isfinite(thing._scores_of_rows(zeros)).all()
                assert (thing.p_values(map_.codebook) > 0).all()
            if isinstance(thing, Recognizer):
                answers = thing._probabilities_of_rows(zeros)
                np.testing.assert_allclose(answers[0].sum(axis=1), 1)
                assert len(thing._classes_of(*answers)) == 2
            if isinstance(thing, Predictor):
                assert np.isfinite(thing._predictions_of_rows(zeros)).all()
                ends = thing._intervals_of_rows(zeros, 0.5)
                assert (ends[..., 0] <= ends[..., 1]).all()
    assert 0 < n_read < 500


def test_pickles_with_other_values_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(7)
    arrays = (np.zeros((2, 2)), np.zeros((0, 2, 3)), np.array([["a"]], object), np.float32(2))
    values = (*HOSTILE, *arrays, b"bytes", 1j, {1, 2}, range(3), int, np.dtype("f8"))
    n_read = 0
    for number in range(500):
        som = minisom.MiniSom(3, 4, 3, random_seed=0)
        for _ in range(rng.integers(1, 3)):
            name = rng.choice(list(vars(som)))
            setattr(som, name, values[rng.integers(len(values))])
        path = tmp_path / f"{number}.p"
        path.write_bytes(pickle.dumps(som, protocol=int(rng.integers(6))))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            was_read, seconds, peak = outcome(load, path)
        n_read += was_read
        assert seconds < SECONDS
        assert peak < TIMES * path.stat().st_size + AT_LEAST
    assert 0 < n_read < 500
