"""The self-organizing map as a scikit-learn estimator, and its regions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from somscape._types import Floats, Ints
from somscape._validate import check_number, checked_weights
from somscape.errors import InputError, ParameterTypeError
from somscape.estimators._base import Base
from somscape.estimators._elsewhere import answers_where_it_lies, brought_here
from somscape.estimators._intake import (
    Home,
    Prepared,
    checked_array,
    checked_on_device,
    data_for,
    fetched,
    home_of,
    near,
    prepare,
    prepare_on_device,
    received,
    rows_for,
    set_names,
    table_for,
    warn_of_wide_column,
)
from somscape.estimators._settings import (
    choose_encoding,
    missing_of,
    settings_of_som,
    start_of,
    suggest,
    weights_of_features,
)
from somscape.estimators.table_encoder import TableEncoder
from somscape.fit._checkpoint import PastRun, read_checkpoint
from somscape.fit._map import VERSIONS, TrainingInterrupted, explain_defaults, train_map
from somscape.fit._train import RunningSums, Trained, go_on
from somscape.fit.pieces import RowsElsewhere
from somscape.fit.settings import Callback, Settings
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice
from somscape.kernels._select import kernels_for, select_kernels
from somscape.kernels._sparse import DeviceArray
from somscape.maps.map import Map
from somscape.measures._quality import nearest_counted
from somscape.regions.find import find_regions
from somscape.regions.regions import Regions
from somscape.tables._frame import as_frame
from somscape.tables.table import Table

DEFAULTS = {"n_rows": "auto", "n_cols": "auto", "lattice": "hexagonal", "boundary": "plane"}


def check_goes_on(som: Any, map_: Map, n_features: int, *, is_warm: bool) -> None:
    """Raise InputError if the parameters or rows do not fit the initial map."""
    whose = "`warm_start` continues from a map" if is_warm else "`init` is a map"
    way_out = "pass warm_start=False" if is_warm else "pass another `init`"
    if n_features != map_.codebook.shape[1]:
        raise InputError(
            f"{whose} with {map_.codebook.shape[1]} features, but X has {n_features} features. "
            f"Pass X with the same features, or {way_out}.",
            parameter="X",
            value=n_features,
            allowed=map_.codebook.shape[1],
        )
    lattice = map_.lattice
    is_given = isinstance(som.lattice, Lattice)  # it has a size and a boundary
    actual = {
        "n_rows": lattice.n_rows,
        "n_cols": lattice.n_cols,
        "lattice": lattice if is_given or isinstance(lattice, Graph) else lattice.kind,
        "boundary": lattice.boundary,
    }
    for name in ("lattice",) if is_given else DEFAULTS:
        given, default = getattr(som, name), DEFAULTS[name]
        # Default values are not a choice of the user, so a map in `init` may differ from them.
        is_open = given == "auto" or (isinstance(start_of(som.init), Map) and given == default)
        if not is_open and given != actual[name]:
            raise InputError(
                f"{whose} with {name}={actual[name]!r}, but {name}={given!r} was passed. Pass "
                f"the value of the map, or {way_out}.",
                parameter=name,
                value=given,
                allowed=actual[name],
            )


def adopt_map(som: Any, map_: Map, X: Any) -> None:
    """Set the map of an estimator without training."""
    settings_of_som(som)  # checks the parameters
    is_plain = map_.encoding.is_plain
    if isinstance(X, Table) or not (is_plain or as_frame(X, "X") is None):
        set_names(som, map_.encoding.feature_names)
    else:
        checked_array(som, X, reset=True)
    check_goes_on(som, map_, som.n_features_in_, is_warm=False)
    som.map_ = map_
    som._sums = None
    som.explain_defaults_ = {}
    som.n_iter_ = 0
    som.stop_reason_ = str(map_.parameters.get("stop_reason", ""))
    som.kernels_used_ = select_kernels().name


@dataclass(frozen=True, eq=False)
class ReadyToTrain:
    """Checked inputs of one training.

    Attributes
    ----------
    prepared : Prepared
    settings : Settings
    why_encoded : str or None
        Explanation of the encoding, or None without an encoding.
    resume : PastRun or None
        The earlier training run, if training is resumed.
    home : Home
        Array library and device of the results.
    """

    prepared: Prepared
    settings: Settings
    why_encoded: str | None
    resume: PastRun | None
    home: Home


def ready_to_train(som: Any, X: Any, sample_weight: Any, resume: Any) -> ReadyToTrain:
    """Check the data, the parameters and the checkpoint of `fit`."""
    if resume is not None and not isinstance(resume, str | Path):
        raise ParameterTypeError(
            f"`resume` must be the name of a file or None, but is {resume!r}.",
            parameter="resume",
            value=resume,
        )
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
    return ReadyToTrain(prepared, settings, why, run, home)


def keep_trained(som: Any, ready: ReadyToTrain, map_: Map, trained: Trained, units: Ints) -> None:
    """Set the fitted attributes of an estimator."""
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


class PredictsLayers:
    """Mixin for estimators whose ``map_`` can have layers."""

    map_: Map

    def predict_layers(
        self, X: Any, given: str | Iterable[str], *, library: str | None = None
    ) -> Any:
        """Predict the values of rows in the layers that are not given.

        The `encoder` must be a `TableEncoder` with layers.  See `Map.predict_layers`.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            The data can omit the columns of the other layers.  An array needs all columns, but its
            values in the other layers are ignored.
        given : str or iterable of str
            Names of the layers that determine the best matching units.
        library : {"pandas", "polars", "pyarrow"}, optional
            Library of the result.  By default, pandas if it is installed, else polars, else
            pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            The predicted columns of the other layers, in original units.  Columns of an array are
            named x0, x1, ...

        Raises
        ------
        ValueError
            If `given` contains unknown layers or all layers, or if the data cannot be encoded.

        Examples
        --------
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": [0, 1], "price": [2]})
        >>> X = [[1.0, 2.0, 10.0], [2.0, 1.0, 12.0], [8.0, 9.0, 70.0], [9.0, 8.0, 75.0]]
        >>> som = SOM(2, 2, encoder=encoder, radius_end=0.3).fit(X)
        >>> som.predict_layers([[8.5, 8.5, float("nan")]], given="size").columns.tolist()
        ['x2']
        """
        check_is_fitted(self)
        part = self.map_.of_layers(given).encoding
        table = table_for(self, brought_here(X), part, reset=False)
        return self.map_.predict_layers(table, given, library=library)


class SOM(PredictsLayers, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Base):
    """Arrange rows on a grid of units so that similar rows are close together.

    Parameters
    ----------
    n_rows, n_cols : int or "auto", default="auto"
        Size of the map, in units.  ``"auto"`` means about ``5 sqrt(n_samples)`` units, from 9 to
        10,000, but not more units than rows.  A hexagonal torus needs at least 2 units.  The sides
        of the map are proportional to the standard deviations along the data's two main axes.
    lattice : {"hexagonal", "rectangular"}, Lattice or Graph, default="hexagonal"
        A unit has 6 neighbors on a hexagonal lattice and 8 on a rectangular lattice.  On a
        `somscape.Graph`, the edges define the neighbors.  A `Graph` or a `somscape.Lattice` also
        sets the size and the boundary.  In this case, leave `n_rows`, `n_cols` and `boundary` out.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        On a cylinder, the left and right edges are joined.  On a torus, the upper and lower edges
        are also joined.  A hexagonal torus needs an even number of rows of units.
    neighborhood : {"gaussian", "bubble", "cut_gaussian", "epanechnikov", "triangle"}, \
            default="gaussian"
        Weight of a row in the update of a unit at the distance d on the map from the row's best
        matching unit.  ``"gaussian"`` is ``exp(-d^2 / (2 radius^2))``, and ``"bubble"`` is 1 up to
        the radius and 0 beyond.  The other functions are also 0 beyond the radius.  See "Choosing a
        map" in the guide.  ``"triangle"`` needs a rectangular lattice.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "correlation", "mahalanobis"}, \
            default="euclidean"
        Distance between rows and prototypes.  Features should be on the same scale.  The encoding
        scales tables, but arrays are not scaled.  ``"cosine"`` and ``"correlation"`` compare
        directions, so every row is scaled to length 1.  ``"mahalanobis"`` is the Euclidean distance
        after whitening.  For every metric, prototypes are means of rows.
    feature_weight : array-like of shape (n_features,), dict or None, default=None
        Weight of each feature in distances.  A weight is 0 or from 1e-100 to 1e100.  A dict such as
        ``{"income": 2}`` assigns weights to columns by name.  All other columns then have weight 1.
        None means weight 1 for all features.
    algorithm : {"auto", "batch", "online", "multires"}, default="auto"
        ``"batch"`` moves every unit to the mean of the rows in its neighborhood, once per epoch.
        ``"online"`` visits rows in random order.  Each row moves its best matching unit and the
        neighbors of this unit.  ``"multires"`` trains smaller maps on samples first.  ``"auto"``
        means ``"batch"`` if batch training is fast, else ``"multires"``.
    init : {"pca", "sample", "random"}, array of shape (n_units, n_features) or Map, \
            default="pca"
        Initial codebook.  ``"pca"`` spreads the units over the plane of the two main axes.
        ``"sample"`` draws rows by weight.  ``"random"`` draws uniform values within each feature's
        range.  An array is the codebook itself.  With a `somscape.Map`, training continues from the
        map and keeps its lattice, its encoding and its last radius.
    n_init : int or "auto", default="auto"
        Number of times that the map is trained, with different initial codebooks.  The map with the
        lowest ``quantization_error * (1 + topographic_error)`` is kept.  ``"auto"`` means up to 16
        for small tables, else 1.
    n_epochs : int, float or "auto", default="auto"
        Number of passes over the rows (epochs), at most a million.  ``"auto"`` depends on
        `algorithm`; see ``explain_defaults_``.  For ``"online"``, the number can be a fraction.
        For example, ``20_000 / len(X)`` means 20,000 updates.
    radius_start, radius_end : float or "auto", default="auto"
        First and last radius in grid steps, or, on a graph, in the unit of the edge lengths.
        ``radius_start="auto"`` means a quarter of the longest side of the map after a PCA start,
        and half after other starts, but at least 2.  ``radius_end="auto"`` means 0.7, or less if
        there are more than 20 rows per unit.  If ``radius_end`` is 0.3 or less, some units can move
        to rows far from all units at the end of training.  See "Choosing a map" in the guide.
    radius_decay : {"geometric", "linear", "inverse", "asymptotic", "constant"} or array, \
            default="geometric"
        Name of the function by which the radius falls to ``radius_end``, the radius of the last
        epoch.  ``"constant"`` keeps ``radius_start``.  An array contains the radius of each epoch.
    learning_rate : float or pair of float, default=(0.5, 0.05)
        First and last learning rate of ``"online"``, in (0, 1].  The rate falls geometrically.  A
        single number is a constant rate.
    missing : {"error", "fill", "mask"}, default="error"
        Treatment of missing values.  ``"error"`` raises an error.  ``"fill"`` replaces missing
        values with the median of the column.  In categories of a table, a separate level is used.
        ``"mask"`` ignores missing values in distances and means, but ``"online"`` does not support
        this.  If ``encoder`` is a `TableEncoder`, the encoder's `missing` applies.
    encoder : "auto", TableEncoder or None, default="auto"
        Conversion of columns to features.  ``"auto"`` applies the rules of `TableEncoder` to a
        `somscape.tables.Table` and to a data frame with text, categories or dates.  It does not
        encode arrays or data frames of numbers and booleans.  If you add a column of text to a data
        frame, the numbers are also scaled, with a warning from `fit`.  None does not encode any
        data and raises an error for data that are not numbers.  An unfitted `TableEncoder` is
        fitted to X, and a fitted `TableEncoder` is not changed.  With None or a `TableEncoder`,
        `fit` does not give this warning.
    tol : float, default=1e-4
        Batch training stops at the final radius when no unit moves further than `tol` times the
        mean distance from the rows to their mean.  With 0, training stops only when no row changes
        its best matching unit.
    warm_start : bool, default=False
        Whether `fit` continues from the fitted map, as if this map were passed as ``init``.
    random_state : int, RandomState or None, default=None
        Seed for random initial codebooks, for samples and for the order of rows.  Batch training
        from a PCA start does not use random numbers.
    callbacks : sequence of callable, default=()
        Functions that are called with a `somscape.fit.Progress` after every epoch or, in online
        training, after every block of updates.  A callback ends training if it returns True or a
        text with the reason.  See `somscape.callbacks` for examples.
    verbose : int, default=0
        1 shows progress on standard error, or in the logger ``somscape`` if you configured logging
        at level INFO.

    Attributes
    ----------
    codebook_ : ndarray of shape (n_units, n_features)
        Prototype of each unit, on the scale of the features, with ``unit = row * n_cols + col``.
        If X is an array of torch or CuPy, then ``codebook_``, ``labels_`` and the results of
        methods are arrays of the same library on the same device.
    map_ : Map
        The fitted map, for plots, measures, reports and saving.
    units_, labels_ : ndarray of shape (n_samples,)
        Best matching unit of each training row.  Not available after training on data in pieces.
    history_ : dict of str to ndarray
        The values ``step``, ``radius`` (in grid steps of the full map), ``quantization_error``
        (before the update), ``movement`` (largest distance that a unit moved, relative to the mean
        distance of the rows to their mean), ``n_units`` and ``n_samples`` of each epoch.  Online
        training has values for each block of updates instead.  A block takes about 20 milliseconds,
        so a short training has one block.  For blocks, ``step`` counts updates,
        ``quantization_error`` is the mean distance of the rows before their updates, and
        ``movement`` is NaN.
    n_iter_ : int
        Number of epochs done.
    stop_reason_ : str
        Reason for the end of training.
    explain_defaults_ : dict of str to str
        For each parameter that was "auto" or could not be applied, the value used and the reason.
    kernels_used_ : str
        Name of the kernels that ran, such as ``"core/avx512"``, ``"numpy"`` or ``"torch/cuda:0
        float32"``.
    n_features_in_ : int
        Number of features in `fit`, or of encoded features if columns were encoded by name.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the data had names.

    See Also
    --------
    SOMDetector : Finds anomalies and explains them.
    SOMClassifier, SOMRegressor
    somscape.regions.find_regions : Finds clusters on the map.
    somscape.plots.umatrix : Draws the map.

    Notes
    -----
    An epoch takes O(n_samples * n_units * n_features) for the search and O(n_units * (n_rows +
    n_cols) * n_features) for the smoothing.

    The same data, parameters and seed give the same codebook, bit for bit.  This holds for any
    number of threads and any instruction set.  In batch training from a given codebook or a PCA
    start, the order of the rows does not change any bit either.  A row of weight 2 gives the same
    bits as two equal rows.  In three cases, the result depends slightly on the order of the rows.
    First, the axes of a PCA start are computed from every k-th row for large data.  This applies to
    more than 100,000 rows, or if values times features exceed 5e9.  Second, the axes are computed
    from sums of floats for sparse rows and for the metric ``"mahalanobis"``.  Third, with
    ``algorithm="auto"``, training uses samples if an epoch needs more than 2e9 multiply-adds.  If
    the second and the third axis of the data have equal variance, the PCA start is not unique.

    References
    ----------
    T. Kohonen (1982), Self-organized formation of topologically correct feature maps.
    T. Kohonen (2013), Essentials of the self-organizing map, Neural Networks 37, section 4
    (batch rule).

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> som = SOM(6, 8, random_state=0).fit(X)
    >>> som.codebook_.shape, som.predict(X).shape
    ((48, 4), (200,))
    >>> bool(som.score(X) > SOM(2, 2).fit(X).score(X))
    True
    """

    _learns_in_pieces = True

    def __init__(
        self,
        n_rows: int | str = "auto",
        n_cols: int | str = "auto",
        *,
        lattice: str | Lattice = "hexagonal",
        boundary: str = "plane",
        neighborhood: str = "gaussian",
        metric: str = "euclidean",
        feature_weight: Any = None,
        algorithm: str = "auto",
        init: Any = "pca",
        n_init: int | str = "auto",
        n_epochs: float | str = "auto",
        radius_start: float | str = "auto",
        radius_end: float | str = "auto",
        radius_decay: Any = "geometric",
        learning_rate: Any = (0.5, 0.05),
        missing: str = "error",
        encoder: TableEncoder | str | None = "auto",
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        callbacks: Sequence[Callback] = (),
        verbose: int = 0,
    ) -> None:
        self.n_rows = n_rows
        self.n_cols = n_cols
        self.lattice = lattice
        self.boundary = boundary
        self.neighborhood = neighborhood
        self.metric = metric
        self.feature_weight = feature_weight
        self.algorithm = algorithm
        self.init = init
        self.n_init = n_init
        self.n_epochs = n_epochs
        self.radius_start = radius_start
        self.radius_end = radius_end
        self.radius_decay = radius_decay
        self.learning_rate = learning_rate
        self.missing = missing
        self.encoder = encoder
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = missing_of(self) in ("fill", "mask")
        tags.input_tags.sparse = True
        return tags

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, resume: str | Path | None = None
    ) -> "SOM":
        """Train the map.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Numbers are not encoded.  A ``scipy.sparse`` array stays sparse, and an array of torch
            or CuPy stays on its device.  A `somscape.tables.Table`, or a data frame with columns
            that are not numbers, is first encoded by `encoder`.  Collections of Dask, Spark and
            Ray, and `somscape.fit.Pieces`, are processed where they are stored; see "When one
            machine is not enough" in the guide.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 2 counts as two rows, and a row of weight 0 is ignored.
        resume : str or Path, optional
            File of a `somscape.callbacks.Checkpoint`.  Training continues from the checkpoint and
            gives, bit for bit, the map of an uninterrupted training.  If the earlier training was
            complete, `fit` returns immediately.  Rows and parameters must be the same as before,
            except `callbacks` and `verbose`, and ``random_state=None`` means the seed of the
            earlier training.  If the file does not exist and a `Checkpoint` in `callbacks` has the
            same path, training starts from the beginning.  So the same call works for the first run
            and for later runs.  Otherwise, a missing file is an error.

        Returns
        -------
        SOM
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, value or file is not allowed.  The message names it.
        KeyboardInterrupt
            On Ctrl-C, within about half a second.  The estimator then has the map of the last
            completed epoch or block of updates, and ``stop_reason_`` is "interrupted".

        Warns
        -----
        SomscapeWarning
            If one column without an encoding causes 99.5 % or more of the squared distances between
            rows.
        """
        ready = ready_to_train(self, X, sample_weight, resume)
        rows, settings = ready.prepared, ready.settings
        try:
            result = train_map(
                rows.rows, rows.weights, rows.encoding, settings, resume=ready.resume
            )
        except TrainingInterrupted as interrupted:
            keep_trained(self, ready, *interrupted.result)
            raise
        keep_trained(self, ready, *result)
        return self

    @classmethod
    def suggest(
        cls,
        X: Any,
        *,
        n_samples: int = 5000,
        n_seeds: int = 3,
        random_state: Any = 0,
        **parameters: Any,
    ) -> Table:
        """Compare maps of several sizes and final radii, trained on samples.

        Parameters
        ----------
        X : array-like or data frame of shape (n_rows, n_features), or Table
            At least two rows.
        n_samples : int, default=5000
            Maximum number of rows on which each candidate is trained.
        n_seeds : int, default=3
            Number of samples, at least 2.  Each candidate is trained once on each sample.
        random_state : int, RandomState or None, default=0
            Seed of the samples.
        **parameters : dict
            Parameters of all candidates, such as ``metric="cosine"`` or ``**som.get_params()``.
            Candidates have 0.5, 1 and 2 times the given or automatic number of units.  If a graph
            or an initial codebook is given, all candidates have the same size.  The final radii are
            1, 0.7 and 0.5 grid steps unless ``radius_end`` is given.

        Returns
        -------
        Table
            One row per candidate, with the columns ``n_rows``, ``n_cols``, ``radius_end``, the mean
            ``quantization_error`` and ``topographic_error`` on the rows of another sample, and
            ``stability``.  Stability is a correlation between two maps, averaged over all pairs of
            samples.  The correlated values are the on-map distances between rows.  A value of 1
            means the same layout up to rotation and mirroring.

        Examples
        --------
        >>> import numpy as np
        >>> from somscape import SOM
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> SOM.suggest(X, n_samples=100, n_seeds=2, lattice="rectangular").names[:3]
        ('n_rows', 'n_cols', 'radius_end')
        """
        return suggest(
            cls(**parameters), X, n_samples=n_samples, n_seeds=n_seeds, random_state=random_state
        )

    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, half_life: float | None = None
    ) -> "SOM":
        """Update the map with more rows, in constant memory.

        The first call trains a map, as `fit` does, unless `init` is a `somscape.Map`.  Each later
        call is a step of stochastic EM at the final radius of training (Cappe and Moulines 2009).
        The first call with a map as `init` is also such a step.  The new codebook is computed from
        sums over the earlier rows and the new rows.  `half_life` reduces the weights of the earlier
        rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
        half_life : float or None, default=None
            The weight of a row is halved after this number of later rows (or this total weight of
            later rows).  A call multiplies the weight of all earlier rows by ``0.5 ** (weight of X
            / half_life)``.  None means that weights are not reduced.

        Returns
        -------
        SOM
            The estimator, whose ``labels_`` contains the units of the new rows.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        if half_life is not None:
            check_number("half_life", half_life, 0)
        given, home = near(X, "`partial_fit`"), home_of(X)
        start, is_new = start_of(self.init), not hasattr(self, "map_")
        if is_new and not isinstance(start, Map):
            return self.fit(X, y, sample_weight)
        X = brought_here(given)
        if is_new:
            adopt_map(self, start, X)
        rows = rows_for(self, X)
        weights = checked_weights(fetched(sample_weight), len(rows))
        step = go_on(self.map_, rows, weights, self._sums, half_life)
        self.map_: Map = step.map_
        self._sums: RunningSums | None = step.sums
        self.labels_: Any = home.back(step.units)
        self.codebook_: Any = home.back(self.map_.codebook)
        self.history_ = dict(self.map_.history)
        self.n_iter_: int = self.n_iter_ + 1
        return self

    def save(self, path: str | Path) -> None:
        """Save the map to a file that `somscape.load` can read; see `Map.save`."""
        check_is_fitted(self)
        self.map_.save(path)

    @property
    def units_(self) -> Ints:
        """Best matching unit of each training row."""
        check_is_fitted(self)
        return self.labels_

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Ints:
        """Train the map and return the best matching unit of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        fitted = self.fit(X, y, sample_weight)
        return fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(X)

    @answers_where_it_lies("unit", np.int64)
    def predict(self, X: Any) -> Ints:
        """Return the best matching unit of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            A collection of Dask, Spark or Ray is also supported.

        Returns
        -------
        ndarray of shape (n_samples,)
            Number of the best matching unit.  If several units are equally near, this is the lowest
            of their numbers.  For a collection, the result is a lazy collection of the same
            library.  For Dask, the result is a series or an array.  For Spark and Ray, the result
            contains the rows and an additional column ``unit``.
        """
        check_is_fitted(self)
        X, home = received(X)
        rows = checked_on_device(self, X) if isinstance(X, DeviceArray) else rows_for(self, X)
        return home.back(self.map_.winners_of_rows(rows))

    def transform(self, X: Any) -> Floats:
        """Return the distance of each row to every unit's prototype.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_units), with the data type of the rows
            Distances in the metric of the map, and NaN for a row without any value.
        """
        check_is_fitted(self)
        X, home = received(X)
        rows = checked_on_device(self, X) if isinstance(X, DeviceArray) else rows_for(self, X)
        return home.back(self.map_.metric.distances(rows, self.map_.codebook))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the negative mean squared quantization error.  A higher score is better.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Rows without any value do not have a unit and are ignored.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self)
        data = data_for(self, near(X, "`score`"))
        sample_weight = fetched(sample_weight)
        _, distances, weights = nearest_counted(self.map_, data, sample_weight=sample_weight)
        return -float(np.average(distances[:, 0] ** 2, weights=weights))

    @property
    def _n_features_out(self) -> int:
        return int(self.map_.n_units)


def own_som(som: Any) -> SOM:
    """Return an unfitted copy of `som`, or a new SOM."""
    if not (som is None or isinstance(som, SOM)):
        raise ParameterTypeError(
            f"`som` must be a SOM or None, but is {som!r}.",
            parameter="som",
            value=som,
        )
    return SOM() if som is None else clone(som)


class SOMRegions(Base):
    """Find the regions of a trained map, and predict the regions of rows.

    The estimator calls `regions.find_regions`.

    Parameters
    ----------
    n_regions : int or "auto", default="auto"
        Number of regions.  ``"auto"`` means the number of regions that are clearly separate on the
        map.
    method : {"auto", "valleys", "ward"}, default="auto"
        Method by which units are grouped, as for `regions.find_regions`.

    Attributes
    ----------
    regions_ : Regions
        The regions, largest first.
    labels_ : ndarray of shape (n_units,)
        Region of each unit, from 0.
    n_regions_ : int
        Number of regions.

    See Also
    --------
    somscape.regions.find_regions : The same as a function.
    somscape.SOM : Trains the map.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, SOMRegions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)) + np.repeat([[0, 0], [9, 0]], 150, axis=0)
    >>> finder = SOMRegions().fit(SOM(random_state=0).fit(X))
    >>> finder.n_regions_, finder.predict(X[[0, 299]]).tolist()
    (2, [0, 1])
    """

    def __init__(self, *, n_regions: int | str = "auto", method: str = "auto") -> None:
        self.n_regions = n_regions
        self.method = method

    def fit(self, map: Map, y: Any = None, *, X: Any = None) -> "SOMRegions":
        """Find the regions of a map.

        Parameters
        ----------
        map : Map
            A map, or a fitted estimator with a map.
        y : None
            Ignored.
        X : Table, data frame or array-like of shape (n_samples, n_features), optional
            Training rows, if the map does not store rows.

        Returns
        -------
        SOMRegions
            This estimator.

        Raises
        ------
        InputError, ValueError, TypeError
            As for `regions.find_regions`.
        """
        self.regions_: Regions = find_regions(map, self.n_regions, method=self.method, X=X)
        self.labels_: Ints = self.regions_.labels
        self.n_regions_: int = self.regions_.n_regions
        return self

    def predict(self, X: Any) -> Ints:
        """Return the region of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            As for `Map.rows_of`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Number of the region, from 0, or -1 for a row without any value.
        """
        return self.regions_.of(X)

    def fit_predict(self, map: Map, y: Any = None, *, X: Any = None) -> Ints:
        """Find the regions of a map, and return the region of each unit.

        Parameters
        ----------
        map, y, X
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_units,)
        """
        return self.fit(map, X=X).labels_
