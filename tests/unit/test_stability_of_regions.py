"""Regions in samples of the rows."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Lattice, Map, regions
from somscape.regions import Regions, RegionStability
from somscape.regions.find import _shares
from somscape.tables import Encoding


@pytest.mark.nightly
@pytest.mark.all_tries
def test_groups_that_lie_apart_come_back():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) + 9.0 * np.repeat([[0, 0], [1, 0]], 200, axis=0)
    som = SOM(random_state=0).fit(X)
    told = regions.stability(regions.find_regions(som), n_samples=6)
    assert told.numbers.tolist() == [2] * 6
    assert (told.of_regions > 0.95).all()
    # Each sample is cut into four too, but two is the number to report.
    halves = regions.stability(regions.find_regions(som, 4), n_samples=6)
    assert halves.of_regions.min() < told.of_regions.min()
    assert halves.share == 1.0
    assert "Report 2 regions" in str(halves)


def test_shares_are_jaccards_index_of_rows():
    map_ = Map(np.zeros((4, 1)), Lattice(1, 4), Encoding.plain(["x"]), np.array([1.0, 2, 3, 4]))
    a, b = Regions(map_, np.array([0, 0, 1, 1])), Regions(map_, np.array([0, 0, 0, 1]))
    # Of six rows in either three in both; of seven four.
    np.testing.assert_allclose(_shares(a, b), [3 / 6, 4 / 7])


def test_the_usual_number_is_the_most_frequent():
    told = RegionStability(np.array([3, 2, 3, 4]), np.ones(3))
    assert (told.usual_number, told.share, told.number) == (3, 0.5, 3)
    assert str(told) == "3 regions in 50 % of samples, 2 in 25 %, 4 in 25 %"
    assert str(RegionStability(np.array([2, 2]), np.ones(2))) == "2 regions in 100 % of samples"


LEAST = " Of 4 regions, the least stable keeps 70 % of its rows."
OTHERS = "Another map of the rows can also have another of these numbers."
KNOWN = ", unless the number is known for another reason"


@pytest.mark.parametrize(
    ("numbers", "n", "report", "text"),
    [
        ([2] * 9 + [3], 2, 2, "2 regions in 90 % of samples, 3 in 10 %"),
        (
            [2, 2, 2, 1, 3],
            2,
            2,
            f"2 regions in 60 % of samples, 1 in 20 %, 3 in 20 %. {OTHERS} Report 2 regions",
        ),
        (
            [3, 3, 3, 1, 2],
            4,
            3,
            f"3 regions in 60 % of samples, 1 in 20 %, 2 in 20 %. {OTHERS}{LEAST} Report 3 regions",
        ),
        (
            [1, 1, 2, 2],
            2,
            2,
            f"1 region in 50 % of samples, 2 in 50 %. {OTHERS} Report 2 regions, as in all rows",
        ),
        (
            [1, 1, 3, 2, 4],
            4,
            2,
            "1 region in 40 % of samples, 2 in 20 %, 3 in 20 %, 4 in 20 %. "
            f"{OTHERS}{LEAST} Report 2 regions, as in all rows",
        ),
    ],
)
def test_one_sentence_names_the_number_to_report(numbers, n, report, text):
    X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    found = regions.find_regions(SOM(4, 5, random_state=0).fit(X), n)  # all rows have 2 regions
    told = RegionStability(np.array(numbers), np.array([0.9, 0.7]), found=found)
    assert (told.number, str(told)) == (report, text + KNOWN * ("Report" in text))


def test_a_map_without_rows_and_bad_numbers_are_refused():
    map_ = Map(np.zeros((2, 1)), Lattice(1, 2), Encoding.plain(["x"]), np.ones(2))
    found = Regions(map_, np.array([0, 1]))
    with rejected(parameter="found"):
        regions.stability(found)
    with rejected(ValueError, parameter="n_samples", value=0):
        regions.stability(found, n_samples=0)
