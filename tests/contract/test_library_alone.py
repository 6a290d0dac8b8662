"""The library works without the application: its tests pass in a copy without that folder."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import somscape

pytestmark = pytest.mark.nightly

TESTS = Path(__file__).resolve().parents[1]

# Python runs this file at its start, also in each worker of the tests.
START = """
import sys
sys.meta_path[:] = [each for each in sys.meta_path if "Redirecting" not in type(each).__name__]
sys.path.insert(0, {source!r})
"""


def uses_application(path: Path) -> bool:
    """Return whether a file of tests imports the application, or helpers that import it."""
    helpers = [p.stem for p in TESTS.glob("*.py") if "somscape.desk" in p.read_text("utf-8")]
    names = "|".join(map(re.escape, ["somscape.desk", *helpers]))
    return bool(re.search(rf"^\s*(from|import) ({names})\b", path.read_text("utf-8"), re.M))


@pytest.mark.timeout(900)
def test_the_tests_of_the_library_pass_without_the_application(tmp_path: Path) -> None:
    source, package = tmp_path / "src", Path(somscape.__file__).parent
    left_out = shutil.ignore_patterns("desk", "__main__.py", "__pycache__")
    shutil.copytree(package, source / "somscape", ignore=left_out)
    core = find_spec("somscape.kernels._core")
    if core is not None and core.origin is not None:
        shutil.copy(core.origin, source / "somscape" / "kernels")
    start = tmp_path / "start"
    start.mkdir()
    (start / "sitecustomize.py").write_text(START.format(source=str(source)))
    environment = {**os.environ, "PYTHONPATH": str(start)}
    where = [sys.executable, "-c", "import somscape; print(somscape.__file__)"]
    found = subprocess.run(where, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(source))
    files = [p for p in sorted((TESTS / "unit").rglob("test_*.py")) if not uses_application(p)]
    assert len(files) > 100
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *map(str, files)],
        cwd=TESTS.parent,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed, run.stdout[-3000:]
    assert int(passed[1]) > 5000
