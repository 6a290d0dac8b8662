"""What a SOM's `fit` needs before training: checked rows, settings, and where to go on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from somscape.estimators._choose_encoding import choose_encoding
from somscape.estimators._prepare import Prepared, prepare
from somscape.estimators._settings import settings_of_som, start_of, weights_of_features
from somscape.estimators._warm_start import check_goes_on
from somscape.estimators._wide import warn_of_wide_column
from somscape.fit import VERSIONS, PastRun, Settings, read_checkpoint
from somscape.maps import Map


@dataclass(frozen=True, eq=False)
class Ready:
    """What training starts from.

    Attributes
    ----------
    prepared : Prepared
    settings : Settings
    why_encoded : str or None
        What became of each column, if columns were encoded.
    resume : PastRun or None
        The run to go on from.
    """

    prepared: Prepared
    settings: Settings
    why_encoded: str | None
    resume: PastRun | None


def ready_to_train(som: Any, X: Any, sample_weight: Any, resume: Any) -> Ready:
    """Check the data, the parameters and the checkpoint of a `fit`.

    Parameters
    ----------
    som : SOM
    X : Table, data frame or array-like of shape (n_samples, n_features)
    sample_weight : array-like of shape (n_samples,) or None
    resume : str, Path or None

    Returns
    -------
    Ready

    Raises
    ------
    ValueError, TypeError
        If any of them is not allowed; the message says which.
    """
    if resume is not None and not isinstance(resume, str | Path):
        raise TypeError(f"`resume` must be the name of a file or None; got {resume!r}.")
    settings = settings_of_som(som)
    run = None if resume is None else read_checkpoint(resume, VERSIONS, settings.callbacks)
    is_warm = bool(som.warm_start) and hasattr(som, "map_")
    start = som.map_ if is_warm else start_of(som.init)
    chosen = choose_encoding(som, X, sample_weight, start)
    prepared = prepare(
        som, chosen.data, sample_weight, encoding=chosen.encoding, missing=som.missing
    )
    if isinstance(start, Map):
        check_goes_on(som, start, prepared.rows.shape[1], is_warm=is_warm)
    else:
        warn_of_wide_column(prepared, som.metric, som.feature_weight)
    weights = weights_of_features(som.feature_weight, prepared.encoding)
    seed = settings.seed if run is None or som.random_state is not None else run.seed
    settings = replace(settings, init=start, feature_weight=weights, seed=seed)
    return Ready(prepared, settings, chosen.why, run)
