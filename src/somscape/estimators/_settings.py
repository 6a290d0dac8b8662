"""Functions that check an estimator's parameters and choose the encoding of the data."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from somscape._types import Floats
from somscape._validate import check_choice, check_number, check_whole, warn
from somscape.engines._which import pieces_of
from somscape.errors import InputError, ParameterError, ParameterTypeError, SomscapeWarning
from somscape.estimators._base import Verbose
from somscape.estimators._elsewhere import brought_here, holds_only_numbers
from somscape.estimators._intake import fetched, prepare, seed_of, table_for, warn_of_wide_column
from somscape.estimators.table_encoder import TableEncoder
from somscape.fit.pieces import Pieces
from somscape.fit.settings import Settings
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import SparseRows
from somscape.maps.map import Map
from somscape.measures.chance import stability
from somscape.outliers._train import Detection
from somscape.recognize._train import Prediction, Recognition
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables._frame import as_frame, frame_kinds, table_from_frame
from somscape.tables._messages import listed, suggestion
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import MISSING_CHOICES
from somscape.tables.table import Table, table_from_columns


def start_of(init: Any) -> Any:
    """Return the map if `init` is a detector or a fitted estimator, and otherwise `init` itself."""
    map_ = getattr(init, "map_", init)
    return map_ if isinstance(map_, Map) else fetched(init)


def weights_of_features(given: Any, encoding: Encoding) -> Any:
    """Return one weight per feature.  A column's weight applies to all features of the column."""
    if not isinstance(given, Mapping):
        return given
    names = [code.name for code in encoding.features]
    for name in given:
        if name not in names:
            cure = suggestion(str(name), names) or f"the columns are {listed(names)}."
            raise InputError(
                f"`feature_weight` contains {name!r}, which is not a column of X. "
                f"{cure[0].upper()}{cure[1:]}",
                parameter="feature_weight",
                column=name,
                allowed=names,
            )
    return [given.get(code.name, 1) for code in encoding.features for _ in code.feature_names]


def settings_of_som(som: Any) -> Settings:
    """Check the parameters of a SOM, draw a seed if needed, and return `Settings`."""
    of_others = ("units_per_root", "seed", "callbacks")
    names = [f.name for f in fields(Settings) if f.name not in of_others]
    if not isinstance(som.callbacks, Iterable):
        raise ParameterTypeError(
            f"`callbacks` must be a sequence of functions, but is {som.callbacks!r}. Write "
            "callbacks=[...] for a single function.",
            parameter="callbacks",
            value=som.callbacks,
        )
    if not isinstance(som.verbose, bool | np.bool_):
        check_whole("verbose", som.verbose, 0)
    if not isinstance(som.warm_start, bool | np.bool_):
        raise ParameterTypeError(
            f"`warm_start` must be True or False, but is {som.warm_start!r}.",
            parameter="warm_start",
            value=som.warm_start,
        )
    is_drawn = isinstance(som.init, str) and som.init != "pca"
    return Settings(
        **{name: getattr(som, name) for name in names} | {"init": start_of(som.init)},
        seed=seed_of(som.random_state, draws=is_drawn or som.algorithm == "online"),
        callbacks=(*som.callbacks, Verbose()) if som.verbose else tuple(som.callbacks),
    )


def refuse_checkpoint(callbacks: Any, name: str) -> None:
    """Raise ValueError if a callback writes checkpoints."""
    given = callbacks if isinstance(callbacks, Iterable) else ()
    if any(callable(getattr(callback, "keep", None)) for callback in given):
        raise ParameterError(
            f"{name} does not support a `Checkpoint` in the `callbacks` of a SOM, because only "
            "SOM.fit can resume training from a checkpoint. Leave the `Checkpoint` out.",
            parameter="callbacks",
        )


def settings_of_detector(detector: Any, som: Any) -> tuple[Detection, Settings]:
    """Check the parameters of a SOMDetector, and return its settings and its map's settings."""
    names = [field.name for field in fields(Detection) if field.name != "is_encoded"]
    detection = Detection(**{name: getattr(detector, name) for name in names})
    return detection, _settings_within(detector, som, "scores and reasons require these values")


