"""What was chosen where a parameter was "auto", and why, in words."""

from collections.abc import Mapping
from typing import Any

from somscape.fit._plan import (
    LEAST_START,
    MANY_ROWS_PER_UNIT,
    MAX_EXTRA_EPOCHS,
    OTHER_SHARE,
    PCA_SHARE,
    ROWS_PER_UNIT,
    THOROUGH,
)
from somscape.fit._settings import Settings
from somscape.fit._watch import NONE_BETTER, ROUNDS_DONE
from somscape.maps import Map


def explain_defaults(settings: Settings, map_: Map) -> dict[str, str]:
    """Return a sentence for each parameter that was "auto", or that could not be had.

    Parameters
    ----------
    settings : Settings
        What the user asked for.
    map_ : Map
        What came of it.

    Returns
    -------
    dict of str to str
        By parameter; empty where all was given.
    """
    plan, lattice = map_.parameters, map_.lattice
    found = {}
    is_sized = "auto" not in (settings.n_rows, settings.n_cols)
    if plan["init"] == "map" and not is_sized:
        found["n_rows, n_cols"] = f"{lattice.size_text}: those of the map it starts from."
    elif isinstance(settings.lattice, str) and not is_sized:
        found["n_rows, n_cols"] = (
            f"{lattice.n_rows} x {lattice.n_cols}: about 5 sqrt(n) units for rows of a total "
            f"weight of {map_.hits.sum():g} (Vesanto's rule), at least 9, at most 10,000 and no "
            "more than rows; the sides are as the spreads along the data's two main axes, up to "
            "1 : 4, and alike where there is hardly a second axis."
        )
    if settings.algorithm in ("auto", "multires") and plan["algorithm"] != settings.algorithm:
        found["algorithm"] = _why_algorithm(settings, plan)
    if settings.n_init == "auto" and plan["n_init"] > 1:
        found["n_init"] = (
            f"{plan['n_init']} starts, as they take little time; kept is the map with the lowest "
            "quantization error times one plus the topographic error."
        )
    if settings.n_epochs == "auto":
        found["n_epochs"] = _why_epochs(plan)
    if isinstance(settings.radius_decay, str):
        if settings.radius_start == "auto":
            found["radius_start"] = _why_radius_start(plan, map_)
        if settings.radius_end == "auto":
            found["radius_end"] = _why_radius_end(settings, plan)
    return found


def _why_algorithm(settings: Settings, plan: Mapping[str, Any]) -> str:
    if plan["algorithm"] == "multires":
        if round(plan["n_epochs"]) == THOROUGH.whole:
            return (
                "multires: several starts would take long, so maps of a fraction of its side were "
                "trained first, on all rows."
            )
        return (
            "multires: one epoch of the whole map takes long, so maps of a fraction of its side, "
            f"unless it is small, were trained first, on {ROWS_PER_UNIT} rows per unit; with "
            f"{MANY_ROWS_PER_UNIT} or more of them, then the whole map on as many."
        )
    if settings.algorithm == "multires":
        return (
            "batch: coarse maps first need a map of at least 8 x 16 units of rows and columns, a "
            "start that is not given, and a radius that falls from more than 1.4 grid steps."
        )
    if (settings.n_epochs, settings.radius_start) != ("auto", "auto"):
        return "batch: all rows in every epoch, as `n_epochs` or `radius_start` was given."
    if plan["init"] in ("given", "map"):
        return "batch: all rows in every epoch, as the start was given."
    return "batch: an epoch on all rows takes little time."


def _why_epochs(plan: Mapping[str, Any]) -> str:
    n_iter, n_planned, reason = plan["n_iter"], round(plan["n_epochs"]), plan["stop_reason"]
    if reason in (NONE_BETTER, ROUNDS_DONE):
        return (
            f"{n_iter} passes, {n_planned} of them on the whole map while the radius shrinks; at "
            f"so small a final radius units then moved to rows far from all others ({reason})."
        )
    if plan["algorithm"] == "batch":
        n_most = n_planned + MAX_EXTRA_EPOCHS
        if plan["radius_start"] == plan["radius_end"]:
            return f"{n_iter} passes, of up to {n_most} at one radius ({reason})."
        return (
            f"{n_iter} passes, of {n_planned} while the radius shrinks and up to "
            f"{MAX_EXTRA_EPOCHS} more at the final radius ({reason})."
        )
    if plan["algorithm"] == "multires":
        return f"{n_iter} passes, the last {n_planned} on the whole map ({reason})."
    return f"{n_iter} passes, of {n_planned} ({reason})."


def _why_radius_start(plan: Mapping[str, Any], map_: Map) -> str:
    radius, lattice = plan["radius_start"], map_.lattice
    shown = f"{radius:.3g} grid steps"
    if plan["init"] == "map":
        return f"{shown}: the radius at which the map it starts from ended, or `radius_end`."
    is_pca = plan["init"] == "pca"
    if is_pca and plan["n_init"] > 1 and radius > plan["radius_end"]:
        return f"{shown}: the best start's, of a quarter, half and an eighth of the longest side."
    wide = lattice.longest_side * (PCA_SHARE if is_pca else OTHER_SHARE) * lattice.step
    why = "as the start already lies along the data" if is_pca else "as the start may lack order"
    share = "a quarter" if is_pca else "half"
    if radius > max(wide, LEAST_START * lattice.step):
        return f"{shown}: no less than `radius_end`."
    if radius > wide:
        return f"{shown}: the least, as {share} of the longest side is less."
    return f"{shown}: {share} of the longest side, {why}."


def _why_radius_end(settings: Settings, plan: Mapping[str, Any]) -> str:
    shown = f"{plan['radius_end']:.3g} grid steps"
    if settings.radius_decay == "constant":
        return f"{shown}: that of the start, as `radius_decay` is 'constant'."
    if plan["init"] == "map" and settings.radius_start == "auto":
        return f"{shown}: the radius that the map it starts from was trained to."
    return (
        f"{shown}: less with many rows per unit, and no more than `radius_start`. "
        "Smaller radii lower the quantization error and raise the topographic "
        "error."
    )
