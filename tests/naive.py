"""Slow, literal versions of what somscape computes, written from the sources' formulas.

Tests compare the library with these functions, so nothing here may come from the library: no
import of somscape, NumPy only for arrays, elementary functions and one symmetric eigensolver,
plain loops over Python floats, and no trick that would itself need a test. Each docstring names
its source; where we differ from it, it says so. ``tests/unit/test_naive.py`` checks this file by
hand-worked cases.

Conventions: ``unit = row * n_cols + col``; ``X`` has shape (n_samples, n_features) and no missing
values; ``codebook`` has shape (n_units, n_features); map distances and radii are in grid steps.
Sums over samples or features use ``math.fsum``, which rounds once, so their order is irrelevant.
"""

import math

import numpy as np

TOLERANCE = 1e-9
"""Grid steps within which two map distances, such as 1 and sqrt(1/4 + 3/4), count as equal."""


def _table(values):
    """Give rows of Python floats, so that every sum below is in float64 whatever came in."""
    return np.asarray(values, dtype=np.float64).tolist()


def _squared_distance(x, w):
    """Give the sum of (x_j - w_j)^2 over the features."""
    return math.fsum((x_j - w_j) ** 2 for x_j, w_j in zip(x, w, strict=True))


# The grid


def positions(n_rows, n_cols, lattice):
    """Give each unit's place on the map as (x, y), in grid steps; shape (n_units, 2).

    Source: Vesanto et al. (2000), SOM Toolbox for Matlab 5, ``som_unit_coords``. On the hexagonal
    lattice the rows 1, 3, 5, ... are shifted right by 1/2 and rows are sqrt(3)/2 apart, so that
    all six neighbors are at distance 1.
    """
    places = []
    for row in range(n_rows):
        for col in range(n_cols):
            if lattice == "rectangular":
                places.append((float(col), float(row)))
            elif lattice == "hexagonal":
                places.append((col + 0.5 * (row % 2), row * math.sqrt(3) / 2))
            else:
                raise ValueError(f"unknown lattice {lattice!r}")
    return np.array(places)


def _offsets(start, target, n_rows, n_cols, lattice, boundary):
    """List (dx, dy) from one position to another and to each of its images around.

    A torus is the plane tiled with copies of the map, n_cols apart in x and n_rows row pitches
    apart in y; a cylinder is one row of these tiles. The copies next to the map are enough: no
    two units are further apart than that.
    """
    dx, dy = target[0] - start[0], target[1] - start[1]
    if boundary not in ("plane", "cylinder", "torus"):
        raise ValueError(f"unknown boundary {boundary!r}")
    if boundary == "torus" and lattice == "hexagonal" and n_rows % 2 == 1:
        raise ValueError("a hexagonal torus needs an even number of rows, else the shifts clash")
    pitch = 1.0 if lattice == "rectangular" else math.sqrt(3) / 2
    images = []
    for across in (0,) if boundary == "plane" else (-1, 0, 1):
        for down in (-1, 0, 1) if boundary == "torus" else (0,):
            images.append((dx + across * n_cols, dy + down * n_rows * pitch))
    return images


def map_distances(n_rows, n_cols, lattice, boundary):
    """Give the distance on the map between all pairs of units; shape (n_units, n_units).

    Source: Kohonen (2013), the Euclidean |r_c - r_i| inside the neighborhood function. On a torus
    it is the smallest distance to any image of the other unit.
    """
    places = positions(n_rows, n_cols, lattice).tolist()
    distances = np.zeros((len(places), len(places)))
    for i, start in enumerate(places):
        for j, target in enumerate(places):
            images = _offsets(start, target, n_rows, n_cols, lattice, boundary)
            distances[i, j] = min(math.hypot(dx, dy) for dx, dy in images)
    return distances


def axis_offsets(n_rows, n_cols, lattice, boundary):
    """Give |dx| and |dy| between all pairs of units; shape (n_units, n_units, 2).

    Source: MiniSom, ``_triangle``, whose neighborhood goes by axis. Where edges meet, each axis
    takes its own shortest way round.
    """
    places = positions(n_rows, n_cols, lattice).tolist()
    offsets = np.zeros((len(places), len(places), 2))
    for i, start in enumerate(places):
        for j, target in enumerate(places):
            images = _offsets(start, target, n_rows, n_cols, lattice, boundary)
            offsets[i, j, 0] = min(abs(dx) for dx, _ in images)
            offsets[i, j, 1] = min(abs(dy) for _, dy in images)
    return offsets


