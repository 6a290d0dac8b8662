"""A stream of many rows, scored in pieces, beside the same rows in memory: rate and memory.

    python benchmarks/scale/stream.py [--rows 1e8] [--piece 250000]

The stream gives eight pieces over and over, so that making them takes no time.  Rates are rows a
second of processor time, which other work on the machine disturbs least.
"""

import argparse
import itertools
import time

import numpy as np
from run import GROUP_ROWS, MIB, N_GROUPS, Watch, anonymous

from somscape import SOMDetector

N_PIECES, N_COLUMNS, N_TRAINED = 8, 20, 200_000


def rows_of(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(N_GROUPS, N_COLUMNS)).astype(np.float32) * 3
    noise = rng.standard_normal((n, N_COLUMNS), dtype=np.float32)
    return centers[rng.integers(N_GROUPS, size=n)] + noise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e8)
    parser.add_argument("--piece", type=int, default=GROUP_ROWS)
    asked = parser.parse_args()
    rows = rows_of(N_PIECES * asked.piece)
    detector = SOMDetector(random_state=0).fit(rows[:N_TRAINED])
    pieces = np.split(rows, N_PIECES)
    n_pieces = int(asked.rows) // asked.piece
    n_scored, early = 0, 0
    with Watch() as watch:
        stream = detector.score_stream(itertools.islice(itertools.cycle(pieces), n_pieces))
        for number, (scores, _) in enumerate(stream):
            n_scored += len(scores)
            if number <= n_pieces // 100:
                early = max(early, anonymous())
    begin = time.process_time()
    ((whole, _),) = detector.score_stream([rows])
    in_memory = len(whole) / (time.process_time() - begin)
    rate = n_scored / watch.found["cpu"]
    print(f"{n_scored:,} rows x {N_COLUMNS} in pieces of {asked.piece:,}")
    print(f"{rate:,.0f} rows/s; {rate / in_memory:.0%} of the {in_memory:,.0f} of one piece")
    print(
        f"anonymous memory {early / MIB:,.0f} MiB after a hundredth of it,"
        f" {watch.peak / MIB:,.0f} at most"
    )


if __name__ == "__main__":
    main()
