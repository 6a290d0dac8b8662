"""The oracle itself, checked by cases worked out by hand; the working stands in each test.

Numbers here come from the formulas on paper, never from running ``naive``. Tolerances are 1e-12,
a few thousand float64 roundings, wherever an irrational number or a division is involved.
"""

import math
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest

ROOT_3 = math.sqrt(3)
CLOSE = {"rtol": 0, "atol": 1e-12}

# A 2 x 3 rectangular map:  0 1 2   with one feature, so that distances are read off.
#                           3 4 5
LINE = np.array([[-3.0], [-1.0], [1.0], [3.0], [5.0], [7.0]])


def test_oracle_does_not_import_somscape():
    # A fresh interpreter that knows tests/ only must be able to import it.
    code = "import naive, sys; assert 'somscape' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(naive.__file__).parent, check=True)


# The grid


def test_positions_rectangular():
    # unit 4 of a 2 x 3 map is row 1, column 1: unit = 1 * 3 + 1.
    expected = [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]
    np.testing.assert_array_equal(naive.positions(2, 3, "rectangular"), expected)


def test_positions_hexagonal_shift_odd_rows_right():
    h = ROOT_3 / 2
    expected = [[0, 0], [1, 0], [0.5, h], [1.5, h], [0, 2 * h], [1, 2 * h]]
    np.testing.assert_allclose(naive.positions(3, 2, "hexagonal"), expected, **CLOSE)


def test_map_distances_rectangular_plane():
    d = naive.map_distances(2, 3, "rectangular", "plane")
    # From unit 0 at (0, 0): the row 0 1 2, and below it sqrt(1), sqrt(1+1), sqrt(4+1).
    np.testing.assert_allclose(d[0], [0, 1, 2, 1, math.sqrt(2), math.sqrt(5)], **CLOSE)
    np.testing.assert_array_equal(d, d.T)


def test_map_distances_rectangular_torus_wraps_both_ways():
    d = naive.map_distances(3, 4, "rectangular", "torus")
    # Unit 0 to unit 11 (row 2, col 3): 3 columns right = 1 left, 2 rows down = 1 up.
    assert d[0, 11] == pytest.approx(math.sqrt(2), abs=1e-12)
    assert d[0, 3] == 1  # the end of the same row
    assert d[0, 2] == 2  # half of 4 columns: both ways are equally long
    assert d[0, 8] == 1  # the last row


def test_map_distances_hexagonal_plane():
    d = naive.map_distances(3, 2, "hexagonal", "plane")
    # From unit 0 at (0, 0), with h^2 = 3/4: to (1, 0) 1; to (.5, h) sqrt(1/4 + 3/4) = 1;
    # to (1.5, h) sqrt(9/4 + 3/4) = sqrt 3; to (0, 2h) sqrt 3; to (1, 2h) sqrt(1 + 3) = 2.
    np.testing.assert_allclose(d[0], [0, 1, 1, ROOT_3, ROOT_3, 2], **CLOSE)


def test_map_distances_hexagonal_torus():
    d = naive.map_distances(4, 3, "hexagonal", "torus")
    # Unit 0 at (0, 0). Unit 11 (row 3, col 2) at (2.5, 3h): 3 columns left, 4 rows up is its
    # image (-.5, -h), at distance 1. Unit 5 (row 1, col 2) at (2.5, h): image (-.5, h), also 1.
    # Unit 6 (row 2, col 0) at (0, 2h) is half-way round: sqrt 3 either way.
    assert d[0, 11] == pytest.approx(1, abs=1e-12)
    assert d[0, 5] == pytest.approx(1, abs=1e-12)
    assert d[0, 6] == pytest.approx(ROOT_3, abs=1e-12)
    # Every row of the matrix holds the same distances: a torus looks the same from each unit.
    ranked = np.sort(d, axis=1)
    np.testing.assert_allclose(ranked, np.tile(ranked[0], (12, 1)), **CLOSE)


