"""Read pickled MiniSoms without running code from the pickle."""

import pickletools
import struct
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._files import shown
from somscape._stored import Budget
from somscape.errors import InputError, ParameterError, SomscapeWarning
from somscape.maps.record import Record
from somscape.save.lines import CodebookOrigin, plain_record, read_file

MARK = object()
NUMBERS = {f"{kind}{size}" for kind, sizes in (("f", "248"), ("i", "1248")) for size in sizes}
"""NumPy types that can be read."""

MAX_DIMENSIONS, MAX_SIDE = 8, 1 << 31

STEP_BYTES = 200
"""Maximum number of bytes of memory for one pickle instruction, without its argument."""


@dataclass(frozen=True)
class Name:
    """A name that `pickle.load` would have imported."""

    module: str
    name: str


@dataclass(eq=False)
class PickledObject:
    """Represents an object that `pickle.load` would create by calling a function or class."""

    maker: Any
    arguments: Any
    state: Any = None


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is MARK:
            raise ParameterError("a pickle instruction reads a value from an empty stack")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is MARK:
                items = self.stack[i + 1 :]
                del self.stack[i:]
                return items
        raise ParameterError("a pickle instruction needs a mark, but the stack contains no mark")

    def top(self) -> Any:
        if not self.stack or self.stack[-1] is MARK:
            raise ParameterError("a pickle instruction changes a value, but the stack is empty")
        return self.stack[-1]


def read_pickle(data: bytes, budget: Budget | None = None) -> Any:
    """Return the value that a pickle contains."""
    machine = _Machine()
    budget = budget or Budget("the pickle", len(data))
    try:
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            budget.take(STEP_BYTES + sys.getsizeof(argument), "its instructions")
            if name == "STOP":
                return machine.pop()
            if name in _STEPS:
                _STEPS[name](machine, argument)
            elif name in _VALUES:
                machine.stack.append(_VALUES[name] if argument is None else argument)
            elif name not in ("PROTO", "FRAME", "READONLY_BUFFER"):
                raise ParameterError(f"the pickle instruction {name} is not supported")
    except InputError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, struct.error, OverflowError) as error:
        raise ParameterError(f"the file is not a pickle or is damaged ({error})") from error
    raise ParameterError("the file is not a pickle or is damaged (the end is missing)")


def _put(machine: _Machine, key: int) -> None:
    machine.memo[int(key)] = machine.top()


def _get(machine: _Machine, key: int) -> None:
    machine.stack.append(machine.memo[int(key)])


def _tuple(n: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        items = [machine.pop() for _ in range(n)]
        machine.stack.append(tuple(reversed(items)))

    return step


def _from_mark(make: Callable[[list[Any]], Any]) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        machine.stack.append(make(machine.pop_to_mark()))

    return step


def _pairs(items: list[Any]) -> dict[str, Any]:
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if isinstance(key, str)}


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if isinstance(target, dict):
        target.update(_pairs(items))
    elif not isinstance(target, PickledObject):
        raise ParameterError("a pickle instruction sets an item of a value that cannot have items")


def _add(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, PickledObject):
        raise ParameterError("a pickle instruction appends to a value that is not a list")


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    _set_items(machine, [key, value])


def _global(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(Name(module, name))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise ParameterError("a pickle instruction imports an object, but the name is not a text")
    machine.stack.append(Name(module, name))


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, maker = machine.pop(), machine.pop()
    machine.stack.append(PickledObject(maker, arguments))


def _new_object_with_names(machine: _Machine, _: Any) -> None:
    machine.pop()  # keyword arguments, which the supported classes do not use
    _reduce(machine, None)


def _build(machine: _Machine, _: Any) -> None:
    state = machine.pop()
    target = machine.top()
    if not isinstance(target, PickledObject):
        raise ParameterError("a pickle instruction sets the state of a value without a state")
    target.state = state


def _instance(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(PickledObject(Name(module, name), tuple(machine.pop_to_mark())))


def _object(machine: _Machine, _: Any) -> None:
    maker, *arguments = machine.pop_to_mark()
    machine.stack.append(PickledObject(maker, tuple(arguments)))


Step: TypeAlias = Callable[[_Machine, Any], object]

_VALUES: dict[str, Any] = dict.fromkeys(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "NONE"),
    )
) | {"NEWTRUE": True, "NEWFALSE": False}

