"""The reference lists what people are handed, and classes and guide pages lead to each other."""

import ast
import inspect
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import somscape
from somscape import errors

pytestmark = pytest.mark.check

DOCS = Path(__file__).resolve().parents[2] / "docs"
LISTED = re.findall(
    r"^   ([A-Za-z_.]+)$", (DOCS / "reference.md").read_text(encoding="utf-8"), flags=re.M
)
CLASSES = [name for name in LISTED if inspect.isclass(attrgetter(name)(somscape))]
HANDED_OUT = ("plots.Display", "outliers.AlertRule", "measures.Agreement", "kernels.Metric")


def guides() -> dict[str, str]:
    """The guide page of each class, from docs/conf.py, which draws pictures when imported."""
    tree = ast.parse((DOCS / "conf.py").read_text(encoding="utf-8"))
    value = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "autosummary_context"
    )
    context: dict[str, Any] = eval(compile(ast.Expression(value), "conf.py", "eval"))
    return context["guides"]


def test_what_is_handed_out_is_listed() -> None:
    assert len(LISTED) == len(set(LISTED))
    assert set(HANDED_OUT) | {f"errors.{name}" for name in errors.__all__} <= set(LISTED)


def test_every_class_of_the_reference_has_a_page_that_names_it() -> None:
    pages = guides()
    shown = {name.rpartition(".")[2]: name for name in CLASSES if not name.startswith("errors.")}
    assert set(pages) == set(shown)
    for name, page in pages.items():
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        assert f"{{class}}`somscape.{shown[name]}`" in text, name
