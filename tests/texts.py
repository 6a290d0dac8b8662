"""Compare texts for people with one golden file per surface: `golden/texts/errors.txt` and others.

A test checks facts.  The golden file contains the wording, so a better sentence changes one file
and no test.  `make texts` writes the files anew after a sentence was changed; read the difference
before you commit it.
"""

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
FACTS = ("parameter", "file", "line", "row", "column", "value", "allowed")
MODE = os.environ.get("SOMSCAPE_TEXTS", "check")  # or "write", or "ignore"
if MODE == "write":  # the processes of a run share this folder
    NEW = Path(os.environ.setdefault("SOMSCAPE_TEXTS_NEW", tempfile.mkdtemp()))
MAX_FACT_LENGTH = 60

_TEMPORARY = re.compile(r"[^\s'\"`(=]*/pytest-of-[^/]+/pytest-[^/]+/(popen-gw\d+/)?[^/\s'\"`,;:)]+")
_golden: dict[str, dict[str, set[str]]] = {}


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
    key, text = re.sub(r"\[.*", "", test), stable_text(text)
    if MODE == "write":
        with (NEW / f"{surface}.{os.getpid()}").open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, text]) + "\n")
        return
    if surface not in _golden:
        _golden[surface] = read(surface)
    assert key in _golden[surface], f"golden/texts/{surface}.txt lacks {key}. Run: make texts"
    assert text in _golden[surface][key], f"golden/texts/{surface}.txt differs. Run: make texts"


def stable(value):
    """Return a fact as a short text that is the same in every run and with every NumPy."""
    text = re.sub(r"\bnp\.\w+\(([^()]*)\)", r"\1", str(value))
    return stable_text(text)[:MAX_FACT_LENGTH]


def stable_text(text):
    """Return a text without temporary folders, addresses in memory and spaces at the end."""
    text = re.sub(r"\b0x[0-9a-f]{6,}", "0x0", _TEMPORARY.sub("TMP", text))
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # also half a character
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def read(surface):
    """Return the texts of a surface by the names of their tests."""
    path, texts = GOLDEN / f"{surface}.txt", {}
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    for block in content.removeprefix("## ").split("\n## ") if content else ():
        key, _, below = block.partition("\n")
        found = re.split(r"^- ", below, flags=re.MULTILINE)[1:]
        texts[key] = {text.strip("\n").replace("\n  ", "\n") for text in found}
    return texts


def write():
    """Add the texts that the processes of a run have recorded to the golden files."""
    recorded = sorted(NEW.iterdir())
    for surface in {path.stem for path in recorded}:
        texts = read(surface)
        for path in recorded:
            if path.stem == surface:
                for line in path.read_text(encoding="utf-8").splitlines():
                    key, text = json.loads(line)
                    texts.setdefault(key, set()).add(text)
        blocks = []
        for key, found in sorted(texts.items()):
            lines = [f"- {text}".replace("\n", "\n  ") for text in sorted(found)]
            blocks.append("\n".join([f"## {key}", *lines]) + "\n")
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / f"{surface}.txt").write_text("".join(blocks), encoding="utf-8")
    shutil.rmtree(NEW)
