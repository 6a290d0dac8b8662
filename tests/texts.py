"""Compare texts for people with one golden file per surface: `golden/texts/errors.txt` and others.

A test checks facts.  The golden file contains the wording, so a better sentence changes one file
and no test.  `make texts` writes the files anew after a sentence was changed; read the difference
before you commit it.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from somscape.errors import InputError

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden" / "texts"
SURFACES = ("app", "commands", "errors", "help", "report")
FACTS = ("parameter", "file", "line", "row", "column", "value", "allowed")
MODE = os.environ.get("SOMSCAPE_TEXTS", "check")  # or "write", or "ignore"
if MODE == "write":  # the processes of a run share this folder
    NEW = Path(os.environ.setdefault("SOMSCAPE_TEXTS_NEW", tempfile.mkdtemp()))
MAX_FACT_LENGTH = 60

_KERNELS = re.compile(r"\bcore/\w+|\bnumpy\b")
_TEMPORARY = re.compile(r"[^\s'\"`(=]*/pytest-of-[^/]+/pytest-[^/]+/(popen-gw\d+/)?[^/\s'\"`,;:)]+")


@contextmanager
def rejected(error=InputError, **facts):
    """Expect an error with these facts, and compare its message with the golden file."""
    with pytest.raises(error) as caught:
        yield caught
    found = {name: getattr(caught.value, name, None) for name in facts}
    assert {name: stable(value) for name, value in found.items()} == {
        name: stable(value) for name, value in facts.items()
    }
    every = {name: getattr(caught.value, name, None) for name in FACTS}
    shown = " ".join(f"{name}={stable(v)}" for name, v in every.items() if v is not None)
    check_text("errors", f"{type(caught.value).__name__} {shown}".rstrip() + f"\n{caught.value}")


def check_text(surface, text):
    """Compare a text that the running test produced with the golden texts of the test."""
    if MODE == "ignore":
        return
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0].removeprefix("tests/")
    key, text = test.partition("[")[0], stable_text(text)
    if MODE == "write":
        _recorded.append([surface, key, text, case_of(test)])
        return
    golden = _golden[surface]
    assert key in golden, f"golden/texts/{surface}.txt lacks {key}. Run: make texts"
    case = case_of(test)
    assert case in golden[key].get(text, ()), f"golden/texts/{surface}.txt differs. Run: make texts"


def case_of(test):
    """Return a short hash of the parameters of a test, or "" for a test without parameters.

    Kernels do not count, because another processor has other instruction sets.
    """
    if "[" not in test:
        return ""
    return hashlib.sha256(_KERNELS.sub("kernels", test).encode("utf-8", "replace")).hexdigest()[:6]


def stable(value):
    """Return a fact as a short text that is the same in every run and with every NumPy."""
    text = re.sub(r"\bnp\.\w+\(([^()]*)\)", r"\1", str(value))
    return stable_text(text)[:MAX_FACT_LENGTH]


def stable_text(text):
    """Return a text without temporary names, ports, addresses in memory and spaces at the end."""
    text = re.sub(r"\b0x[0-9A-Fa-f]{6,}", "0x0", _TEMPORARY.sub("TMP", text))
    text = re.sub(r"([-_])[0-9a-f]{8}\b", r"\1NAME", text)
    text = re.sub(r"(\b127\.0\.0\.1:|\bport )\d+", r"\1PORT", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda found: repr(found[0])[1:-1], text)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # also half a character
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def read(surface):
    """Return the texts of a surface by the names of their tests, each with its cases.

    A case is a hash of the parameters of the test, or "" for a test without parameters.
    """
    path, texts = GOLDEN / f"{surface}.txt", {}
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    for block in content.removeprefix("## ").split("\n## ") if content else ():
        key, _, below = block.partition("\n")
        texts[key] = {}
        for found in re.split(r"^- ", below, flags=re.MULTILINE)[1:]:
            cases, _, text = found.strip("\n").replace("\n  ", "\n").partition("| ")
            texts[key][text] = set(cases.split()) or {""}
    return texts


def keep():
    """Write the texts that this process has recorded, for the process that merges them."""
    (NEW / str(os.getpid())).write_text(json.dumps(_recorded), encoding="utf-8")


def merge():
    """Add the texts that the processes of a run have recorded to the golden files."""
    golden = {surface: read(surface) for surface in SURFACES}
    for path in NEW.iterdir():
        for surface, key, text, case in json.loads(path.read_text(encoding="utf-8")):
            golden[surface].setdefault(key, {}).setdefault(text, set()).add(case)
    for surface, texts in golden.items():
        blocks = []
        for key, found in sorted(texts.items()):
            each = ((" ".join(sorted(cases)), text) for text, cases in sorted(found.items()))
            lines = [f"- {cases}| {text}".replace("\n", "\n  ") for cases, text in each]
            blocks.append("\n".join([f"## {key}", *lines]) + "\n")
        (GOLDEN / f"{surface}.txt").write_text("".join(blocks), encoding="utf-8")
    shutil.rmtree(NEW)


# Read before tests replace functions of files.
_golden = {surface: read(surface) for surface in SURFACES}
_recorded: list[list[str]] = []
