"""Regions that a map keeps: the region of each unit, their names and their colors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.errors import InputError

MAX_NAME = 80
"""Most letters of a name."""

COLOR = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, eq=False)
class KeptRegions:
    """The regions that somebody settled on for a map.

    Attributes
    ----------
    labels : ndarray of shape (n_units,), int
        Region of each unit, from 0 without gaps.
    names, colors : tuple of str
        Name and color ("#rrggbb") of each region, "" for one without; empty if none has one.

    Raises
    ------
    InputError
        For labels with gaps, names or colors that are not one for each region, and two of one name.
    """

    labels: Ints
    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        labels = np.array(self.labels)
        n = len(np.unique(labels))
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or not n:
            raise InputError(
                f"`labels` must be one whole number for each unit; got {labels.dtype} of shape "
                f"{labels.shape}."
            )
        if labels.min() != 0 or labels.max() != n - 1:
            raise InputError(
                f"`labels` must number {n} regions from 0 to {n - 1}; got {labels.min()} to "
                f"{labels.max()}."
            )
        for what in ("names", "colors"):
            given = getattr(self, what)
            if len(given) not in (0, n) or not all(isinstance(each, str) for each in given):
                raise InputError(f"`{what}` must be one text for each of {n} regions; got {given}.")
        for name in self.names:
            if len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
                raise InputError(
                    f"a name is one line of at most {MAX_NAME} letters, without spaces at its "
                    f"ends; got {name[:MAX_NAME]!r}."
                )
            if name and self.names.count(name) > 1:
                raise InputError(f"two regions would be called {name!r}; give each its own name.")
        for color in self.colors:
            if color and not COLOR.fullmatch(color):
                raise InputError(f"a color is '#' and six of 0-9, a-f; got {color!r}.")
        labels.flags.writeable = False
        object.__setattr__(self, "labels", labels)

    def check(self, n_units: int) -> None:
        """Raise InputError if these are regions of a map with another number of units."""
        if len(self.labels) != n_units:
            raise InputError(
                f"these are regions of {len(self.labels)} units, and the map has {n_units}."
            )


def regions_to_record(kept: KeptRegions) -> tuple[dict[str, Any], dict[str, Ints]]:
    """Return the parts of a header and the arrays that hold regions."""
    said = {"names": list(kept.names), "colors": list(kept.colors)}
    return {"kept_regions": said}, {"kept_regions": kept.labels.astype(np.int64)}


def regions_of_record(
    header: Mapping[str, Any], arrays: Mapping[str, Any], n_units: int
) -> KeptRegions | None:
    """Return the regions that a record holds, or None."""
    if "kept_regions" not in arrays:
        return None
    said = header["kept_regions"]
    kept = KeptRegions(arrays["kept_regions"], tuple(said["names"]), tuple(said["colors"]))
    kept.check(n_units)
    return kept