def graph_distances(adjacency):
    """Give the length of the shortest path between all pairs of units of a graph, else infinity.

    Source: Floyd (1962), Algorithm 97: Shortest path. An entry of 0 is no edge.
    """
    n = len(adjacency)
    far = [[float(w) if w else math.inf for w in row] for row in _table(adjacency)]
    for i in range(n):
        far[i][i] = 0.0
    for via in range(n):
        for i in range(n):
            for j in range(n):
                far[i][j] = min(far[i][j], far[i][via] + far[via][j])
    return np.array(far)


def neighbors(n_rows, n_cols, lattice, boundary):
    """List, for each unit, the sorted units next to it; itself never, duplicates once.

    Source: docs/contribute/sources.md, topographic error: 8 or 6 neighbors. Rectangular: the other
    units of the surrounding 3 x 3 square. Hexagonal: the units at distance 1.
    """
    places = positions(n_rows, n_cols, lattice).tolist()
    lists = []
    for i, start in enumerate(places):
        found = set()
        for j, target in enumerate(places):
            for dx, dy in _offsets(start, target, n_rows, n_cols, lattice, boundary):
                if lattice == "rectangular":
                    adjacent = max(abs(dx), abs(dy)) <= 1
                else:
                    adjacent = abs(math.hypot(dx, dy) - 1) <= TOLERANCE
                if adjacent and j != i:
                    found.add(j)
        lists.append(sorted(found))
    return lists


def neighborhood(distances, radius, kind):
    """Give h(d; radius) for an array of map distances of any shape.

    Source: Kohonen (2013), the Gaussian exp(-d^2 / (2 radius^2)) without its learning rate, and
    the "bubble" of Kohonen (1990): 1 within the radius, 0 outside. Radius 0 is the limit of both:
    the unit alone. SOM Toolbox, ``som_batchtrain``: "cut_gaussian" (its cutgauss) is the Gaussian
    within the radius, "epanechnikov" (its ep) max(0, 1 - d^2 / radius^2). MiniSom, ``_triangle``:
    a product of both axes, for which the last axis of ``distances`` holds |dx| and
    |dy| (`axis_offsets`).
    """
    distances = np.asarray(distances, dtype=np.float64)
    if kind == "triangle":
        h = np.zeros(distances.shape[:-1])
        for place in np.ndindex(h.shape):
            dx, dy = (float(d) for d in distances[place])
            h[place] = max(0.0, radius - dx) * max(0.0, radius - dy)
        return h
    h = np.zeros(distances.shape)
    for place in np.ndindex(distances.shape):
        d = float(distances[place])
        if kind == "bubble":
            h[place] = 1.0 if d <= radius + TOLERANCE else 0.0
        elif kind == "epanechnikov":
            h[place] = max(0.0, 1 - d**2 / radius**2)
        elif kind in ("gaussian", "cut_gaussian"):
            if kind == "cut_gaussian" and d > radius + TOLERANCE:
                h[place] = 0.0
            elif radius == 0:
                h[place] = 1.0 if d == 0 else 0.0
            else:
                h[place] = math.exp(-(d**2) / (2 * radius**2))
        else:
            raise ValueError(f"unknown neighborhood {kind!r}")
    return h


# Training


def best_units(X, codebook, k=1):
    """Give the k nearest units of each row, nearest first, and their distances; both (n, k).

    Source: Kohonen (2013), c = argmin_i |x - m_i|. Equal squared distances go to the lowest unit.
    """
    codebook = _table(codebook)
    units, distances = [], []
    for x in _table(X):
        ranked = sorted((_squared_distance(x, w), i) for i, w in enumerate(codebook))
        units.append([i for _, i in ranked[:k]])
        distances.append([math.sqrt(d_sq) for d_sq, _ in ranked[:k]])
    return np.array(units, dtype=np.intp), np.array(distances)