def settings_of_classifier(classifier: Any, som: Any) -> tuple[Recognition, Settings]:
    """Check the parameters of a SOMClassifier, and return its settings and its map's settings."""
    check_number("layer_weight", classifier.layer_weight, 0, low_is_allowed=True)
    if classifier.reject is not None:
        check_number("reject", classifier.reject, 0, 0.5)
    settings = _settings_of_learner(classifier, som, ("sharpen", "smooth"))
    recognition = Recognition(
        float(classifier.layer_weight), bool(classifier.sharpen), bool(classifier.smooth)
    )
    return recognition, settings


def settings_of_regressor(regressor: Any, som: Any) -> tuple[Prediction, Settings]:
    """Check the parameters of a SOMRegressor, and return its settings and its map's settings."""
    settings = _settings_of_learner(regressor, som, ("relevance", "linear"))
    return Prediction(bool(regressor.relevance), bool(regressor.linear)), settings


def _settings_of_learner(learner: Any, som: Any, flags: tuple[str, ...]) -> Settings:
    """Check True/False parameters of a classifier or regressor, and return its map's settings."""
    for name in flags:
        if not isinstance(getattr(learner, name), bool | np.bool_):
            raise ParameterTypeError(
                f"`{name}` must be True or False, but is {getattr(learner, name)!r}.",
                parameter=name,
                value=getattr(learner, name),
            )
    if not isinstance(som.init, str):
        raise ParameterError(
            "`init` of `som` must be a name such as 'pca', because the map is trained on "
            f"transformed rows, but is of type {type(som.init).__name__}. Leave `init` out.",
            parameter="som",
            value=type(som.init).__name__,
        )
    return _settings_within(learner, som, "the steps after training the map require these values")


def _settings_within(estimator: Any, som: Any, why: str) -> Settings:
    """Return the settings of an estimator's map, with the estimator's seed and `verbose`."""
    if som.metric != "euclidean" or som.feature_weight is not None:
        also = "" if som.feature_weight is None else " and a `feature_weight`"
        raise ParameterError(
            f"`som` must have metric='euclidean' and feature_weight=None, because {why}, but "
            f"has metric={som.metric!r}{also}. Scale the columns of X instead.",
            parameter="som",
            value=som.metric,
        )
    som.set_params(verbose=som.verbose or estimator.verbose)
    if som.random_state is None:
        som.set_params(random_state=seed_of(estimator.random_state))
    settings = settings_of_som(som)
    refuse_checkpoint(settings.callbacks, type(estimator).__name__)
    return settings


PLURALS = {
    "number": "numbers",
    "category": "categories",
    "ordinal": "ordered categories",
    "date": "dates",
    "id": "id",
    "label": "label",
}


@dataclass(frozen=True, eq=False)
class ChosenEncoding:
    """The data passed to `fit`, and their encoding.

    Attributes
    ----------
    data : Table, data frame or array-like of shape (n_samples, n_features)
        A `Table` if the columns are encoded, and otherwise the data as passed to `fit`.
    encoding : Encoding or None
        None if the data are numbers that are used without an encoding.
    why : str or None
        Explanation of the encoding, or the reason why the columns are not encoded.
    """

    data: Any
    encoding: Encoding | None = None
    why: str | None = None


def choose_encoding(estimator: Any, X: Any, sample_weight: Any, start: Any) -> ChosenEncoding:
    """Choose the encoding of the data passed to `fit`."""
    check_choice("missing", estimator.missing, MISSING_CHOICES)
    lent = start.encoding if isinstance(start, Map) else None
    X = pieces_of(X)
    if isinstance(X, Pieces) and getattr(estimator, "_learns_in_pieces", False):
        return _choose_for_pieces(estimator, X, lent)
    return _choose_here(estimator, brought_here(X), sample_weight, lent)


