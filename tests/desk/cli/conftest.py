"""Tables of the command line's tests, and two finished jobs to look at."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import Found, Outcome, customers, run, run_process, write

from somscape.desk.cli import _out as _results


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the test's own, which is the working folder."""
    # Short names, so that lines with paths in them are not cut.
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def table(here: Path) -> Path:
    """A table of 60 customers in the working folder."""
    return write(Path("customers.csv"), *customers())


@pytest.fixture
def pictures() -> None:
    """For tests that look at the two pictures of `detect`, or may not leave them out."""


@pytest.fixture(autouse=True)
def _empty_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pictures empty for all others, as they take half the time of `detect`.

    Those of jobs that several tests look at are drawn.
    """

    def picture(*_: Any, **__: Any) -> Any:
        axes = SimpleNamespace(set_title=lambda _: None)
        return SimpleNamespace(ax_=axes, save=lambda path: path.write_bytes(b""))

    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(_results, "umatrix", picture)
        monkeypatch.setattr(_results, "planes", picture)


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """`detect` on the 60 customers, run once."""
    return _detect(tmp_path_factory, "customers", _customers_file, run)


@pytest.fixture(scope="session")
def article(tmp_path_factory: pytest.TempPathFactory, article_file: Path) -> Found:
    """`detect` on the article's file with id and label, run once in its own process."""
    started = partial(run_process, is_fork=False)
    return _detect(tmp_path_factory, "article", lambda: article_file, started)


def _customers_file() -> Path:
    return write(Path("customers.csv"), *customers())


ROLES = {
    "customers": ["--id", "cust_id", "--label", "answer"],
    "article": ["--id", "CustomerID", "--label", "Class"],
}


def _detect(
    factory: pytest.TempPathFactory,
    name: str,
    make: Callable[[], Path],
    runner: Callable[..., Outcome],
) -> Found:
    folder = factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        outcome = runner("detect", make(), *ROLES[name], "--out", "found")
    assert outcome.code == 0, outcome.err
    return Found(folder / "found", outcome)