def batch_epoch(X, codebook, map_dist, radius, kind, sample_weight=None):
    """Give the codebook after one batch epoch.

    Source: Kohonen (2013), eq. 8, written row by row and with a weight v_t for each row:
    w_i = sum_t v_t h_c(t),i x_t / sum_t v_t h_c(t),i. A unit with denominator 0 (no row, or only
    rows of weight 0, in its neighborhood) keeps its vector.
    """
    rows = _table(X)
    weights = [1.0] * len(rows) if sample_weight is None else _table(sample_weight)
    h = neighborhood(map_dist, radius, kind)
    bmus = best_units(X, codebook)[0][:, 0]
    new = np.array(codebook, dtype=np.float64)
    n_units, n_features = new.shape
    for i in range(n_units):
        pulls = [v * float(h[c, i]) for v, c in zip(weights, bmus, strict=True)]
        total = math.fsum(pulls)
        if total == 0:
            continue
        for j in range(n_features):
            new[i, j] = math.fsum(p * x[j] for p, x in zip(pulls, rows, strict=True)) / total
    return new


def online(X, order, codebook, map_dist, radii, rates, kind):
    """Give the codebook after the online rule has seen row ``order[t]`` at each step t.

    Source: Kohonen (1990): w_i <- w_i + rate(t) h_ci(t) (x(t) - w_i) for every unit i, where c is
    the best unit of x(t). ``radii`` and ``rates`` hold one value a step.
    """
    rows = _table(X)
    codebook = np.array(codebook, dtype=np.float64)
    for row, radius, rate in zip(order, radii, rates, strict=True):
        x = rows[row]
        c = best_units([x], codebook)[0][0, 0]
        h = neighborhood(map_dist[c], radius, kind)
        for i in range(codebook.shape[0]):
            for j in range(codebook.shape[1]):
                codebook[i, j] += float(rate) * float(h[i]) * (x[j] - float(codebook[i, j]))
    return codebook


def schedule(kind, start, end, t, n):
    """Give the radius or rate at step t = 0, ..., n - 1 of n.

    Source: docs/contribute/sources.md, schedules. "geometric" start (end/start)^(t/(n-1)) and
    "linear" reach ``end`` exactly in the last step, which is the only one if n = 1.
    "asymptotic" is MiniSom's start / (1 + t (start/end - 1) / n): that would reach ``end`` at
    t = n, one step after the last, which is at ``end`` all the same.
    """
    if kind == "constant":
        return start
    if kind not in ("geometric", "linear", "asymptotic"):
        raise ValueError(f"unknown schedule {kind!r}")
    if t == n - 1:
        return end
    if kind == "asymptotic":
        return start / (1 + t * (start / end - 1) / n)
    if kind == "geometric":
        return start * (end / start) ** (t / (n - 1))
    return start + (end - start) * t / (n - 1)


# Start and size


def _principal_axes(X):
    """Give the mean, the two largest covariance eigenvalues and their unit eigenvectors.

    Source: SOM Toolbox, ``som_lininit``: the covariance divides by n_samples, not n_samples - 1.
    Ours: an axis points so that its largest entry in magnitude is positive; among entries equal
    to 1e-9 (two standardized features always are) the first one decides. A missing second axis
    (one feature) has eigenvalue 0.
    """
    columns = np.array(X, dtype=np.float64).T.tolist()
    n_features, n_samples = len(columns), len(columns[0])
    mean = [math.fsum(column) / n_samples for column in columns]
    covariance = np.zeros((n_features, n_features))
    for i in range(n_features):
        for j in range(n_features):
            products = [
                (a - mean[i]) * (b - mean[j]) for a, b in zip(columns[i], columns[j], strict=True)
            ]
            covariance[i, j] = math.fsum(products) / n_samples
    values, vectors = np.linalg.eigh(covariance)  # ascending
    eigenvalues, axes = [0.0, 0.0], [[0.0] * n_features, [0.0] * n_features]
    for rank in range(min(2, n_features)):
        axis = vectors[:, n_features - 1 - rank].tolist()
        largest = max(abs(entry) for entry in axis)
        leading = next(entry for entry in axis if abs(entry) >= largest * (1 - 1e-9))
        axes[rank] = [-entry for entry in axis] if leading < 0 else axis
        eigenvalues[rank] = max(0.0, float(values[n_features - 1 - rank]))
    return mean, eigenvalues, axes