def choose_complete(estimator: Any, X: Any, sample_weight: Any, start: Any) -> ChosenEncoding:
    """Choose the encoding of X.  Raise InputError if it would keep missing values as NaN."""
    chosen = choose_encoding(estimator, X, sample_weight, start)
    if chosen.encoding is not None and chosen.encoding.missing == "mask":
        raise InputError(
            "`encoder` ignores missing values (missing='mask'), but "
            f"{type(estimator).__name__} requires complete rows. Pass "
            "TableEncoder(missing='fill'), or leave `encoder` out and pass missing='fill'.",
            parameter="encoder",
            value="mask",
        )
    return chosen


def _choose_here(
    estimator: Any, X: Any, sample_weight: Any, lent: Encoding | None
) -> ChosenEncoding:
    """Choose the encoding of data that are stored on this machine."""
    encoder = estimator.encoder
    _check_encoder(estimator)
    if isinstance(encoder, TableEncoder):
        return _choose_by_encoder(estimator, X, sample_weight, lent)
    if encoder is None:
        return ChosenEncoding(X)
    return _choose_by_rule(X, estimator.missing, sample_weight, lent)


def _check_encoder(estimator: Any) -> None:
    """Raise an error if `encoder` is not valid or does not agree with `missing`."""
    encoder, missing, own = estimator.encoder, estimator.missing, missing_of(estimator)
    if not isinstance(encoder, TableEncoder):
        if encoder is not None and not (isinstance(encoder, str) and encoder == "auto"):
            raise ParameterTypeError(
                "`encoder` must be 'auto', None or a somscape.TableEncoder, but is "
                f"{encoder!r:.80}.",
                parameter="encoder",
                value=encoder,
            )
    elif missing not in ("error", own):
        raise InputError(
            f"`missing` is {missing!r}, but `encoder` has missing={own!r}. Leave `missing` of "
            f"{type(estimator).__name__} out, or pass TableEncoder(missing={missing!r}).",
            parameter="missing",
            value=missing,
            allowed=own,
        )


def _choose_for_pieces(estimator: Any, X: Pieces, lent: Encoding | None) -> ChosenEncoding:
    """Choose the encoding of a table in pieces, from copies of all rows if the rules need them."""
    encoder = estimator.encoder
    _check_encoder(estimator)
    known = getattr(encoder, "encoding_", lent)
    if known is not None and not known.is_plain:
        return ChosenEncoding(
            X, known, f"The encoding was already fitted: {_describe_encoding(known)}."
        )
    is_ready = known is not None or encoder is None
    if is_ready or (not isinstance(encoder, TableEncoder) and holds_only_numbers(X)):
        return ChosenEncoding(X)
    return replace(_choose_here(estimator, brought_here(X), None, lent), data=X)


def missing_of(estimator: Any) -> str:
    """Return the parameter `missing` of the encoder, or of the estimator if there is no encoder."""
    encoder = estimator.encoder
    if not isinstance(encoder, TableEncoder):
        return str(estimator.missing)
    fitted = getattr(encoder, "encoding_", None)
    return str(encoder.missing if fitted is None else fitted.missing)


def _choose_by_encoder(
    estimator: Any, X: Any, sample_weight: Any, lent: Encoding | None
) -> ChosenEncoding:
    encoder = estimator.encoder
    known = getattr(encoder, "encoding_", lent)
    if known is not None:
        table, encoding = table_for(estimator, X, known, reset=True), known
    else:
        _, table, encoding = encoder._learn(estimator, X, sample_weight)
    return ChosenEncoding(
        table, encoding, f"The `TableEncoder` was used: {_describe_encoding(encoding)}."
    )


