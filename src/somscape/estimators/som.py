"""The self-organizing map and its clusters, as scikit-learn estimators."""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, cast

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, clone

from somscape._types import Floats, Ints
from somscape._validate import check_choice, check_number, check_that, check_whole, checked_weights
from somscape.errors import InputError, ParameterTypeError
from somscape.estimators._elsewhere import answers_where_it_lies, fetched
from somscape.estimators._intake import (
    Prepared,
    checked_array,
    data_for,
    prepare,
    rows_for,
    set_names,
    table_for,
    take,
)
from somscape.estimators._saved import Saves
from somscape.estimators._settings import settings_of_som, start_of, suggest, weights_of_features
from somscape.estimators.table_encoder import TableEncoder
from somscape.fit._map import TrainingInterrupted, explain_defaults, train_map
from somscape.fit._train import RunningSums, Trained, go_on
from somscape.fit.pieces import Pieces, RowsElsewhere
from somscape.fit.settings import Callback, Settings
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice
from somscape.kernels._select import kernels_for, select_kernels
from somscape.kernels._sparse import DeviceArray
from somscape.maps.map import Map
from somscape.measures._quality import nearest_counted
from somscape.regions.edit import keep, kept
from somscape.regions.find import METHODS, find_regions
from somscape.regions.regions import Regions
from somscape.tables._frame import Frame
from somscape.tables.kinds import MISSING_CHOICES
from somscape.tables.table import Table

DEFAULTS = {"n_rows": "auto", "n_cols": "auto", "lattice": "hexagonal", "boundary": "plane"}


def check_goes_on(som: Any, map_: Map, n_features: int, *, is_warm: bool) -> None:
    """Raise InputError if parameters or rows do not fit the map from which training continues."""
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
    """Set the fitted attributes of an estimator from a given map, without training."""
    settings_of_som(som)  # checks the parameters
    is_plain = map_.encoding.is_plain
    if isinstance(X, Table) or (isinstance(X, Frame) and not is_plain):
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


def keep_trained(
    som: Any, prepared: Prepared, settings: Settings, map_: Map, trained: Trained, units: Ints
) -> None:
    """Set the fitted attributes of an estimator after training."""
    all_rows, home = prepared.all_rows, prepared.home
    som.map_ = map_
    som.codebook_ = home.back(map_.codebook)
    if isinstance(all_rows, RowsElsewhere):
        vars(som).pop("labels_", None)
    else:
        is_whole = len(units) == len(all_rows)
        som.labels_ = home.back(units if is_whole else map_._winners_of_rows(all_rows))
    som.history_ = trained.history
    som._sums = trained.sums
    som.explain_defaults_ = explain_defaults(settings, map_, trained)
    if prepared.why is not None:
        som.explain_defaults_["encoder"] = prepared.why
    som.n_iter_ = trained.n_iter
    som.stop_reason_ = trained.stop_reason
    som.kernels_used_ = kernels_for(prepared.rows).name


class PredictsLayers:
    """Mixin for estimators whose ``map_`` can have layers (groups of columns)."""

    map_: Map

    def predict_layers(
        self, X: Any, given: str | Iterable[str], *, library: str | None = None
    ) -> Any:
        """Predict the values of rows in layers from their values in other layers.

        The `encoder` must be a `TableEncoder` with layers.  See `Map.predict_layers`.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Rows with the values of the given layers.  A data frame or Table can omit the columns of
            other layers.  An array needs all columns, but values in other layers are ignored.
        given : str or iterable of str
            Names of the layers from which the best matching units are found.
        library : {"pandas", "polars", "pyarrow"}, optional
            Library of the result.  The default is the first that is installed of pandas, polars and
            pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Predicted values of the columns that are not in the given layers, in original units.
            Columns of an array are named x0, x1, ...

        Raises
        ------
        ValueError
            If `given` contains an unknown layer or all layers, or if data cannot be encoded.

        Examples
        --------
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": [0, 1], "price": [2]})
        >>> X = [[1.0, 2.0, 10.0], [2.0, 1.0, 12.0], [8.0, 9.0, 70.0], [9.0, 8.0, 75.0]]
        >>> som = SOM(2, 2, encoder=encoder, radius_end=0.3).fit(X)
        >>> som.predict_layers([[8.5, 8.5, float("nan")]], given="size").columns.tolist()
        ['x2']
        """
        part = self.map_.of_layers(given).encoding
        table = table_for(self, take(X, type(self).__name__).data, part)
        return self.map_.predict_layers(table, given, library=library)


