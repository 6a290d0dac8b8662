"""Model cards. A model card describes the data, purpose, quality and history of a map."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from somscape.desk.cases.records import WatchRun, counting, precision_words
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import score_words
from somscape.desk.jobs._target import quality_words
from somscape.errors import InputError
from somscape.maps.map import Map, as_map
from somscape.measures._quality import quantization_error, topographic_error
from somscape.outliers.detector import Detector, detector_in
from somscape.recognize._answering import Answering
from somscape.recognize.recognizer import Recognizer
from somscape.save._load import Saved
from somscape.tables._messages import counted
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.encoding import ColumnCode
from somscape.tables.ordered import DateCode, OrdinalCode
from somscape.tables.table import Table

MAX_LEVELS = 12
"""Maximum number of levels that the card names for a category column."""

FEW_ROWS = 500
"""Number of training rows below which the card warns that the sample is small."""

FOR = {
    "detector": (
        "Listing the unusual rows of tables like the table below, with reasons, so that a person "
        "can review these rows.",
        "The detector finds unusual rows, not wrong rows. A person has to decide whether a row is "
        "an anomaly. Do not use the detector for decisions about people without a review, or for "
        "tables of another population, other columns or other units.",
    ),
    "classifier": (
        "Predicting the class of the rows of tables like the table below, with reasons and the "
        "probability of each class.",
        "Do not use the classifier for decisions about people without a review, for classes "
        "without training data, or for tables of another population, other columns or other "
        "units.",
    ),
    "regressor": (
        "Predicting a number for the rows of tables like the table below, with a range for each "
        "number.",
        "Do not use the regressor for decisions about people without a review, for numbers far "
        "outside the training data, or for tables of another population, other columns or other "
        "units.",
    ),
    "map": (
        "Showing which rows of a table like the table below are similar.",
        "A map does not score rows, and does not predict classes or numbers.",
    ),
}
"""Texts on the intended uses and the unsuitable uses of each kind of model."""


def card_of(
    thing: Saved,
    hash_: str,
    *,
    table: Table | None = None,
    history: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the card of a model as JSON data.

    Parameters
    ----------
    thing : Map, Detector, Recognizer or Predictor
    hash_ : str
        SHA-256 of the model's file.
    table : Table or None, default=None
        Rows for measuring errors.  Without a table, the topographic error cannot be measured.
    history : mapping or None, default=None
        Result of `watch_history`.

    Returns
    -------
    dict

    See Also
    --------
    card_text : Return a card as Markdown.
    watch_history : Return the part of a card that describes a watch.

    Examples
    --------
    >>> from somscape import SOM
    >>> from somscape.desk.cases import card_of
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> sorted(card_of(som.map_, "ab12"))[:5]
    ['for', 'kind', 'limits', 'made_by', 'measures']
    """
    map_, kind = as_map(thing), _kind(thing)
    is_for, is_not_for = FOR[kind]
    said = {name: _plain(value) for name, value in map_.encoding.roles.settings().items()}
    return {
        "kind": kind,
        "sha256": hash_,
        "made_by": dict(map_.versions),
        "for": is_for,
        "not_for": is_not_for,
        "trained_on": {
            "rows": round(float(map_.hits.sum()), 6) or None,
            "features": int(map_.codebook.shape[1]),
            "missing_cells": map_.encoding.missing,
            "columns": _columns(map_),
            **({"said": said} if said else {}),
        },
        "size": f"{map_.lattice.size_text}, {map_.lattice.kind}, {map_.lattice.boundary}",
        "measures": _measures(thing, map_, table),
        "limits": _limits(map_, kind),
        "settings": {name: _plain(value) for name, value in map_.parameters.items()},
        **({} if history is None else {"watch": dict(history)}),
    }


