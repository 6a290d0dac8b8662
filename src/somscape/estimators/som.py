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
    """Raise InputError if parameters or rows contradict the map that training starts from."""
    whose = "`warm_start` continues from a map" if is_warm else "`init` is a map"
    way_out = "pass warm_start=False" if is_warm else "pass another `init`"
    if n_features != map_.codebook.shape[1]:
        raise InputError(
            f"{whose} of {map_.codebook.shape[1]} features; got X with {n_features}. Pass X with "
            f"those features, or {way_out}."
        )
    lattice = map_.lattice
    is_given = isinstance(som.lattice, Lattice)  # with size and boundary
    actual = {
        "n_rows": lattice.n_rows,
        "n_cols": lattice.n_cols,
        "lattice": lattice if is_given or isinstance(lattice, Graph) else lattice.kind,
        "boundary": lattice.boundary,
    }
    for name in ("lattice",) if is_given else DEFAULTS:
        given, default = getattr(som, name), DEFAULTS[name]
        # A lattice that came with `init` was never chosen: its defaults say nothing.
        is_open = given == "auto" or (isinstance(start_of(som.init), Map) and given == default)
        if not is_open and given != actual[name]:
            raise InputError(
                f"{whose} with {name}={actual[name]!r}; got {name}={given!r}. Pass the map's, or "
                f"{way_out}.",
                value=name,
            )


def adopt_map(som: Any, map_: Map, X: Any) -> None:
    """Give an estimator a map, as if it had been fitted to rows like these."""
    settings_of_som(som)  # for its checks
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