def _from_minus_one_to_one(coordinates):
    """Scale coordinates linearly to [-1, 1]; a constant coordinate becomes 0."""
    low, high = min(coordinates), max(coordinates)
    if high == low:
        return [0.0] * len(coordinates)
    return [2 * (value - low) / (high - low) - 1 for value in coordinates]


def pca_start(X, n_rows, n_cols, lattice):
    """Give the codebook spread evenly over the plane of the two main principal components.

    Source: SOM Toolbox, ``som_lininit``: mean + u1 sqrt(l1) v1 + u2 sqrt(l2) v2 with u in [-1, 1]
    along the two sides. Ours: the side over which the positions reach further gets the first
    component, and where both reach equally far the columns' direction (x) does; the Toolbox counts
    units. And u follows the unit's position, so the shifted rows of a hexagonal map are shifted in
    the data too; the Toolbox takes the rectangular position.
    """
    mean, (l1, l2), (v1, v2) = _principal_axes(X)
    places = positions(n_rows, n_cols, lattice).tolist()
    across = _from_minus_one_to_one([x for x, _ in places])
    down = _from_minus_one_to_one([y for _, y in places])
    reach_across = max(x for x, _ in places) - min(x for x, _ in places)
    reach_down = max(y for _, y in places) - min(y for _, y in places)
    first, second = (across, down) if reach_across >= reach_down else (down, across)
    codebook = np.zeros((n_rows * n_cols, len(mean)))
    for i in range(n_rows * n_cols):
        for j in range(len(mean)):
            along = first[i] * math.sqrt(l1) * v1[j]
            aside = second[i] * math.sqrt(l2) * v2[j]
            codebook[i, j] = mean[j] + along + aside
    return codebook


def auto_size(X, lattice):
    """Give (n_rows, n_cols) for a data set.

    Source: SOM Toolbox, ``som_topol_struct``, with the limits of docs/contribute/sources.md: about
    M = ceil(5 sqrt(n)) units within [9, 10000] and at most n; sides in the ratio sqrt(l1 / l2)
    within [1, 4], or 1 where l1 = 0 or l2 M < l1. Halves are rounded up, as by Matlab's ``round``.

    Ours: the columns are the long side, so that a map fits a page. A map of r x c units is c wide
    and r times the row pitch p high; c = ratio p r and r c = M give r = sqrt(M / (ratio p)). And a
    map never has more units than the data has rows: columns go until it fits.
    """
    n_samples = len(X)
    n_units = min(max(math.ceil(5 * math.sqrt(n_samples)), 9), 10_000, n_samples)
    _, (l1, l2), _ = _principal_axes(X)
    has_shape = l1 > 0 and l2 * n_units >= l1
    ratio = min(max(math.sqrt(l1 / l2), 1.0), 4.0) if has_shape else 1.0
    pitch = math.sqrt(3) / 2 if lattice == "hexagonal" else 1.0
    n_rows = max(1, math.floor(math.sqrt(n_units / (ratio * pitch)) + 0.5))
    n_cols = max(1, math.floor(n_units / n_rows + 0.5))
    while n_rows * n_cols > n_samples and n_cols > 1:
        n_cols -= 1
    return n_rows, n_cols


# Measures


def u_heights(codebook, neighbor_lists):
    """Give each unit's mean distance to its neighbors in data space; NaN where it has none.

    Source: Ultsch & Siemon (1990).
    """
    codebook = _table(codebook)
    heights = []
    for i, around in enumerate(neighbor_lists):
        gaps = [math.sqrt(_squared_distance(codebook[i], codebook[j])) for j in around]
        heights.append(math.fsum(gaps) / len(gaps) if gaps else math.nan)
    return np.array(heights)


def quantization_error(X, codebook):
    """Give the mean distance (not squared) between a row and its best unit.

    Source: Kohonen (2013).
    """
    distances = best_units(X, codebook)[1][:, 0].tolist()
    return math.fsum(distances) / len(distances)


def topographic_error(X, codebook, neighbor_lists):
    """Give the share of rows whose best and second best units are not neighbors.

    Source: Kiviluoto (1996). NaN on a map of one unit, which has no second best.
    """
    if len(codebook) == 1:
        return math.nan
    pairs = best_units(X, codebook, k=2)[0].tolist()
    return sum(1 for best, second in pairs if second not in neighbor_lists[best]) / len(pairs)


