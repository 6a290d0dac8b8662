"""What a SOM's `fit` needs before training, and what it keeps afterwards."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from somscape._types import Ints
from somscape.estimators._choose_encoding import choose_encoding
from somscape.estimators._device import prepare_on_device
from somscape.estimators._libraries import Home, fetched, received
from somscape.estimators._prepare import Prepared, prepare
from somscape.estimators._settings import settings_of_som, start_of, weights_of_features
from somscape.estimators._warm_start import check_goes_on
from somscape.estimators._wide import warn_of_wide_column
from somscape.fit import (
    VERSIONS,
    PastRun,
    RowsElsewhere,
    Settings,
    Trained,
    explain_defaults,
    read_checkpoint,
)
from somscape.kernels import DeviceArray, kernels_for
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
    home : Home
        Where results go.
    """

    prepared: Prepared
    settings: Settings
    why_encoded: str | None
    resume: PastRun | None
    home: Home


def ready_to_train(som: Any, X: Any, sample_weight: Any, resume: Any) -> Ready:
    """Check the data, the parameters and the checkpoint of a `fit`."""
    if resume is not None and not isinstance(resume, str | Path):
        raise TypeError(f"`resume` must be the name of a file or None; got {resume!r}.")
    settings = settings_of_som(som)
    run = None if resume is None else read_checkpoint(resume, VERSIONS, settings.callbacks)
    is_warm = bool(som.warm_start) and hasattr(som, "map_")
    start = som.map_ if is_warm else start_of(som.init)
    X, home = received(X)
    why = None
    if isinstance(X, DeviceArray):
        prepared = prepare_on_device(som, X, sample_weight)
    else:
        weights = fetched(sample_weight)
        chosen = choose_encoding(som, X, weights, start)
        prepared = prepare(som, chosen.data, weights, encoding=chosen.encoding, missing=som.missing)
        why = chosen.why
    if isinstance(start, Map):
        check_goes_on(som, start, prepared.rows.shape[1], is_warm=is_warm)
    else:
        warn_of_wide_column(prepared, som.metric, som.feature_weight)
    by_feature = weights_of_features(som.feature_weight, prepared.encoding)
    seed = settings.seed if run is None or som.random_state is not None else run.seed
    settings = replace(settings, init=start, feature_weight=by_feature, seed=seed)
    return Ready(prepared, settings, why, run, home)


def keep_trained(som: Any, ready: Ready, map_: Map, trained: Trained, units: Ints) -> None:
    """Give an estimator what training has found."""
    all_rows, home = ready.prepared.all_rows, ready.home
    som.map_ = map_
    som.codebook_ = home.back(map_.codebook)
    if isinstance(all_rows, RowsElsewhere):
        vars(som).pop("labels_", None)
    else:
        is_whole = len(units) == len(all_rows)
        som.labels_ = home.back(units if is_whole else map_.winners_of_rows(all_rows))
    som.history_ = trained.history
    som._sums = trained.sums
    som.explain_defaults_ = explain_defaults(ready.settings, map_, trained)
    if ready.why_encoded is not None:
        som.explain_defaults_["encoder"] = ready.why_encoded
    som.n_iter_ = trained.n_iter
    som.stop_reason_ = trained.stop_reason
    som.kernels_used_ = kernels_for(ready.prepared.rows).name
