"""From an estimator's parameters to the settings of a training run."""

import logging
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np

from somscape._validate import check_number, check_whole
from somscape.estimators._prepare import seed_of
from somscape.fit import Progress, Settings

logger = logging.getLogger("somscape")


def settings_of_som(som: Any) -> Settings:
    """Return a SOM's parameters as checked settings; draws a seed where one is needed."""
    of_others = ("units_per_root", "seed", "callbacks")
    names = [f.name for f in fields(Settings) if f.name not in of_others]
    if not isinstance(som.callbacks, Iterable):
        raise TypeError(f"`callbacks` must be a sequence of functions; got {som.callbacks!r}.")
    if som.half_life is not None:
        check_number("half_life", som.half_life, 0)
    if not isinstance(som.verbose, bool | np.bool_):
        check_whole("verbose", som.verbose, 0)
    if not isinstance(som.warm_start, bool | np.bool_):
        raise TypeError(f"`warm_start` must be True or False; got {som.warm_start!r}.")
    callbacks = (*som.callbacks, log_progress) if som.verbose else tuple(som.callbacks)
    is_drawn = isinstance(som.init, str) and som.init != "pca"
    draws = is_drawn or som.algorithm in ("online", "minibatch")
    return Settings(
        **{name: getattr(som, name) for name in names},
        seed=seed_of(som.random_state, draws=draws),
        callbacks=callbacks,
    )


def log_progress(progress: Progress) -> None:
    """Log one line per epoch or block of updates."""
    logger.info(
        "step %d of %d: radius %.3g, quantization error %.4g",
        progress.step,
        progress.n_steps,
        progress.radius,
        progress.quantization_error,
    )
