"""Long arrays in blocks that fit a cache or a limit of memory."""

from collections.abc import Iterator


def blocks(n: int, step: int) -> Iterator[slice]:
    """Yield slices of at most `step` places that cover 0 to `n` in order.

    Parameters
    ----------
    n : int
        Number of rows, values or bytes in all.
    step : int
        At least 1.

    Yields
    ------
    slice
        With whole numbers as start and stop; the last one ends at `n`.
    """
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