def test_map_distances_on_a_cylinder_wrap_along_rows_only():
    d = naive.map_distances(3, 4, "rectangular", "cylinder")
    assert d[0, 3] == 1  # the end of the same row
    assert d[0, 8] == 2  # two rows down: no way round
    assert d[0, 11] == pytest.approx(math.sqrt(5), abs=1e-12)  # 1 column left, 2 rows down
    # Hexagons, unit 0 at (0, 0), unit 5 (row 1, col 2) at (2.5, h): image (-.5, h), at 1.
    assert naive.map_distances(3, 3, "hexagonal", "cylinder")[0, 5] == pytest.approx(1, abs=1e-12)


def test_axis_offsets_take_the_shortest_way_round_each_axis():
    # Unit 0 to unit 11 (row 2, col 3) of 3 x 4: 3 columns or 1 round, 2 rows or 1 round.
    found = {
        b: naive.axis_offsets(3, 4, "rectangular", b)[0, 11].tolist()
        for b in ("plane", "cylinder", "torus")
    }
    assert found == {"plane": [3, 2], "cylinder": [1, 2], "torus": [1, 1]}


def test_graph_distances_are_the_shortest_paths():
    # 0 -2- 1 -1- 2 and 0 -5- 2: to 2 over 1 it is 3; unit 3 is alone.
    adjacency = [[0, 2, 5, 0], [2, 0, 1, 0], [5, 1, 0, 0], [0, 0, 0, 0]]
    far = math.inf
    expected = [[0, 2, 3, far], [2, 0, 1, far], [3, 1, 0, far], [far, far, far, 0]]
    np.testing.assert_array_equal(naive.graph_distances(adjacency), expected)


def test_neighborhoods_that_end_at_the_radius_by_hand():
    # Radius 2, d = 0, 1, 2, 3: 1 - d^2/4 is 1, 3/4, 0, 0; exp(-d^2/8) until 2.
    epanechnikov = naive.neighborhood([0, 1, 2, 3], 2.0, "epanechnikov")
    np.testing.assert_allclose(epanechnikov, [1, 0.75, 0, 0], **CLOSE)
    cut = naive.neighborhood([0, 1, 2, 3], 2.0, "cut_gaussian")
    np.testing.assert_allclose(cut, [1, math.exp(-1 / 8), math.exp(-1 / 2), 0], **CLOSE)
    # (2 - 1) (2 - 0.5), and 0 where one axis is beyond.
    offsets = [[1, 0.5], [0, 0], [0, 3]]
    assert naive.neighborhood(offsets, 2.0, "triangle").tolist() == [1.5, 4, 0]


def test_neighbors_rectangular_plane():
    #  0  1  2  3
    #  4  5  6  7
    #  8  9 10 11
    near = naive.neighbors(3, 4, "rectangular", "plane")
    assert near[0] == [1, 4, 5]
    assert near[2] == [1, 3, 5, 6, 7]
    assert near[6] == [1, 2, 3, 5, 7, 9, 10, 11]


def test_neighbors_hexagonal_plane_depend_on_row_parity():
    #  0   1   2
    #    3   4   5
    #  6   7   8
    #    9  10  11
    near = naive.neighbors(4, 3, "hexagonal", "plane")
    assert near[4] == [1, 2, 3, 5, 7, 8]  # odd row: the units above and below it, and their right
    assert near[7] == [3, 4, 6, 8, 9, 10]  # even row: above and below, and their left
    assert near[6] == [3, 7, 9]
    assert near[5] == [2, 4, 8]
    distances = naive.map_distances(4, 3, "hexagonal", "plane")
    np.testing.assert_allclose(distances[4, near[4]], 1, **CLOSE)
    np.testing.assert_allclose(distances[7, near[7]], 1, **CLOSE)