def row_distances(X):
    """Give the Euclidean distance between all pairs of rows."""
    rows = _table(X)
    return [[math.sqrt(_squared_distance(a, b)) for b in rows] for a in rows]


def placed_distances(X, codebook, unit_distances):
    """Give the distance between the best units of all pairs of rows."""
    bmus = best_units(X, codebook)[0][:, 0].tolist()
    return [[float(unit_distances[b][c]) for c in bmus] for b in bmus]


def explained_variance(X, codebook):
    """Give 1 less the squared distances to the best units over those to the mean.

    Source: the fraction of variance unexplained, FVU, taken from 1.
    """
    rows, n = _table(X), len(X)
    mean = [math.fsum(column) / n for column in zip(*rows, strict=True)]
    left = math.fsum(d[0] ** 2 for d in best_units(X, codebook)[1].tolist())
    return 1 - left / math.fsum(_squared_distance(x, mean) for x in rows)


def steps(edge_lists):
    """Give the fewest steps between all pairs of units; infinity where no path leads."""
    n = len(edge_lists)
    found = [[math.inf] * n for _ in range(n)]
    for start in range(n):
        found[start][start] = 0
        todo = [start]
        for unit in todo:
            for other in edge_lists[unit]:
                if found[start][other] == math.inf:
                    found[start][other] = found[start][unit] + 1
                    todo.append(other)
    return found


def combined_error(X, codebook, neighbor_lists):
    """Give the mean way from a row to its best and along the map to its second best unit.

    Source: Kaski & Lagus (1996): steps between neighbors are as long as their prototypes lie
    apart. NaN on a map of one unit.
    """
    w, n = _table(codebook), len(codebook)
    if n == 1:
        return math.nan
    far = [[math.inf] * n for _ in range(n)]
    for i in range(n):
        far[i][i] = 0.0
        for j in neighbor_lists[i]:
            far[i][j] = math.sqrt(_squared_distance(w[i], w[j]))
    for via in range(n):
        for i in range(n):
            for j in range(n):
                far[i][j] = min(far[i][j], far[i][via] + far[via][j])
    pairs, distances = best_units(X, codebook, k=2)
    ways = [d[0] + far[a][b] for (a, b), d in zip(pairs.tolist(), distances.tolist(), strict=True)]
    return math.fsum(ways) / len(ways)


def topographic_product(codebook, map_dist):
    """Give the topographic product.

    Source: Bauer & Pawelzik (1992). Units that are equally near come in their order;
    map distances equal within TOLERANCE are so. Prototypes must differ.
    """
    w, n = _table(codebook), len(codebook)
    total = 0.0
    for j in range(n):
        apart = [math.sqrt(_squared_distance(w[j], other)) for other in w]
        on_map = [round(float(d) / TOLERANCE) * TOLERANCE for d in map_dist[j]]
        others = [i for i in range(n) if i != j]
        by_map = sorted(others, key=lambda i: (on_map[i], i))
        by_data = sorted(others, key=lambda i: (apart[i], i))
        for k in range(1, n):
            logs = []
            for a, b in zip(by_map[:k], by_data[:k], strict=True):
                logs.append(math.log(apart[a] / apart[b]) + math.log(on_map[a] / on_map[b]))
            total += math.fsum(logs) / (2 * k)
    return total / (n * (n - 1))


def _others(i, counts):
    """Give how many others each row is to row i: of its own count at most 1 is the row itself."""
    return {
        j: count - (min(count, 1) if j == i else 0)
        for j, count in enumerate(counts)
        if j != i or count > 1
    }


def _ranks_and_shares(distances, i, others, k):
    """Give each other row's rank from row i, and its share in the k nearest.

    Equal distances share their ranks; those at the edge share the places that are left.
    """
    at = {}
    for j, count in others.items():
        at.setdefault(distances[i][j], []).append(count)
    closer, so_far = {}, []
    for own in sorted(at):
        closer[own] = math.fsum(so_far)
        so_far += at[own]
    equal = {own: math.fsum(counts) for own, counts in at.items()}
    limit = min(own for own in at if closer[own] + equal[own] >= k - TOLERANCE)
    ranks, shares = {}, {}
    for j in others:
        own = distances[i][j]
        ranks[j] = closer[own] + (equal[own] + 1) / 2
        left = (k - closer[own]) / equal[own] if own == limit else 0.0
        shares[j] = 1.0 if own < limit else left
    return ranks, shares


