"""Check parameters.  Error messages contain the parameter name, the allowed and the given value."""

import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from somscape.errors import InputError, ParameterError, ParameterTypeError, SomscapeWarning

if TYPE_CHECKING:
    from somscape._types import Float64s, Floats


def check_that(is_right: Any, message: str) -> None:
    """Raise ParameterError with the given message, unless `is_right` is true."""
    if not is_right:
        raise ParameterError(message)


def check_is(name: str, value: Any, kind: Any, words: str, cure: str = "") -> None:
    """Raise TypeError if the parameter value does not have the type that `words` name."""
    if not isinstance(value, kind):
        given = type(value).__name__
        found = f"an {given}" if given[0] in "aeiAEI" else f"a {given}"
        raise ParameterTypeError(f"`{name}` must be {words}, but is {found}.{cure}", value=given)


def is_array(values: Any, shape: tuple[int, ...], kinds: str = "fiu") -> bool:
    """Return whether a value is an array of finite numbers with this shape (-1: any length)."""
    import numpy as np

    if not isinstance(values, np.ndarray) or values.dtype.kind not in kinds:
        return False
    fits = values.ndim == len(shape) and all(
        length in (-1, n) for length, n in zip(shape, values.shape, strict=True)
    )
    return fits and bool(np.isfinite(values).all())


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError if the parameter value is not one of the texts in `choices`."""
    if not (isinstance(value, str) and value in choices):
        allowed = ", ".join(repr(c) for c in choices)
        raise ParameterError(
            f"`{name}` must be one of {allowed}, but is {value!r}.",
            value=value,
            allowed=tuple(choices),
        )


def check_flag(name: str, value: Any) -> None:
    """Raise TypeError if the parameter value is not True or False."""
    import numpy as np

    if not isinstance(value, bool | np.bool_):
        raise ParameterTypeError(
            f"`{name}` must be True or False, but is {value!r}.", value=value, allowed=(True, False)
        )


def check_whole(
    name: str, value: Any, low: int, *, high: int | None = None, or_auto: bool = False
) -> None:
    """Raise an error unless `value` is a whole number in [low, high], or "auto" if allowed."""
    if or_auto and isinstance(value, str) and value == "auto":
        return
    ending = (' or "auto"' if or_auto else "") + f", but is {value!r}."
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ParameterTypeError(f"`{name}` must be a whole number{ending}", value=value)
    if int(value) < low:
        raise ParameterError(f"`{name}` must be at least {low}{ending}", value=value)
    if high is not None and int(value) > high:
        raise ParameterError(f"`{name}` must be at most {high}{ending}", value=value)


def check_number(
    name: str,
    value: Any,
    low: float,
    high: float = math.inf,
    *,
    low_is_allowed: bool = False,
    or_auto: bool = False,
) -> None:
    """Raise an error unless `value` is a finite number in (low, high], or "auto" where allowed."""
    if or_auto and isinstance(value, str) and value == "auto":
        return
    also = ' or "auto"' if or_auto else ""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ParameterTypeError(f"`{name}` must be a number{also}, but is {value!r}.", value=value)
    number = float(value)
    is_high_enough = number >= low if low_is_allowed else number > low
    if not (math.isfinite(number) and is_high_enough and number <= high):
        bound = f"at least {low:g}" if low_is_allowed else f"above {low:g}"
        bounds = f", {bound} and at most {high:g}" if math.isfinite(high) else f" and {bound}"
        raise ParameterError(
            f"`{name}` must be finite{bounds}{also}, but is {value!r}.", value=value
        )


def checked_weights(sample_weight: Any, n_samples: int) -> "Float64s | None":
    """Check the weights of rows.  Return the weights, or None if all weights are 1."""
    import numpy as np

    if sample_weight is None:
        return None
    try:
        weights: Float64s = np.asarray(sample_weight, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"`sample_weight` must contain numbers ({error}). Give each row a weight of at least 0."
        ) from error
    if weights.ndim == 0:
        weights = np.full(n_samples, weights)
    if weights.shape != (n_samples,):
        raise InputError(
            f"`sample_weight` must have shape ({n_samples},), with a number for each row of X, but "
            f"has shape {weights.shape}.",
            value=weights.shape,
        )
    for is_wrong, rule in ((~np.isfinite(weights), "be finite"), (weights < 0, "not be negative")):
        if is_wrong.any():
            row = int(is_wrong.argmax())
            raise InputError(
                f"`sample_weight` must {rule}, but is {weights[row]} in row {row}. Give each row a "
                "weight of at least 0. A row of weight 0 does not count.",
                value=weights[row],
                row=row,
            )
    if not (weights > 0).any():
        raise InputError(
            "`sample_weight` is zero for every row. Give at least one row a weight above 0."
        )
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not np.isfinite(total):
        raise InputError(
            "The sum of `sample_weight` is too large for a float. Divide all weights by the "
            "largest weight.",
            parameter="sample_weight",
        )
    return None if (weights == 1).all() else weights


def check_values(
    rows: "Floats",
    names: Sequence[str],
    what: str = "X",
    *,
    dtype: Any = None,
    may_miss: bool = False,
) -> None:
    """Raise InputError if a value is infinite, missing or too large for a sum of squares."""
    import numpy as np

    info = np.finfo(rows.dtype if dtype is None else dtype)
    limit = largest_value(info, rows.shape[1])
    # If a value is NaN, max and min return NaN, and both comparisons fail.  fmax and fmin ignore
    # NaN.  These functions do not copy the rows.
    highest, lowest = (np.fmax, np.fmin) if may_miss else (np.maximum, np.minimum)
    if not rows.size or (
        float(highest.reduce(rows, axis=None)) <= limit
        and float(lowest.reduce(rows, axis=None)) >= -limit
    ):
        return
    is_wrong = ~(np.abs(rows) <= np.float64(limit))
    if may_miss:
        is_wrong &= ~np.isnan(rows)
        if not is_wrong.any():
            return
    row, column = np.argwhere(is_wrong)[0]
    raise wrong_value(rows[row, column], int(row), names[column], limit, info, what)


def check_row_lengths(X: Any, what: str = "X") -> None:
    """Raise InputError if `X` does not contain rows of equal length, or is a masked array."""
    _check_is_rows(X, what)
    check_not_masked(X, what)
    if not isinstance(X, list | tuple) or not all(isinstance(row, list | tuple) for row in X):
        return
    for i, row in enumerate(X):
        if len(row) != len(X[0]):
            raise InputError(
                f"all rows of `{what}` must have the same length, but row 0 has {len(X[0])} values "
                f"and row {i} has {len(row)}. Complete the row, with NaN for missing values, or "
                "leave the row out.",
                parameter=what,
                value=len(row),
                row=i,
            )


def _check_is_rows(X: Any, what: str) -> None:
    if isinstance(X, str | os.PathLike):
        path = os.fspath(X)
        raise InputError(
            f"`{what}` must be rows, but is a file name ({path!r:.80}). Read the file first by "
            "somscape.tables.read_table(path).",
            value=path,
        )
    has_dicts = isinstance(X, list | tuple) and any(isinstance(row, Mapping) for row in X)
    is_dict = isinstance(X, Mapping) and not hasattr(X, "shape")  # SciPy's dok_array has a shape
    if has_dicts or is_dict:
        kind = f"a {type(X).__name__}"
        raise InputError(
            f"`{what}` must be rows, but is {f'{kind} of dicts' if has_dicts else kind}. Pass a "
            f"data frame, such as pandas.DataFrame({what}).",
            value=type(X).__name__,
        )
    if fields := getattr(getattr(X, "dtype", None), "names", None):
        raise InputError(
            f"`{what}` must be rows, but is a structured array with the fields "
            f"{', '.join(fields)}. Pass a data frame, such as pandas.DataFrame({what}).",
            value=fields,
        )
    is_array = hasattr(X, "__array__") or hasattr(X, "__arrow_c_stream__")
    if isinstance(X, Iterator | Set) and not is_array:
        raise InputError(
            f"`{what}` must be rows in a fixed order, but is a {type(X).__name__}. Pass an array "
            f"or a list of rows, such as list({what}).",
            value=type(X).__name__,
        )
    own = type(X).__module__
    if own.startswith("somscape.") and not hasattr(X, "__array__") and not hasattr(X, "columns"):
        raise InputError(
            f"`{what}` must be rows, but is a {type(X).__name__}. Pass the table or array with the "
            "rows.",
            value=type(X).__name__,
        )


def check_not_dates(dtype: Any, what: str = "X") -> None:
    """Raise InputError for dates or durations.  NumPy would convert them to numbers."""
    if getattr(dtype, "kind", "") in ("M", "m"):
        raise InputError(
            f"`{what}` must contain numbers, but contains dates or durations ({dtype}). Convert "
            "the values, for example to days by (X - X.min()) / np.timedelta64(1, 'D'), or list "
            "the columns in somscape.TableEncoder(dates=[...]).",
            value=dtype,
        )


def check_not_masked(X: Any, what: str = "X") -> None:
    """Raise InputError if `X` is a NumPy array with masked values."""
    import numpy as np

    if np.ma.is_masked(X):  # a conversion would drop the mask and keep the values
        raise InputError(
            f"`{what}` is a masked array, but masks are not supported. Pass {what}.filled(np.nan), "
            "and missing='mask' or missing='fill' to the estimator."
        )


def warn(message: str) -> None:
    """Issue a warning that refers to the line of code that called somscape."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("somscape."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, SomscapeWarning, stacklevel=level)


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT or the value NA of pandas."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def largest_value(info: Any, n_features: int) -> float:
    """Return the largest value of which `n_features` squares have a finite sum."""
    return math.sqrt(float(info.max) / (4 * max(1, n_features)))


