"""Arrays of other libraries: in this machine's memory they are NumPy's, else they stay away.

What an estimator finds goes back to where its rows came from.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

import numpy as np

from somscape.errors import InputError
from somscape.kernels import Device, DeviceArray


@dataclass(frozen=True)
class Library:
    """What the array API standard leaves to each library.

    Attributes
    ----------
    is_near : callable
        Tells whether an array lies in this machine's memory.
    fetched : callable
        Returns an array as NumPy's, from wherever it lies.
    label : callable
        Names a device.
    product : callable
        Multiplies two matrices in the full precision of their type.
    """

    is_near: Callable[[Any], bool]
    fetched: Callable[[Any], Any]
    label: Callable[[Any], str]
    product: Callable[[Any, Any], Any]


def _matmul(a: Any, b: Any) -> Any:
    return a @ b


def _torch_product(a: Any, b: Any) -> Any:
    torch = sys.modules["torch"]
    with _full_precision(torch.backends), torch.autocast(a.device.type, enabled=False):
        return _matmul(a, b)


_settings = Lock()


@contextmanager
def _full_precision(backends: Any) -> Iterator[None]:
    """Have torch multiply in full, whatever the user has set, which holds again afterwards."""
    tables = [backends.cuda.matmul, backends.mkldnn.matmul]
    name, full = "fp32_precision", cast(Any, "ieee")
    if not hasattr(tables[0], name):  # torch before 2.9
        tables, name, full = tables[:1], "allow_tf32", False
    with _settings:
        before = [getattr(table, name) for table in tables]
        try:
            for table in tables:
                setattr(table, name, full)
            yield
        finally:
            for table, value in zip(tables, before, strict=True):
                setattr(table, name, value)


LIBRARIES = {
    "torch": Library(
        lambda X: X.device.type == "cpu",
        lambda X: np.asarray(X.detach().cpu()),
        str,
        _torch_product,
    ),
    "cupy": Library(lambda X: False, lambda X: X.get(), lambda place: f"cuda:{place.id}", _matmul),
    # The standard and nothing else, with devices that are none: tests train on it.
    "array_api_strict": Library(
        lambda X: "CPU" in str(X.device),
        lambda X: np.asarray(X.to_device(sys.modules["array_api_strict"].Device("CPU_DEVICE"))),
        lambda place: str(place).split("'")[1],
        _matmul,
    ),
}
"""Libraries whose arrays are given back.  Those of others become NumPy's."""


def _library_of(X: Any) -> str | None:
    roots = {kind.__module__.partition(".")[0] for kind in type(X).__mro__}
    is_array = hasattr(X, "device") and hasattr(X, "dtype")
    return next(iter(roots & set(LIBRARIES)), None) if is_array else None


def _is_near(X: Any, library: str) -> bool:
    return LIBRARIES[library].is_near(X)


def fetched(X: Any) -> Any:
    """Return an array of another library as NumPy's, from wherever it lies; others as they are."""
    library = _library_of(X)
    if library is None:
        return X
    try:
        return LIBRARIES[library].fetched(X)
    except (TypeError, RuntimeError, ValueError) as error:
        raise InputError(
            f"NumPy cannot read an array of {library} with values of {X.dtype}: {error}. Pass a "
            "dense one of float32 or float64, such as X.float()."
        ) from error


def near(X: Any, what: str) -> Any:
    """Return data that must lie in this machine's memory, an array of another library as
    NumPy's.
    """
    library = _library_of(X)
    if library is not None and not _is_near(X, library):
        raise InputError(
            f"{what} supports only arrays in this machine's memory; got X of {library} on "
            f"{LIBRARIES[library].label(X.device)}. Pass {_cure(library)}."
        )
    return fetched(X)


def _cure(library: str) -> str:
    return {"torch": "X.cpu()", "cupy": "X.get()"}.get(library, "a NumPy array")


@dataclass(frozen=True)
class Home:
    """Where an array came from.

    Attributes
    ----------
    library : module or None
        None: X was no array of another library, and results are NumPy's.
    place : object
        The device, as the library calls it.
    """

    library: Any = None
    place: Any = None

    def back(self, values: Any) -> Any:
        """Return results as arrays of the library that X came from, on X's device."""
        if isinstance(values, DeviceArray):
            return values.array
        if self.library is None:
            return values
        return self.library.asarray(values, device=self.place, copy=True)


def received(X: Any) -> tuple[Any, Home]:
    """Return rows as they are worked on, and where results go."""
    library = _library_of(X)
    if library is None or _is_near(X, library):
        return fetched(X), home_of(X)
    return _on_device(X, library), home_of(X)


def home_of(X: Any) -> Home:
    """Return where results for an array go."""
    library = _library_of(X)
    return Home() if library is None else Home(sys.modules[library], X.device)


def _on_device(X: Any, library: str) -> DeviceArray:
    label, kind = LIBRARIES[library].label(X.device), str(X.dtype).rpartition(".")[2]
    if kind not in ("float32", "float64") or "sparse" in str(getattr(X, "layout", "")):
        layout = f" ({X.layout})" if "sparse" in str(getattr(X, "layout", "")) else ""
        raise InputError(
            f"X on a device must be dense, of float32 or float64; got {kind}{layout} on {label}. "
            f"Convert it, or pass {_cure(library)}."
        )
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(
            "X must have two dimensions, with at least one row and one column; got the shape "
            f"{tuple(X.shape)}. Reshape it to one row per case."
        )
    device = Device(
        _namespace(X, library),
        X.device,
        f"{library}/{label}",
        LIBRARIES[library].fetched,
        LIBRARIES[library].product,
    )
    try:
        device.fetched(device.sent(np.zeros(1)))
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"training on a device requires float64 there; {library} says of {label}: {error}. "
            f"Pass {_cure(library)}."
        ) from error
    return DeviceArray(X.detach() if hasattr(X, "detach") else X, device)


def _namespace(X: Any, library: str) -> Any:
    """Return the library's functions by their names in the standard."""
    if hasattr(X, "__array_namespace__"):
        return X.__array_namespace__()
    try:
        from sklearn.externals.array_api_compat import array_namespace
    except ImportError as error:
        raise InputError(
            f"X of {library} on a device requires scikit-learn 1.7 or newer. Install it, or pass "
            f"{_cure(library)}."
        ) from error
    return array_namespace(X)