def neighbor_measures(in_data, on_map, k, counts=None):
    """Give trustworthiness, continuity and neighborhood preservation from two distance tables.

    Source: Venna & Kaski (2001); the share of common neighbors, Lee & Verleysen (2009). Ours: ties
    share ranks and places, so that the order of rows changes nothing, and rows count.
    """
    counts = [1] * len(in_data) if counts is None else counts
    n = math.fsum(counts)
    far, torn, common = [], [], []
    for i, own in enumerate(counts):
        others = _others(i, counts)
        ranks, shares = _ranks_and_shares(in_data, i, others, k)
        map_ranks, map_shares = _ranks_and_shares(on_map, i, others, k)
        for j, count in others.items():
            if shares[j] == 0:
                far.append(own * count * map_shares[j] * (ranks[j] - k))
            if map_shares[j] == 0:
                torn.append(own * count * shares[j] * (map_ranks[j] - k))
            common.append(own * count * min(shares[j], map_shares[j]))
    scale = 2 / (n * k * (2 * n - 3 * k - 1))
    return 1 - scale * math.fsum(far), 1 - scale * math.fsum(torn), math.fsum(common) / (n * k)


# Classes


def _nearest_of(apart, allowed):
    """Give the first of the allowed units that is nearest."""
    return min((unit for unit in range(len(apart)) if allowed[unit]), key=lambda unit: apart[unit])


def margin_slopes(rows, classes, weights, prototypes, unit_classes, axes):
    """Give the cost of the margin rule, its slope by prototypes and its slope by axes.

    Source: Schneider, Biehl & Hammer (2009), equations 2, 11 and 12, with the relative distance
    mu = (own - other) / (own + other) and the sigmoid of 8 mu (Sato & Yamada, 1996). Ours: the
    prototypes lie on the axes already, so a row is compared as (row @ axes - prototype).
    """
    rows, prototypes, axes = _table(rows), _table(prototypes), _table(axes)
    n_axes = len(axes)
    total = math.fsum(weights)
    cost, of_prototypes = 0.0, np.zeros((len(prototypes), n_axes))
    of_axes = np.zeros((n_axes, n_axes))
    for row, label, weight in zip(rows, classes, weights, strict=True):
        turned = [math.fsum(row[i] * axes[i][j] for i in range(n_axes)) for j in range(n_axes)]
        apart = [_squared_distance(turned, w) for w in prototypes]
        own = _nearest_of(apart, [c == label for c in unit_classes])
        other = _nearest_of(apart, [c != label for c in unit_classes])
        both = apart[own] + apart[other]
        value = 1 / (1 + math.exp(-8 * (apart[own] - apart[other]) / both))
        cost += weight / total * value
        by_mu = weight / total * 8 * value * (1 - value)
        for unit, by_distance in (
            (own, by_mu * 2 * apart[other] / both**2),
            (other, by_mu * -2 * apart[own] / both**2),
        ):
            for j in range(n_axes):
                by_turned = by_distance * 2 * (turned[j] - prototypes[unit][j])
                of_prototypes[unit, j] -= by_turned
                for i in range(n_axes):
                    of_axes[i, j] += by_turned * row[i]
    return cost, of_prototypes, of_axes


def adam(values, slopes_at, lengths):
    """Give values after steps against their slopes.

    Source: Kingma & Ba (2015), algorithm 1, with 0.9 and 0.99 as its betas and 1e-12 as epsilon.
    ``slopes_at`` gives the slopes at values, ``lengths`` alpha by step.
    """
    values = [float(value) for value in values]
    mean, square = [0.0] * len(values), [0.0] * len(values)
    for t, length in enumerate(lengths, start=1):
        for k, slope in enumerate(slopes_at(values)):
            mean[k] = 0.9 * mean[k] + 0.1 * slope
            square[k] = 0.99 * square[k] + 0.01 * slope**2
            root = math.sqrt(square[k] / (1 - 0.99**t))
            values[k] -= length * mean[k] / (1 - 0.9**t) / (root + 1e-12)
    return np.array(values)


