"""The plan of the source holds: who may import whom, what stands where, how large things get.

Everything is read from the source with ``ast`` and ``tokenize``; one test also imports folders in
fresh interpreters, because an import may pull in another one.  Each list of exceptions holds a
reason per line; a line that is needed no more, or that names what is not there, fails, too.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "somscape"

# ARCHITECTURE.md, "Rows": a file imports only from its own folder and from rows above.
ROWS = (
    ("_types", "_version", "errors"),
    ("_elementary", "_files", "_stored", "_validate", "_weights"),
    ("grid",),
    ("kernels",),
    ("tables",),
    ("checks", "maps"),
    ("fit",),
    ("callbacks", "engines", "measures", "regions"),
    ("changes", "outliers", "paths", "recognize"),
    ("estimators", "plots"),
    ("datasets", "minisom", "pyod", "report", "save"),
    ("desk.jobs", "desk.web"),
    ("desk.cases",),
    ("desk.app", "desk.serve"),
    ("desk.cli",),
    ("desk", "__main__"),
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}
ROW_OF[""] = len(ROWS)  # the root's own file gives out the public names; nothing imports from it

# Folders of the library.  Folders that contain only data, or only adapters to optional libraries,
# do not count.
MAX_FOLDERS, UNCOUNTED = 15, {"datasets", "engines"}

# Where each library may be imported.  NumPy and the standard library are at home everywhere.
HOMES = {
    "adbc_driver_postgresql": {"tables"},
    "msgspec": {"desk.app", "desk.serve", "maps", "outliers", "regions", "tables"},
    "argon2": {"desk.app"},
    "click": {"desk.cli"},
    "dask": {"engines"},
    "distributed": {"engines"},
    "duckdb": {"tables"},
    "matplotlib": {"plots"},
    "narwhals": {"tables"},
    "onnx": {"save"},
    "pandas": {"engines"},
    "psycopg": {"desk.cases"},
    "py4j": {"engines"},
    "prometheus_client": {"desk.serve"},
    "pyarrow": {"engines", "tables"},
    "pyod": {"pyod"},
    "pyparsing": {"tables"},
    "pyspark": {"engines"},
    "python_calamine": {"tables"},
    "ray": {"engines"},
    "rich": {"desk.cli"},
    "safetensors": {"maps"},
    "scipy": {"fit", "estimators", "grid", "maps"},
    "sklearn": {"estimators", "pyod"},
    "starlette": {"desk.app", "desk.serve", "desk.web"},
    "tomlkit": {"tables"},
    "uvicorn": {"desk.web"},
    "xlsxwriter": {"tables"},
}

# Folders that must load without any library but these (MiniSom users wait for no other).
LEAN = {
    "grid kernels fit maps": {"numpy", "msgspec", "safetensors"},
    "changes tables measures outliers paths recognize save datasets": {
        "numpy",
        "msgspec",
        "safetensors",
    },
    "minisom": {"numpy"},
}

COMPILED = {"somscape.kernels._core"}

DYNAMIC_IMPORTS = {
    "somscape/__init__.py": "public names are loaded when first used",
    "somscape/tables/_late.py": "pyarrow and narwhals are slow to import",
    "somscape/tables/sources.py": "readers of pyarrow are imported before memory is limited",
}

PRINTS = {
    "somscape/minisom/_rule.py": "MiniSom's own `verbose` prints",
}

RANDOM_NAMES = {"default_rng", "Generator", "RandomState"}

MAX_FUNCTION, MAX_KERNEL, MAX_POSITIONAL, MAX_OUTSIDE = 60, 80, 7, 2
MAX_FILE, MAX_TALL_FILE, MAX_TALL_FILES = 600, 1200, 3

LONG_FUNCTIONS: dict[str, str] = {}
TALL_FILES: dict[str, str] = {}

MAX_LOADED_BY_SOM, MAX_SHARED_CLASS_NAMES = 110, 4

# Code lines of the last release.  The total may exceed this number by one percent.  To raise it,
# give the reason in docs/contribute/decisions.
CODE_LINES = 52_308
MANY_PARAMETERS = {
    **dict.fromkeys(
        (
            "somscape.kernels._select.DeviceKernels.sums",
            "somscape.kernels._core_face.CoreKernels.sums",
            "somscape.kernels._numpy_twin.NumpyKernels.sums",
        ),
        "a kernel: its output arrays are parameters too",
    ),
    "somscape.minisom.minisom.MiniSom.__init__": "MiniSom's own",
}
POSITIONAL_OUTSIDE = {
    # "qualified name": "reason"
    "SOM.fit": "scikit-learn's order X, y, sample_weight, which pipelines pass by position",
    "SOM.fit_predict": "as fit",
    "SOM.partial_fit": "as fit",
    "SOMImputer.fit": "as SOM.fit",
    "SOMClassifier.fit": "as SOM.fit",
    "SOMClusterer.fit": "as SOM.fit",
    "SOMRegressor.fit": "as SOM.fit",
    "SOMRegressor.score": "as SOM.score",
    "SOMClassifier.score": "as SOM.score",
    "TableEncoder.fit": "as SOM.fit",
    "SOM.score": "scikit-learn's order X, y, sample_weight",
    "Lattice.__init__": "a frozen record of four fields, made by position in every example",
    "Map.__init__": "a frozen record; people get it from a fit or from `load`",
    "plots.umatrix": "map, X, y: the rows and their classes belong together, as in `fit`",
    **dict.fromkeys(("plots.hits", "plots.majority", "plots.net"), "as plots.umatrix"),
    "plots.confusion_map": "as plots.umatrix",
    "measures.label_agreement": "three operands without a default",
    "report.build": "map, table and alerts, in the order in which they come to be",
}

# The names that people use: keyword-only after the first two.
OUTSIDE = {
    "": (
        "SOM",
        "SOMClassifier",
        "SOMClusterer",
        "SOMDetector",
        "SOMImputer",
        "SOMRegressor",
        "TableEncoder",
        "Map",
        "Detector",
        "Graph",
        "Lattice",
        "load",
    ),
    "measures": None,  # every public name of the folder
    "callbacks": None,
    "changes": None,
    "paths": None,
    "plots": None,
    "regions": None,
    "report": None,
    "datasets": None,
}
HANDED_OUT = {
    "changes.Alignment",
    "measures.Agreement",
    "paths.Entry",
    "paths.Paths",
    "paths.Windows",
    "plots.ColumnPlane",
}  # made by us only


@dataclass(frozen=True)
class Import:
    """One imported module, or name of a module."""

    line: int
    module: str
    names: tuple[str, ...]
    is_for_types: bool


@dataclass(frozen=True, eq=False)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(SOURCE.parent).as_posix()

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def home(self) -> str:
        """The folder, or the file at the root: "maps", "_files"; "" for the root's init."""
        return folder_of(self.module)

    @property
    def imports(self) -> list[Import]:
        return list(_imports(self.tree, False))


