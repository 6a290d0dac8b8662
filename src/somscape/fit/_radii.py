"""The first and the last radius of a training run, and why."""

from dataclasses import dataclass, field

import numpy as np

from somscape.fit._facts import Facts
from somscape.fit._progress import was_cut
from somscape.fit._settings import Settings, decay_of
from somscape.grid import Lattice
from somscape.maps import Map

RADIUS_END = 0.7
"""Usual last radius, in steps: 0.5 lowers the quantization error by about 8 % and doubles the
topographic error, 1.0 does the reverse."""

CLOSER_FROM = 20
"""Rows per unit above which the last radius is smaller: a map of many rows keeps its order."""

CLOSEST_FROM = 30
"""Rows per unit from which the last radius gets no smaller."""

CLOSEST = 0.8
"""Last radius with many rows per unit, as a share of the usual last radius."""

MIN_RADIUS_START = 2.0
"""Smallest automatic first radius, in steps."""

PLANE_SHARE = 1 / 4
"""First radius after a start on the plane of the data's axes, as a share of the longest side."""

OTHER_SHARE = 1 / 2
"""First radius after other starts, which may lack order, as a share of the longest side."""

FURTHER_SHARES = (1 / 2, 1 / 8)
"""First radii of further starts on the data's plane, as shares of the longest side."""


@dataclass(frozen=True)
class Radii:
    """The first and the last radius, in the unit of the lattice, and why they were chosen.

    Attributes
    ----------
    start, end : float
    reasons : dict of str to str
        By ``radius_start`` and ``radius_end``, if they were "auto".
    """

    start: float
    end: float
    reasons: dict[str, str] = field(default_factory=dict)


def radii_for(settings: Settings, facts: Facts) -> Radii:
    """Return the first and the last radius of a training."""
    if not isinstance(settings.radius_decay, str):
        values = decay_of(settings.radius_decay)
        return Radii(float(values[0]), float(values[-1]))
    if isinstance(settings.init, Map) and settings.radius_start == "auto":
        radii = _from_map(settings, settings.init)
    else:
        radii = _from_lattice(settings, facts)
    if settings.radius_decay != "constant":
        return radii
    why = "that of `radius_start`, as `radius_decay` is 'constant'."
    known = {"radius_end": why} if settings.radius_end == "auto" else {}
    return Radii(radii.start, radii.start, radii.reasons | known)


def _from_lattice(settings: Settings, facts: Facts) -> Radii:
    reasons: dict[str, str] = {}
    if isinstance(settings.radius_end, str):
        end, reasons["radius_end"] = _auto_end(settings.radius_start, facts)
    else:
        end = float(settings.radius_end)
    if isinstance(settings.radius_start, str):
        start, reasons["radius_start"] = _auto_start(settings.start, end, facts.lattice)
    else:
        start = float(settings.radius_start)
    return Radii(start, end, reasons)


def _auto_end(start: float | str, facts: Facts) -> tuple[float, str]:
    step, per_unit = facts.lattice.step, facts.rows_per_unit
    closeness = np.interp(per_unit, (CLOSER_FROM, CLOSEST_FROM), (0.0, 1.0))
    end = RADIUS_END * step * float(1 - (1 - CLOSEST) * closeness)
    trade = "Smaller radii lower the quantization error and raise the topographic error."
    if not isinstance(start, str) and start <= end:
        return float(start), f"that of `radius_start`. {trade}"
    usual = f"{RADIUS_END * step:.3g}"
    if end < RADIUS_END * step:
        return (
            end,
            f"less than the usual {usual}, as there are {per_unit:.0f} rows per unit. {trade}",
        )
    return end, f"the usual. {trade}"


def _auto_start(name: str, end: float, lattice: Lattice) -> tuple[float, str]:
    """Return the first radius after a start of that name, not below the last one."""
    share, shown, why = (
        (PLANE_SHARE, "a quarter", "as the start already lies along the data")
        if name == "pca"
        else (OTHER_SHARE, "half", "as the start may lack order")
    )
    wide = lattice.longest_side * share
    start = max(MIN_RADIUS_START, wide) * lattice.step
    if end > start:
        return end, "at least `radius_end`."
    if wide < MIN_RADIUS_START:
        return start, f"the minimum, as {shown} of the longest side is less."
    return start, f"{shown} of the longest side, {why}."


def further_starts(radii: Radii, lattice: Lattice) -> tuple[float, ...]:
    """Return other first radii to try from the plane of the data's axes."""
    wide = (max(MIN_RADIUS_START, lattice.longest_side * s) * lattice.step for s in FURTHER_SHARES)
    tried = dict.fromkeys(max(radius, radii.end) for radius in wide)
    return tuple(radius for radius in tried if radius != radii.start)


def last_radius(map_: Map) -> float:
    """Return the radius of a map's last training step, in the unit of its lattice."""
    given = map_.parameters
    used = given.get("radius_last", given.get("radius_end"))
    return RADIUS_END * map_.lattice.step if used is None else float(used)


def _from_map(settings: Settings, map_: Map) -> Radii:
    """Return radii that continue where the training of a map ended."""
    last = last_radius(map_)
    if not isinstance(settings.radius_end, str):
        end = float(settings.radius_end)
        why = "the radius at which the map it starts from ended, or `radius_end`."
        return Radii(max(last, end), end, {"radius_start": why})
    is_cut = was_cut(map_.parameters.get("stop_reason", ""))
    end = min(last, float(map_.parameters["radius_end"])) if is_cut else last
    reasons = {
        "radius_start": "the radius at which the map it starts from ended.",
        "radius_end": "the radius that the map it starts from was trained to.",
    }
    return Radii(last, end, reasons)
