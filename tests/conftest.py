"""What all tests share: the kernels to run on, the article's file, and one profile."""

import gc
import os
import re
from pathlib import Path

import hypothesis
import pytest
from nightly import nightly

# As the command line does, and before NumPy is loaded: beside another worker's, the threads of the
# libraries below NumPy wait busily, for half of the time of many tests.  Tests of threads ask for
# more.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from somscape.fit import _plan
from somscape.kernels._select import VARIABLE, is_core_built, select_kernels
from somscape.recognize import _train as _train_predictor

NOT_BUILT = "the compiled core is not built here; install somscape where a C++ compiler is found"
# The article: tutorials that train a map on 690 credit applications, see
# docs/contribute/sources.md.  Their table may not be in the repository.  If the file exists next
# to the checkout, tests use it (`load_credit_applications` names the place of the file).
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ARTICLE = DATA / "Credit_Card_Applications.csv"
NO_ARTICLE = f"the article's file is not there: {ARTICLE}"

hypothesis.settings.register_profile(
    "somscape",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    # The kernels fixture is the same for every example, as it should be.
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)
# Under sanitizers an example takes ten times as long, and shows what it touches at once.
hypothesis.settings.register_profile(
    "sanitized", hypothesis.settings.get_profile("somscape"), max_examples=8
)
hypothesis.settings.load_profile("somscape")


def _instruction_sets():
    """Instruction sets of the core that this processor can run, best first."""
    if not is_core_built():
        return []
    from somscape.kernels import _core

    return _core.instruction_sets()


SETS = [f"core/{name}" for name in _instruction_sets()]


ALL_MARKED = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.(\w+)", re.MULTILINE)


def pytest_ignore_collect(collection_path, config):
    """Leave out, before it is loaded, a file whose every test `-m` would leave out.

    Where that is not plain to see, the file is loaded and pytest decides: an expression with "or"
    or parentheses, a mark that is not the first of its list, a file named on the command line.
    """
    expression = config.option.markexpr or ""
    named = {Path(argument.partition("::")[0]).name for argument in config.args}
    is_plain = "or" not in expression.split() and "(" not in expression
    if not is_plain or collection_path.suffix != ".py" or collection_path.name in named:
        return None
    found = ALL_MARKED.search(collection_path.read_text(encoding="utf-8"))
    return True if found and f"not {found[1]}" in expression.split(" and ") else None


# Tests try fewer of the starts and smoothings of which "auto" keeps the best.  A test marked
# `all_tries` tries all; a fixture of a wider scope never does.  Other processes try all.  Starts of
# every kind are left: the plane with each first radius, and a shuffled plane; so are smoothings of
# a regressor by every kind of slope.
FEW_TRIES = {
    (_plan, "MAX_STARTS"): 4,
    (_train_predictor, "RADII"): (0.75, 1.5, 1e6),
    (_train_predictor, "POWERS_OF_NUMBERS"): (2.0, 8.0),
}
ALL_TRIES = {(module, name): getattr(module, name) for module, name in FEW_TRIES}
for (module, name), tried in FEW_TRIES.items():
    setattr(module, name, tried)


@pytest.fixture(autouse=True)
def _all_tries(request):
    if request.node.get_closest_marker("all_tries"):
        monkeypatch = request.getfixturevalue("monkeypatch")
        for (module, name), tried in ALL_TRIES.items():
            monkeypatch.setattr(module, name, tried)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Import and collect without looking for garbage, of which there is little.

    Later passes leave out all that is there by then.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_report_header():
    if SETS:
        return f"somscape kernels: {', '.join(SETS)} and numpy"
    return (
        "somscape kernels: numpy only; with a C++ compiler the install would build the core, "
        "which trains about ten times faster, and its tests would run too"
    )


def _use(name, monkeypatch):
    """Make `select_kernels` give the kernels called `name`, until monkeypatch undoes it."""
    if name == "numpy":
        monkeypatch.setenv(VARIABLE, "numpy")
        yield select_kernels()
        return
    if not is_core_built():
        pytest.skip(NOT_BUILT)
    from somscape.kernels import _core

    before = _core.instruction_set()
    monkeypatch.setenv(VARIABLE, "core")
    _core.use_instruction_set(name.removeprefix("core/"))
    yield select_kernels()
    _core.use_instruction_set(before)


# The set that is used by itself, and the others.
CORE = [*(SETS[:1] or ["core"]), *nightly(SETS[1:])]


@pytest.fixture(params=[*CORE, *(nightly(["numpy"]) if SETS else ["numpy"])])
def kernels(request, monkeypatch):
    """Each set of kernels in turn, also the one that estimators and maps then use."""
    yield from _use(request.param, monkeypatch)


@pytest.fixture(params=CORE)
def core(request, monkeypatch):
    """The compiled core, with each usable instruction set in turn."""
    yield from _use(request.param, monkeypatch)


@pytest.fixture
def numpy_kernels():
    """The NumPy twin, to compare the core with."""
    return select_kernels("numpy")


@pytest.fixture(scope="session")
def data():
    """Folder of the data sets that lie beside the checkout."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there; the data sets lie beside the checkout")
    return DATA


@pytest.fixture(scope="session")
def article_file():
    """The article's file, credit card applications; without it the test is left out."""
    if not ARTICLE.is_file():
        pytest.skip(NO_ARTICLE)
    return ARTICLE


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Say last how many tests were left out for want of the article's file."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    n = sum(NO_ARTICLE in str(report.longrepr) for report in skipped)
    if n:
        tests = "1 test was" if n == 1 else f"{n} tests were"
        terminalreporter.write_line(f"{tests} left out: {NO_ARTICLE}", yellow=True)


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server, started for these tests; without one installed they are left out."""
    from postgresql import NO_SERVER, Server, programs  # not in the checkouts of one test

    bin_ = programs()
    if bin_ is None:
        pytest.skip(NO_SERVER)
    server = Server(bin_)
    yield server
    server.close()
