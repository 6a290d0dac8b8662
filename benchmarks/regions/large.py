"""One group on maps much larger than the default, in which one region is right.

    python benchmarks/regions/large.py --seeds 6

Prints how many maps of each shape, number of rows and size have more regions than one.
"""

import argparse
import math
from itertools import product

import numpy as np
from families import sphere

from somscape import SOM, regions

SHAPES = {
    "square": lambda rng, n: rng.random((n, 2)),
    "cube": lambda rng, n: rng.random((n, 3)),
    "sphere": sphere,
    "normal": lambda rng, n: rng.normal(size=(n, 3)),
}
KINDS = (("plane", "hexagonal"), ("torus", "hexagonal"), ("plane", "rectangular"))


def n_false(make, n: int, times: int, n_seeds: int, **kind) -> int:
    """Return how many maps of `times` the default number of units have more than one region."""
    side = math.sqrt(5 * math.sqrt(n) * times / 1.2)
    size = 2 * round(side / 2), round(1.2 * side)
    found = [
        regions.find_regions(
            SOM(*size, random_state=seed, **kind).fit(make(np.random.default_rng([seed, n]), n))
        )
        for seed in range(n_seeds)
    ]
    return sum(each.n_regions > 1 for each in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--rows", type=int, nargs="*", default=[200, 500, 1000, 2000, 4000])
    options = parser.parse_args()
    for (boundary, lattice), n, times in product(KINDS, options.rows, (1, 2, 4)):
        for name, make in SHAPES.items():
            k = n_false(make, n, times, options.seeds, boundary=boundary, lattice=lattice)
            print(f"{boundary} {lattice}, {n} rows, {times} x, {name}: {k}", flush=True)


if __name__ == "__main__":
    main()
