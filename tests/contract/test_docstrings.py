"""Public names are documented in numpydoc's form, and what is documented is what is there.

Every name in the ``__all__`` of a folder or of a public file has a summary of one line, the real
parameters, and returns if it returns something.  Its public methods and properties have a summary,
and sections that equal the signature if they have any.  Other functions have one plain line.
"""

import dataclasses
import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator

import somscape
from somscape import SOM

numpydoc = pytest.importorskip("numpydoc.docscrape")


SOURCE = Path(somscape.__file__).parent
FOLDERS = sorted(
    p.parent.relative_to(SOURCE).as_posix().replace("/", ".") for p in SOURCE.rglob("*/__init__.py")
)
FILES = sorted(p.stem for p in SOURCE.glob("[!_]*.py"))
MAX_SUMMARY = 79


def public() -> Iterator[tuple[str, Any]]:
    """Every public function and class: its shown name and itself."""
    for folder in (*FOLDERS, *FILES):
        package = importlib.import_module(f"somscape.{folder}")
        for name in getattr(package, "__all__", ()):
            thing = getattr(package, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{folder}.{name}", thing


def members() -> Iterator[tuple[str, Any]]:
    """Every public method, property and class method that we define on a public class."""
    for shown, thing in public():
        if not inspect.isclass(thing):
            continue
        for name, member in vars(thing).items():
            inner = member
            if isinstance(member, (classmethod, staticmethod)):
                inner = member.__func__
            elif isinstance(member, property):
                inner = member.fget
            elif isinstance(member, cached_property):
                inner = member.func
            if not name.startswith("_") and inspect.isfunction(inner):
                yield f"{shown}.{name}", member


PUBLIC = dict(public())
MEMBERS = dict(members())
FUNCTIONS = {shown: thing for shown, thing in PUBLIC.items() if inspect.isfunction(thing)}
CLASSES = {shown: thing for shown, thing in PUBLIC.items() if inspect.isclass(thing)}


def text_of(thing: Any) -> str:
    inner = getattr(thing, "func", thing) if isinstance(thing, cached_property) else thing
    # A class must have its own: inspect.getdoc would give that of its base.
    text = inner.__doc__ if not inspect.isclass(inner) else vars(inner).get("__doc__")
    return inspect.cleandoc(text or "")


def parse(thing: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpydoc warns of unknown and doubled sections
        return numpydoc.NumpyDocString(text_of(thing))


def documented(doc: Any, *sections: str) -> list[str]:
    """Names in some sections; ``low, high : float`` names two."""
    return [
        name.strip().lstrip("*")
        for section in sections
        for entry in doc[section]
        for name in (entry.name or entry.type).split(",")
    ]


def real_parameters(function: Any) -> list[str]:
    names = list(inspect.signature(function).parameters)
    return [name for name in names if name not in ("self", "cls")]


def returns_something(function: Any) -> bool:
    returned = inspect.signature(function).return_annotation
    return returned not in (None, "None", inspect.Signature.empty)


def is_protocol(thing: type) -> bool:
    return bool(getattr(thing, "_is_protocol", False))


# Errors and warnings are met, not made: they have an example instead of parameters.
RAISED = {
    shown
    for shown, thing in CLASSES.items()
    if issubclass(thing, BaseException) and "__init__" not in vars(thing)
}


@pytest.mark.parametrize("shown", sorted(RAISED))
def test_error_has_an_example(shown: str) -> None:
    assert parse(CLASSES[shown])["Examples"]


# Summaries


@pytest.mark.parametrize("shown", [*PUBLIC, *MEMBERS])
def test_first_line_is_a_sentence_of_at_most_79_characters(shown: str) -> None:
    text = text_of({**PUBLIC, **MEMBERS}[shown])
    assert text, f"{shown} has no docstring"
    first, *rest = text.splitlines()
    assert len(first) <= MAX_SUMMARY, f"{shown}: {len(first)} characters: {first}"
    assert first.endswith("."), f"{shown}: {first}"
    assert not rest or rest[0] == "", f"{shown}: a blank line must follow {first!r}"


@pytest.mark.parametrize("shown", FUNCTIONS)
def test_summary_of_a_function_is_imperative(shown: str) -> None:
    word = text_of(FUNCTIONS[shown]).split()[0]
    # "Returns" describes; "Return" tells.
    assert not re.fullmatch(r"[A-Z][a-z]+[^s]s", word), f"{shown} begins with {word}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_says_its_one_idea_first(folder: str) -> None:
    paths = list((SOURCE / folder.replace(".", "/")).glob("*.py"))
    assert paths
    for path in paths:
        match = re.match(r'"""(.+)\n?', path.read_text(encoding="utf-8"))
        assert match, path
        assert match[1].rstrip('"').strip(), path


# Parameters and returns


@pytest.mark.parametrize("shown", FUNCTIONS)
def test_documented_parameters_of_a_function_are_the_real_ones(shown: str) -> None:
    function = FUNCTIONS[shown]
    assert documented(parse(function), "Parameters") == real_parameters(function)


@pytest.mark.parametrize("shown", FUNCTIONS)
def test_function_documents_what_it_returns(shown: str) -> None:
    function = FUNCTIONS[shown]
    doc = parse(function)
    has_returns = bool(doc["Returns"] or doc["Yields"])
    assert has_returns == returns_something(function)


def record_fields(thing: type) -> list[str] | None:
    """Return the fields that make a record, or None for another class, such as an estimator."""
    if dataclasses.is_dataclass(thing) and not issubclass(thing, BaseEstimator):
        return [field.name for field in dataclasses.fields(thing) if field.init]
    return list(getattr(thing, "_fields", ())) if issubclass(thing, tuple) else None


@pytest.mark.parametrize("shown", CLASSES)
def test_class_documents_its_parameters_or_fields(shown: str) -> None:
    thing = CLASSES[shown]
    if is_protocol(thing) or shown in RAISED:
        return
    named = documented(parse(thing), "Parameters", "Attributes")
    real = record_fields(thing)
    if real is not None:
        # A frozen record's fields are its parameters and its attributes.
        own = {name.rpartition(".")[2] for name in MEMBERS if name.startswith(f"{shown}.")}
        # In any order: one entry may document two fields of a kind.
        assert sorted(name for name in named if name not in own) == sorted(real)
    else:
        has_own = thing.__init__ is not object.__init__
        expected = real_parameters(thing.__init__) if has_own else []
        assert documented(parse(thing), "Parameters") == expected


@pytest.mark.parametrize("shown", MEMBERS)
def test_sections_of_a_method_equal_its_signature(shown: str) -> None:
    member = MEMBERS[shown]
    if isinstance(member, (property, cached_property)):
        return
    function = getattr(member, "__func__", member)
    doc = parse(function)
    named = documented(doc, "Parameters")
    if named:
        assert named == real_parameters(function)
    if doc["Returns"]:
        assert returns_something(function)


# The estimators are met first: nothing about them may be left to guess.
ESTIMATOR_METHODS = [name for name in MEMBERS if name.startswith("estimators.")]


@pytest.mark.parametrize("shown", ESTIMATOR_METHODS)
def test_method_of_an_estimator_that_takes_rows_documents_them(shown: str) -> None:
    function = getattr(MEMBERS[shown], "__func__", MEMBERS[shown])
    if isinstance(function, property) or "X" not in real_parameters(function):
        return
    doc = parse(function)
    assert documented(doc, "Parameters") == real_parameters(function)
    assert doc["Returns"]


@pytest.mark.parametrize("shown", [name for name in CLASSES if name.startswith("estimators.")])
def test_estimator_has_attributes_an_example_and_every_fitted_attribute(shown: str) -> None:
    thing = CLASSES[shown]
    doc = parse(thing)
    assert doc["Examples"]
    X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0], [0.5, 1.5]] * 5
    is_drawn = "random_state" in real_parameters(thing.__init__)
    takes_map = "som" in real_parameters(thing.fit)
    known = {"Classifier": ["a", "b", "b", "a"] * 5, "Regressor": [0.0, 1.0, 3.0, 2.0] * 5}
    targets = [y for kind, y in known.items() if shown.endswith(kind)]
    made = thing(**({"random_state": 0} if is_drawn else {}))
    fitted = made.fit(SOM(random_state=0).fit(X) if takes_map else X, *targets)
    real = {name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")}
    # Names of features exist only where the data has them.
    assert real <= set(documented(doc, "Attributes"))
    assert set(documented(doc, "Attributes")) - {"feature_names_in_"} <= {
        *real,
        *(name for name in dir(fitted) if name.endswith("_")),
    }


def test_parameters_with_a_default_say_it() -> None:
    missing = []
    for shown, function in FUNCTIONS.items():
        types = {
            name.strip(): entry.type
            for entry in parse(function)["Parameters"]
            for name in entry.name.split(",")
        }
        for name, parameter in inspect.signature(function).parameters.items():
            has_default = parameter.default is not inspect.Parameter.empty
            if has_default and not re.search("default|optional", types.get(name, "default")):
                missing.append(f"{shown}: {name}")
    assert not missing
