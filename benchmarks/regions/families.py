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
    return radius * sphere(rng, n, d) * rng.random((n, 1)) ** (1 / d)


def _polar(radius: np.ndarray | float, angle: np.ndarray) -> np.ndarray:
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _arc(rng: np.random.Generator, n: int, low: float, high: float, width: float) -> np.ndarray:
    angle, radius = rng.uniform(low, high, n), 1 + width * rng.uniform(-1, 1, n)
    return _polar(radius, angle)


def _balls(rng: np.random.Generator, places, widths, counts) -> list[np.ndarray]:
    """Return round normal groups."""
    return [
        rng.normal(place, width, (m, len(place)))
        for place, width, m in zip(places, widths, counts, strict=True)
    ]


def _plates(rng: np.random.Generator, heights, counts) -> list[np.ndarray]:
    """Return bent plates above each other."""
    parts = []
    for height, m in zip(heights, counts, strict=True):
        x, y = rng.uniform(-1, 1, (2, m))
        parts.append(np.column_stack([x, y, 0.6 * x**2 + height + rng.normal(0, 0.04, m)]))
    return parts


def sphere(rng: np.random.Generator, n: int, d: int = 3) -> np.ndarray:
    """Rows on a sphere."""
    rows = rng.normal(size=(n, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


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
        parts.append(_polar(radius, angle + turn))
    return _stack(parts)


def unequal_balls(rng, n):
    """A wide thin cloud beside two small dense ones."""
    places = [0, 0, 0], [4.2, 0, 0], [3.4, 2.6, 0]
    return _stack(_balls(rng, places, (1.0, 0.15, 0.15), _split(n, [50, 35, 15])))


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
    flat = rng.uniform(-1, 1, plate), rng.uniform(2.0, 4.0, plate), rng.normal(0, 0.06, plate)
    return _stack([stick, round_, np.column_stack(flat)])


def seven_balls(rng, n):
    """A ball amid six others, one of them four times as dense."""
    places = 3.0 * np.vstack([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    return _stack(_balls(rng, places, [0.3, *[0.6] * 6], _split(n, [1] * 7)))


def helices(rng, n):
    """Two screws around the same axis."""
    parts = []
    for turn, m in zip((0.0, np.pi), _split(n, [1, 1]), strict=True):
        at = rng.uniform(0, 3 * np.pi, m)
        line = np.column_stack([_polar(1.0, at + turn), 0.25 * at])
        parts.append(line + rng.normal(0, 0.06, (m, 3)))
    return _stack(parts)


def sheets(rng, n):
    """Three bent plates above each other, the upper one with few rows."""
    return _stack(_plates(rng, (0.0, 0.5, 1.0), _split(n, [3, 3, 1])))


def rings_in_rings(rng, n):
    """Three rings around the same middle."""
    sizes = zip((0.6, 1.2, 1.8), _split(n, [1, 2, 3]), strict=True)
    return _stack([r * _arc(rng, m, 0, 2 * np.pi, 0.1 / r) for r, m in sizes])


def beads(rng, n):
    """Six balls on a ring, of very different sizes."""
    places = _polar(1.0, np.linspace(0, 2 * np.pi, 7)[:-1])
    return _stack(_balls(rng, places, [0.05, 0.1, 0.15] * 2, _split(n, [1, 2, 3, 3, 2, 1])))


def corner_and_ball(rng, n):
    """Two bars that meet at a right angle, and a ball in the corner."""
    upright, flat, ball = _split(n, [2, 2, 1])
    bars = [rng.uniform(0, (0.4, 3), (upright, 2)), rng.uniform(0, (3, 0.4), (flat, 2))]
    return _stack([np.concatenate(bars), _ball(rng, ball, 2, 0.5) + 1.6])


def needle_and_cloud(rng, n):
    """A needle in the hollow of a half shell."""
    needle, shell = _split(n, [1, 3])
    cup = sphere(rng, shell)
    cup[:, 2] = -np.abs(cup[:, 2])
    line = np.column_stack([rng.normal(0, 0.05, (needle, 2)), rng.uniform(-0.5, 1, needle)])
    return _stack([line, cup * rng.uniform(0.95, 1.05, (shell, 1))])


def _named(*shapes: Shape) -> dict[str, Shape]:
    return {shape.__name__: shape for shape in shapes}


FAMILIES = _named(
    linked_rings, ball_in_shell, target, diamonds, wings, moons, spirals, unequal_balls, bars,
    nested_arcs, crossing, seven_balls,
)  # fmt: skip
"""Groups by name, on which the method was chosen."""

KEPT_BACK = _named(helices, sheets, rings_in_rings, beads, corner_and_ball, needle_and_cloud)
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


Made = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows, the group of each row, and the group that the true law assigns to each row."""


def _clouds(rng, counts, means, covariances, *, heavy: bool = False) -> Made:
    """Return normal groups, or groups by Student's law with 3 degrees, and the best assignment."""
    d, parts, laws = np.shape(means)[1], [], []
    for m, mean, spread in zip(counts, means, covariances, strict=True):
        root = np.linalg.cholesky(np.eye(d) * spread if np.ndim(spread) < 2 else spread)
        tail = np.sqrt(rng.chisquare(3, (m, 1)) / 3) if heavy else 1.0
        parts.append(mean + rng.normal(size=(m, d)) / tail @ root.T)
        laws.append((np.log(m), mean, root))
    X, y = _stack(parts)
    scores = []
    for share, mean, root in laws:
        squares = (np.linalg.solve(root, (X - mean).T) ** 2).sum(axis=0)
        fit = (3 + d) / 2 * np.log1p(squares / 3) if heavy else squares / 2
        scores.append(share - np.log(np.diag(root)).sum() - fit)
    return X, y, np.argmax(scores, axis=0)


def _spread(rng, k: int, d: int, nearest: float) -> np.ndarray:
    """Return `k` centers in `d` dimensions.  The two nearest centers have the given distance."""
    centers = np.array([rng.normal(size=(30, d))[0]])
    while len(centers) < k:  # of 30 random places, take the one farthest from all others
        places = rng.normal(size=(30, d)) * 1.5
        apart = np.linalg.norm(places[:, None] - centers, axis=2).min(axis=1)
        centers = np.vstack([centers, places[apart.argmax()]])
    apart = np.linalg.norm(centers[:, None] - centers, axis=2)
    return centers * (nearest / apart[apart > 0].min())


def _exact(parts: list[np.ndarray]) -> Made:
    X, y = _stack(parts)
    return X, y, y


def _groups(shares, means, covariances, heavy: bool = False) -> Callable[..., Made]:
    """Return a recipe of normal groups, or of groups by Student's law with 3 degrees."""
    return lambda rng, n: _clouds(rng, _split(n, shares), means, covariances, heavy=heavy)


def _equal(k: int, d: int, nearest: float, n_each: int = 0) -> Callable[..., Made]:
    """Return a recipe of `k` equal normal groups, whose nearest middles have this distance."""

    def make(rng, n):
        counts = [n_each] * k if n_each else _split(n, [1] * k)
        return _clouds(rng, counts, _spread(rng, k, d, nearest), [1] * k)

    return make


def four_touching(rng, n):
    """Four discs that touch each other."""
    places = 2.02 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    counts = _split(n, [1] * 4)
    return _exact([place + _ball(rng, m, 2) for place, m in zip(places, counts, strict=True)])


def thick_and_thin(rng, n):
    """A dense and a thin group that touch, with a few rows between them."""
    dense, thin, between = _split(n, [60, 37, 3])
    X, y, best = _clouds(rng, [dense, thin], [[0, 0], [3.6, 0]], [0.16, 1.4])
    extra = rng.uniform([0.5, -0.5], [2.5, 0.5], (between, 2))
    far = (np.linalg.norm(extra, axis=1) >= 1.5).astype(int)
    return np.vstack([X, extra]), np.concatenate([y, far]), np.concatenate([best, far])


def wedges(rng, n):
    """Two triangles that face each other with their tips."""
    parts = []
    for sign, m in zip((-1, 1), _split(n, [1, 1]), strict=True):
        along = 0.05 + np.sqrt(rng.random(m))
        parts.append(np.column_stack([sign * along, along * rng.uniform(-0.9, 0.9, m)]))
    return _exact(parts)


def unequal_covariances(rng, n):
    """A round group and two long ones in different directions."""
    long, wide = [[4.0, 1.5], [1.5, 1.0]], [[0.4, -0.5], [-0.5, 3.0]]
    return _clouds(rng, _split(n, [1, 1, 1]), [[0, 0], [5.0, -1.5], [-3.0, 3.0]], [1, long, wide])


def proteins(rng, n):
    """Eight groups of very unequal sizes in seven columns, as in the table of E. coli proteins."""
    shares = [143, 77, 52, 35, 20, 12, 8, 8]
    return _clouds(rng, _split(n, shares), _spread(rng, 8, 7, 4.2), rng.uniform(0.5, 1.2, 8))


def bridges(rng, n):
    """Three balls that are connected by chains of single rows."""
    *balls, first, second = _split(n, [60, 60, 60, 4, 4])
    places = np.array([[0.0, 0.0], [3.4, 0.0], [1.7, 3.0]])
    parts = [place + _ball(rng, m, 2) for place, m in zip(places, balls, strict=True)]
    for a, b, m in ((0, 1, first), (1, 2, second)):
        at = np.linspace(0.25, 0.75, m)[:, None]
        parts.append(places[a] * (1 - at) + places[b] * at + rng.normal(0, 0.03, (m, 2)))
    X = np.concatenate(parts)
    y = np.linalg.norm(X[:, None] - places, axis=2).argmin(axis=1)
    return X, y, y


def fifty_columns(rng, n):
    """Four overlapping groups in fifty columns."""
    means = np.zeros((4, 50))
    means[:, :6] = _spread(rng, 4, 6, 4.5)
    return _clouds(rng, _split(n, [4, 3, 2, 2]), means, [1] * 4)


def mixed_columns(rng, n):
    """Three groups in two numbers and three categories of three levels, in indicator columns."""
    counts, means = _split(n, [1, 1, 1]), [[0, 0], [3, 0], [1.5, 2.6]]
    X, y, _ = _clouds(rng, counts, means, [1] * 3)
    levels = np.where(rng.random((n, 3)) < 0.7, y[:, None], rng.integers(0, 3, (n, 3)))
    scores = [
        np.log(m) - ((X - mean) ** 2).sum(axis=1) / 2
        + np.where(levels == group, np.log(0.8), np.log(0.1)).sum(axis=1)
        for group, (m, mean) in enumerate(zip(counts, means, strict=True))
    ]  # fmt: skip
    flags = np.eye(3)[levels].reshape(n, 9)
    return np.hstack([X / X.std(axis=0), flags]), y, np.argmax(scores, axis=0)


def moons_and_pair(rng, n):
    """Two half rings that reach into each other, beside two overlapping normal groups."""
    curved, straight = _split(n, [1, 1])
    a, b = moons(rng, curved)
    X, y, best = _clouds(rng, _split(straight, [1, 1]), [[0, 0], [3.6, 0]], [1, 1])
    return np.vstack([a, X * 0.3 + [0, 3.5]]), np.r_[b, y + 2], np.r_[b, best + 2]


def rings_and_sheets(rng, n):
    """Two linked rings, beside two bent plates above each other."""
    curved, flat = _split(n, [1, 1])
    rings, y = linked_rings(rng, curved)
    plates = _plates(rng, (0.0, 0.8), _split(flat, [1, 1]))
    return _exact([rings[y == 0], rings[y == 1], *(np.array([5, 0, 0]) + part for part in plates)])


Family = tuple[Callable[..., Made], tuple[int, int], int]

PAIR = [[0, 0], [3.2, 0]]
CORNERS, FAR_CORNERS = [[0, 0], [3.8, 0], [1.9, 3.6]], [[0, 0, 0], [6, 0, 0], [3, 5, 0]]

TOUCHING: dict[str, Family] = {
    "overlapping_pair": (_groups([1, 1], PAIR, [1, 1]), (400, 1500), 2),
    "thick_and_thin": (thick_and_thin, (400, 1500), 2),
    "balls_of_thirty": (_equal(7, 3, 4.5, 30), (210, 210), 3),
    "twenty_balls": (_equal(20, 3, 5.0), (600, 2000), 5),
    "unequal_covariances": (unequal_covariances, (500, 1500), 3),
    "heavy_tails": (_groups([2, 1, 1], FAR_CORNERS, [1] * 3, heavy=True), (600, 2000), 3),
    "mixed_columns": (mixed_columns, (500, 1500), 11),
    "moons_and_pair": (moons_and_pair, (800, 2000), 2),
}
"""Groups that touch, by name: recipe, numbers of rows, columns.  The method was chosen on these."""

TOUCHING_REPORTED: dict[str, Family] = {
    "four_touching": (four_touching, (400, 1500), 2),
    "wedges": (wedges, (400, 1500), 2),
    "fifty_balls": (_equal(50, 4, 5.0), (1500, 3000), 6),
    "unequal_sizes": (_groups([7, 4, 1], CORNERS, [1, 1, 0.6]), (500, 1500), 3),
    "proteins": (proteins, (355, 1500), 7),
    "bridges": (bridges, (400, 1500), 2),
    "fifty_columns": (fifty_columns, (500, 1500), 50),
    "rings_and_sheets": (rings_and_sheets, (800, 2000), 3),
}
"""Groups that touch, for reporting only."""


def cells(rng, n):
    """Ten types of cells in four lineages: counts of 500 genes, in 20 principal components.

    The shares of the types fall from a quarter to a fortieth.  A type changes a part of the genes
    of its lineage.  Counts follow the negative binomial law, with 1,100 counts in the median cell.
    """

    def changes(k, width):
        return (rng.random((k, 500)) < 0.08) * rng.normal(0, width, (k, 500))

    shares, lineage = np.geomspace(1, 0.1, 10), np.arange(10) % 4
    y = rng.choice(10, n, p=shares / shares.sum())
    genes = (rng.gamma(0.6, size=500) + 0.02) * np.exp(changes(4, 2.0)[lineage] + changes(10, 1.0))
    means = (genes / genes.sum(axis=1, keepdims=True))[y] * rng.lognormal(7.0, 0.4, (n, 1))
    counts = rng.poisson(means * rng.gamma(2.0, 0.5, means.shape))
    logs = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    left, size, _ = np.linalg.svd(logs - logs.mean(axis=0), full_matrices=False)
    return left[:, :20] * size[:20], y


def draw_touching(name: str, size: int, seed: int) -> Made:
    """Return rows of a family, the group of each row, and the best assignment by the true law.

    Further columns contain noise that is as wide as the groups.
    """
    make, sizes, d = (TOUCHING | TOUCHING_REPORTED)[name]
    rng = np.random.default_rng([seed, size, *name.encode()])
    X, y, best = make(rng, sizes[size])
    within = np.sqrt(np.mean([X[y == group].var(axis=0).mean() for group in np.unique(y)]))
    X = np.hstack([X, rng.normal(0, within, (len(X), max(0, d - X.shape[1])))])
    order = rng.permutation(len(X))
    return X[order], y[order], best[order]
