"""A training that goes on from a map: on its lattice, at the radius it ended with."""

from dataclasses import replace

from somscape.fit._plan import RADIUS_END
from somscape.fit._settings import Settings
from somscape.fit._watch import was_cut
from somscape.maps import Map


def last_radius(map_: Map) -> float:
    """Return the radius of a map's last training step, in grid steps."""
    given = map_.parameters
    used = given.get("radius_last", given.get("radius_end"))
    return RADIUS_END * map_.lattice.step if used is None else float(used)


def going_on(settings: Settings, map_: Map) -> Settings:
    """Return settings whose "auto" radii go on where a map's training ended.

    Parameters
    ----------
    settings : Settings
        Radii that are given stay.
    map_ : Map

    Returns
    -------
    Settings
        Start and end at the last radius of the map.  One whose training was cut short goes on from
        there to the end that it was to reach.
    """
    decay = settings.radius_decay
    if settings.radius_start != "auto" or not isinstance(decay, str):
        return settings
    last, end = last_radius(map_), settings.radius_end
    if decay == "constant":
        return replace(settings, radius_start=last)
    if isinstance(end, str):
        is_cut = was_cut(map_.parameters.get("stop_reason", ""))
        end = min(last, float(map_.parameters["radius_end"])) if is_cut else last
    return replace(settings, radius_start=max(last, end), radius_end=end)
