"""Files of a megabyte that repeat what costs a reader most beside the bytes it stands in.

Each is what a program could have written or nearly so: many rows of one short value, one row of
many, many names, many labels, many empty lists.  Whether a reader takes or refuses one is its own
matter.
"""

import gzip
import json
import pickle
import struct

MB = 1_000_000


def lines(head, line, size=None):
    """A head and lines up to a size; `{n}` in the head is their number."""
    n = (size or MB) // (len(line) + 1)
    return (head.replace("{n}", str(n)) + (line + "\n") * n).encode()


def numbered(head, form, size=None):
    """A head and lines that differ."""
    n = (size or MB) // (len(form.format(0)) + 5)
    body = "".join(form.format(i) + "\n" for i in range(n))
    return (head.replace("{n}", str(n)) + body).encode()


def row(head, cell, between, size=None):
    """A head and one row of many cells."""
    n = (size or MB) // (len(cell) + 1)
    return (head.replace("{n}", str(n)) + between.join([cell] * n) + "\n").encode()


def safetensors(entries, text=b""):
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + text


def map_file(header, arrays=(), body=b""):
    entries = {"__metadata__": {"somscape": json.dumps(header)}, **dict(arrays)}
    return safetensors(entries, body)


def som_files():
    none = {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}
    lattice = {"n_rows": 1, "n_cols": 1, "kind": "rectangular", "boundary": "plane"}
    encoding = {"columns": [], "missing": "error", "is_named": True}
    header = {
        "format": 1,
        "lattice": lattice,
        "encoding": encoding,
        "metric": "euclidean",
        "parameters": {},
        "versions": {},
        "detector": None,
    }
    n = 60_000
    wide = {**header, "encoding": {**encoding, "columns": [f"{i:x}" for i in range(n)]}}
    arrays = {
        "codebook": {"dtype": "F32", "shape": [1, n], "data_offsets": [0, 4 * n]},
        "hits": {"dtype": "U8", "shape": [1], "data_offsets": [4 * n, 4 * n + 1]},
    }
    long_row = {f"history.{i}": none for i in range(14_000)}
    return {
        "empty arrays.som": map_file(header, long_row),
        "features.som": map_file(wide, arrays, bytes(4 * n + 1)),
        "empty lists.som": map_file({**header, "parameters": {"a": [[]] * (MB // 4)}}),
        "empty objects.som": map_file({**header, "parameters": {"a": [{}] * (MB // 4)}}),
        "numbers.som": map_file({**header, "parameters": {"a": [10**6] * (MB // 9)}}),
        "names.som": map_file({**header, "parameters": {f"{i:x}": i for i in range(MB // 20)}}),
        "labels.som": map_file({**header, "unit_labels": [f"{i:x}" for i in range(MB // 11)]}),
        "wide text.som": map_file({**header, "parameters": {"a": "x" * MB + "\U0001f600"}}),
    }


def pickles():
    body = b"\x80\x04]("
    n = MB // 2
    return {
        "lists.pkl": body + b"]" * MB + b"e.",
        "dicts.pkl": body + b"}" * MB + b"e.",
        "sets.pkl": body + b"\x8f" * MB + b"e.",
        "tuples.pkl": body + b")" * MB + b"e.",
        "nested.pkl": b"\x80\x04" + b"]" * MB + b"a" * (MB - 1) + b".",
        "marks.pkl": b"\x80\x04" + b"(" * MB + b".",
        "nones.pkl": body + b"N" * MB + b"e.",
        "integers.pkl": body + b"K\x07" * n + b"e.",
        "memo.pkl": b"\x80\x04]" + b"\x94" * MB + b".",
        "calls.pkl": b"\x80\x04(" + b"cminisom\nMiniSom\n)R" * (MB // 18) + b"l.",
        "dict of names.pkl": pickle.dumps({f"{i:x}": None for i in range(MB // 9)}),
        "texts.pkl": pickle.dumps([f"{i:x}" for i in range(MB // 9)]),
        "old.pkl": b"(" + b"(l" * n + b"l.",
        "floats.pkl": pickle.dumps([0.5 + i for i in range(MB // 9)]),
        "wide text.pkl": pickle.dumps("x" * MB + "\U0001f600"),
        "half floats.pkl": half_floats(),
    }


def half_floats():
    import minisom
    import numpy as np

    som = minisom.MiniSom(2, 2, 2, random_seed=0)
    som._weights = np.zeros((1000, 250, 2), np.float16)
    return pickle.dumps(som)


def maps():
    wide = " ".join(["1"] * (MB // 2))
    return {
        "narrow.cod": lines("1 rect {n} 1 gaussian\n", "1"),
        "letters.cod": lines("1 rect {n} 1 gaussian\n", "1 a"),
        "labels.cod": numbered("1 rect {n} 1 gaussian\n", "1 {:x}"),
        "wide.cod": f"{MB // 2} rect 1 1 gaussian\n{wide}\n".encode(),
        "names.cod": f"{MB // 2} rect 1 1 gaussian\n#n {wide}\n".encode(),
        "label of many words.cod": f"1 rect 1 1 gaussian\n{wide}\n".encode(),
        "narrow.wts": lines("% {n} 1\n% 1\n", "1"),
        "wide.wts": f"% 1 1\n% {MB // 2}\n{wide}\n".encode(),
        "head.wts": lines("% 1 1\n", "% 1"),
        "emoji.wts": f"% 1 1\n% 1\n1{'x' * MB}\U0001f600\n".encode(),
    }


def rows():
    wide = " ".join(["1"] * (MB // 2))
    tabs = "\t".join(["1"] * (MB // 2))
    return {
        "narrow.lrn": lines("% {n}\n% 2\n", "1 1"),
        "classes.lrn": lines("% {n}\n% 3\n% 9 1 3\n", "1 1 a"),
        "wide.lrn": f"% 1\n% {MB // 2}\n{wide}\n".encode(),
        "kinds.lrn": f"% 1\n% {MB // 2}\n% {tabs}\n".encode(),
        "names.lrn": f"% 1\n% {MB // 2}\n% 1\n% {tabs}\n".encode(),
    }


def tables():
    wide = ",".join(["1"] * (MB // 2))
    names = ",".join(f"{i:x}" for i in range(MB // 8))
    return {
        "narrow.csv": lines("a\n", "1"),
        "digits.csv": lines("a\n", "12"),
        "different.csv": numbered("a\n", "{}"),
        "decimals.csv": numbered("a;b\n", "{},5;x"),
        "euro.csv": numbered("a;b\n", "{} €;x"),
        "texts.csv": numbered("a\n", "{:x}"),
        "words.csv": lines("a,b\n", "x,y"),
        "pairs.csv": lines("a,b\n", "1,1"),
        "empty.csv": lines("a,b,c,d,e\n", ",,,,") + b"1,1,1,1,1\n",
        "empty pairs.csv": lines("a,b\n", ",") + b"1,1\n",
        "all empty.csv": lines("a,b,c,d,e\n", ",,,,"),
        "blank.csv": lines("a\n1\n", ""),
        "quoted.csv": lines("a\n", '""'),
        "lines.csv": b"a,b\n" + b'"\n",' * (MB // 4) + b"\n",
        "one row.csv": f"{wide}\n{wide}\n".encode(),
        "names and no row.csv": f"{names}\n".encode(),
        "names and a row.csv": f"{names}\n{','.join(['1'] * (MB // 8))}\n".encode(),
        "one wide row.csv": f"a,b\n1,2\n{wide}\n".encode(),
        "not delimited.csv": b"a\n" + b"x" * MB + b"\n",
        "emoji.csv": lines("a\n", "1") + "\U0001f600\n".encode(),
        "sixteen bits.csv": b"\xff\xfe" + lines("a\n", "1").decode().encode("utf-16-le"),
        "old.csv": lines("a\n", "1") + b"\xe4\n",
        "notes.csv": lines("a,b,\n", "1,1,"),
        "bomb.csv.gz": gzip.compress(lines("a\n", "1", 100 * MB), 9, mtime=0),
        "packed.csv.gz": gzip.compress(numbered("a,b\n", "{},5"), mtime=0),
    }
