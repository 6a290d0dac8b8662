"""What was chosen where a parameter was "auto", and why, in words."""

from collections.abc import Mapping
from typing import Any

from somscape.fit._plan import (
    AUTO_EPOCHS,
    MAX_EXTRA_EPOCHS,
    ROWS_PER_UNIT,
)
from somscape.fit._settings import Settings
from somscape.maps import Map


def explain_defaults(settings: Settings, map_: Map, n_samples: int) -> dict[str, str]:
    """Return a sentence for each parameter that was "auto".

    Parameters
    ----------
    settings : Settings
        What the user asked for.
    map_ : Map
        What came of it.
    n_samples : int
        Rows that trained it.

    Returns
    -------
    dict of str to str
        By parameter; empty where all was given.
    """
    plan, lattice = map_.parameters, map_.lattice
    found = {}
    if "auto" in (settings.n_rows, settings.n_cols):
        found["n_rows, n_cols"] = (
            f"{lattice.n_rows} x {lattice.n_cols}: about 5 sqrt(n) units for {n_samples} rows "
            "(Vesanto's rule), at least 9, at most 10,000 and no more than rows; the sides are "
            "as the spreads along the data's two main axes, up to 1 : 4."
        )
    if settings.algorithm == "auto":
        found["algorithm"] = (
            "multires: one epoch of the whole map takes long, so maps of a fraction of its side "
            f"were trained first, on {ROWS_PER_UNIT} rows per unit."
            if plan["algorithm"] == "multires"
            else "batch: an epoch on all rows takes little time."
        )
    if settings.n_epochs == "auto":
        found["n_epochs"] = _why_epochs(plan)
    if isinstance(settings.radius_start, str) and isinstance(settings.radius_decay, str):
        start = (
            "a quarter of the longest side, at least 2, as the start already lies along the data"
            if plan["init"] == "pca"
            else "half the longest side, as the start has no order yet"
        )
        found["radius_start"] = f"{plan['radius_start']:.3g} grid steps: {start}."
    if isinstance(settings.radius_end, str) and isinstance(settings.radius_decay, str):
        found["radius_end"] = (
            f"{plan['radius_end']:.3g} grid steps: detail={settings.detail!r}, less with many "
            "rows per unit. Smaller radii lower the quantization error and raise the topographic "
            "error."
        )
    return found


def _why_epochs(plan: Mapping[str, Any]) -> str:
    n_iter, reason = plan["n_iter"], plan["stop_reason"]
    if plan["algorithm"] == "batch":
        return (
            f"{n_iter} passes: {AUTO_EPOCHS['batch']} while the radius shrinks and up to "
            f"{MAX_EXTRA_EPOCHS} more at the final radius ({reason})."
        )
    return f"{n_iter} passes or steps, listed in history_ ({reason})."