def _choose_by_rule(
    X: Any, missing: str, sample_weight: Any, lent: Encoding | None
) -> ChosenEncoding:
    frame = None if isinstance(X, Table) else as_frame(X, "X")
    if frame is None and not isinstance(X, Table):
        return ChosenEncoding(X)
    kinds = {} if frame is None else frame_kinds(frame)
    n_others = sum(kind != "number" for kind in kinds.values())
    is_lent = lent is not None and not lent.is_plain
    if frame is not None and ("duration" in kinds.values() or not (n_others or is_lent)):
        why = "The data frame contains only numbers, which are not encoded."
        return ChosenEncoding(frame, None, why)
    table = X if frame is None else table_from_frame(frame, "X")
    if lent is not None:
        why = "Columns are encoded as in the map from which training starts."
        return ChosenEncoding(table, lent, why)
    encoding = fit_encoding(table, missing=missing, sample_weight=sample_weight)
    reason = "Tables are encoded by rules"
    if frame is not None:
        _warn_of_scaled_numbers(kinds, encoding, missing)
        reason = (
            f"{n_others} of {len(kinds)} columns contain text or dates, so the data frame was "
            "encoded by rules"
        )
    return ChosenEncoding(table, encoding, f"{reason}: {_describe_encoding(encoding)}.")


def _warn_of_scaled_numbers(kinds: dict[str, str], encoding: Encoding, missing: str) -> None:
    """Warn if numbers of a data frame are scaled because the frame also contains text or dates."""
    scaled = [c.name for c in encoding.columns if c.kind == "number" and kinds[c.name] == "number"]
    if not scaled:
        return
    others = [name for name, kind in kinds.items() if kind != "number"]
    left = [c.name for c in encoding.columns if c.name in others and c.kind == "dropped"]
    given = {"drop": left, "missing": "" if missing == "error" else missing}
    also = ", ".join(f"{name}={value!r}" for name, value in given.items() if value)
    warn(
        f"X has text, categories or dates in {listed(others)}, so the numbers in {listed(scaled)} "
        "are scaled, long tails are compressed, and extreme values are clipped. In a data frame "
        f"without such columns, numbers are not scaled. Pass encoder=TableEncoder({also}) to "
        "confirm that all columns are encoded and to stop this warning, or leave out "
        f"{listed(others)}."
    )


def _describe_encoding(encoding: Encoding) -> str:
    """Describe the encoding of the columns as text."""
    found: dict[str, list[str]] = {}
    for code in encoding.columns:
        if code.kind in PLURALS:
            found.setdefault(code.kind, []).append(code.name)
    parts = [f"{PLURALS[kind]} {listed(names)}" for kind, names in found.items()]
    if encoding.parts:
        parts.append(f"from dates also {listed(code.name for code in encoding.parts)}")
    if encoding.roles.layers:
        parts.append(f"in the layers {listed(encoding.roles.layers)}")
    left = [f"'{c.name}' ({c.why})" for c in encoding.columns if c.kind not in PLURALS]
    return "; ".join([*parts, *(f"left out {text}" for text in left)])


SUGGESTED = (
    "n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability"
)  # fmt: skip
"""Column names of the table that `SOM.suggest` returns."""

SHARES = (0.5, 1.0, 2.0)
"""Map sizes that `SOM.suggest` compares, as multiples of the given or automatic size."""

RADII = (1.0, 0.7, 0.5)
"""Final radii that `SOM.suggest` compares, in grid steps."""