def _imports(node: ast.AST, is_for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(child.lineno, alias.name, (), is_for_types)
        elif isinstance(child, ast.ImportFrom):
            names = tuple(alias.name for alias in child.names)
            module = "." * child.level + (child.module or "")
            yield Import(child.lineno, module, names, is_for_types)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part in child.body:
                yield from _imports(ast.Module([part], []), True)
            for part in child.orelse:
                yield from _imports(ast.Module([part], []), is_for_types)
        else:
            yield from _imports(child, is_for_types)


@cache
def sources() -> tuple[Source, ...]:
    paths = sorted(SOURCE.rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return tuple(Source(p, t, ast.parse(t, str(p))) for p, t in zip(paths, texts, strict=True))


@cache
def modules() -> frozenset[str]:
    return frozenset(source.module for source in sources())


def targets(found: Import) -> list[str]:
    """The somscape modules that an import names: ``from somscape import plots`` names plots."""
    if found.module != "somscape" and not found.module.startswith("somscape."):
        return []
    inner = [f"{found.module}.{name}" for name in found.names]
    submodules = [name for name in inner if name in modules() or name in COMPILED]
    is_all = len(submodules) == len(found.names) and bool(found.names)
    return submodules if is_all else [found.module, *submodules]


def folder_of(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[1:3] if parts[1:2] == ["desk"] else parts[1:2])


def check_list(found: dict[str, str], allowed: dict[str, str]) -> None:
    """Fail for what is not among the exceptions, and for exceptions that are not needed."""
    new = [f"{name}: {what}" for name, what in found.items() if name not in allowed]
    assert not new, "\n" + "\n".join(new)
    unused = sorted(set(allowed) - set(found))
    assert not unused, f"exceptions that are needed no more: {unused}"


def test_source_is_found() -> None:
    homes = {source.home for source in sources()}
    assert {"", "desk.cli", "grid", "kernels", "maps", "outliers", "tables"} <= homes
    named = {name for source in sources() for found in source.imports for name in targets(found)}
    assert named >= COMPILED


def test_every_folder_has_a_row() -> None:
    assert {source.home for source in sources()} == set(ROW_OF)


def test_architecture_page_shows_the_same_rows() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (\d+) \| ([^|]*) \|", page, flags=re.M)
    found = [re.findall(r"`([\w.]+)`", cell) for _, cell in shown]
    assert [int(row) for row, _ in shown] == list(range(len(ROWS)))
    assert [sorted(names) for names in found] == [sorted(names) for names in ROWS]


def test_library_has_few_folders() -> None:
    folders = {p.parent.name for p in SOURCE.glob("*/__init__.py")} - {"desk"} - UNCOUNTED
    assert len(folders) <= MAX_FOLDERS, sorted(folders)


def test_library_does_not_import_the_application() -> None:
    wrong = [
        f"{source.name}:{found.line} imports {target}"
        for source in sources()
        if not source.home.startswith("desk") and source.home != "__main__"
        for found in source.imports
        for target in targets(found)
        if target.startswith("somscape.desk")
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_point_only_to_rows_above() -> None:
    wrong = []
    for source in sources():
        for found in source.imports:
            for target in targets(found):
                other = folder_of(target)
                is_at_home = other == source.home or found.names == ("__version__",)
                if not is_at_home and ROW_OF[other] >= ROW_OF[source.home]:
                    wrong.append(f"{source.name}:{found.line} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_names_with_an_underscore_are_private_to_their_folder() -> None:
    wrong = [
        f"{source.name}:{found.line} takes {name} from {found.module}"
        for source in sources()
        for found in source.imports
        if targets(found) and folder_of(targets(found)[0]) not in ("", source.home)
        for name in found.names
        if re.match("_(?!_)", name) and f"{found.module}.{name}" not in modules() | COMPILED
    ]
    assert not wrong, "\n".join(wrong)


OF_JOBS = ("options", "settings", "request", "asked", "reading", "job")


def test_options_of_the_application_are_typed() -> None:
    wrong = [
        f"{source.name}:{node.lineno} takes {node.arg} as {ast.unparse(node.annotation)}"
        for source in sources()
        if source.home.startswith("desk")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.arg) and node.arg in OF_JOBS and node.annotation
        if re.match(r"(Mutable)?Mapping\b|dict\b|Any\b", ast.unparse(node.annotation))
        if source.home != "desk.web"  # there, these are settings of uvicorn
    ]
    assert not wrong, "Take a `Job` or another dataclass instead:\n" + "\n".join(wrong)


def test_imports_name_the_whole_path() -> None:
    relative = [
        f"{source.name}:{found.line}"
        for source in sources()
        for found in source.imports
        if found.module.startswith(".") or "*" in found.names
    ]
    assert not relative


def test_folder_inits_only_reexport() -> None:
    wrong = []
    for source in sources():
        if source.path.name != "__init__.py" or source.home == "":
            continue
        body = source.tree.body
        is_plain = [
            isinstance(node, ast.ImportFrom)
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
            for node in body
        ]
        if not all(is_plain):
            wrong.append(source.name)
    assert not wrong


def test_reexports_are_all_listed() -> None:
    assert sum(source.path.name == "__init__.py" for source in sources()) > 10
    for source in sources():
        if source.path.name != "__init__.py" or source.home == "":
            continue
        listed = [
            name
            for node in source.tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for name in ast.literal_eval(node.value)
        ]
        imported = {name for found in source.imports if targets(found) for name in found.names}
        assert set(listed) == imported, source.name


def documented() -> set[str]:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    return set(re.findall(r"^ {2,}([\w.]+) *$", page, flags=re.M))


def test_inits_export_exactly_the_documented_names() -> None:
    import somscape

    at_root = {name for name in documented() if "." not in name}
    assert set(somscape.__all__) == at_root | {"__version__"}
    wrong = []
    for source in sources():
        if source.path.name != "__init__.py" or source.home == "":
            continue
        folder = source.module.removeprefix("somscape.")
        names = {n.rpartition(".")[2] for n in documented() if n.rpartition(".")[0] == folder}
        listed = {
            name
            for node in source.tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for name in ast.literal_eval(node.value)
        }
        # Classes that the root gives out have their home in a folder, too.
        wrong += [f"{folder} lacks {name}" for name in names - listed]
        wrong += [f"{folder}.{name} is not documented" for name in listed - names - at_root]
    assert not wrong, "\n".join(wrong)


def test_public_classes_have_public_module_paths() -> None:
    # A pickle, and skops' list of trusted types, contain these paths.
    hidden = []
    for name in sorted(documented()):
        thing = public_thing(name)
        if isinstance(thing, type) and re.search(r"\._", thing.__module__):
            hidden.append(f"{name}: {thing.__module__}")
    assert not hidden, "\n".join(hidden)


def public_thing(name: str) -> object:
    from importlib import import_module

    folder, _, last = name.rpartition(".")
    return getattr(import_module(f"somscape.{folder}".rstrip(".")), last)


def test_there_is_no_import_cycle() -> None:
    # Imports inside functions count; those for type checkers do not, they never run.
    graph = {
        source.module: {
            target
            for found in source.imports
            if not found.is_for_types
            for target in targets(found)
            if target in modules() and target not in ("somscape", source.module)
        }
        for source in sources()
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            raise AssertionError(" -> ".join((*path[path.index(module) :], module)))
        if module not in done:
            for target in sorted(graph[module]):
                walk(target, (*path, module))
            done.add(module)

    for module in sorted(graph):
        walk(module, ())


def test_libraries_are_imported_only_at_home() -> None:
    wrong, seen = [], set()
    for source in sources():
        for found in source.imports:
            library = found.module.split(".")[0]
            if library in sys.stdlib_module_names or library in ("somscape", "numpy", ""):
                continue
            seen.add((library, source.home))
            if source.home not in HOMES.get(library, set()):
                wrong.append(f"{source.name}:{found.line} imports {library}")
    assert not wrong, "\n".join(wrong)
    by_name = {
        (node.value.split(".")[0], source.home)
        for source in sources()
        if source.name in DYNAMIC_IMPORTS
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    homes = {(library, home) for library, homes in HOMES.items() for home in homes}
    assert homes <= seen | by_name


def test_matplotlib_is_imported_late() -> None:
    at_top = [
        f"{source.name}:{found.line}"
        for source in sources()
        for found in _imports(ast.Module(_outside_functions(source.tree), []), False)
        if found.module.split(".")[0] == "matplotlib" and not found.is_for_types
    ]
    assert not at_top


def _outside_functions(tree: ast.Module) -> list[ast.stmt]:
    return [n for n in tree.body if not isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def test_imports_by_name_at_run_time_are_named() -> None:
    found = {
        source.name: "imports by name at run time"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")
    }
    check_list(found, DYNAMIC_IMPORTS)


@pytest.mark.parametrize("folders", LEAN)
def test_lean_folders_load_no_other_library(folders: str) -> None:
    names = ", ".join(f"somscape.{name}" for name in folders.split())
    code = f"import sys, {names}; print(*sorted(n for n in sys.modules if '.' not in n))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {*HOMES, "pandas", "polars", "dask", "torch"} - LEAN[folders]
    loaded = set(run.stdout.split())
    assert not heavy & loaded
    assert LEAN[folders] <= loaded


def test_nothing_prints() -> None:
    found = {
        f"{source.name}": f"line {node.lineno} prints"
        for source in sources()
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Call) and ast.unparse(node.func) == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout.write",))
    }
    check_list(found, PRINTS)


def test_no_global_random_state() -> None:
    wrong, used = [], set()
    for source in sources():
        for found in source.imports:
            if found.module == "random" or found.module.startswith("numpy.random"):
                wrong.append(f"{source.name}:{found.line} imports {found.module}")
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Attribute):
                continue
            text = ast.unparse(node)
            match = re.fullmatch(r"(?:np|numpy)\.random\.(\w+)", text)
            if match:
                used.add(match[1])
            if match and match[1] not in RANDOM_NAMES:
                wrong.append(f"{source.name}:{node.lineno} uses {text}")
    assert not wrong, "\n".join(wrong)
    assert used >= RANDOM_NAMES


def test_no_bare_except() -> None:
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (ast.unparse(node.type) == "Exception" and not _reraises(node)))
    ]
    assert not wrong


def _reraises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_catching_everything_reraises() -> None:
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and ast.unparse(node.type) == "BaseException"
        and not _reraises(node)
    ]
    assert not wrong


def test_a_constant_has_one_value_among_sibling_files() -> None:
    values: dict[tuple[str, str], set[str]] = {}
    for source in sources():
        for node in source.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper():
                name = (source.home, ast.unparse(node.targets[0]))
                values.setdefault(name, set()).add(ast.unparse(node.value))
    assert len(values) > 100
    assert not [name for name, found in values.items() if len(found) > 1]


# Size


def code_lines(text: str) -> set[int]:
    """Numbers of the lines that hold code: no blank lines, comments or docstrings."""
    skipped = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        # A string that stands alone: a docstring, or one below a constant.
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def functions(source: Source) -> Iterator[tuple[str, ast.FunctionDef, bool]]:
    """Qualified name, node and whether it is a method, of every function."""

    def walk(node: ast.AST, prefix: str, in_class: bool) -> Iterator[tuple]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{prefix}{child.name}", child, in_class
                yield from walk(child, f"{prefix}{child.name}.", False)
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.", True)
            else:
                yield from walk(child, prefix, in_class)

    yield from walk(source.tree, f"{source.module}.", False)


def test_code_lines_are_counted_as_meant() -> None:
    text = '"""One.\n\nTwo."""\n\nX = 1\n"""What X is."""\n\n\ndef f():\n    """Doc."""\n'
    text += "    # why\n    return (\n        1,\n    )  # trailing\n"
    assert code_lines(text) == {5, 9, 12, 13, 14}


def test_functions_are_short() -> None:
    found = {}
    for source in sources():
        lines = code_lines(source.text)
        limit = MAX_KERNEL if source.home == "kernels" else MAX_FUNCTION
        for name, node, _ in functions(source):
            n = len(lines & set(range(node.lineno, (node.end_lineno or 0) + 1)))
            if n > limit:
                found[name] = f"{n} code lines, more than {limit}"
    check_list(found, LONG_FUNCTIONS)


def test_files_are_short() -> None:
    assert len(TALL_FILES) <= MAX_TALL_FILES
    found = {}
    for source in sources():
        n = len(code_lines(source.text))
        assert n <= MAX_TALL_FILE, source.name
        if n > MAX_FILE:
            found[source.name] = f"{n} code lines"
    for path in sorted((ROOT / "core").iterdir()):
        if path.suffix in (".hpp", ".cpp", ".h", ".cc"):
            text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
            n = sum(bool(re.sub(r"//.*", "", line).strip()) for line in text.splitlines())
            if n > MAX_FILE:
                found[path.name] = f"{n} code lines"
    check_list(found, TALL_FILES)


def test_changelog_of_the_first_release_is_short() -> None:
    assert len((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_code_base_stays_small() -> None:
    n, limit = sum(len(code_lines(source.text)) for source in sources()), CODE_LINES * 101 // 100
    assert n <= limit, f"{n} code lines, more than {limit}. Shorten other code."


def test_class_names_have_one_meaning() -> None:
    homes: dict[str, list[str]] = {}
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(source.module)
    shared = {name: places for name, places in homes.items() if len(places) > 1}
    assert len(shared) <= MAX_SHARED_CLASS_NAMES, shared


def test_som_loads_few_files() -> None:
    code = "import sys; from somscape import SOM; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = [name for name in run.stdout.split() if name in modules()]
    assert "somscape.estimators.som" in loaded
    assert len(loaded) <= MAX_LOADED_BY_SOM


def n_positional(node: ast.FunctionDef, is_method: bool) -> int:
    arguments = node.args
    n = len(arguments.posonlyargs) + len(arguments.args)
    is_static = any(ast.unparse(d) == "staticmethod" for d in node.decorator_list)
    return n - (is_method and not is_static)


def test_functions_take_few_positional_parameters() -> None:
    found = {}
    for source in sources():
        for name, node, is_method in functions(source):
            n = n_positional(node, is_method)
            if n > MAX_POSITIONAL:
                found[name] = f"{n} positional parameters"
    check_list(found, MANY_PARAMETERS)


def public_parameters() -> Iterator[tuple[str, int]]:
    """Number of positional parameters of each public function and method, by shown name."""
    import somscape

    for folder, names in OUTSIDE.items():
        package = getattr(somscape, folder) if folder else somscape
        for name in names or package.__all__:
            thing = getattr(package, name)
            shown = f"{folder}.{name}" if folder else name
            if isinstance(thing, type):
                yield from _class_parameters(shown, thing)
            elif callable(thing):
                yield shown, _n_positional_of(thing)


def _class_parameters(shown: str, thing: type) -> Iterator[tuple[str, int]]:
    is_ours = thing.__module__.startswith("somscape")
    assert is_ours
    for name, member in vars(thing).items():
        if name == "__init__" and shown not in HANDED_OUT:
            yield f"{shown}.__init__", _n_positional_of(member) - 1
        elif not name.startswith("_") and callable(member):
            yield f"{shown}.{name}", _n_positional_of(member) - 1


def _n_positional_of(function: object) -> int:
    import inspect

    kinds = [p.kind for p in inspect.signature(function).parameters.values()]  # type: ignore[arg-type]
    return sum(
        k in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for k in kinds
    )


def test_classes_that_are_handed_out_need_to_be_named() -> None:
    import somscape

    for name in HANDED_OUT:
        folder, _, _ = name.partition(".")
        assert OUTSIDE.get(folder, ()) is None, name
        thing = attrgetter(name)(somscape)
        assert _n_positional_of(vars(thing)["__init__"]) - 1 > MAX_OUTSIDE, name


def test_names_that_people_use_are_public() -> None:
    import somscape

    for folder, names in OUTSIDE.items():
        package = getattr(somscape, folder) if folder else somscape
        assert set(names or ()) <= set(package.__all__), folder
        assert names is None or names, folder


def test_public_functions_take_two_parameters_by_position() -> None:
    found = {name: f"{n} by position" for name, n in public_parameters() if n > MAX_OUTSIDE}
    check_list(found, POSITIONAL_OUTSIDE)
