"""Scripts of one page share their names, so that each name may be used once."""

import re
from collections import Counter
from importlib.resources import files

import pytest

NAME = re.compile(r"^(?:const|let|class|function|async function) (\w+)", re.MULTILINE)
EACH = ("elements", "host", "calls")
PAGES = {
    "start": (*EACH, "send", "start", "runs"),
    "run": (*EACH, "send", "columns", "run"),
    "watch": (*EACH, "send", "decisions", "watch"),
    "case": (*EACH, "decisions", "case"),
    "report": ("calls", "decisions", "marks", "fold", "keys", "bar", "regions"),
}


@pytest.mark.parametrize("page", PAGES)
def test_no_two_scripts_of_a_page_use_one_name(page: str) -> None:
    own = files("somscape.desk.app") / "templates"
    of_report = files("somscape.report") / "templates"
    scripts = [(of_report if name == "elements" else own) / f"{name}.js" for name in PAGES[page]]
    if page == "report":
        scripts += [each for each in of_report.iterdir() if each.name.endswith(".js")]
    names = Counter(name for each in scripts for name in NAME.findall(each.read_text("utf-8")))
    assert len(names) > 20
    assert [name for name, n in names.items() if n > 1] == []