def test_neighbors_torus_wrap():
    # Rectangular 3 x 4, unit 0: row 2 lies above it and column 3 to its left.
    assert naive.neighbors(3, 4, "rectangular", "torus")[0] == [1, 3, 4, 5, 7, 8, 9, 11]
    # Hexagonal 4 x 3, unit 0 (even row): 1 and 2 in its row, 3 and 5 below, 9 and 11 above.
    assert naive.neighbors(4, 3, "hexagonal", "torus")[0] == [1, 2, 3, 5, 9, 11]


def test_neighborhood_gaussian():
    # exp(-d^2 / 2r^2) with r = 2: d = 0 -> 1, d = 2 -> exp(-1/2), d = 4 -> exp(-2).
    h = naive.neighborhood(np.array([[0.0, 2.0, 4.0]]), 2.0, "gaussian")
    np.testing.assert_allclose(h, [[1, math.exp(-0.5), math.exp(-2)]], **CLOSE)


def test_neighborhood_bubble_includes_its_rim():
    # sqrt(1/4 + 3/4) may round to 1 + 2e-16 and still is on the rim of radius 1.
    h = naive.neighborhood([0.0, 1.0, 1 + 2.3e-16, 1.001, 2.0], 1.0, "bubble")
    np.testing.assert_array_equal(h, [1, 1, 1, 0, 0])


# Training


def test_best_units_with_negative_values():
    codebook = [[-3.0, 0.0], [0.0, -4.0], [3.0, 4.0]]
    # To (-3, -4): 4 from unit 0, 3 from unit 1, and (6, 8) away from unit 2, so 10.
    units, distances = naive.best_units([[-3.0, -4.0]], codebook, k=3)
    np.testing.assert_array_equal(units, [[1, 0, 2]])
    np.testing.assert_array_equal(distances, [[3, 4, 10]])


def test_best_units_ties_go_to_the_lowest_unit():
    # 0 is 2 away from units 0, 2 and 3.
    units, distances = naive.best_units([[0.0]], [[2.0], [5.0], [-2.0], [2.0]], k=3)
    np.testing.assert_array_equal(units, [[0, 2, 3]])
    np.testing.assert_array_equal(distances, [[2, 2, 2]])


def test_batch_epoch_weighs_rows_by_map_distance():
    # Map 1 x 2, units at -1 and 5, distance 1 apart; radius with h(1) = exp(-1/2r^2) = 1/2.
    # Rows -2, 0 go to unit 0 and row 6 to unit 1, so
    # w_0 = (-2 + 0 + 6/2) / (1 + 1 + 1/2) = 1 / 2.5 = 0.4,
    # w_1 = (-2/2 + 0/2 + 6) / (1/2 + 1/2 + 1) = 5 / 2 = 2.5.
    radius = 1 / math.sqrt(2 * math.log(2))
    map_dist = np.array([[0.0, 1.0], [1.0, 0.0]])
    new = naive.batch_epoch([[-2.0], [0.0], [6.0]], [[-1.0], [5.0]], map_dist, radius, "gaussian")
    np.testing.assert_allclose(new, [[0.4], [2.5]], **CLOSE)


@pytest.mark.parametrize("radius", [0.0, 0.01])
def test_batch_epoch_of_tiny_radius_is_lloyds_step_and_keeps_empty_units(radius):
    # At radius .01 the nearest neighbor's weight is exp(-1 / .0002) = exp(-5000) = 0 in float64.
    # Rows -4, -3 -> unit 0 (mean -3.5); row 0 ties units 1 and 2 -> unit 1; row 8 -> unit 5.
    map_dist = naive.map_distances(2, 3, "rectangular", "plane")
    new = naive.batch_epoch([[-4.0], [-3.0], [0.0], [8.0]], LINE, map_dist, radius, "gaussian")
    np.testing.assert_allclose(new, [[-3.5], [0], [1], [3], [5], [8]], **CLOSE)