def watch_history(state: State, name: str, map_: str) -> dict[str, Any]:
    """Return the drift in those runs of a watch that used a map, and decision counts.

    Replaced runs are only counted.

    Parameters
    ----------
    state : State
    name : str
        Name of the watch.
    map_ : str
        SHA-256 of the map's file.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If no run of the watch used the map with this hash.

    See Also
    --------
    card_of : Return a card, which can contain this history.

    Examples
    --------
    >>> from somscape.desk.cases import State, watch_history
    >>> with State("state") as state:
    ...     watch = state.watch("cards")
    ...     history = watch_history(state, "cards", watch.map)
    >>> history["name"], len(history["runs"])
    ('cards', 1)
    """
    watch, runs = state.watch(name), state.runs(name)
    shown = [run for run in reversed(counting(runs)) if run.map == map_]
    n_replaced = sum(run.map == map_ for run in runs) - len(shown)
    if not shown and not n_replaced:
        raise InputError(
            f"No run of the watch '{name}' used this map. The map of the watch has the SHA-256 "
            f"{watch.map}. Give the map.som of one of the runs of the watch, or leave `watch` out.",
            parameter="watch",
            value=name,
        )
    precision = state.precision(name)
    said = Counter(decision.state for decision in state.last_decisions(name).values())
    return {
        "name": name,
        "source": watch.source,
        "runs": [_facts_of_run(run) | {"decided": precision[run.id]} for run in shown],
        "n_replaced": n_replaced,
        "decisions": dict(sorted(said.items())),
        "audit_head": state.head(),
    }


def _kind(thing: Saved) -> str:
    if isinstance(thing, Answering):
        return "classifier" if isinstance(thing, Recognizer) else "regressor"
    return "detector" if isinstance(thing, Detector) else "map"


def _columns(map_: Map) -> list[dict[str, Any]]:
    encoding = map_.encoding
    used = dict(zip((code.name for code in encoding.features), encoding.slices, strict=True))
    return [
        {
            "name": code.name,
            "taken_as": code.kind,
            "because": code.why,
            "holds": _values_text(code, map_, used.get(code.name)),
        }
        for code in encoding.columns
    ]


def _values_text(code: ColumnCode, map_: Map, place: slice | None) -> str:
    if isinstance(code, NumberCode) and not code.is_plain:
        return f"{code.least:.15g} to {code.most:.15g}"
    if isinstance(code, CategoryCode | OrdinalCode):
        between = " < " if isinstance(code, OrdinalCode) else ", "
        more = len(code.levels) - MAX_LEVELS
        shown = between.join(code.levels[:MAX_LEVELS])
        return f"{shown} and {more} more" if more > 0 else shown
    if isinstance(code, DateCode) and place is not None:
        return code.usual(map_.codebook[:, place])
    return ""


def _measures(thing: Saved, map_: Map, table: Table | None) -> dict[str, Any]:
    measures: dict[str, Any] = {"units": map_.n_units}
    if table is not None:
        measures["measured_on"] = f"{table.source}, {counted(table.n_rows, 'row')}"
        measures["quantization_error"] = quantization_error(map_, table)
        measures["topographic_error"] = topographic_error(map_, table)
    elif "quantization_error" in map_.history:
        measures["quantization_error"] = float(np.asarray(map_.history["quantization_error"])[-1])
    detector = detector_in(thing)
    if detector is not None:
        measures["score"] = score_words(detector)
        measures["threshold"] = detector.threshold
        measures["calibration_rows"] = len(detector.calibration.scores)
        if detector.marks is not None:
            measures["marks"] = detector.effect_of_marks
    if isinstance(thing, Answering):
        measures["quality"] = quality_words(thing)
    return measures


def _limits(map_: Map, kind: str) -> list[str]:
    n, encoding = map_.hits.sum(), map_.encoding
    limits = [
        "The model only uses the columns above. A level that was not in the training data "
        "counts as far from all other levels.",
        "The model does not change after training. Each run of a watch reports whether new rows "
        "are still similar to the training data.",
    ]
    if kind == "detector":
        limits.append(
            "A p-value is the share of usual rows that score at least as high. If there are many "
            "rows, some have small p-values by chance."
        )
    if 0 < n < FEW_ROWS:
        limits.append(
            f"The model learned from {counted(int(n), 'row')}. A model that learned from "
            "another sample would have different limits."
        )
    if encoding.missing == "fill":
        limits.append(
            "A missing number is replaced by the median of its column, so the score does not show "
            "that the number is missing."
        )
    left_out = [code.name for code in encoding.columns if code.kind == "protected"]
    if left_out:
        limits.append(
            f"Not used: {', '.join(left_out)}. Other columns may contain the same information."
        )
    return limits