# Outliers


def usual_units(codebook, hits, trim):
    """Tell the units whose prototypes stand for usual rows, one truth value a unit.

    Source: the definition in the user guide, on scores. Around each unit that won rows the nearest
    such units, itself first, are taken in until they hold 5 % of the rows, at least 10 of them or
    all; the farthest one's distance is its reach. In order of reach, units are usual while their
    rows are at most 1 - trim of all; the first always is.
    """
    w, n = _table(codebook), [float(h) for h in hits]
    live = [u for u in range(len(w)) if n[u] > 0]
    total = math.fsum(n)
    wanted = min(max(0.05 * total, 10), total)
    reach = {}
    for u in live:
        around = sorted((math.dist(w[u], w[v]), v) for v in live)
        held = 0.0
        for distance, v in around:
            held += n[v]
            if held >= wanted - 1e-9:
                reach[u] = distance
                break
    usual, held = [False] * len(w), 0.0
    for number, u in enumerate(sorted(live, key=lambda u: (reach[u], u))):
        held += n[u]
        usual[u] = number == 0 or trim == 0 or held <= (1 - trim) * total + 1e-9
    return np.array(usual)


def k_prototype(X, codebook, live, k):
    """Give each row's outlier score (n,) and what each feature contributes to it (n, d).

    Source: docs/contribute/sources.md, k-prototype. The score is the mean distance to the
    k nearest live units (all live ones if fewer); ``live`` is one truth value a unit. At one unit
    feature j contributes (x_j - w_j)^2 / |x - w|, or 0 at distance 0, which sums to the distance;
    contributions are averaged over the k units, so they sum to the score.
    """
    rows, living = _table(X), [w for w, alive in zip(_table(codebook), live, strict=True) if alive]
    k = min(k, len(living))
    units, distances = best_units(X, living, k)
    scores = np.array([math.fsum(row) / k for row in distances.tolist()])
    contributions = np.zeros((len(rows), len(rows[0])))
    for t, x in enumerate(rows):
        for j in range(len(x)):
            shares = []
            for i, distance in zip(units[t], distances[t].tolist(), strict=True):
                shares.append((x[j] - living[i][j]) ** 2 / distance if distance > 0 else 0.0)
            contributions[t, j] = math.fsum(shares) / k
    return scores, contributions


def conformal_p(scores, calibration):
    """Give each score's p-value, (1 + #{calibration >= score}) / (n_calibration + 1).

    Source: Bates, Candes, Lei, Romano & Sesia (2023), marginal conformal p-value, for scores that
    are high on outliers.
    """
    calibration = _table(calibration)
    p_values = []
    for score in _table(scores):
        at_least = sum(1 for other in calibration if other >= score)
        p_values.append((1 + at_least) / (len(calibration) + 1))
    return np.array(p_values)


def estimated_p(scores, calibration, relations=0.0):
    """Give each score's p-value where some calibration rows may be unusual.

    Source: Efron (2004), the empirical null that central values tell. Ours: it is that of the
    scores' square roots, a normal law through their median and their 80 % quantile (numpy.quantile,
    of the scores), whose spread is widened by 1 / sqrt(n). Its share of higher values counts for
    scores above the 80 % quantile, with 50 calibration rows or more, where it is less than the
    conformal p-value; a hundredth of the smallest conformal p-value is the least.

    ``relations`` is a share of usual rows to which relations add an amount.  Before that, these
    rows are 1.645 standard deviations above the median.  Each unit of evidence adds 2.625 to the
    square of that number, and evidence follows an exponential law of mean 1.5.  If the share is
    more than exp(-4), the mean is larger by the same factor.
    """
    calibration = sorted(_table(calibration))
    n = len(calibration)
    p_values = conformal_p(scores, calibration).tolist()
    if n < 50:
        return np.array(p_values)

    def quantile(share):
        below = math.floor(share * (n - 1))
        part = share * (n - 1) - below
        return calibration[below] * (1 - part) + calibration[min(below + 1, n - 1)] * part

    middle, end = math.sqrt(quantile(0.5)), math.sqrt(quantile(0.8))
    if middle == end:
        return np.array(p_values)
    # 80 % of a normal law lie below this many standard deviations.
    spread = (end - middle) / 0.8416212335729143 * (1 + 1 / math.sqrt(n))
    for i, score in enumerate(_table(scores)):
        if math.sqrt(score) > end:
            share = math.erfc((math.sqrt(score) - middle) / spread / math.sqrt(2)) / 2
            far = max((math.sqrt(score) - middle) / spread, 1.645)
            mean = 1.5 * max(1.0, relations / math.exp(-4))
            share += relations * math.exp(-(far**2 - 1.645**2) / 2.625 / mean)
            p_values[i] = min(p_values[i], max(share, 0.01 / (n + 1)))
    return np.array(p_values)