def test_batch_epoch_weight_two_is_the_row_twice_and_weight_zero_is_no_row():
    map_dist = naive.map_distances(2, 3, "hexagonal", "plane")
    rows = [[-4.0], [-3.0], [0.5], [8.0]]
    weighted = naive.batch_epoch(rows, LINE, map_dist, 0.8, "gaussian", [1, 2, 0, 1])
    repeated = naive.batch_epoch([[-4.0], [-3.0], [-3.0], [8.0]], LINE, map_dist, 0.8, "gaussian")
    np.testing.assert_allclose(weighted, repeated, **CLOSE)
    # And by hand, alone: (1 * -4 + 2 * -1) / 3 = -2, both rows at unit 0; unit 1's only row has
    # weight 0, so it keeps its vector.
    new = naive.batch_epoch(
        [[-4.0], [-1.0], [9.0]], [[-3.0], [7.0]], np.array([[0, 1], [1, 0]]), 0, "bubble", [1, 2, 0]
    )
    np.testing.assert_allclose(new, [[-2], [7]], **CLOSE)


def test_online_moves_the_best_unit_and_its_neighbors_step_by_step():
    # Map 1 x 3 at -2, 0, 4, bubble. The order is row 1, then row 0.
    # Step 0: x = 4, best unit 2, radius 1, rate 1/2: unit 2 stays at 4 (it is there already),
    #   unit 1: 0 + (4 - 0)/2 = 2, unit 0 is 2 steps away: -2.
    # Step 1: x = 1, distances 3, 1, 3, best unit 1, radius 0, rate 1/4: 2 + (1 - 2)/4 = 1.75.
    map_dist = naive.map_distances(1, 3, "rectangular", "plane")
    codebook = [[-2.0], [0.0], [4.0]]
    new = naive.online([[1.0], [4.0]], [1, 0], codebook, map_dist, [1, 0], [0.5, 0.25], "bubble")
    np.testing.assert_array_equal(new, [[-2], [1.75], [4]])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("geometric", [8, 4, 2, 1]),  # a factor (1/8)^(1/3) = 1/2 a step
        ("linear", [8, 17 / 3, 10 / 3, 1]),  # minus 7/3 a step
        ("constant", [8, 8, 8, 8]),
        # 8 / (1 + 7t/4): 8, 8/2.75 = 32/11, 8/4.5 = 16/9; then the end instead of 8/6.25.
        ("asymptotic", [8, 32 / 11, 16 / 9, 1]),
    ],
)
def test_schedule(kind, expected):
    values = [naive.schedule(kind, 8.0, 1.0, t, 4) for t in range(4)]
    np.testing.assert_allclose(values, expected, **CLOSE)


def test_schedule_ends():
    # "Exactly": 0.1 and 0.3 have no short binary form, so a formula would miss the last bit.
    assert naive.schedule("geometric", 7.3, 0.1, 9, 10) == 0.1
    assert naive.schedule("linear", 7.3, 0.3, 9, 10) == 0.3
    assert naive.schedule("geometric", 7.3, 0.1, 0, 1) == 0.1
    assert naive.schedule("linear", 7.3, 0.3, 0, 1) == 0.3
    assert naive.schedule("asymptotic", 7.5, 0.7, 9, 10) == 0.7
    assert naive.schedule("asymptotic", 7.5, 0.7, 0, 1) == 0.7
    # MiniSom's default, start / (1 + 2t/n), is the case end = start / 3: 6/(1 + 2*5/10) = 3.
    assert naive.schedule("asymptotic", 6.0, 2.0, 5, 10) == pytest.approx(3, abs=1e-12)


# Start and size

# Mean (10, -5), sum of squares 4 * 9 = 36 along y and 4 * 1 = 4 along x (8 rows):
# eigenvalues 36/8 = 4.5 with axis (0, 1) and 4/8 = 0.5 with axis (1, 0), after the sign rule.
CROSS = np.array([10.0, -5.0]) + np.array(
    [[0, 3], [0, -3], [0, 3], [0, -3], [1, 0], [-1, 0], [1, 0], [-1, 0]]
)