_STEPS: dict[str, Step] = {
    "MARK": lambda machine, _: machine.stack.append(MARK),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_to_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), lambda machine, _: machine.stack.append([])),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_TUPLE": _tuple(0),
    **{f"TUPLE{n}": _tuple(n) for n in (1, 2, 3)},
    "TUPLE": _from_mark(tuple),
    **dict.fromkeys(("LIST", "FROZENSET"), _from_mark(list)),
    "DICT": _from_mark(_pairs),
    "APPEND": lambda machine, _: _add(machine, [machine.pop()]),
    **dict.fromkeys(
        ("APPENDS", "ADDITEMS"), lambda machine, _: _add(machine, machine.pop_to_mark())
    ),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_to_mark()),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    "NEWOBJ_EX": _new_object_with_names,
    "BUILD": _build,
    "INST": _instance,
    "OBJ": _object,
}


def array_of(value: Any) -> NDArray[Any] | None:
    """Convert a pickled value to a NumPy array, or return None if it is not a numeric array."""
    maker = value.maker if isinstance(value, PickledObject) else None
    if not isinstance(maker, Name) or not maker.module.startswith(("numpy.core.", "numpy._core.")):
        return None
    match maker.name, value.state, value.arguments:
        case "_reconstruct", (_, shape, type_, is_fortran, data), _:
            return _array(shape, type_, data, "F" if is_fortran else "C")
        case "_frombuffer", _, (data, type_, shape, order):
            return _array(shape, type_, data, order)
    return None


def number_of(value: Any) -> float | None:
    """Convert a pickled value to a float, or return None if it is not a finite number."""
    match value:
        case PickledObject(maker=Name(name="scalar"), arguments=(type_, data)):
            found = _array((), type_, data, "C")
            return float(found[()]) if np.isfinite(found) else None
        case int() | float() if abs(value) <= 1e300:
            return float(value)
    return None


def _array(shape: Any, type_: Any, data: Any, order: Any) -> NDArray[Any]:
    is_type = isinstance(type_, PickledObject)
    code = type_.arguments[0] if is_type and type_.arguments else None
    endian = type_.state[1] if is_type and isinstance(type_.state, tuple) else "<"
    if not isinstance(code, str) or code not in NUMBERS or endian not in ("<", ">", "|", "="):
        raise ParameterError("an array in the pickle contains values that are not numbers")
    data = _bytes_of(data)
    is_shape = isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS
    if not is_shape or not all(type(n) is int and 0 <= n < MAX_SIDE for n in shape):
        raise ParameterError("an array in the pickle has an invalid shape")
    dtype = np.dtype(("<" if endian == "=" else endian) + code)
    n_bytes = dtype.itemsize * prod(shape)
    if n_bytes != len(data):
        raise ParameterError(f"an array in the pickle needs {n_bytes} bytes but has {len(data)}")
    return np.ndarray(shape, dtype, data, order="F" if order == "F" else "C")


def _bytes_of(data: Any) -> bytes:
    # Protocols below 3 lack bytes. Python 3 writes bytes as a call, and Python 2 as text.
    match data:
        case PickledObject(maker=Name(module="_codecs", name="encode"), arguments=(str(text), *_)):
            return text.encode("latin-1")
        case PickledObject(maker=Name(name="bytes"), arguments=()):
            return b""
        case str():
            return data.encode("latin-1")
    if not isinstance(data, bytes | bytearray):
        raise ParameterError("the bytes of an array in the pickle are missing")
    return bytes(data)


MINISOMS = (Name("minisom", "MiniSom"), Name("somscape.minisom.minisom", "MiniSom"))
OBJECT_MAKERS = (Name("copy_reg", "_reconstructor"), Name("copyreg", "_reconstructor"))
GET_ATTRIBUTE = (Name("builtins", "getattr"), Name("__builtin__", "getattr"))
METRICS = {f"_{name}_distance": name for name in ("euclidean", "manhattan", "cosine", "chebyshev")}


