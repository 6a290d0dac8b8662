"""The lattice of a training run: as given or chosen from the data, with checks of its size.

Automatic sizes follow Vesanto's rule as in the SOM Toolbox (Vesanto et al. 2000): about five times
the square root of the number of rows, stretched like the data's two main axes.  The long side lies
along the columns, so that a map fits a page or a screen.
"""

import math
import os
import warnings

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError, SomscapeWarning
from somscape.fit._settings import Settings
from somscape.grid import Graph, Lattice

MAX_UNITS = 1_000_000
"""Most units of any map."""

MIN_AUTO_UNITS = 9
"""Fewest units of an automatic map, if there are as many rows."""

MAX_AUTO_UNITS = 10_000
"""Most units of an automatic map."""

MAX_STRETCH = 4.0
"""Largest ratio of the sides of an automatic map."""

COPIES = 6
"""Arrays of the codebook's size in memory during an epoch: codebook, next one, start, sums, and the
work of smoothing."""

BYTES_PER_ROW_PAIR = 40
"""Bytes of the tables per pair of map rows: row offset, shift, weight (here and in the core),
kernel."""

MEMORY_BY_DEFAULT = 16 << 30
"""Assumed memory of the machine, in bytes, if the system does not tell."""


def lattice_for(
    settings: Settings, n_samples: int, total_weight: float, variances: Float64s | None
) -> Lattice:
    """Return the lattice that settings ask for."""
    if isinstance(settings.lattice, Lattice):
        lattice = settings.lattice
        advice = f"Pass a smaller {'graph' if isinstance(lattice, Graph) else 'lattice'}."
    else:
        lattice = _rows_and_cols(settings, n_samples, total_weight, variances)
        advice = "Pass a smaller `n_rows` and `n_cols`, or leave them 'auto'."
    if lattice.n_units > MAX_UNITS:
        raise InputError(
            f"the map may have at most {MAX_UNITS} units; got {lattice.n_rows} x "
            f"{lattice.n_cols}. {advice}"
        )
    is_given = isinstance(settings.lattice, Lattice) or (settings.n_rows, settings.n_cols) != (
        "auto",
        "auto",
    )
    if is_given and lattice.n_units > total_weight:
        warnings.warn(
            f"the map has {lattice.n_units} units for {total_weight:g} rows of data, which "
            f"leaves many units without a row. {advice}",
            SomscapeWarning,
            stacklevel=4,
        )
    return lattice


def _rows_and_cols(
    settings: Settings, n_samples: int, total_weight: float, variances: Float64s | None
) -> Lattice:
    assert isinstance(settings.lattice, str)
    n_rows, n_cols = settings.n_rows, settings.n_cols
    if not isinstance(n_rows, str) and not isinstance(n_cols, str):
        return Lattice(int(n_rows), int(n_cols), settings.lattice, settings.boundary)
    assert variances is not None
    if total_weight < n_samples / 2:
        warnings.warn(
            f"`sample_weight` adds up to {total_weight:g} for {n_samples} rows, and the automatic "
            "size is for that many rows, as weights count rows. Scale them to a mean of 1, or pass "
            "`n_rows` and `n_cols`.",
            SomscapeWarning,
            stacklevel=5,
        )
    shape = auto_shape(settings, total_weight, (float(variances[0]), float(variances[1])))
    return Lattice(*shape, settings.lattice, settings.boundary)


def auto_shape(
    settings: Settings, total_weight: float, variances: tuple[float, float]
) -> tuple[int, int]:
    """Return rows and columns for a map, keeping a side that is given."""
    n_rows, n_cols = (
        None if isinstance(n, str) else int(n) for n in (settings.n_rows, settings.n_cols)
    )
    is_hexagonal = settings.lattice == "hexagonal"
    limit = max(1, math.floor(total_weight))
    wanted = math.ceil(settings.units_per_root * math.sqrt(total_weight))
    wanted = min(max(wanted, MIN_AUTO_UNITS), MAX_AUTO_UNITS, limit)
    first, second = variances
    has_shape = second > 0 and second * wanted >= first
    stretch = min(math.sqrt(first / second), MAX_STRETCH) if has_shape else 1.0
    pitch = math.sqrt(0.75) if is_hexagonal else 1.0
    step = 2 if is_hexagonal and settings.boundary == "torus" else 1
    if n_rows is None:
        n_given = n_cols or math.sqrt(wanted * stretch * pitch)
        n_rows = step * max(1, _nearest(wanted / n_given / step))
        while n_cols is not None and n_rows * n_cols > limit and n_rows > step:
            n_rows -= step
    if n_cols is None:
        n_cols = max(1, _nearest(wanted / n_rows))
        while n_rows * n_cols > limit and n_cols > 1:
            n_cols -= 1
    return n_rows, n_cols


def _nearest(value: float) -> int:
    """Round halves up, as the SOM Toolbox does."""
    return math.floor(value + 0.5)


def check_memory(lattice: Lattice, n_features: int, *, has_tables: bool) -> None:
    """Raise InputError for a map that this machine's memory cannot hold."""
    codebook = np.float64().nbytes * lattice.n_units * n_features
    tables = BYTES_PER_ROW_PAIR * lattice.n_rows**2 if has_tables else 0
    needed = COPIES * codebook + tables
    memory = machine_memory()
    if needed > memory:
        advice = (
            "Pass a smaller `n_rows`, or swap `n_rows` and `n_cols` so that the long side lies "
            "along the columns."
            if tables > needed / 2
            else "Pass a smaller map, or fewer features."
        )
        raise InputError(
            f"a map of {lattice.n_rows} x {lattice.n_cols} units and {n_features} features needs "
            f"about {needed / 1e9:.0f} GB to train, but this machine has {memory / 1e9:.0f} GB. "
            f"{advice}"
        )


def machine_memory() -> int:
    """Return the bytes of memory of this machine."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return MEMORY_BY_DEFAULT