def test_pca_start_rectangular_gives_the_long_side_the_first_component():
    # 2 x 3: u1 = -1, 0, 1 over the columns moves y by sqrt(4.5), u2 = -1, 1 over the rows moves x
    # by sqrt(0.5). 3 x 2 is its transpose: u1 runs over the rows.
    a, b = math.sqrt(4.5), math.sqrt(0.5)
    wide = [[10 - b, -5 - a], [10 - b, -5], [10 - b, -5 + a]]
    wide += [[10 + b, -5 - a], [10 + b, -5], [10 + b, -5 + a]]
    np.testing.assert_allclose(naive.pca_start(CROSS, 2, 3, "rectangular"), wide, **CLOSE)
    tall = [wide[0], wide[3], wide[1], wide[4], wide[2], wide[5]]
    np.testing.assert_allclose(naive.pca_start(CROSS, 3, 2, "rectangular"), tall, **CLOSE)
    # 2 x 2: both sides reach equally far, so the columns get the first component.
    square = [wide[0], wide[2], wide[3], wide[5]]
    np.testing.assert_allclose(naive.pca_start(CROSS, 2, 2, "rectangular"), square, **CLOSE)


def test_pca_start_takes_the_longer_reach_of_positions_for_the_long_side():
    # Hexagonal 4 x 3: x reaches 2.5 and y 3 * .8660 = 2.598, so the rows get the first component,
    # along (0, 1): u1 = -1, -1/3, 1/3, 1 by row moves y by sqrt(4.5) u1.
    # Hexagonal 3 x 3: x reaches 2.5 and y 1.732: the columns get it, u1 = 2x/2.5 - 1.
    tall = naive.pca_start(CROSS, 4, 3, "hexagonal")
    ys = [-5 + math.sqrt(4.5) * u for u in (-1, -1 / 3, 1 / 3, 1) for _ in range(3)]
    np.testing.assert_allclose(tall[:, 1], ys, **CLOSE)
    wide = naive.pca_start(CROSS, 3, 3, "hexagonal")
    ys = [-5 + math.sqrt(4.5) * u for u in (-1, -0.2, 0.6, -0.6, 0.2, 1, -1, -0.2, 0.6)]
    np.testing.assert_allclose(wide[:, 1], ys, **CLOSE)


def test_pca_start_sign_rule():
    # One line along (3, -4)/5: rows +-(3, -4), eigenvalue 25, second eigenvalue 0. The largest
    # entry in magnitude is made positive, so the axis is (-3, 4)/5 and u = -1, 1 gives +-(-3, 4).
    new = naive.pca_start([[3.0, -4.0], [-3.0, 4.0]], 1, 2, "rectangular")
    np.testing.assert_allclose(new, [[3, -4], [-3, 4]], **CLOSE)
    # Along (1, -1) both entries are equal in magnitude and the first decides: axis (1, -1)/sqrt 2,
    # eigenvalue 2, so u = -1, 1 gives -+(1, -1).
    new = naive.pca_start([[1.0, -1.0], [-1.0, 1.0]], 2, 1, "rectangular")
    np.testing.assert_allclose(new, [[-1, 1], [1, -1]], **CLOSE)


def test_pca_start_of_one_feature_and_of_one_unit():
    # Rows -3, 5: mean 1, variance 16, so the long side runs over -3, 1, 5 and the other is flat.
    new = naive.pca_start([[-3.0], [5.0]], 2, 3, "rectangular")
    np.testing.assert_allclose(new, [[-3], [1], [5], [-3], [1], [5]], **CLOSE)
    np.testing.assert_array_equal(naive.pca_start([[-3.0], [5.0]], 1, 1, "hexagonal"), [[1]])