def read_minisom(path: str | Path, *, subclass: str | None = None) -> Record:
    """Read a pickled MiniSom without running code from the pickle.

    Parameters
    ----------
    path : str or Path
        A file that ``pickle.dump(som, file)`` wrote.  Every pickle protocol is supported.
    subclass : str, optional
        Module and name of a subclass of MiniSom, such as ``"my_project.som.MySom"``, whose objects
        are read like a MiniSom.  The subclass is not imported, so its own methods, such as
        a distance, are ignored.

    Returns
    -------
    Record
        A record for `Map.from_record`.  The unit (x, y) of MiniSom becomes the unit in row
        ``n_y - 1 - y`` and column x, as in the plots of MiniSom.  So hexagons keep their neighbors.
        All hits are 0, because MiniSom does not store hits.  With the distance "chebyshev", MiniSom
        omits the absolute value, so the map can have other winners.

    Raises
    ------
    InputError
        If the file does not contain a pickled MiniSom.

    Warns
    -----
    SomscapeWarning
        Always, as a reminder that ``pickle.load`` can run any code that a pickle contains.

    See Also
    --------
    somscape.minisom.MiniSom : Class with the interface of MiniSom.

    Examples
    --------
    >>> import pickle, tempfile, warnings
    >>> from pathlib import Path
    >>> from minisom import MiniSom
    >>> from somscape import Map, save
    >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # of the pickle, which is ours
    ...     n_bytes = Path(folder, "som.p").write_bytes(pickle.dumps(MiniSom(4, 5, 3)))
    ...     map_ = Map.from_record(save.read_minisom(f"{folder}/som.p"))
    >>> map_.codebook.shape
    (20, 3)
    """
    source, data = shown(Path(path).name), read_file(path)
    budget = Budget(source, len(data))
    module, _, name = (subclass or "").rpartition(".")
    try:
        record = _record_of(read_pickle(data, budget), budget, {*MINISOMS, Name(module, name)})
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{source} cannot be read because {error}. Give a file that pickle.dump(som, file) "
            "wrote from a MiniSom.",
            file=source,
        ) from error
    warnings.warn(
        f"{source} is a pickle. somscape read it without running code. pickle.load would run any "
        "code in the file, so load only pickles that you made. Save the map as a .som file, which "
        "cannot contain code.",
        SomscapeWarning,
        stacklevel=2,
    )
    return record


def _record_of(value: Any, budget: Budget, classes: set[Name]) -> Record:
    source = budget.source
    state = _state_of(source, value, classes)
    weights = array_of(state.get("_weights"))
    if weights is None or weights.ndim != 3 or not weights.size or weights.dtype.kind != "f":
        raise InputError(
            f"{source}: the weights of the MiniSom must be numbers of shape (x, y, features). "
            "Pickle a trained MiniSom.",
            file=source,
        )
    budget.take(9 * weights.size, "its weights")
    if not np.isfinite(weights).all():
        raise InputError(
            f"{source}: some weights of the MiniSom are not finite numbers. Train the MiniSom "
            "again, with finite data.",
            file=source,
        )
    topology = state.get("topology", "rectangular")
    if topology not in ("rectangular", "hexagonal"):
        raise InputError(
            f"{source}: the MiniSom has an unknown topology. Use 'rectangular' or 'hexagonal'.",
            file=source,
            value=topology if isinstance(topology, str) else None,
            allowed=("rectangular", "hexagonal"),
        )
    n_x, n_y, _ = weights.shape
    lattice = {"n_rows": n_y, "n_cols": n_x, "kind": topology, "boundary": "plane"}
    metric = METRICS.get(_method(state.get("_activation_distance")), "")
    if not metric:
        warnings.warn(
            f"{source}: the MiniSom has a custom distance function, which cannot be read. The map "
            "uses Euclidean distances.",
            SomscapeWarning,
            stacklevel=4,
        )
    parameters: dict[str, Any] = {
        name: number
        for name, key in (("sigma", "_sigma"), ("learning_rate", "_learning_rate"))
        if (number := number_of(state.get(key))) is not None
    }
    if neighborhood := _method(state.get("neighborhood")).lstrip("_"):
        parameters["neighborhood"] = neighborhood
    origin = CodebookOrigin(budget, "MiniSom", parameters, metric or "euclidean")
    by_row = np.ascontiguousarray(weights.transpose(1, 0, 2)[::-1], np.float64)
    return plain_record(by_row.reshape(n_x * n_y, -1), lattice, origin)


def _state_of(source: str, value: Any, classes: set[Name]) -> dict[str, Any]:
    """Return the attributes of the pickled MiniSom."""
    maker = value.maker if isinstance(value, PickledObject) else None
    if maker in OBJECT_MAKERS and isinstance(value.arguments, tuple) and value.arguments:
        maker = value.arguments[0]
    state = value.state if isinstance(value, PickledObject) else None
    if isinstance(maker, Name) and maker in classes and isinstance(state, dict):
        return state
    name = f"{maker.module}.{maker.name}"[:80] if isinstance(maker, Name) else "another object"
    cure = "Pickle the MiniSom object itself."
    if isinstance(state, dict) and "_weights" in state:
        cure = (
            "If this class is a subclass that uses the distances and the training of MiniSom, call "
            f"save.read_minisom(path, subclass={name!r}), then Map.from_record and Map.save."
        )
    raise InputError(
        f"{source} contains {name}, not a minisom.MiniSom. {cure}", file=source, value=name
    )


def _method(value: Any) -> str:
    """Return the name of a pickled method of MiniSom, or "" if the value is not such a method."""
    if isinstance(value, PickledObject) and value.maker in GET_ATTRIBUTE:
        match value.arguments:
            case (_, str(name)):
                return name
    return ""