def ready_to_train(som: Any, X: Any, sample_weight: Any, resume: Any) -> ReadyToTrain:
    """Check the data, the parameters and the checkpoint of a `fit`."""
    if resume is not None and not isinstance(resume, str | Path):
        raise ParameterTypeError(
            f"`resume` must be the name of a file or None; got {resume!r}.",
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


class PredictsLayers:
    """Mixin of an estimator with a ``map_``, which may have layers."""

    map_: Map

    def predict_layers(
        self, X: Any, given: str | Iterable[str], *, library: str | None = None
    ) -> Any:
        """Return what rows are expected to hold in the layers that are not given.

        For a map whose `encoder` is a `TableEncoder` with layers; see `Map.predict_layers`.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Tables and data frames may lack the columns of other layers.  An array has all columns;
            what it holds in other layers, such as NaN, does not count.
        given : str or iterable of str
            Names of the layers by which units are found.
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            The columns of the other layers, in original units; those of an array are x0, x1, ...

        Raises
        ------
        ValueError
            For names that no layer has, all layers, or data that cannot be encoded.

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
    """Lay rows out on a grid of units so that similar rows lie close together.

    Parameters
    ----------
    n_rows, n_cols : int or "auto", default="auto"
        Size of the map, in units.  ``"auto"``: about ``5 sqrt(n_samples)`` units, at least 9, at
        most 10,000 and no more than there are rows (but 2 on a hexagonal torus).  The sides are in
        proportion to the standard deviations along the data's two main axes.
    lattice : {"hexagonal", "rectangular"}, Lattice or Graph, default="hexagonal"
        A unit has 6 neighbors on a hexagonal lattice and 8 on a rectangular one; on a
        `somscape.Graph`, those that its edges join it to.  A graph or a `somscape.Lattice` also
        gives the size and the boundary: leave `n_rows`, `n_cols` and `boundary` out.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        On a cylinder the left and right edges meet; on a torus the upper and lower edges meet as
        well.  A hexagonal torus needs an even number of rows.
    neighborhood : {"gaussian", "bubble", "cut_gaussian", "epanechnikov", "triangle"}, \
            default="gaussian"
        How a row's pull falls with the map distance d from its unit.  ``"gaussian"``:
        ``exp(-d^2 / (2 radius^2))``.  ``"bubble"``: 1 up to the radius.  The others also end at the
        radius: see the guide, "Choosing a map".  ``"triangle"`` needs a rectangular lattice.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "correlation", "mahalanobis"}, \
            default="euclidean"
        Distance between rows and prototypes.  Features should be on one scale: tables are scaled by
        their encoding, arrays are taken as they are.  ``"cosine"`` and ``"correlation"`` compare
        directions: every row counts as a row of length 1.  ``"mahalanobis"`` is Euclidean after
        whitening.  Prototypes are means for every metric.
    feature_weight : array-like of shape (n_features,), dict or None, default=None
        Weight of each feature in distances: 0, or from 1e-100 to 1e100; or those of columns by
        name, such as ``{"income": 2}``, where others have 1.  None means 1 each.
    algorithm : {"auto", "batch", "online", "multires"}, default="auto"
        ``"batch"`` moves every unit to the mean of its neighborhood's rows, once per epoch.
        ``"online"`` moves the winner's neighborhood after each row, in random order.
        ``"multires"`` trains smaller maps on samples first.  ``"auto"``: batch if that is quick,
        else multires.
    init : {"pca", "sample", "random"}, array of shape (n_units, n_features) or Map, \
            default="pca"
        First codebook: the plane of the two main axes, rows drawn by weight, or uniform values
        within each feature's range.  An array is the codebook itself.  Training from a
        `somscape.Map` keeps its lattice, its encoding and the radius at which it ended.
    n_init : int or "auto", default="auto"
        Number of starts.  The map with the lowest quantization error, times one plus the
        topographic error, is kept.  ``"auto"``: up to 16 for small tables, else 1.
    n_epochs : int, float or "auto", default="auto"
        Passes over the rows, at most a million.  ``"auto"``: chosen with `algorithm`; see
        ``explain_defaults_``.  ``"online"`` also supports a fraction: ``20_000 / len(X)`` presents
        20,000 rows.
    radius_start, radius_end : float or "auto", default="auto"
        First and last radius, in grid steps; on a graph, in the unit of its edges.
        ``radius_start="auto"``: a quarter of the longest side after a PCA start, half of it after
        other starts, at least 2.  ``radius_end="auto"``: 0.7, or less with more than 20 rows per
        unit.  With a ``radius_end`` of 0.3 or less, units may in the end move to rows far from all
        others: see the guide, "Choosing a map".
    radius_decay : {"geometric", "linear", "inverse", "asymptotic", "constant"} or array, \
            default="geometric"
        How the radius falls to ``radius_end``, the exact radius of the last epoch.  ``"constant"``
        stays at ``radius_start``.  An array holds the radius of each epoch.
    learning_rate : float or pair of float, default=(0.5, 0.05)
        For ``"online"``: the first and the last rate, in (0, 1], falling geometrically.  One number
        is a constant rate.
    missing : {"error", "fill", "mask"}, default="error"
        What happens to missing values.  ``"error"`` refuses them.  ``"fill"`` fills in the median
        of the column; in a category of a table, they become a level of their own.  ``"mask"``
        leaves those cells out of distances and means; ``"online"`` does not support it.  A
        `TableEncoder` passed as ``encoder`` has its own.
    encoder : "auto", TableEncoder or None, default="auto"
        What turns columns into features.  ``"auto"`` applies the rules of `TableEncoder` to a
        `somscape.tables.Table` and to a data frame with text, categories or dates; data frames of
        numbers and booleans, and arrays, are used as they are.  So one column of text scales the
        numbers of a data frame, and `fit` warns about this.  None uses all data as they are and
        refuses those that are not numbers.  An unfitted `TableEncoder` learns from X; a fitted one
        is used as it is.  Neither of these choices leads to the warning.
    tol : float, default=1e-4
        Batch training stops at the final radius once no unit moves further than this share of the
        rows' mean distance to their mean.  With 0, it stops only once no row changes its unit.
    warm_start : bool, default=False
        Whether `fit` continues from the fitted map, as from a map passed as ``init``.
    random_state : int, RandomState or None, default=None
        Draws the start, the samples and the order of rows.  Batch training from a PCA start draws
        nothing.
    callbacks : sequence of callable, default=()
        Each is called with a `somscape.fit.Progress` after every epoch or block of online updates.
        It ends training by returning True, or a text that says why.  `somscape.callbacks` has
        some, and `somscape.fit.settings.Callback` says which further methods are called.
    verbose : int, default=0
        1: progress on standard error, or in the log (logger ``somscape``, level INFO) where logging
        is set up and shows that level.

    Attributes
    ----------
    codebook_ : ndarray of shape (n_units, n_features)
        Prototype of each unit, in the units of the features; ``unit = row * n_cols + col``.  With
        X of torch or CuPy, this, ``labels_`` and what methods return lie where that X lies.
    map_ : Map
        The fitted map, for plots, measures, reports and saving.
    units_, labels_ : ndarray of shape (n_samples,)
        Best matching unit of each training row; not there after training on data in pieces.
    history_ : dict of str to ndarray
        By epoch: ``step``, ``radius`` (steps of the whole map), ``quantization_error`` (before the
        epoch's update), ``movement`` (of the unit that moved furthest, as a share of the rows'
        mean distance to their mean), ``n_units`` and ``n_samples``.  Of online training by block
        of updates, each some 20 milliseconds of work: a small training has one, with ``step`` in
        updates, ``quantization_error`` the mean before each update, and ``movement`` NaN.
    n_iter_ : int
        Number of epochs done.
    stop_reason_ : str
        Why training ended.
    explain_defaults_ : dict of str to str
        What was chosen and why, for each parameter that was "auto" or could not be met.
    kernels_used_ : str
        Kernels that ran, such as ``"core/avx512"``, ``"numpy"`` or ``"torch/cuda:0 float32"``.
    n_features_in_ : int
        Number of features seen by `fit`; of encoded features if columns were encoded by name.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the data had names.

    See Also
    --------
    SOMDetector : Says which rows fit nowhere, and why.
    SOMClassifier, SOMRegressor
    somscape.regions.find_regions : Groups on the map.
    somscape.plots.umatrix : A picture of it.

    Notes
    -----
    An epoch costs O(n_samples * n_units * n_features), and smoothing
    O(n_units * (n_rows + n_cols) * n_features).

    The same data, parameters and seed give the same codebook, bit for bit, for any number of
    threads and any instruction set of the compiled core.  In batch training from a given codebook
    or a PCA start, the order of the rows does not matter either, and a row of weight 2 gives the
    same bits as the row twice.  The result also depends slightly on the order of the rows in three
    cases: if the axes of a PCA start come from every k-th row (more than 100,000 rows, or 5e9
    values times features); if they come from sums of floats (sparse rows, metric
    ``"mahalanobis"``); or if training uses samples (an epoch of more than 2e9 multiply-adds with
    ``algorithm="auto"``).  Data whose second and third axis have equal variance have no definite
    PCA start.

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
            Numbers are used as they are; a ``scipy.sparse`` array stays sparse, and an array of
            torch or CuPy on its device.  A `somscape.tables.Table`, or a data frame with more than
            numbers, is encoded first, as `encoder` says.  Collections of Dask, Spark and Ray, and
            `somscape.fit.Pieces`, train where they lie: see the guide, "When one machine is not
            enough".
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 2 counts as two rows; a row of weight 0 counts as absent.
        resume : str or Path, optional
            A file of `somscape.callbacks.Checkpoint`.  Training goes on from it and ends at the
            map, bit for bit, of a training that never stopped; one that had ended ends at once.
            Rows and parameters must be those of then (``random_state=None``: the seed of then),
            apart from `callbacks` and `verbose`.  If there is no such file, training starts anew
            where a `Checkpoint` of `callbacks` has that path, so that the first run and all later
            ones are the same line; else it is an error.

        Returns
        -------
        SOM
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, value or file is not allowed; the message says which.
        KeyboardInterrupt
            On Ctrl-C, within about half a second.  The estimator is then fitted with the map of the
            last completed epoch or block of updates, and ``stop_reason_`` is "interrupted".

        Warns
        -----
        SomscapeWarning
            If one column of numbers that are used as they are carries 99.5 % of the squared
            distances between rows, or more.
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
        """Compare a few sizes and final radii of the map, trained on samples.

        Parameters
        ----------
        X : array-like or data frame of shape (n_rows, n_features), or Table
            At least two rows.
        n_samples : int, default=5000
            Most rows that each candidate trains on.
        n_seeds : int, default=3
            Number of samples that each candidate is trained on, at least 2.
        random_state : int, RandomState or None, default=0
            Draws the samples.
        **parameters : dict
            Parameters of all candidates, such as ``metric="cosine"`` or ``**som.get_params()``.
            Candidates have half, all and twice the units of the given or automatic size; a given
            graph or start keeps its size.  They have final radii of 1, 0.7 and 0.5 grid steps
            unless ``radius_end`` is given.

        Returns
        -------
        Table
            One row per candidate: ``n_rows``, ``n_cols`` and ``radius_end``; the mean
            ``quantization_error`` and ``topographic_error`` on the rows of another sample; and
            ``stability``, the correlation between maps of different samples of how far apart pairs
            of rows lie, on average (1: always the same layout, up to rotation and mirroring).

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

        The first call trains a map, as `fit` does, unless `init` is a `somscape.Map`.  Each further
        call, and the first call on such a map, is a step of stochastic EM at the final radius of
        training: the sums of the rows so far, faded by `half_life`, and those of the new rows give
        the next codebook (Cappe and Moulines 2009).

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
        half_life : float or None, default=None
            Number of further rows, by weight, after which a row counts half.  A call multiplies the
            weight of all earlier rows by ``0.5 ** (weight of X / half_life)``.  None means that all
            rows count alike.

        Returns
        -------
        SOM
            ``labels_`` then holds the units of the new rows.

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
        """Save the map to a file that `somscape.load` reads; see `Map.save`."""
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
            Also a collection of Dask, Spark or Ray.

        Returns
        -------
        ndarray of shape (n_samples,)
            The lowest of equally near units.  For a collection, one of the same kind, computed
            when it is asked for: a series or array of Dask; of Spark and Ray the rows with one
            more column, ``unit``.
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
            Distances by the metric; NaN for a row without any value.
        """
        check_is_fitted(self)
        X, home = received(X)
        rows = checked_on_device(self, X) if isinstance(X, DeviceArray) else rows_for(self, X)
        return home.back(self.map_.metric.distances(rows, self.map_.codebook))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the mean squared quantization error; higher is better.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Rows without any value have no unit and do not count.
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
    """Return a copy of the SOM of an estimator, or a new one if there is none."""
    if not (som is None or isinstance(som, SOM)):
        raise ParameterTypeError(
            f"`som` must be a SOM or None; got {som!r}.", parameter="som", value=som
        )
    return SOM() if som is None else clone(som)


class SOMRegions(Base):
    """Find the regions of a trained map, and tell those of rows.

    What `regions.find_regions` does, with the interface of an estimator.

    Parameters
    ----------
    n_regions : int or "auto", default="auto"
        Number of regions.  ``"auto"``: as many as lie apart.
    method : {"auto", "valleys", "ward"}, default="auto"
        How units join, as for `regions.find_regions`.

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
            Or a fitted estimator with one.
        y : None
            Ignored.
        X : Table, data frame or array-like of shape (n_samples, n_features), optional
            Rows, for a map that keeps none.

        Returns
        -------
        SOMRegions
            This estimator.

        Raises
        ------
        InputError, ValueError, TypeError
            As `regions.find_regions`.
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
            From 0; -1 for a row without any value.
        """
        return self.regions_.of(X)

    def fit_predict(self, map: Map, y: Any = None, *, X: Any = None) -> Ints:
        """Find the regions of a map, and return that of each unit.

        Parameters
        ----------
        map, y, X
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_units,)
        """
        return self.fit(map, X=X).labels_