def wrong_value(
    value: Any, row: int, column: str, limit: float, info: Any, what: str
) -> InputError:
    """Return the error for a value that is infinite or missing, or larger than allowed."""
    if value != value:
        return InputError(
            f"`{what}` must not have missing values, but row {row} has NaN in column '{column}'. "
            "Fill the value, leave out the row, or train with missing='fill' or missing='mask'.",
            row=row,
            column=column,
        )
    return InputError(
        f"`{what}` must be finite and at most {limit:.3g} in absolute value for {info.dtype}, but "
        f"row {row} has {value} in column '{column}'. Correct the value, rescale the column, or "
        "leave out the row.",
        value=value,
        row=row,
        column=column,
    )


OTHER_NAMES = Path(__file__).with_name("other_names.json")
"""File with names of MiniSom, SuSi, kohonen, SOM Toolbox, Somoclu and k-means, after names here."""


@cache
def _names_here(kind: str) -> dict[str, list[str]]:
    """Return the names in somscape of each name of another program."""
    table = json.loads(OTHER_NAMES.read_text(encoding="utf-8"))[kind]
    here = {name: [name] for names in table for name in names.split(", ")}
    return here | {o: names.split(", ") for names in table for o in table[names].split()}


def did_you_mean(kind: str, name: str, has: Callable[[str], bool] = bool) -> str:
    """Return a question that suggests the name in somscape for another program's name, or "".

    A name without a dot or parenthesis is suggested only if `has` is true for the name.
    """
    here = _names_here(kind).get(name, [])
    if here and here[0].isidentifier() and not has(here[0]):
        is_of_som = kind == "parameter" and has("som")
        here = [f"som=SOM({'=..., '.join(here)}=...)"] if is_of_som else []
    return f" Did you mean {' and '.join(f'`{each}`' for each in here)}?" if here else ""


def unknown_name(module: str, depth: int = 1) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module, which suggests a name for an unknown name."""

    def raise_for(name: str) -> Any:
        hint = did_you_mean("name", name)
        text = f"module {module!r} has no attribute {name!r}" + (f".{hint}" if hint else "")
        # `from` replaces the text of an AttributeError by a text without the suggestion.
        is_from = sys._getframe(depth).f_globals.get("__name__") == "importlib._bootstrap"
        raise ImportError(text, name=module) if hint and is_from else AttributeError(text)

    return raise_for


def suggest_names(folder: str) -> None:
    """Make a folder of public names suggest names, because its ``__init__`` only exports names."""
    vars(sys.modules[folder])["__getattr__"] = unknown_name(folder)
