"""What import-linter cannot check: how large things get, what folders export and load.

`pyproject.toml` contains the rows of ARCHITECTURE.md, which `make check` compares with all imports.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "somscape"
PATHS = sorted(SOURCE.rglob("*.py"))

# Code lines of the last release.  The total may exceed this number by one percent.  To raise it,
# give the reason in docs/contribute/decisions.
CODE_LINES = 46_966
MAX_FILE, MAX_FUNCTION, MAX_KERNEL = 600, 60, 80

# Folders that must load without any library but these, since most users need no other.
HEAVY = {"scipy", "sklearn", "matplotlib", "narwhals", "pyarrow", "click", "rich", "pandas", "dask"}
LEAN = {
    "grid kernels fit maps": {"numpy", "msgspec", "safetensors"},
    "changes tables measures outliers paths recognize save datasets": {"numpy", "msgspec"},
    "minisom": {"numpy"},
}
EMPTY_LINES = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> set[int]:
    """Return the numbers of the lines with code, without blank lines, comments and docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in EMPTY_LINES:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        # A string that is a statement: a docstring, or the text below a constant.
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


TEXTS = {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in PATHS}
TREES = {name: ast.parse(text) for name, text in TEXTS.items()}
LINES = {name: code_lines(text) for name, text in TEXTS.items()}


def test_only_the_store_connects_to_the_database_of_a_state() -> None:
    drivers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) and {"sqlite3", "psycopg"} & {a.name for a in node.names}
        if name.startswith("desk/")
    }
    assert {name.rpartition("/")[0] for name in drivers} == {"desk/store"}


def test_code_lines_are_counted_as_meant() -> None:
    text = '"""One.\n\nTwo."""\n\nX = 1\n"""What X is."""\n\n\ndef f():\n    """Doc."""\n'
    text += "    # why\n    return (\n        1,\n    )  # trailing\n"
    assert code_lines(text) == {5, 9, 12, 13, 14}


def test_code_base_stays_small() -> None:
    n, limit = sum(map(len, LINES.values())), CODE_LINES * 101 // 100
    assert n <= limit, f"{n} code lines, more than {limit}. Shorten other code."


def test_files_are_short() -> None:
    found = {name: len(lines) for name, lines in LINES.items() if len(lines) > MAX_FILE}
    for path in (ROOT / "core").iterdir():
        if path.suffix in (".hpp", ".cpp"):
            text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
            n = sum(bool(re.sub(r"//.*", "", line).strip()) for line in text.splitlines())
            if n > MAX_FILE:
                found[path.name] = n
    assert not found


def test_functions_are_short() -> None:
    found = {}
    for file, tree in TREES.items():
        limit = MAX_KERNEL if file.startswith("kernels/") else MAX_FUNCTION
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                n = len(LINES[file] & set(range(node.lineno, (node.end_lineno or 0) + 1)))
                if n > limit:
                    found[f"{file}:{node.lineno} {node.name}"] = n
    assert not found


def test_names_with_an_underscore_are_private_to_their_folder() -> None:
    wrong = []
    for file, tree in TREES.items():
        home = ("somscape." + file.rpartition("/")[0].replace("/", ".")).rstrip(".")
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("somscape"):
                folder = f"{SOURCE.parent}/{(node.module or '').replace('.', '/')}"
                is_package = Path(folder).is_dir()
                if (node.module or "").startswith(home) and home != "somscape":
                    continue
                wrong += [
                    f"{file}:{node.lineno} takes {name.name} from {node.module}"
                    for name in node.names
                    if re.match("_(?!_)", name.name) and not is_package
                ]
    assert not wrong, "\n".join(wrong)


def documented() -> set[str]:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    return set(re.findall(r"^ {2,}([\w.]+) *$", page, flags=re.M))


def test_folders_export_exactly_the_documented_names() -> None:
    at_root = {name for name in documented() if "." not in name}
    assert set(import_module("somscape").__all__) == at_root | {"__version__"}
    for folder in sorted({name.rpartition(".")[0] for name in documented()} - {""}):
        exported = set(import_module(f"somscape.{folder}").__all__)
        names = {n.rpartition(".")[2] for n in documented() if n.rpartition(".")[0] == folder}
        assert names <= exported, folder
        assert exported - names <= at_root, folder  # the root gives out these


def test_public_classes_have_public_module_paths() -> None:
    # A pickle, and skops' list of trusted types, contain these paths.
    for name in sorted(documented()):
        folder, _, last = name.rpartition(".")
        thing = getattr(import_module(f"somscape.{folder}".rstrip(".")), last)
        assert not (isinstance(thing, type) and re.search(r"\._", thing.__module__)), name


@pytest.mark.parametrize("folders", LEAN)
def test_lean_folders_load_no_other_library(folders: str) -> None:
    names = ", ".join(f"somscape.{name}" for name in folders.split())
    code = f"import sys, {names}; print(*sorted(n for n in sys.modules if '.' not in n))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(run.stdout.split())
    assert LEAN[folders] <= loaded
    assert not HEAVY & loaded