def _facts_of_run(run: WatchRun) -> dict[str, Any]:
    drift = run.facts.get("drift", {})
    return {
        "number": run.number,
        "made": run.made,
        "rows": run.facts.get("n_rows"),
        "alerts": run.facts.get("n_alerts"),
        "flagged": drift.get("n_above"),
        "expected": drift.get("expected"),
        "drift": bool(drift.get("is_found")),
        "columns": [name for name in drift.get("columns", ()) if name],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def card_text(card: Mapping[str, Any], name: str) -> str:
    """Return a card as Markdown.

    Parameters
    ----------
    card : mapping
        Result of `card_of`.
    name : str
        Name of the model's file.

    Returns
    -------
    str

    See Also
    --------
    card_of : Return the card of a model as JSON data.

    Examples
    --------
    >>> from somscape import SOM
    >>> from somscape.desk.cases import card_of, card_text
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> print(card_text(card_of(som.map_, "ab12"), "map.som").splitlines()[0])
    # map.som: a map
    """
    on, quality = card["trained_on"], card["measures"]
    rows = "rows unknown" if on["rows"] is None else counted(int(on["rows"]), "row")
    columns = [(each["name"], each["taken_as"], each["holds"]) for each in on["columns"]]
    facts = {"SHA-256": card["sha256"], "map": card["size"], **_facts(card["made_by"])}
    parts = [
        f"# {name}: a {card['kind']}",
        _list(facts),
        f"## What it is for\n\n{card['for']}",
        f"## What it is not for\n\n{card['not_for']}",
        f"## What it was trained on\n\n{rows}, {counted(on['features'], 'feature')}; missing "
        f"cells: {on['missing_cells']}.\n\n{_table(('column', 'taken as', 'holds'), columns)}",
        f"## Measures\n\n{_list(_facts(quality))}",
        "## Limits\n\n" + "\n".join(f"- {line}" for line in card["limits"]),
        f"## Settings\n\n{_list(_facts(card['settings'] | on.get('said', {})))}",
    ]
    if "watch" in card:
        parts.append(_history_text(card["watch"]))
    return "\n\n".join(parts) + "\n"


def _history_text(watch: Mapping[str, Any]) -> str:
    names = ("run", "made", "rows", "alerts", "flagged", "expected", "drift", "list")
    rows = [
        (
            *(run[name] for name in ("number", "made", "rows", "alerts", "flagged", "expected")),
            (", ".join(run["columns"]) or "yes") if run["drift"] else "no",
            precision_words(run["decided"]),
        )
        for run in watch["runs"]
    ]
    said = ", ".join(f"{n} {state}" for state, n in watch["decisions"].items()) or "none yet"
    n = watch["n_replaced"]
    left_out = f" {counted(n, 'replaced run')} {'is' if n == 1 else 'are'} left out." if n else ""
    return (
        f"## Since then, in the watch {_cell(watch['name'])}\n\n{_table(names, rows)}\n\n"
        "`flagged` is the number of rows above the threshold of the map, `expected` is this number "
        f"without drift, and `drift` names the changed columns.{left_out}\n\n"
        f"Cases decided: {said}. Head of the audit: `{watch['audit_head']}`"
    )


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.replace("_", " "): f"{value:.6g}" if isinstance(value, float) else value
        for name, value in values.items()
    }


def _list(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {_cell(name)}: {_cell(value)}" for name, value in values.items())


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    """Return a value as one line of text in which special characters of Markdown are escaped."""
    text = " ".join(("" if value is None else str(value)).split())
    for sign in ("\\", "|", "<", "*", "_", "`", "["):
        text = text.replace(sign, f"\\{sign}")
    return text