def auroc(scores, labels):
    """Give the share of (outlier, inlier) pairs in which the outlier scores higher; ties half.

    Source: Hanley & McNeil (1982), the area under the ROC curve as the Wilcoxon statistic.
    ``labels`` are true (or 1) on outliers; NaN where one of the two kinds is absent.
    """
    outliers = [s for s, label in zip(_table(scores), labels, strict=True) if label]
    inliers = [s for s, label in zip(_table(scores), labels, strict=True) if not label]
    if not outliers or not inliers:
        return math.nan
    wins = 0.0
    for high in outliers:
        for low in inliers:
            wins += 1.0 if high > low else 0.5 if high == low else 0.0
    return wins / (len(outliers) * len(inliers))


def evidence_of(residual, high, slope, power):
    """Return the evidence of a residual, without the offset of its component."""
    times = residual / high
    return slope * (times - 1) if times <= 1 else slope * (times**power - 1) / power


def broken_relation(relation, row):
    """Return the contribution to one row, and the implied value, by the formulas of the class."""
    steps, starts = relation.curves
    values = np.where(
        steps > 0, np.sinh(row[relation.features] * steps + starts), row[relation.features]
    )
    z = (values - relation.center) / relation.deviations
    z = np.round(z * 2.0**16) / 2.0**16
    n, numbers = len(relation.targets), range(len(relation.heights))

    def turned(k, z):
        apart = z - relation.means[k]
        near = 64 / max(abs(apart).max(), 64)  # an extreme row moves towards the mean
        return np.round(apart * near * 2.0**16) / 2.0**16 @ relation.transforms[k], near

    def residuals_in(k):
        residuals, near = turned(k, z)
        residuals, moves = residuals[n:], residuals[n:] / near
        for j, place in enumerate(relation.targets):
            # The value of the target itself counts in full, and other values only up to 2.5.
            others = np.clip(z, -2.5, 2.5)
            others[place] = z[place]
            other = (others - relation.means[k]) @ relation.transforms[k][:, n + j]
            if abs(other) < abs(residuals[j]):
                residuals[j] = moves[j] = other
        return residuals, moves

    k = max(numbers, key=lambda k: relation.heights[k] - (turned(k, z)[0][:n] ** 2).sum() / 2)
    evidence = [
        evidence_of(abs(r), *relation.tails[:, j]) + relation.offsets[k, j]
        for j, r in enumerate(residuals_in(k)[0])
    ]
    j = int(np.argmax(evidence))
    place = relation.targets[j]

    def likely_others(k):  # the integral of exp(h - |a + b v|^2 / 2) over the value v of the target
        a, b = turned(k, np.where(np.arange(len(z)) == place, 0.0, z))[0], relation.transforms[k]
        a, b = a[:n], b[place, :n]
        return relation.heights[k] - (a @ a - (a @ b) ** 2 / (b @ b)) / 2 - math.log(b @ b) / 2

    k = max(numbers, key=likely_others)
    value = z[place] - residuals_in(k)[1][j] * relation.scales[k, j]
    middle, spread = relation.roots
    far = middle + spread * math.sqrt(1.645**2 + 1.75 * 1.5 * min(max(evidence[j], 0.0), 100.0))
    amount = far**2 - (middle + 1.645 * spread) ** 2
    value = relation.center[place] + value * relation.deviations[place]
    if steps[place] > 0:
        value = (math.asinh(value) - starts[place]) / steps[place]
    return amount, value
