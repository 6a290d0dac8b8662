"""The self-organizing map as a scikit-learn estimator."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from somscape._types import Floats, Ints
from somscape._validate import check_number, checked_weights
from somscape.errors import InputError
from somscape.estimators._choose_encoding import choose_encoding, missing_of
from somscape.estimators._older import Estimator
from somscape.estimators._prepare import Prepared, data_for, prepare, rows_for
from somscape.estimators._settings import settings_of_som
from somscape.estimators._suggest import suggest
from somscape.estimators._table_encoder import TableEncoder
from somscape.estimators._warm_start import adopt_map, check_goes_on
from somscape.fit import (
    Callback,
    RunningSums,
    Settings,
    Trained,
    TrainingInterrupted,
    check_streams,
    explain_defaults,
    go_on,
    train_map,
)
from somscape.grid import Lattice
from somscape.kernels import SparseRows, select_kernels
from somscape.maps import Map
from somscape.measures import nearest_counted
from somscape.tables import Table


class SOM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Lay rows out on a grid of units so that similar rows lie close.

    Parameters
    ----------
    n_rows, n_cols : int or "auto", default="auto"
        Size of the map.  ``"auto"``: about ``5 sqrt(n_samples)`` units, at least 9, at most
        10,000 and never more than rows of data (but 2 on a hexagonal torus), stretched like the
        data's two main axes.
    lattice : {"hexagonal", "rectangular"}, Lattice or Graph, default="hexagonal"
        Units have 6 or 8 neighbors, or those of a `somscape.Graph`.  A graph or a
        `somscape.Lattice` has a size and a boundary, too: leave `n_rows`, `n_cols` and `boundary`
        out.
    boundary : {"plane", "cylinder", "torus"}, default="plane"
        On a cylinder the left and right edges meet, on a torus the upper and lower ones too; a
        hexagonal torus has an even number of rows.
    neighborhood : str, default="gaussian"
        Pull on a unit at map distance d of the winner: ``"gaussian"``
        ``exp(-d^2 / (2 radius^2))``, ``"bubble"`` 1 up to the radius and 0 beyond,
        ``"cut_gaussian"`` the gaussian up to the radius and 0 beyond, ``"epanechnikov"``
        ``max(0, 1 - d^2 / radius^2)``, and on rectangular lattices ``"triangle"``
        ``max(0, radius - abs(dx)) max(0, radius - abs(dy))``.  For other programs' radii see
        `somscape.grid.radius_from`.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "correlation", "mahalanobis"}, \
            default="euclidean"
        Distance between rows and prototypes, in training, winners, errors and U-matrix.
        Features should be on one scale; tables are
        scaled by their encoding, arrays are taken as they are.  By ``"cosine"`` and
        ``"correlation"`` every row counts as one of length 1, and the codebook is of such rows;
        ``"mahalanobis"`` is Euclidean after whitening.  Prototypes are means for every metric.
    algorithm : {"auto", "batch", "online", "minibatch", "multires"}, default="auto"
        ``"batch"`` moves every unit to the mean of its neighborhood's rows once per epoch,
        ``"online"`` moves the winner's neighborhood after each row.  ``"minibatch"`` is
        stochastic EM on 50 rows per unit at a time.  ``"multires"`` trains maps of a fraction
        of the side first, on 50 rows per unit, and finishes on the whole map with all rows.
        Where it cannot (small maps, graphs, a start that is given) it is batch.  ``"auto"`` is
        batch while an epoch takes little time, then multires, on all rows while training takes a
        few seconds; ``history_`` tells.
    init : {"pca", "sample", "random"}, array of shape (n_units, n_features) or Map, \
            default="pca"
        Start: the plane of the two main axes, rows drawn by weight, uniform values within
        each feature's range, the codebook given, or that of a `somscape.Map`, on its lattice and
        at the radius that it ended with; tables are then encoded as the map's.
    n_init : int or "auto", default="auto"
        Starts to train from; kept is the map with the lowest quantization error times one plus the
        topographic error.  After a PCA start come, where ``radius_start`` is "auto", the same from
        half and an eighth of the longest side, and then its prototypes shuffled over the map, alike
        in every run; others are drawn anew.  ``"auto"``: up to 16 for batch training, as many as
        together take a fraction of a second; 1 for other starts and algorithms, and where
        epochs or the first radius are given.
    n_epochs : int, float or "auto", default="auto"
        Passes over the rows.  ``"auto"``: 40 for batch training, and up to 10 more at the final
        radius until no row moves; 10 on the whole map after coarse ones.  Where `algorithm` is
        "auto", too, 60 on the whole map while an epoch has at most 2e9 multiply-adds, and beyond
        1e10 of them 8, or 4 after samples, where there are 100 rows per unit; as many as radii
        or rates given in an array; else 10.  At most a million.  A fraction is allowed for
        ``"online"``: ``20_000 / len(X)`` presents 20,000 rows.
    radius_start, radius_end : float or "auto", default="auto"
        Grid steps; on a graph, in the unit of its edges.  ``"auto"``: from a quarter of the
        longest side (at least 2) after a PCA start, half of it after others, to what `detail`
        says; times the median edge of a graph.  At a ``radius_end`` of 0.3 steps or less, units
        that are needed least move at the end to rows far from all others, each next to a neighbor
        on the map, for as long as the quantization error falls: where ``n_epochs`` is "auto", an
        epoch has at most 2e9 multiply-adds, and neither ``init`` is given nor ``winner`` "heskes".
    radius_decay : {"geometric", "linear", "inverse", "asymptotic", "constant"} or array, \
            default="geometric"
        How the radius goes from start to end, exactly at ``radius_end`` in the last epoch;
        ``constant`` stays at ``radius_start``.  An array holds a radius for each epoch.
    rate_start, rate_end : float, default=0.5 and 0.05
        Learning rate for ``"online"``, in (0, 1].
    rate_decay : {"geometric", "linear", "inverse", "asymptotic", "constant"} or array, \
            default="geometric"
        As for the radius; the rates of an array are in (0, 1].
    missing : {"error", "fill", "mask"}, default="error"
        What happens to missing values: refuse them; fill each number with the median of
        its column and give a table's categories a level for them; or leave those cells out of
        all distances (scaled up to all features) and means, by the nearest unit and not online.
        An ``encoder`` that is passed has its own.
    encoder : "auto", TableEncoder or None, default="auto"
        What turns columns into features.  ``"auto"``: the rules of `TableEncoder`, for each
        `somscape.tables.Table` and each data frame with text, categories or dates; data frames of
        numbers and booleans, and arrays, are used as they are; so they are with None, which
        refuses others.  An unfitted `TableEncoder` learns from X; a fitted one is used as it is.
    tol : float, default=1e-4
        Batch training stops at the final radius once no unit moves further than this share
        of the rows' mean distance to their mean.
    random_state : int, RandomState or None, default=None
        Draws the start and the order of rows.  A PCA start with batch training draws nothing.
    callbacks : sequence of callable, default=()
        Each is called with a `somscape.fit.Progress` after every epoch or block of updates;
        returning True stops training.
    verbose : int, default=0
        Above 0, progress is logged (logger ``somscape``) at level INFO.
    detail : {"smooth", "balanced", "sharp"}, default="balanced"
        Final radius where ``radius_end`` is "auto": 1.0, 0.7 or 0.5, less with more than 20 rows
        per unit, which keep the order of a closer map.  Sharper maps are closer to
        the data, smoother ones keep its neighborhoods.
    winner : {"nearest", "heskes"}, default="nearest"
        Which unit a row goes to: the one with the nearest prototype, or the one whose whole
        neighborhood is nearest, which makes batch training at a fixed radius lower one sum in
        every epoch (Heskes 1999).  It is for training on dense rows without gaps; `labels_` and
        `predict` give the nearest unit.
    feature_weight : array of shape (n_features,) or None, default=None
        What each feature counts in distances: 0, or from 1e-100 to 1e100; None: 1 each.
    order : {"random", "sequential"} or array of int, default="random"
        Order of the rows for ``"online"``; an array of row numbers is gone through again and
        again.  Rows of unequal weight are drawn by it, which takes ``"random"``.
    max_time : float or None, default=None
        Seconds, the start of the map included and reading and encoding the data not, after which
        training ends with the map it has then, of one epoch or block of updates at least.
    half_life : float or None, default=None
        For `partial_fit`: after so many further rows a row counts half; None: all count alike.
    warm_start : bool, default=False
        Whether `fit` goes on from the map there is, on its lattice and at the radius that it ended
        with; tables are then encoded as the map's.

    Attributes
    ----------
    codebook_ : ndarray of shape (n_units, n_features)
        Prototype of each unit, in the units of the features; ``unit = row * n_cols + col``.
    map_ : Map
        The fitted map, for plots, measures, reports and saving.
    labels_ : ndarray of shape (n_samples,)
        Best matching unit of each training row.
    history_ : dict of str to ndarray
        By epoch: ``step``, ``radius`` (steps of the whole map), ``quantization_error`` (before the
        epoch's update), ``movement`` (of the unit that moved furthest, as a share of the rows'
        mean distance to their mean), ``n_units`` and ``n_samples``.
    n_iter_ : int
        Epochs done.
    stop_reason_ : str
        Why training ended.
    explain_defaults_ : dict of str to str
        For each parameter that was "auto", or could not be had: what was chosen, and why.
    kernels_used_ : str
        Which path ran, such as ``"core/avx512"`` or ``"numpy"``.
    n_features_in_ : int
        Features seen by `fit`; encoded ones, where columns were encoded by name.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where the data had names.

    Notes
    -----
    An epoch costs O(n_samples * n_units * n_features), and smoothing
    O(n_units * (n_rows + n_cols) * n_features).  The same data, parameters and seed give the
    same codebook, bit for bit, for any number of threads and any instruction set of the
    compiled core.  In batch training from a given or PCA start the order of the rows does not
    matter either, and a whole weight is that many rows to the bit; only nearly so above 100,000
    rows, or 5e9 values times features, because the PCA start's axes come from every k-th row, for
    sparse rows and for the metric ``"mahalanobis"``, whose axes are sums of floats.  Nor where an
    epoch has more than 2e9 multiply-adds and ``algorithm`` is "auto": samples depend on the order.
    Data whose second and third axis have equal variance have no definite PCA start.

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

    def __init__(
        self,
        n_rows: int | str = "auto",
        n_cols: int | str = "auto",
        *,
        lattice: str | Lattice = "hexagonal",
        boundary: str = "plane",
        neighborhood: str = "gaussian",
        metric: str = "euclidean",
        algorithm: str = "auto",
        init: Any = "pca",
        n_init: int | str = "auto",
        n_epochs: float | str = "auto",
        radius_start: float | str = "auto",
        radius_end: float | str = "auto",
        radius_decay: str = "geometric",
        rate_start: float = 0.5,
        rate_end: float = 0.05,
        rate_decay: str = "geometric",
        missing: str = "error",
        encoder: TableEncoder | str | None = "auto",
        tol: float = 1e-4,
        random_state: Any = None,
        callbacks: Sequence[Callback] = (),
        verbose: int = 0,
        detail: str = "balanced",
        winner: str = "nearest",
        feature_weight: Any = None,
        order: Any = "random",
        max_time: float | None = None,
        half_life: float | None = None,
        warm_start: bool = False,
    ) -> None:
        self.n_rows = n_rows
        self.n_cols = n_cols
        self.lattice = lattice
        self.boundary = boundary
        self.neighborhood = neighborhood
        self.metric = metric
        self.algorithm = algorithm
        self.init = init
        self.n_init = n_init
        self.n_epochs = n_epochs
        self.radius_start = radius_start
        self.radius_end = radius_end
        self.radius_decay = radius_decay
        self.rate_start = rate_start
        self.rate_end = rate_end
        self.rate_decay = rate_decay
        self.missing = missing
        self.encoder = encoder
        self.tol = tol
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose
        self.detail = detail
        self.winner = winner
        self.feature_weight = feature_weight
        self.order = order
        self.max_time = max_time
        self.half_life = half_life
        self.warm_start = warm_start

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = missing_of(self) in ("fill", "mask")
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "SOM":
        """Train the map.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
            Numbers, used as they are, also in a ``scipy.sparse`` array, which stays sparse; a
            `somscape.tables.Table`, and a data frame with more than numbers, is encoded first, as
            `encoder` says.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight 2 counts as two rows; one of weight 0 counts as absent.

        Returns
        -------
        SOM
            The fitted estimator.

        Raises
        ------
        ValueError
            For a parameter or a value that cannot be used; the message says which.
        KeyboardInterrupt
            On Ctrl-C, which is felt within about 0.2 s.  The estimator is then fitted with the map
            of the last whole epoch or block of updates, and ``stop_reason_`` is "interrupted".
        """
        settings = settings_of_som(self)
        is_warm = bool(self.warm_start) and hasattr(self, "map_")
        start = self.map_ if is_warm else self.init
        chosen = choose_encoding(self, X, sample_weight, start)
        prepared = prepare(
            self, chosen.data, sample_weight, encoding=chosen.encoding, missing=self.missing
        )
        if isinstance(start, Map):
            check_goes_on(self, start, prepared.rows.shape[1], is_warm=is_warm)
        order = prepared.kept_order(settings.order)
        settings = replace(settings, init=start, order=order)
        try:
            result = train_map(prepared.rows, prepared.weights, prepared.encoding, settings)
        except TrainingInterrupted as interrupted:
            self._keep(prepared, settings, chosen.why, *interrupted.result)
            raise
        return self._keep(prepared, settings, chosen.why, *result)

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
        """Train a handful of candidates on samples, to choose size and detail from.

        Parameters
        ----------
        X : array-like or data frame of shape (n_rows, n_features), or Table
            At least two rows.
        n_samples : int, default=5000
            Rows that each candidate trains on, at most.
        n_seeds : int, default=3
            Samples that each candidate is trained on, at least 2.
        random_state : int, RandomState or None, default=0
            Draws the samples.
        **parameters : dict
            Parameters that all candidates have, such as ``metric="cosine"``, or
            ``**som.get_params()``.  Half, all and twice the units of the size given, or of the
            automatic one, are tried; a graph or a start that is given keeps its size.  Each
            ``detail`` is tried unless ``radius_end`` is given.

        Returns
        -------
        Table
            A row per candidate: ``n_rows``, ``n_cols``, ``detail``; the mean of
            ``quantization_error`` and ``topographic_error`` on rows of another sample; and
            ``stability``, the mean correlation of how far apart pairs of rows lie on maps of
            different samples (1: always the same layout, up to turning and mirroring).

        Examples
        --------
        >>> import numpy as np
        >>> from somscape import SOM
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> SOM.suggest(X, n_samples=100, n_seeds=2, lattice="rectangular").names[:3]
        ('n_rows', 'n_cols', 'detail')
        """
        som = cls(**parameters)
        chosen = choose_encoding(som, X, None, som.init)
        prepared = prepare(
            som, chosen.data, None, encoding=chosen.encoding, missing=som.missing, min_rows=2
        )
        rows = prepared.rows
        if isinstance(rows, SparseRows):
            raise InputError("`suggest` takes dense rows; pass X.toarray(), or some of it.")
        is_masked = prepared.encoding.missing == "mask"
        som.set_params(encoder=None, missing="mask" if is_masked else "error")
        return suggest(som, rows, n_samples=n_samples, n_seeds=n_seeds, random_state=random_state)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "SOM":
        """Go on with more rows, in constant memory.

        The first call trains a map, as `fit` does, unless `init` is a `somscape.Map`.  Each further
        one, and the first on such a map, is a step of stochastic EM at the radius that training
        ended with: the sums of the rows so far, faded by `half_life`, and those of the new rows
        give the next codebook (Cappe and Moulines 2009).  Rows go to the nearest unit.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SOM
            ``labels_`` are those of the new rows.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        check_streams(self.winner)
        if not hasattr(self, "map_"):
            if not isinstance(self.init, Map):
                return self.fit(X, y, sample_weight)
            adopt_map(self, self.init, X)
        if self.half_life is not None:
            check_number("half_life", self.half_life, 0)
        rows = rows_for(self, X)
        weights = checked_weights(sample_weight, len(rows))
        step = go_on(self.map_, rows, weights, self._sums, self.half_life)
        self.map_: Map = step.map_
        self._sums: RunningSums | None = step.sums
        self.labels_: Ints = step.units
        self.codebook_, self.history_ = self.map_.codebook, dict(self.map_.history)
        self.n_iter_: int = self.n_iter_ + 1
        return self

    def _keep(
        self,
        prepared: Prepared,
        settings: Settings,
        why_encoded: str | None,
        map_: Map,
        trained: Trained,
        units: Ints,
    ) -> "SOM":
        self.map_ = map_
        self.codebook_ = map_.codebook
        is_whole = len(units) == len(prepared.all_rows)
        self.labels_ = units if is_whole else map_.winners(prepared.all_rows)
        self.history_ = trained.history
        self._sums = trained.sums
        self.explain_defaults_: dict[str, str] = explain_defaults(settings, map_)
        if why_encoded is not None:
            self.explain_defaults_["encoder"] = why_encoded
        self.n_iter_ = trained.n_iter
        self.stop_reason_ = trained.stop_reason
        self.kernels_used_ = select_kernels().name
        return self

    def save(self, path: str | Path) -> None:
        """Save the map, which `somscape.load` reads; see `Map.save`."""
        check_is_fitted(self)
        self.map_.save(path)

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
        return self.fit(X, y, sample_weight).labels_

    def predict(self, X: Any) -> Ints:
        """Return the best matching unit of each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples,)
            Of equally near units the lowest.
        """
        check_is_fitted(self)
        return self.map_.winners(data_for(self, X))

    def transform(self, X: Any) -> Floats:
        """Return the distance of each row to every unit's prototype.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_units), of the rows' type
            Distances by the metric; NaN for a row without any value.
        """
        check_is_fitted(self)
        return self.map_.metric.distances(rows_for(self, X), self.codebook_)

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
        data = data_for(self, X)
        _, distances, weights = nearest_counted(self.map_, data, sample_weight=sample_weight)
        return -float(np.average(distances[:, 0] ** 2, weights=weights))

    @property
    def _n_features_out(self) -> int:
        return int(self.map_.n_units)