def test_auto_size_square_data():
    # 4 rows at (+-1, +-1), 25 times: n = 100, l1 = l2, ratio 1, M = 5 * 10 = 50.
    X = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 25)
    # Rectangular: sqrt 50 = 7.07 -> 7 rows, 50/7 = 7.14 -> 7 columns.
    assert naive.auto_size(X, "rectangular") == (7, 7)
    # Hexagonal: sqrt(50 / .8660) = 7.60 -> 8 rows, 50/8 = 6.25 -> 6 columns: 6.93 high, 6 wide.
    assert naive.auto_size(X, "hexagonal") == (8, 6)


def test_auto_size_long_data_lies_along_the_columns():
    # (+-3, +-1), 25 times: l1 = 9, l2 = 1, ratio 3. Rectangular: sqrt(50/3) = 4.08 -> 4 rows,
    # 12.5 -> 13 columns. Hexagonal: sqrt(50/3 / .8660) = 4.39 -> 4, 13.
    X = np.array([[3, 1], [3, -1], [-3, 1], [-3, -1]] * 25)
    assert naive.auto_size(X, "rectangular") == (4, 13)
    assert naive.auto_size(X, "hexagonal") == (4, 13)
    # (+-6, +-1): the ratio 6 is cut to 4. sqrt(50/4) = 3.54 -> 4 and 13 (uncut: 2.89 -> 3);
    # hexagonal sqrt(12.5 / .8660) = 3.80 -> 4 and 13 (uncut: 3.10 -> 3 and 17).
    X = X * [2, 1]
    assert naive.auto_size(X, "rectangular") == (4, 13)
    assert naive.auto_size(X, "hexagonal") == (4, 13)


def test_auto_size_limits():
    # n = 4: 5 * 2 = 10 units, but not above n: M = 4, ratio 1, 2 x 2.
    assert naive.auto_size([[1, 1], [1, -1], [-1, 1], [-1, -1]], "rectangular") == (2, 2)
    # One feature (l2 = 0 < l1) and constant data (l1 = 0): ratio 1. n = 16: M = 5 * 4 = 20 -> 16.
    assert naive.auto_size([[float(i)] for i in range(16)], "rectangular") == (4, 4)
    assert naive.auto_size([[7.0, -7.0]] * 16, "rectangular") == (4, 4)
    assert naive.auto_size([[7.0, -7.0]], "hexagonal") == (1, 1)
    # n = 2: M = 2, l1 = 1 and l2 = 0. sqrt 2 = 1.41 -> 1 row, 2 columns.
    assert naive.auto_size([[-1.0], [1.0]], "rectangular") == (1, 2)
    # n = 5, constant: sqrt 5 = 2.24 -> 2 rows, 2.5 -> 3 columns; 6 units are too many, so 2.
    assert naive.auto_size([[1.0]] * 5, "rectangular") == (2, 2)


# Measures


def test_u_heights():
    # 1 x 3 at (0, 0), (3, -4), (3, 8): gaps 5 and 12; the middle unit has their mean.
    near = naive.neighbors(1, 3, "rectangular", "plane")
    heights = naive.u_heights([[0.0, 0.0], [3.0, -4.0], [3.0, 8.0]], near)
    np.testing.assert_array_equal(heights, [5, 8.5, 12])
    assert math.isnan(naive.u_heights([[1.0]], [[]])[0])


def test_quantization_error():
    # -3.5 is .5 from unit 0, 0 is 1 from unit 1 (and 2), 10 is 3 from unit 5: mean 1.5.
    assert naive.quantization_error([[-3.5], [0.0], [10.0]], LINE) == 1.5


def test_topographic_error():
    # Rows -2.5 (units 0, 1: neighbors), 1.9 (units 2, 3: at opposite ends, (0, 2) and (1, 0)),
    # 2.1 (units 3, 2: not neighbors), 9 (units 5, 4): 2 of 4.
    near = naive.neighbors(2, 3, "rectangular", "plane")
    X = [[-2.5], [1.9], [2.1], [9.0]]
    assert naive.topographic_error(X, LINE, near) == 0.5
    # On a torus 3 columns wrap, so units 2 and 3 touch.
    assert naive.topographic_error(X, LINE, naive.neighbors(2, 3, "rectangular", "torus")) == 0
    assert math.isnan(naive.topographic_error([[1.0]], [[0.0]], [[]]))


