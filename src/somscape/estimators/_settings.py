"""From an estimator's parameters to the settings of a training run."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np

from somscape._validate import check_whole
from somscape.estimators._prepare import seed_of
from somscape.estimators._verbose import Verbose
from somscape.fit import Settings
from somscape.maps import Map


def start_of(init: Any) -> Any:
    """Return what training starts from: of a detector or a fitted estimator, its map."""
    map_ = getattr(init, "map_", init)
    return map_ if isinstance(map_, Map) else init


def settings_of_som(som: Any) -> Settings:
    """Return a SOM's parameters as checked settings; draws a seed if one is needed."""
    of_others = ("units_per_root", "seed", "callbacks")
    names = [f.name for f in fields(Settings) if f.name not in of_others]
    if not isinstance(som.callbacks, Iterable):
        raise TypeError(
            f"`callbacks` must be a sequence of functions; got {som.callbacks!r}. "
            "Write callbacks=[...] for one."
        )
    if not isinstance(som.verbose, bool | np.bool_):
        check_whole("verbose", som.verbose, 0)
    if not isinstance(som.warm_start, bool | np.bool_):
        raise TypeError(f"`warm_start` must be True or False; got {som.warm_start!r}.")
    is_drawn = isinstance(som.init, str) and som.init != "pca"
    return Settings(
        **{name: getattr(som, name) for name in names} | {"init": start_of(som.init)},
        seed=seed_of(som.random_state, draws=is_drawn or som.algorithm == "online"),
        callbacks=(*som.callbacks, Verbose()) if som.verbose else tuple(som.callbacks),
    )
