"""Convert the radii of other programs."""

import math

from somscape._validate import check_choice, check_number

CONVENTIONS = (
    "minisom", "som_toolbox", "somoclu", "xpysom", "kohonen", "gigasom", "somperf",
)  # fmt: skip

WINNER_ONLY = 0.5
"""Below 1, the distance of the nearest neighbors, a bubble holds the winner alone."""


def radius_from(value: float, convention: str) -> float:
    """Return the radius that gives the neighborhood of another program.

    Parameters
    ----------
    value : float
        That program's radius or sigma, in grid steps, above 0; for ``"kohonen"`` at least 0.
    convention : str
        Which program's it is; see Notes.

    Returns
    -------
    float
        ``radius``, ``radius_start`` or ``radius_end`` of somscape, in grid steps.

    See Also
    --------
    somscape.Lattice : Whose steps it counts.

    Notes
    -----
    At map distance d our gaussian is ``exp(-d^2 / (2 radius^2))``.

    ================= ======================================= ==================== ==============
    convention        its weight for value v                  our neighborhood     our radius
    ================= ======================================= ==================== ==============
    ``"minisom"``     ``exp(-d^2 / (2 v^2))``                 gaussian             v
    ``"som_toolbox"`` ``exp(-d^2 / (2 v^2))``, cut or whole;  gaussian,            v
                      1 up to v; ``max(0, 1 - d^2 / v^2)``    cut_gaussian,
                                                              bubble, epanechnikov
    ``"somoclu"``     ``exp(-d^2 / (2 (v/2)^2))``             gaussian             v / 2
    ``"xpysom"``      ``exp(-d^2 / (2 (v/2)^2))``             gaussian             v / 2
    ``"kohonen"``     1 up to v, and for v below 1 the        bubble               v, or 1/2 for v
                      winner only                                                  below 1
    ``"gigasom"``     normal density with deviation v of the  gaussian             v
                      Chebyshev distance
    ``"somperf"``     ``exp(-d^2 / v^2)``                     gaussian             v / sqrt(2)
    ================= ======================================= ==================== ==============

    A constant factor, such as the density's, changes nothing in batch training.  GigaSOM's
    distance is ours along rows and columns and shorter than ours in between.  For ``"xpysom"``
    and ``"somoclu"`` v/2 is their default ``std_coeff`` of 0.5.

    Examples
    --------
    >>> from somscape.grid import radius_from
    >>> radius_from(4.0, "somoclu"), radius_from(0.3, "kohonen")
    (2.0, 0.5)
    """
    check_choice("convention", convention, CONVENTIONS)
    check_number("value", value, 0, low_is_allowed=convention == "kohonen")
    radius = float(value)
    if convention in ("somoclu", "xpysom"):
        return 0.5 * radius
    if convention == "kohonen":
        return radius if radius >= 1 else WINNER_ONLY
    if convention == "somperf":
        return radius / math.sqrt(2)
    return radius
