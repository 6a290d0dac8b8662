"""A model card as Markdown, in which names from the data are shown as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from somscape.tables import counted


def card_text(card: Mapping[str, Any], name: str) -> str:
    """Return a card as Markdown.

    Parameters
    ----------
    card : mapping
        From `card_of`.
    name : str
        Of the model's file.

    Returns
    -------
    str

    See Also
    --------
    card_of : Makes the card.

    Examples
    --------
    >>> from somscape import SOM
    >>> from somscape.cases import card_of, card_text
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
    names = ("run", "made", "rows", "alerts", "flagged", "expected", "drift")
    rows = [
        (
            *(run[name] for name in ("number", "made", "rows", "alerts", "flagged", "expected")),
            (", ".join(run["columns"]) or "yes") if run["drift"] else "no",
        )
        for run in watch["runs"]
    ]
    said = ", ".join(f"{n} {state}" for state, n in watch["decisions"].items()) or "none yet"
    return (
        f"## Since then, in the watch {_cell(watch['name'])}\n\n{_table(names, rows)}\n\n"
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
    """Return a text that Markdown shows as it is, in one line."""
    text = " ".join(("" if value is None else str(value)).split())
    for sign in ("\\", "|", "<", "*", "_", "`", "["):
        text = text.replace(sign, f"\\{sign}")
    return text