def suggest(som: Any, X: Any, *, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    """Train maps of several sizes and final radii on samples, and return their quality."""
    refuse_checkpoint(som.callbacks, "SOM.suggest")
    rows = _prepare_rows(som, X)
    check_whole("n_samples", n_samples, 2)
    check_whole("n_seeds", n_seeds, 2)
    with warnings.catch_warnings():
        # The warning about all rows would be repeated for each candidate.
        warnings.filterwarnings("ignore", "column .* causes", SomscapeWarning)
        return _try_candidates(som, rows, n_samples, n_seeds, random_state)


def _prepare_rows(som: Any, X: Any) -> Floats:
    """Encode the rows, and change the parameters of `som` so that it accepts encoded rows."""
    chosen = choose_encoding(som, X, None, start_of(som.init))
    prepared = prepare(
        som, chosen.data, None, encoding=chosen.encoding, missing=som.missing, min_rows=2
    )
    if not isinstance(prepared.rows, np.ndarray):
        kind = "sparse" if isinstance(prepared.rows, SparseRows) else "in pieces"
        raise InputError(
            f"`suggest` supports only dense rows in memory, but X is {kind}. Pass a sample "
            "of the rows as an array.",
            parameter="X",
            value=kind,
        )
    warn_of_wide_column(prepared, som.metric, som.feature_weight)
    weights = weights_of_features(som.feature_weight, prepared.encoding)
    missing = "mask" if prepared.encoding.missing == "mask" else "error"
    som.set_params(encoder=None, missing=missing, feature_weight=weights)
    return prepared.rows


def _try_candidates(som: Any, X: Floats, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    rng = np.random.default_rng(seed_of(random_state))
    size = min(n_samples, len(X))
    samples = [_draw_rows(X, size, rng) for _ in range(n_seeds)]
    held = _draw_rows(X, size, rng)
    seed = int(rng.integers(2**31))
    shown: list[tuple[Any, ...]] = []
    for candidate in _candidates(som.set_params(random_state=0), samples[0]):
        maps = [clone(candidate).fit(sample).map_ for sample in samples]
        lattice, found = maps[0].lattice, stability(maps, held, random_state=seed)
        errors = (found.quantization_errors, found.topographic_errors)
        tried = (lattice.n_rows, lattice.n_cols, float(maps[0].parameters["radius_end"]))
        shown.append((*tried, *(float(np.mean(each)) for each in errors), found.agreement))
    columns = map(list, zip(*shown, strict=True))
    return table_from_columns(dict(zip(SUGGESTED, columns, strict=True)))


def _candidates(som: Any, sample: Floats) -> Iterator[Any]:
    """Yield unfitted copies of `som` that differ in the map size and the final radius."""
    natural = clone(som).fit(sample).map_.lattice
    is_fixed = isinstance(natural, Graph) or not isinstance(som.init, str)
    sizes = [{}] if is_fixed else [_size(som, *size) for size in _sizes(natural, sample)]
    for size in sizes:
        for radius in _radii(som, natural.step):
            yield clone(som).set_params(**size, radius_end=radius)


def _radii(som: Any, step: float) -> list[Any]:
    """Return the final radii that `SOM.suggest` compares."""
    falls = isinstance(som.radius_decay, str) and som.radius_decay != "constant"
    if som.radius_end != "auto" or not falls:
        return [som.radius_end]
    radii = [step * radius for radius in RADII]
    if som.radius_start != "auto":
        radii = [min(radius, som.radius_start) for radius in radii]
    return list(dict.fromkeys(radii))


def _size(som: Any, n_rows: int, n_cols: int) -> dict[str, Any]:
    """Return the parameters of a SOM that set the given map size."""
    if isinstance(som.lattice, Lattice):
        return {"lattice": replace(som.lattice, n_rows=n_rows, n_cols=n_cols)}
    return {"n_rows": n_rows, "n_cols": n_cols}


def _sizes(natural: Lattice, sample: Floats) -> list[tuple[int, int]]:
    """Return the distinct map sizes (rows and columns of units) that `SOM.suggest` compares."""
    even = 2 if natural.is_hexagonal and natural.wraps_rows else 1  # rows must be even
    rows = (even * max(1, round(natural.n_rows * np.sqrt(share) / even)) for share in SHARES)
    cols = (max(1, round(natural.n_cols * np.sqrt(share))) for share in SHARES)
    sizes = dict.fromkeys(zip(rows, cols, strict=True))
    # A map with more units than rows is not useful, so it is tried only if the user chose it.
    asked = (natural.n_rows, natural.n_cols)
    return [size for size in sizes if size == asked or size[0] * size[1] <= len(sample)]


def _draw_rows(X: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Return `size` random rows, drawn with replacement."""
    return np.ascontiguousarray(X[np.sort(rng.integers(0, len(X), size))])
