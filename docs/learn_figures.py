"""Figures of `concepts/map.md`: trainings, recorded epoch by epoch, as pages that can be stepped.

Each figure is a still picture (SVG) with its recording beside it, which `learn.js` plays.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from somscape.fit import partial, prepare, step
from somscape.grid import Lattice

SIZE = (320, 190)
CELL = 16  # width of a cell
NET = Lattice(6, 9)


def points_of_two_shapes() -> np.ndarray:
    """Return 320 points: a crescent, and a ball beside it."""
    rng = np.random.default_rng(4)
    turn = rng.uniform(np.pi * 0.95, np.pi * 2.05, 230)
    crescent = np.column_stack([np.cos(turn), -np.sin(turn)]) * rng.normal(100, 9, 230)[:, None]
    ball = rng.normal(0, 16, (90, 2))
    return np.concatenate([crescent * [1.2, 1] + np.array([160, 65]), ball + np.array([160, 70])])


def recorded(rows: np.ndarray, lattice: Lattice, *, radii: np.ndarray, seed: int) -> np.ndarray:
    """Return the codebook before training and after each epoch."""
    rng = np.random.default_rng(seed)
    problem = prepare(rows).on(lattice)
    codebooks = [rows[rng.choice(len(rows), lattice.n_units, replace=False)].copy()]
    for radius in radii:
        sums = partial(problem, rows, codebook=codebooks[-1])
        codebooks.append(step(problem, sums, radius=radius, codebook=codebooks[-1])[0])
    return np.array(codebooks)


def edges(lattice: Lattice) -> list[list[int]]:
    """Return the pairs of units that touch."""
    pairs = np.argwhere(lattice.adjacency.toarray() > 0)
    return pairs[pairs[:, 0] < pairs[:, 1]].tolist()


def places(lattice: Lattice) -> np.ndarray:
    """Return where the centers of cells lie in a picture."""
    return lattice.positions * CELL + CELL


def size(lattice: Lattice) -> np.ndarray:
    """Return the width and height of a picture of cells."""
    return np.max(places(lattice), axis=0) + CELL


def cells(lattice: Lattice, said: list[str]) -> str:
    """Return a polygon for each cell, with what is said of it."""
    corners = places(lattice)[:, None, :] + lattice.cell * CELL
    shapes = [" ".join(f"{x:.1f},{y:.1f}" for x, y in cell) for cell in corners]
    return "".join(
        f'<polygon points="{shape}" {of_cell}/>'
        for shape, of_cell in zip(shapes, said, strict=True)
    )


def net(rows: np.ndarray, codebook: np.ndarray, pairs: list[list[int]]) -> str:
    """Return points, and units joined by lines."""
    dots = "".join(f'<circle class="row" cx="{x:.0f}" cy="{y:.0f}" r="2"/>' for x, y in rows)
    lines = "".join(
        '<line x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"/>'.format(*codebook[a], *codebook[b])
        for a, b in pairs
    )
    units = "".join(f'<circle class="unit" cx="{x:.0f}" cy="{y:.0f}" r="3"/>' for x, y in codebook)
    return dots + lines + units


def svg(inside: str, *, label: str, size: Sequence[float] = SIZE) -> str:
    """Return a picture, with a text for those who do not see it."""
    box = f"0 0 {size[0]:.0f} {size[1]:.0f}"
    return f'<svg viewBox="{box}" role="img" aria-label="{label}">{inside}</svg>'


def figure(kind: str, pictures: list[str], *, data: dict[str, Any], caption: str) -> str:
    """Return a still figure, with the recording that makes it move."""
    recording = json.dumps(data, separators=(",", ":"))
    return (
        f'<figure class="learn" data-kind="{kind}"><div class="panels">{"".join(pictures)}</div>'
        f"<figcaption>{caption}</figcaption>"
        f'<script type="application/json">{recording}</script></figure>\n'
    )


def hex_colors(codebook: np.ndarray) -> list[str]:
    """Return prototypes, which are colors, as they are written in pages."""
    values = (codebook.clip(0, 1) * 255).round().astype(int)
    return ["#{:02x}{:02x}{:02x}".format(*color) for color in values]


def steps(codebooks: np.ndarray, radii: np.ndarray | None) -> dict[str, Any]:
    """Return what a figure of points plays: units, and the radius that led to them."""
    shown = [] if radii is None else radii.round(1).tolist()
    return {"frames": codebooks.round().astype(int).tolist(), "radii": shown}


def unfolding(rows: np.ndarray, codebooks: np.ndarray, radii: np.ndarray) -> str:
    """Return the figure of a net that unfolds over points."""
    pairs = edges(NET)
    label = "A net of 54 units laid over points in the shape of a crescent and a ball"
    caption = "A map of 6 x 9 units unfolds over 320 rows of two numbers."
    picture = svg(net(rows, codebooks[-1], pairs), label=label)
    data = steps(codebooks, radii) | {"edges": pairs}
    return figure("net", [picture], data=data, caption=caption)


def k_means(rows: np.ndarray) -> str:
    """Return the figure of the same training with a radius that reaches no neighbor."""
    codebooks = recorded(rows, Lattice(3, 3), radii=np.full(20, 0.01), seed=2)
    label = "Nine prototypes among the same points, without lines between them"
    picture = svg(net(rows, codebooks[-1], []), label=label)
    caption = "k-means with nine prototypes. No prototype has neighbors."
    return figure("net", [picture], data=steps(codebooks, None) | {"edges": []}, caption=caption)


def colors() -> str:
    """Return the figure of a map that unfolds over colors."""
    lattice, radii = Lattice(10, 15), np.geomspace(6, 0.7, 24)
    rows = np.random.default_rng(7).random((1500, 3))
    frames = [hex_colors(codebook) for codebook in recorded(rows, lattice, radii=radii, seed=1)]
    label = "A map of hexagons with similar colors next to each other"
    drawn = cells(lattice, [f'fill="{color}"' for color in frames[-1]])
    data = {"frames": frames, "radii": radii.round(1).tolist()}
    caption = "1,500 random colors, three numbers each, on a map of 10 x 15 units."
    return figure(
        "colors", [svg(drawn, label=label, size=size(lattice))], data=data, caption=caption
    )


def winner(rows: np.ndarray, codebook: np.ndarray) -> str:
    """Return the figure of a row that can be moved, its winner, and whom that pulls along."""
    row = np.array([235, 130])
    best = int(np.argmin(((codebook - row) ** 2).sum(axis=1)))
    pulls = np.exp(-(NET.distances_from(best) ** 2) / 2)
    said = [f'class="cell" fill-opacity="{pull:.2f}"' for pull in pulls]
    said[best] = 'class="cell best" fill-opacity="1"'
    moved = f'<circle class="moved" cx="{row[0]}" cy="{row[1]}" r="7"/>'
    labels = (
        "Rows, the net of the map, and one row",
        "The map: the darker a cell, the more it is pulled",
    )
    pictures = [
        svg(net(rows, codebook, edges(NET)) + moved, label=labels[0]),
        svg(cells(NET, said), label=labels[1], size=size(NET)),
    ]
    data = {"codebook": codebook.round().tolist(), "places": NET.positions.round(3).tolist()}
    caption = "A row (large), its best matching unit (outlined), and how strongly each is pulled."
    return figure("winner", pictures, data=data | {"row": row.tolist()}, caption=caption)


def draw(folder: Path) -> None:
    """Write all figures into a folder."""
    rows = points_of_two_shapes()
    radii = np.geomspace(4, 0.6, 20)
    codebooks = recorded(rows, NET, radii=radii, seed=0)
    pages = {
        "unfolding": unfolding(rows, codebooks, radii),
        "k_means": k_means(rows),
        "colors": colors(),
        "winner": winner(rows, codebooks[-1]),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
