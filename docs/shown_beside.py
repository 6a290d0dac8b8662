"""What a page of the reference shows beside the docstring: pictures, and the page with examples.

Pictures are those that `examples/03_pictures.py` draws, each with the call that drew it.
"""

import ast
from pathlib import Path
from typing import Any

from guides import guide_of

EXAMPLE = Path(__file__).parents[1] / "examples" / "03_pictures.py"
FOLDER = "/_generated/03_pictures"
PACKAGE = "somscape."
CALLED_ELSEWHERE = {"plots.dark": ("dark", "dark_planes"), "plots.Display": ("umatrix_regions",)}
"""Pictures of names that are not called to draw them."""


def calls() -> dict[str, str]:
    """Return by the name of a picture the call that draws it."""
    tree = ast.parse(EXAMPLE.read_text(encoding="utf-8"))
    (drawn,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PICTURES"
    )
    assert isinstance(drawn, ast.Dict)
    return {
        ast.literal_eval(name): ast.unparse(drawing.body)
        for name, drawing in zip(drawn.keys, drawn.values, strict=True)
        if name is not None and isinstance(drawing, ast.Lambda)
    }


def pictures_of(name: str) -> dict[str, str]:
    """Return the pictures of a name such as `plots.umatrix`, each with the call that draws it."""
    drawn = calls()
    if name in CALLED_ELSEWHERE:
        return {each: drawn.get(each, "") for each in CALLED_ELSEWHERE[name]}
    return {each: call for each, call in drawn.items() if call.startswith(f"{name}(")}


def figures(name: str) -> list[str]:
    """Return the lines that show the pictures of a name, side by side."""
    lines = []
    for picture, call in pictures_of(name).items():
        alt = f"Drawn by {call}" if call else f"Drawn with {name}"
        lines += [f".. figure:: {FOLDER}/{picture}.png", f"   :alt: {alt}", ""]
        lines += [f"   ``{call}``", ""] if call else []
    inside = [
        "",
        *(f"   {line}" for line in lines),
        "",
        f"Drawn by ``examples/{EXAMPLE.name}``.",
        "",
    ]
    return ["", ".. container:: drawn", *inside] if lines else []


def add_to(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Add pictures below the first sentence of a docstring, and the explaining page at its end."""
    short = name.removeprefix(PACKAGE)
    if what not in ("class", "function", "exception") or name == short:
        return
    starts = next((at for at, line in enumerate(lines) if line.strip()), 0)
    ends = next((at for at in range(starts, len(lines)) if not lines[at].strip()), len(lines))
    lines[ends:ends] = figures(short)
    lines += ["", ".. rubric:: Page with examples", "", f":doc:`/{guide_of(short)}`", ""]