@dataclass(eq=False, repr=False, match_args=False)
class SOM(PredictsLayers, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Saves):
    """Arrange rows on a grid of units so that similar rows are close together.

    Parameters
    ----------
    n_rows, n_cols : int or "auto", default="auto"
        Size of the map, in units.  ``"auto"`` means about ``5 sqrt(n_samples)`` units, from 9 to
        10,000, but not more units than rows.  A hexagonal torus needs at least 2 units.  The sides
        of the map are proportional to the standard deviations of the data along their two main
        axes.
    lattice : {"hexagonal", "rectangular"}, Lattice or Graph, default="hexagonal"
        Arrangement of the units.  A unit has 6 neighbors on a hexagonal lattice, 8 neighbors on a
        rectangular lattice, and the neighbors given by edges on a `somscape.Graph`.  With a `Graph`
        or a `somscape.Lattice`, leave `n_rows`, `n_cols` and `boundary` out.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        Whether edges of the map are joined.  On a cylinder, the left edge and the right edge are
        joined.  On a torus, the upper edge and the lower edge are also joined.  A hexagonal torus
        needs an even number of rows of units.
    neighborhood : {"gaussian", "bubble", "cut_gaussian", "epanechnikov", "triangle"}, \
            default="gaussian"
        Function of the distance d on the map between a unit and a row's best matching unit.  The
        result is the weight of the row in the update of the unit.  ``"gaussian"`` is ``exp(-d^2 /
        (2 radius^2))``.  ``"bubble"`` is 1 within the radius.  All except ``"gaussian"`` are 0
        beyond the radius.  The how-to page on the settings of a map shows all formulas.
        ``"triangle"`` needs a rectangular lattice.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "correlation", "mahalanobis"}, \
            default="euclidean"
        Distance between rows and prototypes.  Features should be on the same scale.  The columns of
        a table are scaled by the encoding, but the columns of an array are not scaled.  For
        ``"cosine"`` and ``"correlation"``, every row is scaled to length 1.  ``"mahalanobis"`` is
        the Euclidean distance after whitening.  For every metric, prototypes are means of rows.
    feature_weight : array-like of shape (n_features,), dict or None, default=None
        Weight of each feature in distances, which is 0 or from 1e-100 to 1e100.  A dict such as
        ``{"income": 2}`` assigns weights to columns by name.  All other columns then have weight 1.
        None means weight 1 for all features.
    algorithm : {"auto", "batch", "online", "multires"}, default="auto"
        ``"batch"`` moves every prototype to the weighted mean of the rows in the unit's
        neighborhood, once per epoch.  ``"online"`` presents rows in random order, and each row
        moves the prototypes of its best matching unit and of the neighbors of this unit.
        ``"multires"`` trains smaller maps on samples first.  ``"auto"`` means ``"batch"`` if batch
        training is fast, and otherwise ``"multires"``.
    init : {"pca", "sample", "random"}, array of shape (n_units, n_features) or Map, \
            default="pca"
        Initial codebook.  ``"pca"`` spreads the prototypes over the plane of the data's two main
        axes.  ``"sample"`` draws prototypes from the rows, with probabilities proportional to the
        row weights.  ``"random"`` draws uniform values within the range of each feature.  An array
        is the initial codebook itself.  If you pass a `somscape.Map`, training continues from its
        codebook, with its lattice, its encoding and its last radius.
    n_init : int or "auto", default="auto"
        Number of maps that are trained from different initial codebooks.  The result is the map
        with the lowest ``quantization_error * (1 + topographic_error)``.  ``"auto"`` means up to 16
        for small tables, otherwise 1.
    n_epochs : int, float or "auto", default="auto"
        Number of passes over the rows (epochs), at most a million.  ``"auto"`` depends on
        `algorithm`, as described in ``explain_defaults_``.  A map of 400 units of 100,000 x 50
        values gets 156 epochs.  With half of these epochs, the quantization error of such maps is
        up to 0.7 % higher, and the topographic error is up to 5 % (of its value) higher.  For
        ``"online"``, the number can be a fraction, such as ``20_000 / len(X)`` for 20,000 updates.
    radius_start, radius_end : float or "auto", default="auto"
        Radius of the neighborhood in the first and the last epoch, in grid steps (on a graph, in
        the unit of the edge lengths).  ``radius_start="auto"`` means a quarter of the longest side
        of the map for ``init="pca"`` and half of this side for other values of `init`, but at least
        2.  ``radius_end="auto"`` means 0.7, or less if there are more than 20 rows per unit.  If
        ``radius_end`` is 0.3 or less, prototypes of some units can be moved to rows that are far
        from all prototypes, at the end of training.
    radius_decay : {"geometric", "linear", "inverse", "asymptotic", "constant"} or array, \
            default="geometric"
        Name of the function by which the radius falls from ``radius_start`` to ``radius_end``
        during training.  With ``"constant"``, the radius stays ``radius_start``.  An array contains
        one radius per epoch.
    learning_rate : float or pair of float, default=(0.5, 0.05)
        First and last learning rate of the algorithm ``"online"``, in (0, 1].  The rate falls
        geometrically.  A single number means a constant rate.
    missing : {"error", "fill", "mask"}, default="error"
        Treatment of missing values.  ``"error"`` raises an error.  ``"fill"`` replaces missing
        numbers by the median of the column, and missing categories of a table by a separate level.
        ``"mask"`` ignores missing values in distances and means, and is not supported by
        ``"online"``.  A `TableEncoder` uses its own `missing` instead.
    encoder : "auto", TableEncoder or None, default="auto"
        Conversion of columns to features.  ``"auto"`` applies the rules of `TableEncoder` to a
        `somscape.tables.Table` and to a data frame with text, categories or dates.  ``"auto"`` does
        not encode arrays, or data frames that contain only numbers and booleans.  If a data frame
        also contains text, categories or dates, its numbers are scaled, and `fit` gives a warning.
        None means that data are not encoded, and that data other than numbers raise an error.  An
        unfitted `TableEncoder` is fitted to X, and a fitted `TableEncoder` is not changed.  With
        None or a `TableEncoder`, `fit` does not give this warning.
    tol : float, default=1e-4
        After the radius has reached its final value, batch training stops when no prototype moves
        further than `tol` times the mean distance from the rows to their mean.  With 0, training
        stops only when the best matching unit of every row stays the same.
    warm_start : bool, default=False
        Whether another `fit` continues from the fitted map, as if the map were passed as ``init``.
    random_state : int, RandomState or None, default=None
        Seed for random initial codebooks, for samples of rows and for the order of rows.  Batch
        training with ``init="pca"`` does not use random numbers.
    callbacks : sequence of callable, default=()
        Functions that are called with a `somscape.fit.Progress` after every epoch or, in online
        training, after every block of updates.  A callback ends training by returning True or a
        text with the reason.  See `somscape.callbacks` for examples.  The
        methods ``begin()`` and ``end(reason)`` of a callback, if any, are called before and after
        training.
    verbose : int, default=0
        If 1, progress is written to standard error, or to the logger ``somscape`` at level INFO if
        you configured logging.

    Attributes
    ----------
    codebook_ : ndarray of shape (n_units, n_features)
        Prototype of each unit, on the scale of the features.  The unit number is ``row * n_cols +
        col``.  If X is an array of torch or CuPy, then ``codebook_``, ``labels_`` and the results
        of methods are arrays of the same library on the same device.
    map_ : Map
        The fitted map, for plots, measures, reports and saving.
    units_, labels_ : ndarray of shape (n_samples,)
        Best matching unit of each training row.  Not available after training on data in pieces.
    history_ : dict of str to ndarray
        For each epoch, the values ``step``, ``radius`` (in grid steps of the full map),
        ``quantization_error`` (before the epoch's update), ``movement`` (largest distance that a
        prototype moved, relative to the mean distance of the rows to their mean), ``n_units`` and
        ``n_samples``.  For online training, there is one value for each block of updates, which
        takes about 20 milliseconds.  Then ``step`` is the number of updates, ``quantization_error``
        is the mean distance from a row to its best matching unit before the row's update, and
        ``movement`` is NaN.
    n_iter_ : int
        Number of epochs for which the map was trained.
    stop_reason_ : str
        Reason for the end of training.
    explain_defaults_ : dict of str to str
        For each parameter that was "auto" or could not be applied, the value in use and the reason.
    kernels_used_ : str
        Name of the code that was used for training, such as ``"core/avx512"``, ``"numpy"`` or
        ``"torch/cuda:0 float32"``.
    n_features_in_ : int
        Number of features passed to `fit`, or of encoded features if columns were encoded by name.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the data passed to `fit` contained names.

    See Also
    --------
    SOMDetector : Finds anomalies and explains them.
    SOMClassifier, SOMRegressor
    somscape.regions.find_regions : Finds clusters on the map.
    somscape.plots.umatrix : Draws the map.

    Notes
    -----
    In each epoch, the search for best matching units takes O(n_samples * n_units * n_features), and
    the smoothing over neighborhoods takes O(n_units * (n_rows + n_cols) * n_features).

    The same data, parameters and seed give the same codebook, bit for bit, for any number of
    threads and any instruction set.  In batch training from a given codebook or with
    ``init="pca"``, the codebook is also the same, bit for bit, for any order of the rows, and a row
    of weight 2 gives the same codebook as two equal rows.  In three cases, the codebook depends
    slightly on the order of the rows.  First, for more than 100,000 rows (or if rows times
    features squared exceed 5e9), the main axes for ``init="pca"`` are computed from every k-th row.
    Second, for sparse rows and for the metric ``"mahalanobis"``, the main axes are computed from
    rounded sums.  Third, with ``algorithm="auto"``, training uses samples of the rows if an epoch
    needs more than 2e9 multiply-adds.  If the data have equal variance along the second and the
    third main axis, the initial codebook for ``init="pca"`` is not unique.

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

    _MODEL = "map_"
    _SPARSE = "kept"

    n_rows: int | str = "auto"
    n_cols: int | str = "auto"
    _: KW_ONLY
    lattice: str | Lattice = "hexagonal"
    boundary: str = "plane"
    neighborhood: str = "gaussian"
    metric: str = "euclidean"
    feature_weight: Any = None
    algorithm: str = "auto"
    init: Any = "pca"
    n_init: int | str = "auto"
    n_epochs: float | str = "auto"
    radius_start: float | str = "auto"
    radius_end: float | str = "auto"
    radius_decay: Any = "geometric"
    learning_rate: Any = (0.5, 0.05)
    missing: str = "error"
    encoder: TableEncoder | str | None = "auto"
    tol: float = 1e-4
    warm_start: bool = False
    random_state: Any = None
    callbacks: Sequence[Callback] = ()
    verbose: int = 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "SOM":
        """Train the map.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Training rows.  Numbers are not encoded.  A ``scipy.sparse`` array stays sparse, and an
            array of torch or CuPy stays on its device.  A `somscape.tables.Table`, or a data frame
            with columns that are not numbers, is first encoded by `encoder`.  Collections of Dask
            and Spark, and `somscape.fit.Pieces`, are processed where they are stored.  See the page
            "When one machine is not enough".
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Row weights.  A row of weight 2 counts as two rows, and rows of weight 0 are ignored.

        Returns
        -------
        SOM
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        KeyboardInterrupt
            Within about half a second after Ctrl-C.  The estimator then contains the map after the
            last complete epoch or block of updates, and ``stop_reason_`` is "interrupted".

        Warns
        -----
        SomscapeWarning
            If one column of unencoded data causes at least 99.5 % of the squared distances
            between rows.
        """
        settings = settings_of_som(self)
        is_warm = bool(self.warm_start) and hasattr(self, "map_")
        start = self.map_ if is_warm else settings.init
        away = (Pieces, DeviceArray)
        prepared = prepare(self, X, sample_weight, start=start, missing=MISSING_CHOICES, away=away)
        rows, encoding = prepared.rows, prepared.encoding
        if isinstance(start, Map):
            check_goes_on(self, start, rows.shape[1], is_warm=is_warm)
        by_feature = weights_of_features(self.feature_weight, encoding)
        settings = replace(settings, init=start, feature_weight=by_feature)
        try:
            result = train_map(rows, prepared.weights, encoding, settings)
        except TrainingInterrupted as interrupted:
            keep_trained(self, prepared, settings, *interrupted.result)
            raise
        keep_trained(self, prepared, settings, *result)
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
            Maximum number of rows in each sample on which maps are trained.
        n_seeds : int, default=3
            Number of samples, at least 2.  A map of each size and final radius is trained on each
            sample.
        random_state : int, RandomState or None, default=0
            Seed for drawing the samples.
        **parameters : dict
            Parameters of all maps, such as ``metric="cosine"`` or ``**som.get_params()``.  The
            compared sizes are 0.5, 1 and 2 times the number of units that the parameters specify.
            If the parameters contain a graph or an initial codebook, all maps have the same size.
            The final radii are 1, 0.7 and 0.5 grid steps unless ``radius_end`` is given.

        Returns
        -------
        Table
            One row for each size and final radius, with the columns ``n_rows``, ``n_cols``,
            ``radius_end``, the mean ``quantization_error`` and ``topographic_error`` for the rows
            of another sample, and ``stability``.  For the stability, the distances between rows on
            one map are correlated with the distances between the same rows on another map, and the
            correlation is averaged over all pairs of maps.  A stability of 1 means that all maps
            have the same layout, up to rotation and mirroring.

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
        call (and the first call, if `init` is a `somscape.Map`) is a step of stochastic EM at the
        final radius of training (Cappe and Moulines 2009).  In this step, the new codebook is
        computed from sums over the earlier rows and the new rows.  With `half_life`, earlier rows
        weigh less.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
        half_life : float or None, default=None
            Number (or total weight) of later rows after which the weight of a row is halved.  A
            call multiplies the weights of all earlier rows by ``0.5 ** (weight of X / half_life)``.
            None means that weights are not reduced.

        Returns
        -------
        SOM
            This estimator, whose ``labels_`` contains the best matching units of the new rows.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        if half_life is not None:
            check_number("half_life", half_life, 0)
        start, is_new = start_of(self.init), not hasattr(self, "map_")
        is_first = is_new and not isinstance(start, Map)
        given = take(X, "`partial_fit`", (Pieces,) if is_first else ())
        if is_first:
            return self.fit(given, y, sample_weight)
        if is_new:
            adopt_map(self, start, given.data)
        home, rows = given.home, rows_for(self, given)
        weights = checked_weights(fetched(sample_weight), len(rows))
        step = go_on(self.map_, rows, weights, self._sums, half_life)
        self.map_: Map = step.map_
        self._sums: RunningSums | None = step.sums
        self.labels_: Any = home.back(step.units)
        self.codebook_: Any = home.back(self.map_.codebook)
        self.history_ = dict(self.map_.history)
        self.n_iter_: int = self.n_iter_ + 1
        return self

    def _take_model(self, model: Map) -> None:
        self.map_, self.codebook_, self.history_ = model, model.codebook, dict(model.history)
        self._sums = None

    @property
    def units_(self) -> Ints:
        """Best matching unit of each training row."""
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
            A collection of Dask or Spark is also supported.

        Returns
        -------
        ndarray of shape (n_samples,)
            Number of each row's best matching unit (the lowest number among equally near units).
            For a collection of Dask or Spark, the result is a lazy collection of the same library.
            For Spark, the result contains the rows and an additional column ``unit``.
        """
        map_, given = self.map_, take(X, "SOM", (DeviceArray,))
        return given.home.back(map_._winners_of_rows(rows_for(self, given)))

    def transform(self, X: Any) -> Floats:
        """Return the distance of each row to every unit's prototype.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_units), with the data type of the rows
            Distances in the metric of the map, or NaN for a row whose values are all missing.
        """
        map_, given = self.map_, take(X, "SOM", (DeviceArray,))
        return given.home.back(map_.metric.distances(rows_for(self, given), map_.codebook))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the negative mean squared quantization error.  A higher score is better.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Rows whose values are all missing are ignored.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        map_, weights = self.map_, fetched(sample_weight)
        data = data_for(self, take(X, "`score`"))
        _, distances, weights = nearest_counted(map_, data, sample_weight=weights)
        return -float(np.average(distances[:, 0] ** 2, weights=weights))

    @property
    def _n_features_out(self) -> int:
        return int(self.map_.n_units)


