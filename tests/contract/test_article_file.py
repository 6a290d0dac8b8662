"""The article's file is found in one place, and a run without it says what that left out."""

import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
NAME = "Credit_Card_" + "Applications.csv"
USES_IT = "def test_it(article_file):\n    assert article_file.read_text() == 'rows'\n"


def run_in(checkout: Path) -> str:
    """Run two tests that use the file in a checkout of their own."""
    folder = checkout / "tests"
    folder.mkdir(parents=True)
    for name in ("conftest.py", "nightly.py"):
        shutil.copy(TESTS / name, folder)
    for name in ("test_one.py", "test_two.py"):
        (folder / name).write_text(USES_IT)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", folder]
    return subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, timeout=120, check=False
    ).stdout


def test_a_run_without_the_file_says_how_many_tests_that_left_out(tmp_path: Path) -> None:
    *_, said, total = run_in(tmp_path / "checkout").splitlines()
    assert said.startswith(f"2 tests were left out: the article's file is not there: {tmp_path}")
    assert "2 skipped" in total


def test_a_run_with_the_file_says_nothing_of_it(tmp_path: Path) -> None:
    data = tmp_path / "shared" / "data"
    data.mkdir(parents=True)
    (data / NAME).write_text("rows")
    said = run_in(tmp_path / "checkout")
    assert "2 passed" in said.splitlines()[-1]
    assert "left out" not in said


def test_the_file_is_spelled_out_in_one_place() -> None:
    found = [path for path in TESTS.rglob("*.py") if NAME in path.read_text(encoding="utf-8")]
    assert found == [TESTS / "conftest.py"]
