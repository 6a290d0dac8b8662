"""Draws a map that unfolds over colors: a picture that moves without a script.

    python docs/unfolding.py    writes docs/images/unfolding.svg

On the left, each unit of the map has the color that it stands for; on the right, the same units are
a net among the colors.  Both go through the epochs of one training.  Those who ask for less
motion see its end.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from learn_figures import CELL, hex_colors, places, recorded, size

from somscape.grid import Lattice

PICTURE = Path(__file__).parent / "images" / "unfolding.svg"
LATTICE = Lattice(11, 15)
BEFORE, TRAINING, AFTER, BACK = 1.2, 6.5, 4, 1.8  # seconds of a round
LABEL = (
    "A map learns colors. Left: hexagons of random colors change until similar colors lie side by "
    "side. Right: the net that joins them unfolds over the colors."
)
STYLE = (
    ".net polyline{fill:none;stroke:#808080}.still{display:none}"
    "@media (prefers-reduced-motion:reduce){.still{display:inline}.moving{display:none}}"
)


class Shape(NamedTuple):
    """An element, and what becomes of one of its attributes from epoch to epoch."""

    tag: str
    fixed: str
    attribute: str
    values: list[str]

    def still(self) -> str:
        """Return the element at the end of training."""
        return f'<{self.tag}{self.fixed} {self.attribute}="{self.values[-1]}"/>'

    def moving(self) -> str:
        """Return the element as it changes, and goes back to how it was."""
        first, *_, last = self.values
        values = ";".join([first, *self.values, last, first])
        seconds = BEFORE + TRAINING + AFTER + BACK
        begun = self.still().removesuffix("/>")
        return (
            f'{begun}><animate attributeName="{self.attribute}" values="{values}" '
            f'keyTimes="{times_of(len(self.values))}" dur="{seconds:g}s" '
            f'repeatCount="indefinite"/></{self.tag}>'
        )


def times_of(n_frames: int) -> str:
    """Return when each frame is shown, as shares of a round."""
    trained = BEFORE + TRAINING
    shown = [0, *np.linspace(BEFORE, trained, n_frames), trained + AFTER, trained + AFTER + BACK]
    return ";".join(f"{time / shown[-1]:.2f}" for time in shown)


def training() -> tuple[np.ndarray, np.ndarray]:
    """Return colors, and those of the units before training and after each epoch."""
    colors = np.random.default_rng(7).random((2000, 3))
    return colors, recorded(colors, LATTICE, radii=np.geomspace(6, 0.6, 15), seed=3)


def flat(colors: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    """Return where colors lie for one who looks from white to black."""
    turns = np.radians([90, 210, 330])
    directions = np.column_stack([np.cos(turns), -np.sin(turns)])
    return at + colors @ directions * width / 2


def cells(codebooks: np.ndarray) -> list[Shape]:
    """Return the cells of the lattice, which change their colors."""
    fills = np.array([hex_colors(codebook) for codebook in codebooks]).T
    return [
        Shape("use", f' href="#c" x="{x:.1f}" y="{y:.1f}"', "fill", list(of_cell))
        for (x, y), of_cell in zip(places(LATTICE), fills, strict=True)
    ]


def net(units: np.ndarray) -> list[Shape]:
    """Return the rows and columns of the lattice as lines through their units, epoch by epoch."""
    grid = np.arange(LATTICE.n_units).reshape(LATTICE.n_rows, LATTICE.n_cols)
    return [
        Shape("polyline", "", "points", [points(frame[line]) for frame in units])
        for line in (*grid, *grid.T)
    ]


def points(places: np.ndarray) -> str:
    """Return points as SVG writes them."""
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in places)


def draw() -> str:
    """Return the picture."""
    colors, codebooks = training()
    width, height = size(LATTICE)
    center, side = np.array([width + height / 2, height / 2]), height - CELL
    seen = colors[:300]
    rows = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="2.5" fill="{color}"/>'
        for (x, y), color in zip(flat(seen, center, side), hex_colors(seen), strict=True)
    )
    parts = ("", cells(codebooks)), (' class="net"', net(flat(codebooks, center, side)))
    still, moving = (
        "".join(f"<g{how}>{''.join(map(way, shapes))}</g>" for how, shapes in parts)
        for way in (Shape.still, Shape.moving)
    )
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in LATTICE.cell * CELL)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + height:.0f} {height:.0f}" '
        f'role="img" aria-label="{LABEL}"><title>{LABEL}</title><style>{STYLE}</style>'
        f'<defs><polygon id="c" points="{corners}"/></defs>{rows}'
        f'<g class="moving">{moving}</g><g class="still">{still}</g></svg>\n'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
