"""Groups of every shape, and single groups that must stay whole: tables with known answers.

The shapes follow A. Ultsch's Fundamental Clustering Problems Suite (2005); the recipes are our own.
Each is turned at random in a space of 2 to 20 dimensions, whose other dimensions hold noise.
"""

from collections.abc import Callable

import numpy as np

Shape = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def _split(n: int, shares: list[float]) -> list[int]:
    """Return how many rows each group has, at least eight."""
    counts = [max(8, int(n * share / sum(shares))) for share in shares]
    counts[0] += n - sum(counts)
    return counts


def _stack(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _ball(rng: np.random.Generator, n: int, d: int, radius: float = 1.0) -> np.ndarray:
    direction = rng.normal(size=(n, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * direction * rng.random((n, 1)) ** (1 / d)


def _arc(rng: np.random.Generator, n: int, low: float, high: float, width: float) -> np.ndarray:
    angle, radius = rng.uniform(low, high, n), 1 + width * rng.uniform(-1, 1, n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def linked_rings(rng, n):
    """Two rings, each through the middle of the other."""
    a, b = (
        np.column_stack([_arc(rng, m, 0, 2 * np.pi, 0.1), rng.uniform(-0.1, 0.1, m)])
        for m in _split(n, [1, 1])
    )
    return _stack([a, b[:, [0, 2, 1]] + [1, 0, 0]])


def ball_in_shell(rng, n):
    """A dense ball in the middle of a hollow one."""
    inner, outer = _split(n, [1, 1])
    shell = rng.normal(size=(outer, 3))
    shell *= rng.uniform(0.95, 1.05, (outer, 1)) / np.linalg.norm(shell, axis=1, keepdims=True)
    return _stack([_ball(rng, inner, 3, 0.25), shell])


def target(rng, n):
    """A disc in a ring, and four small groups far out in the corners."""
    disc, ring, *corners = _split(n, [48, 48, 1, 1, 1, 1])
    places = [(2.2, 2.2), (2.2, -2.2), (-2.2, 2.2), (-2.2, -2.2)]
    out = [p + _ball(rng, m, 2, 0.12) for p, m in zip(places, corners, strict=True)]
    return _stack([_ball(rng, disc, 2, 0.4), _arc(rng, ring, 0, 2 * np.pi, 0.12), *out])


def diamonds(rng, n):
    """Two evenly filled diamonds that touch at a corner."""
    parts = []
    for middle, m in zip((-1.03, 1.03), _split(n, [1, 1]), strict=True):
        u, v = rng.uniform(-1, 1, (2, m))
        parts.append(np.column_stack([(u + v) / 2 + middle, (u - v) / 2]))
    return _stack(parts)


def wings(rng, n):
    """Two slabs that are densest where they are nearest, along a slanted gap."""
    parts = []
    for sign, m in zip((-1, 1), _split(n, [1, 1]), strict=True):
        across = 0.16 + 1.1 * rng.beta(1, 1.6, m)
        parts.append(np.column_stack([sign * rng.uniform(-1.6, 1.0, m), sign * across]))
    return _stack(parts)


def moons(rng, n):
    """Two half rings that reach into each other, one of them with fewer rows."""
    a, b = (_arc(rng, m, 0, np.pi, 0.14) for m in _split(n, [2, 1]))
    return _stack([a, [1.0, 0.35] - b])


def spirals(rng, n):
    """Two arms that wind around each other once."""
    parts = []
    for turn, m in zip((0.0, np.pi), _split(n, [1, 1]), strict=True):
        angle = np.sqrt(rng.uniform(0.3, 9.0, m)) * 2.1
        radius = 0.16 * angle + rng.uniform(-0.06, 0.06, m)
        parts.append(
            np.column_stack([radius * np.cos(angle + turn), radius * np.sin(angle + turn)])
        )
    return _stack(parts)


def unequal_balls(rng, n):
    """A wide thin cloud beside two small dense ones."""
    wide, dense, small = _split(n, [50, 35, 15])
    return _stack([
        rng.normal(0, 1.0, (wide, 3)),
        rng.normal([4.2, 0, 0], 0.15, (dense, 3)),
        rng.normal([3.4, 2.6, 0], 0.15, (small, 3)),
    ])  # fmt: skip


def bars(rng, n):
    """Three long bars side by side, a ball at the end of one, and rows strewn between them."""
    *sides, ball = _split(n, [3, 3, 3, 2])
    parts = [
        np.column_stack([rng.uniform(-3, 3, m), y + rng.normal(0, 0.12, m)])
        for y, m in zip((-1, 0, 1), sides, strict=True)
    ]
    return _stack([*parts, np.array([4.0, 1.4]) + _ball(rng, ball, 2, 0.35)])


def nested_arcs(rng, n):
    """An open ring in another, turned the other way, around a dense core."""
    core, inner, outer = _split(n, [1, 2, 3])
    return _stack([
        rng.normal(0, 0.1, (core, 2)),
        0.75 * _arc(rng, inner, -2.4, 2.4, 0.12),
        1.4 * _arc(rng, outer, 0.7, 5.6, 0.08),
    ])  # fmt: skip


def crossing(rng, n):
    """A long rod through a ring in space, beside a flat plate."""
    rod, ring, plate = _split(n, [1, 2, 2])
    stick = np.column_stack([rng.normal(0, 0.06, (rod, 2)), rng.uniform(-1.8, 1.8, rod)])
    round_ = np.column_stack([_arc(rng, ring, 0, 2 * np.pi, 0.1), rng.normal(0, 0.06, ring)])
    flat = np.column_stack(
        [rng.uniform(-1, 1, plate), rng.uniform(2.0, 4.0, plate), rng.normal(0, 0.06, plate)]
    )
    return _stack([stick, round_, flat])


def seven_balls(rng, n):
    """A ball amid six others, one of them four times as dense."""
    counts = _split(n, [1, 1, 1, 1, 1, 1, 1])
    places = np.concatenate([np.zeros((1, 3)), 3.0 * np.vstack([np.eye(3), -np.eye(3)])])
    widths = [0.3, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    return _stack([
        place + rng.normal(0, width, (m, 3))
        for place, width, m in zip(places, widths, counts, strict=True)
    ])  # fmt: skip


def helices(rng, n):
    """Two screws around the same axis."""
    parts = []
    for turn, m in zip((0.0, np.pi), _split(n, [1, 1]), strict=True):
        at = rng.uniform(0, 3 * np.pi, m)
        line = np.column_stack([np.cos(at + turn), np.sin(at + turn), 0.25 * at])
        parts.append(line + rng.normal(0, 0.06, (m, 3)))
    return _stack(parts)


def sheets(rng, n):
    """Three bent plates above each other, the upper one with few rows."""
    parts = []
    for height, m in zip((0.0, 0.5, 1.0), _split(n, [3, 3, 1]), strict=True):
        x, y = rng.uniform(-1, 1, (2, m))
        parts.append(np.column_stack([x, y, 0.6 * x**2 + height + rng.normal(0, 0.04, m)]))
    return _stack(parts)


def rings_in_rings(rng, n):
    """Three rings around the same middle."""
    return _stack([
        radius * _arc(rng, m, 0, 2 * np.pi, 0.1 / radius)
        for radius, m in zip((0.6, 1.2, 1.8), _split(n, [1, 2, 3]), strict=True)
    ])  # fmt: skip


def beads(rng, n):
    """Six balls on a ring, of very different sizes."""
    angles = np.linspace(0, 2 * np.pi, 7)[:-1]
    widths = (0.05, 0.1, 0.15, 0.05, 0.1, 0.15)
    return _stack([
        rng.normal([np.cos(angle), np.sin(angle)], width, (m, 2))
        for angle, width, m in zip(angles, widths, _split(n, [1, 2, 3, 3, 2, 1]), strict=True)
    ])  # fmt: skip


def corner_and_ball(rng, n):
    """Two bars that meet at a right angle, and a ball in the corner."""
    upright, flat, ball = _split(n, [2, 2, 1])
    bars = np.concatenate([
        rng.uniform([0, 0], [0.4, 3], (upright, 2)), rng.uniform([0, 0], [3, 0.4], (flat, 2)),
    ])  # fmt: skip
    return np.concatenate([bars, _ball(rng, ball, 2, 0.5) + 1.6]), np.repeat(
        [0, 1], [upright + flat, ball]
    )


def needle_and_cloud(rng, n):
    """A needle in the hollow of a half shell."""
    needle, shell = _split(n, [1, 3])
    cup = rng.normal(size=(shell, 3))
    cup /= np.linalg.norm(cup, axis=1, keepdims=True)
    cup[:, 2] = -np.abs(cup[:, 2])
    line = np.column_stack([rng.normal(0, 0.05, (needle, 2)), rng.uniform(-0.5, 1, needle)])
    return _stack([line, cup * rng.uniform(0.95, 1.05, (shell, 1))])


FAMILIES: dict[str, Shape] = {
    f.__name__: f
    for f in (
        linked_rings, ball_in_shell, target, diamonds, wings, moons, spirals, unequal_balls,
        bars, nested_arcs, crossing, seven_balls,
    )
}  # fmt: skip
"""Groups by name, on which the method was chosen."""

KEPT_BACK: dict[str, Shape] = {
    f.__name__: f
    for f in (helices, sheets, rings_in_rings, beads, corner_and_ball, needle_and_cloud)
}
"""Groups that were made when the method was chosen, for reporting only."""

SIZES = ((300, 3), (800, 5), (1500, 10), (2500, 2), (5000, 20))
"""Rows and dimensions of the draws of each family."""

STREWN = 0.02
"""Share of the rows that are strewn over the whole space, and count for no method."""


def draw(name: str, n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of a family and the group of each, -1 for rows strewn anywhere."""
    rng = np.random.default_rng([seed, n, d, *name.encode()])
    X, y = (FAMILIES | KEPT_BACK)[name](rng, n)
    spread = X.std()
    d = max(d, X.shape[1])
    strewn = rng.random(n) < STREWN
    low, high = X.min(axis=0), X.max(axis=0)
    X[strewn] = rng.uniform(low, high, (int(strewn.sum()), X.shape[1]))
    y = np.where(strewn, -1, y)
    X = np.hstack([X, rng.normal(0, 0.05 * spread, (n, d - X.shape[1]))])
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    order = rng.permutation(n)
    return (X @ turn)[order], y[order]
