"""What a package index shows and hands out: links that lead somewhere, types, no stray files."""

import operator
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import somscape

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = CONFIG["project"]
HOME = "https://github.com/somscape/somscape"
FILES = f"{HOME}/blob/main/"
PICTURES = "https://raw.githubusercontent.com/somscape/somscape/main/"
LICENSE_OF_THE_TABLE = "somscape/datasets/README.md"
SHIPPED = {".py", ".typed", ".html", ".css", ".js", ".svg", ".csv", ".json"}


def test_links_of_the_readme_lead_to_files_from_anywhere():
    text = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)|^\[[^]]+\]: (\S+)$", text, re.M)
    links = [inline or below for inline, below in links]
    pictures = re.findall(r'src="([^"]+)"', text)
    assert len(links) == 6
    assert pictures
    for links_of_a_kind, start in ((links, FILES), (pictures, PICTURES)):
        for link in links_of_a_kind:
            assert link.startswith(start), f"{link}: write {start}..."
            assert (ROOT / link.removeprefix(start)).is_file(), link


def test_the_index_knows_where_the_project_is_and_what_it_runs_on():
    assert PROJECT["urls"]["Source"] == HOME
    for url in PROJECT["urls"].values():
        assert url.startswith(HOME)
        if FILES in url:
            assert (ROOT / url.removeprefix(FILES)).is_file(), url
    assert f"repository-code: {HOME}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert any(line.startswith("Operating System :: ") for line in PROJECT["classifiers"])


def test_the_wheel_holds_types_templates_and_no_stray_files(tmp_path):
    # Without a compiler and in a folder of its own: a few seconds, and no other build is touched.
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path]
    subprocess.run(
        [*build, f"--config-settings=build-dir={tmp_path / 'build'}", ROOT],
        env={**os.environ, "CXX": "no-such-compiler"},
        check=True,
        timeout=200,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    package = {name for name in names if ".dist-info/" not in name}
    assert {"somscape/py.typed", "somscape/report/templates/report.html"} <= package
    assert {Path(name).suffix for name in package - {LICENSE_OF_THE_TABLE}} <= SHIPPED
    assert LICENSE_OF_THE_TABLE in package
    assert len(names - package) == 5  # METADATA, WHEEL, RECORD, entry points, the license


def test_names_of_the_reference_are_there_after_importing_somscape():
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    lists = re.findall(r"```\{eval-rst\}\n(.*?)```", page, re.S)
    names = [name for text in lists for name in re.findall(r"^   ([\w.]+)$", text, re.M)]
    assert {"SOM", "grid.radius_from", "fit.Progress", "errors.InputError"} <= set(names)
    # `dir` lists what `import somscape` alone gives; a folder may also be there because another
    # name has imported it.
    of_library = [name for name in names if not name.startswith("desk.")]
    assert {name.partition(".")[0] for name in of_library} <= set(dir(somscape))
    for name in of_library:
        assert operator.attrgetter(name)(somscape) is not None
