"""The reference has all public names and commands, and its pages lead to explanations."""

import importlib
import importlib.util
import inspect
import re
import warnings
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import pytest

import somscape
import somscape.desk.cases
from somscape import errors, plots
from somscape.desk.cli._commands import main

numpydoc = pytest.importorskip("numpydoc.docscrape")


DOCS = Path(__file__).resolve().parents[2] / "docs"
REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^   ([A-Za-z_.]+)$", REFERENCE.split("```", 2)[2], flags=re.M)
CLASSES = [name for name in LISTED if inspect.isclass(attrgetter(name)(somscape))]
HANDED_OUT = ("plots.Display", "outliers.AlertRule", "measures.Agreement", "kernels.Metric")
WHOLE = ("callbacks", "datasets", "errors", "minisom", "pyod")
"""Of which every name is for people; other folders also hand names to one another."""
THEIRS = {"BaseDetector", "None"}


@pytest.fixture(scope="module")
def pages(monkeypatch_module: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """What writes and fills pages, by name, from docs/, which is no part of the package."""
    monkeypatch_module.syspath_prepend(DOCS)
    return {name: importlib.import_module(name) for name in ("commands", "guides", "shown_beside")}


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def doc_of(name: str) -> numpydoc.NumpyDocString:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return numpydoc.NumpyDocString(inspect.getdoc(attrgetter(name)(somscape)) or "")


def test_what_is_handed_out_is_listed() -> None:
    assert len(LISTED) == len(set(LISTED))
    assert set(HANDED_OUT) | {f"errors.{name}" for name in errors.__all__} <= set(LISTED)


@pytest.mark.parametrize("folder", WHOLE)
def test_all_names_of_a_folder_are_listed(folder: str) -> None:
    public = importlib.import_module(f"somscape.{folder}").__all__
    assert {f"{folder}.{name}" for name in public} <= set(LISTED)


def test_what_pages_import_or_name_is_listed() -> None:
    known = {name.rpartition(".")[2] for name in LISTED} | set(somscape.__dir__())
    # Pages on how it works are about private names.
    pages = {*DOCS.glob("*.md"), *DOCS.glob("[!_]*/*.md"), *DOCS.glob("*/decisions/*.md")}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        imported = re.findall(r"^from somscape[.\w]* import \(?([\w, ]+)", text, re.M)
        assert {name for names in imported for name in re.findall(r"\w+", names)} <= known, page
        named = re.findall(r"\{(?:class|func|exc)\}`~?somscape\.([\w.]+)`", text)
        assert set(named) <= set(LISTED), page


def test_what_functions_return_is_listed() -> None:
    known = {name.rpartition(".")[2] for name in LISTED} | THEIRS
    for name in set(LISTED) - set(CLASSES):
        for returned in doc_of(name)["Returns"]:
            assert set(re.findall(r"\b[A-Z]\w+", returned.type)) <= known, name


def test_every_name_has_an_example_and_leads_to_its_neighbors() -> None:
    for name in LISTED:
        doc, home = doc_of(name), name.rpartition(".")[0]
        assert doc["Examples"], name
        neighbors = [neighbor for part in doc["See Also"] for neighbor, _ in part[0]]
        assert neighbors or home == "errors", name
        for neighbor in neighbors:
            path = (
                neighbor if neighbor.startswith("somscape.") else f"{home}.{neighbor}".lstrip(".")
            )
            short = path.removeprefix("somscape.")
            assert attrgetter(short)(somscape) is not None, name
            assert short in LISTED or short.rpartition(".")[0] in CLASSES, (name, neighbor)


def test_every_class_of_the_reference_has_a_page_that_names_it(
    pages: dict[str, ModuleType],
) -> None:
    for name in CLASSES:
        if not name.startswith("errors."):
            text = (DOCS / f"{pages['guides'].guide_of(name)}.md").read_text(encoding="utf-8")
            assert f"`somscape.{name}`" in text, name


def test_every_page_that_explains_is_there(pages: dict[str, ModuleType]) -> None:
    guides = pages["guides"]
    commands = [words for words, _ in pages["commands"].commands()]
    explained = {guides.guide_of(name) for name in LISTED}
    explained |= {guides.guide_of_command(words) for words in commands}
    assert not [page for page in explained if not (DOCS / f"{page}.md").exists()]
    assert set(guides.COMMANDS) <= set(commands)
    heads = {*LISTED, *(name.partition(".")[0] for name in LISTED)}
    assert set(guides.NAMES) <= heads


def test_every_function_that_draws_has_a_picture(pages: dict[str, ModuleType]) -> None:
    for name in plots.__all__:
        returned = str(inspect.signature(getattr(plots, name)).return_annotation)
        draws = name in ("dark", "Display") or "Display" in returned
        assert bool(pages["shown_beside"].pictures_of(f"plots.{name}")) == draws, name


def test_every_command_has_its_page(pages: dict[str, ModuleType], tmp_path: Path) -> None:
    pages["commands"].write(tmp_path)
    found = {path.stem: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.rst")}
    names = {words.replace(" ", "_"): each for words, each in pages["commands"].commands()}
    assert set(found) == {*names, "index"}
    assert set(main.commands) | {"cases_mark", "audit_verify"} <= set(names)
    for name, command in names.items():
        for option in command.params:
            assert option.param_type_name == "argument" or option.opts[0] in found[name]


def test_help_is_read_as_it_is_typed(pages: dict[str, ModuleType]) -> None:
    said = pages["commands"].as_text(
        "With --table or `a_b`, from 'x/*.csv': A_B|C, not well-known."
    )
    assert said == "With ``--table`` or ``a_b``, from 'x/\\*.csv': A\\_B\\|C, not well-known."