# Classes


def test_the_margin_of_one_row():
    # A row at 1, its own prototype at 0 (squared distance 1), the other at 3 (4): mu = -3 / 5.
    # d mu / d own = 2 * 4 / 25, d mu / d other = -2 * 1 / 25; d own / d prototype = -2 (1 - 0).
    found = naive.margin_slopes([[1.0]], [0], [5.0], [[0.0], [3.0]], [0, 1], [[1.0]])
    value = 1 / (1 + math.exp(8 * 0.6))
    steep = 8 * value * (1 - value)
    assert found[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(found[1], [[steep * 8 / 25 * -2], [steep * -2 / 25 * 4]], **CLOSE)
    np.testing.assert_allclose(found[2], [[steep * (8 / 25 * 2 + -2 / 25 * -4)]], **CLOSE)


def test_slopes_of_the_margin_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    rows, weights = rng.normal(size=(12, 3)), rng.uniform(0.5, 2, 12)
    at = {"prototypes": rng.normal(size=(5, 3)), "axes": rng.normal(size=(3, 3))}
    classes, unit_classes = rng.integers(0, 3, 12), np.array([0, 0, 1, 1, 2])

    def found(prototypes, axes):
        return naive.margin_slopes(rows, classes, weights, prototypes, unit_classes, axes)

    step = 1e-6
    for name, slopes in zip(at, found(**at)[1:], strict=True):
        for place in np.ndindex(slopes.shape):
            there = np.zeros(slopes.shape)
            there[place] = step
            above, below = (found(**{**at, name: at[name] + s * there})[0] for s in (1, -1))
            assert slopes[place] == pytest.approx((above - below) / (2 * step), abs=1e-7)


def test_adam_steps():
    # A slope of 4 twice: means over what they have seen are 4 and 16, so each step has its length.
    found = naive.adam([1.0, 5.0], lambda values: [4.0, 0.0], [0.5, 0.25])
    np.testing.assert_allclose(found, [0.25, 5.0], rtol=1e-12)
    # Slopes of 2 and -1: 0.9 * 0.2 - 0.1 = 0.08 of 0.19 seen; 0.99 * 0.04 + 0.01 of 0.0199.
    slopes = iter([[2.0], [-1.0]])
    found = naive.adam([0.0], lambda values: next(slopes), [1.0, 1.0])
    second = (0.08 / 0.19) / math.sqrt(0.0496 / 0.0199)
    np.testing.assert_allclose(found, [-1.0 - second], rtol=1e-9)


# Outliers


def test_k_prototype():
    # Live units 0, 2, 3 at (0, 0), (0, 16), (100, 100); unit 1 sits on the row but is dead.
    # x = (-3, 4): distance 5 to unit 0, with 9/5 + 16/5; (3, 12) off unit 2: sqrt 153.
    codebook = [[0.0, 0.0], [-3.0, 4.0], [0.0, 16.0], [100.0, 100.0]]
    live = [True, False, True, True]
    far = math.sqrt(153)
    scores, parts = naive.k_prototype([[-3.0, 4.0]], codebook, live, 2)
    np.testing.assert_allclose(scores, [(5 + far) / 2], **CLOSE)
    expected = [[(9 / 5 + 9 / far) / 2, (16 / 5 + 144 / far) / 2]]
    np.testing.assert_allclose(parts, expected, **CLOSE)
    np.testing.assert_allclose(parts.sum(axis=1), scores, **CLOSE)


def test_k_prototype_at_distance_zero_and_with_few_live_units():
    # On a unit: contributions 0, no division. Two live units at 1 and -2; k = 5 takes both:
    # x = 1: (0 + 3) / 2, of which the one feature contributes all.
    scores, parts = naive.k_prototype([[1.0]], [[1.0], [-2.0], [0.5]], [True, True, False], 5)
    np.testing.assert_array_equal(scores, [1.5])
    np.testing.assert_array_equal(parts, [[1.5]])
    scores, parts = naive.k_prototype([[1.0, -1.0]], [[1.0, -1.0]], [True], 1)
    np.testing.assert_array_equal(scores, [0])
    np.testing.assert_array_equal(parts, [[0, 0]])


def test_conformal_p():
    # Calibration -1, 2, 2, 5 (n + 1 = 5): 9 beats all -> 1/5; 2 ties two and 5 is above -> 4/5;
    # 3 -> 2/5; -2 is below all -> 5/5.
    p = naive.conformal_p([9.0, 2.0, 3.0, -2.0], [5.0, -1.0, 2.0, 2.0])
    np.testing.assert_array_equal(p, [0.2, 0.8, 0.4, 1])


def test_estimated_p():
    # Square roots 0, 1, ..., 80 and twenty of 200: median 50, and 80 at four fifths, which a normal
    # law has 0.84162 standard deviations above.  One of these, widened by 1 / sqrt(101), is
    # 39.194.  Up to 80 the count holds: 52 and 22 of 102.  Two and three such above the median, at
    # 128.388 and 167.582, 0.02275 and 0.00135 of the law lie above, though the count is 21 of 102;
    # at 10,000 nothing does, and a hundredth of 1 / 102 is the least.
    roots = np.append(np.arange(81.0), np.full(20, 200.0))
    asked = np.array([50.0, 80.0, 128.388, 167.582, 1e4])
    p = naive.estimated_p(asked**2, roots**2)
    np.testing.assert_allclose(p, [52 / 102, 22 / 102, 0.02275, 0.00135, 0.01 / 102], rtol=1e-3)
    # Of roots 0 to 99, four are 96 or more: 5 of 101, which is less than the law's share above
    # (96 - 49.5) / 38.82 = 1.198 standard deviations, 0.115.
    assert naive.estimated_p([96.0**2], np.arange(100.0) ** 2) == pytest.approx(5 / 101)
    # Scores 0 to 49: at 24.5 and 39.2, between two rows.  Their roots are 4.9497 and 6.2610, and
    # one standard deviation is 1.3112 / 0.84162 * (1 + 1 / sqrt(50)) = 1.7783; 10 lies 2.840 above
    # the median, as 0.00226 of a normal law do.
    assert naive.estimated_p([100.0], np.arange(50.0)) == pytest.approx(0.00226, rel=3e-3)
    # Relations add .04 up to 1.645 deviations above the median, and
    # .04 * exp(-(9 - 2.706) / 8.599) = .01924 at 3 (a root of 167.582), to .05 and .00135.  The
    # divisor is 2.625 * 1.5 * .04 / exp(-4).
    p = naive.estimated_p([114.474**2, 167.582**2], roots**2, relations=0.04)
    np.testing.assert_allclose(p, [0.09, 0.02059], rtol=1e-3)
    # Too few rows, or a bulk of equal ones: the count.
    assert naive.estimated_p([100.0], np.arange(49.0)).tolist() == [1 / 50]
    assert naive.estimated_p([100.0], np.ones(99)).tolist() == [1 / 100]


def test_auroc():
    # Outliers 3, 1; inliers 1, -2, 3: 3 beats 1 and -2 and ties 3 (2.5), 1 ties 1 and beats -2
    # (1.5): 4 of 6 pairs.
    scores, labels = [3.0, 1.0, 1.0, -2.0, 3.0], [1, 1, 0, 0, 0]
    assert naive.auroc(scores, labels) == pytest.approx(4 / 6, abs=1e-12)
    assert naive.auroc([5.0, -5.0], [True, False]) == 1
    assert naive.auroc([5.0, -5.0], [False, True]) == 0
    assert naive.auroc([2.0, 2.0], [False, True]) == 0.5
    assert math.isnan(naive.auroc([1.0, 2.0], [0, 0]))