Saves._SOM = SOM


def own_som(som: Any) -> SOM:
    """Return an unfitted copy of `som`, or a new SOM if `som` is None."""
    if not (som is None or isinstance(som, SOM)):
        raise ParameterTypeError(f"`som` must be a SOM or None, but is {som!r}.", value=som)
    return SOM() if som is None else clone(som)


@dataclass(eq=False, repr=False, match_args=False)
class SOMClusterer(ClusterMixin, Saves):
    """Find clusters of any shape, and assign rows to clusters.

    A map is trained, and its units are grouped by `regions.find_regions`.  Rows whose best matching
    units are in the same region are one cluster.

    Parameters
    ----------
    n_clusters : int or "auto", default="auto"
        Number of clusters, from 1 to the number of units.  ``"auto"`` counts only clusters that are
        clearly separate, and is 1 for evenly distributed rows.
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  Its parameters `missing` and `encoder`
        apply to the rows.
    method : {"auto", "valleys", "ward"}, default="auto"
        Method by which units are grouped into clusters, as for `regions.find_regions`.
    random_state : int, RandomState or None, default=None
        Seed for the training of the map, if `som` does not have a `random_state`.
    verbose : int, default=0
        As for `SOM`.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row, from 0 (the largest cluster), or -1 for a row without any
        value.  Not available after training on data in pieces.
    n_clusters_ : int
        Number of clusters.
    regions_ : Regions
        The clusters as regions of the map, with descriptions, rules and pictures.
    som_ : SOM
        The fitted estimator of the map.
    map_ : Map
        The map, which contains the regions, for plots, measures and reports.
    explain_defaults_ : dict of str to str
        As for `SOM`.
    n_features_in_, feature_names_in_
        As for `SOM`.

    See Also
    --------
    somscape.regions.find_regions : Finds the regions of a fitted map.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClusterer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)) + np.repeat([[0, 0], [9, 0]], 150, axis=0)
    >>> clusterer = SOMClusterer(random_state=0).fit(X)
    >>> clusterer.n_clusters_, np.bincount(clusterer.labels_).tolist()
    (2, [150, 150])
    >>> clusterer.predict([[0.0, 0.0], [9.0, 0.0]]).tolist()
    [0, 1]
    """

    _MODEL = "map_"
    _SPARSE = "kept"

    n_clusters: int | str = "auto"
    _: KW_ONLY
    som: SOM | None = None
    method: str = "auto"
    random_state: Any = None
    verbose: int = 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        som = self.som if isinstance(self.som, SOM) else SOM()
        tags.input_tags = som.__sklearn_tags__().input_tags
        return tags

    @property
    def map_(self) -> Map:
        """The map, which contains the regions."""
        return self.som_.map_

    @property
    def regions_(self) -> Regions:
        """The clusters as regions of the map."""
        found = kept(self.map_)
        check_that(found is not None, "the map must contain regions")
        return cast(Regions, found)

    @property
    def n_clusters_(self) -> int:
        """Number of clusters."""
        return self.regions_.n_regions

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "SOMClusterer":
        """Train the map and find the clusters.

        Parameters
        ----------
        X, y, sample_weight
            As for `SOM.fit`.

        Returns
        -------
        SOMClusterer

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        """
        check_whole("n_clusters", self.n_clusters, 1, or_auto=True)
        check_choice("method", self.method, METHODS)
        som = own_som(self.som)
        seed = self.random_state if som.random_state is None else som.random_state
        given = take(X, "SOMClusterer", (Pieces, DeviceArray))
        som.set_params(verbose=som.verbose or self.verbose, random_state=seed)
        som.fit(given, sample_weight=sample_weight)
        n_full = int((som.map_.hits > 0).sum())
        if not isinstance(self.n_clusters, str) and self.n_clusters > n_full:
            raise InputError(
                f"`n_clusters` must be at most {n_full}, the number of units that contain rows, "
                f"but is {self.n_clusters}. Pass a larger map, such as som=SOM(20, 20).",
                parameter="n_clusters",
                value=self.n_clusters,
                allowed=n_full,
            )
        found = find_regions(som, self.n_clusters, method=self.method)
        self.som_: SOM = keep(som, found)
        state, of_som = self.__dict__, vars(som)
        for name in ("labels_", "n_features_in_", "feature_names_in_"):
            state.pop(name, None)
        state |= {name: of_som[name] for name in of_som if name.endswith("_in_")}
        if "labels_" in of_som:
            self.labels_: Any = given.home.back(found._of_units(fetched(som.labels_)))
        self.explain_defaults_: dict[str, str] = dict(som.explain_defaults_)
        return self

    @answers_where_it_lies("cluster", np.int64)
    def predict(self, X: Any) -> Ints:
        """Return the cluster of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            A collection of Dask or Spark is also supported, as for `SOM.predict`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Number of each row's cluster, from 0, or -1 for a row without any value.
        """
        found, given = self.regions_, take(X, "SOMClusterer", (DeviceArray,))
        units = self.map_._winners_of_rows(rows_for(self, given))
        return given.home.back(found._of_units(units))

    def _take_model(self, model: Map) -> None:
        self.som_ = own_som(self.som)
        self.som_._take_model(model)
        _ = self.regions_  # raises an error if the map does not contain regions
